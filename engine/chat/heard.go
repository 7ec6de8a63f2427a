package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

// heard is something that a person has said to the bot.
type heard struct {
	key     string // of the message or press itself: the same however often it is delivered
	user    string
	channel string
	text    string    // what follows the mention
	at      time.Time // when it was said, by Slack's clock
	got     time.Time // when it came, by ours
	thread  string    // where the answer belongs; "" where it has none
	answer  string    // address to which the answer goes instead; "" is the channel
	pressed bool      // a button of ours, which stands where we have put it
	beside  bool      // it asks for a stop, but not in a way that is obeyed
	edited  bool      // it says something else than before, and is not obeyed
	known   bool      // who has said it may do more than stop
}

// written is when it was said at the latest.
func (h heard) written() time.Time {
	if h.got.Before(h.at) {
		return h.got
	}
	return h.at
}

// listen makes out what an event says to the bot, whose user id is me. Most say nothing to it.
func listen(e socketmode.Event, me string, now time.Time) (heard, bool) {
	switch data := e.Data.(type) {
	case slackevents.EventsAPIEvent:
		switch inner := data.InnerEvent.Data.(type) {
		case *slackevents.AppMentionEvent:
			return mentioned(inner, me, now)
		case *slackevents.MessageEvent:
			return told(inner, me, now)
		}
	case slack.SlashCommand:
		return slashed(data, e.Request, now)
	case slack.InteractionCallback:
		return pressed(data, now)
	}
	return heard{}, false
}

// mentioned is a message in a channel. One in which the mention stands elsewhere is about the bot, not to it; whoever
// seems to want a stop there is told how to get it.
func mentioned(e *slackevents.AppMentionEvent, me string, now time.Time) (heard, bool) {
	if e.User == "" || e.User == me || e.BotID != "" {
		return heard{}, false
	}
	h := heard{key: e.Channel + " " + e.TimeStamp, user: e.User, channel: e.Channel,
		at: moment(e.TimeStamp, now), thread: threadOf(e.ThreadTimeStamp, e.TimeStamp)}
	var yes bool
	h.text, yes = addressed(e.Text, me)
	switch {
	case e.Edited != nil:
		h.edited, h.key = true, h.key+" edited "+e.Edited.TimeStamp
		return h, yes
	case yes:
		return h, true
	}
	later := max(0, strings.Index(e.Text, "<@"+me))
	h.text, yes = addressed(e.Text[later:], me)
	first, _ := cutWord(h.text)
	h.beside = yes && isStop(first)
	return h, h.beside
}

// told is a direct message, with or without a mention. Every kind but the plainest has a subtype; one that brings a
// file, or is shown in the channel too, is as much a person's word.
func told(e *slackevents.MessageEvent, me string, now time.Time) (heard, bool) {
	m := e.Message
	if !e.IsIM() || m == nil || m.User == "" || m.User == me || m.BotID != "" {
		return heard{}, false
	}
	h := heard{key: e.Channel + " " + m.Timestamp, user: m.User, channel: e.Channel, text: m.Text, at: moment(m.Timestamp, now), thread: m.ThreadTimestamp}
	if rest, yes := addressed(m.Text, me); yes {
		h.text = rest
	}
	if m.Edited != nil {
		h.edited, h.key = true, h.key+" edited "+m.Edited.Timestamp
	}
	switch e.SubType {
	case "", slack.MsgSubTypeFileShare, slack.MsgSubTypeThreadBroadcast:
		return h, true
	case slack.MsgSubTypeMessageChanged:
		return h, h.edited // or Slack itself has added something, such as what is behind a link
	}
	return heard{}, false
}

// slashed is a slash command. It has no time, and Slack does not deliver it late: it tells its writer so.
func slashed(c slack.SlashCommand, r *socketmode.Request, now time.Time) (heard, bool) {
	key := c.TriggerID
	if key == "" && r != nil {
		key = r.EnvelopeID
	}
	return heard{key: "slash " + key, user: c.UserID, channel: c.ChannelID, text: c.Text, at: now, answer: c.ResponseURL}, c.UserID != "" && key != ""
}

// pressed is a button of one of our messages, which says by its id what is wanted.
func pressed(c slack.InteractionCallback, now time.Time) (heard, bool) {
	if c.Type != slack.InteractionTypeBlockActions || len(c.ActionCallback.BlockActions) != 1 || c.User.ID == "" {
		return heard{}, false
	}
	a, message := c.ActionCallback.BlockActions[0], c.Container
	when := a.ActionTs
	if when == "" {
		when = c.ActionTs
	}
	h := heard{key: "press " + c.User.ID + " " + a.ActionID + " " + when, user: c.User.ID, channel: message.ChannelID,
		at: moment(when, now), thread: threadOf(message.ThreadTs, message.MessageTs), pressed: true}
	switch a.ActionID {
	case stopButton:
		h.text = string(stop)
	case approveButton:
		h.text = string(approve) + " " + a.Value
	default:
		return heard{}, false
	}
	return h, true
}

func threadOf(thread, message string) string {
	if thread != "" {
		return thread
	}
	return message
}

// moment reads Slack's time stamps, "1482960137.003543". One that cannot be read is from long ago: nothing that may be
// too old is done for it.
func moment(ts string, now time.Time) time.Time {
	seconds, fraction, _ := strings.Cut(ts, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || s < 0 || s > 1<<40 {
		return time.Unix(0, 0).In(now.Location())
	}
	micro, _ := strconv.ParseInt((fraction + "000000")[:6], 10, 64) // a fraction that is none is nothing
	return time.Unix(s, micro*1000).In(now.Location())
}

// id names the order that follows from what was heard: the same for the same message.
func (h heard) id() string {
	sum := sha256.Sum256([]byte(h.key))
	return "slack-" + hex.EncodeToString(sum[:10])
}

// trusted tells whether an answer may be sent to the address that came with a slash command: it leads to Slack, or to
// whatever stands in for it.
func trusted(address, api string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if u.Scheme == "https" && u.Host == "hooks.slack.com" && u.User == nil {
		return true
	}
	own, err := url.Parse(api)
	return err == nil && api != "" && u.Scheme == own.Scheme && u.Host == own.Host && u.User == nil
}

// memory knows the newest things that it has been shown.
type memory struct {
	mu    sync.Mutex
	known map[string]bool
	order []string
}

// remembered is how many deliveries back a repetition is noticed. Slack repeats within the hour.
const remembered = 4096

// first tells whether it has not been shown that before.
func (m *memory) first(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[key] {
		return false
	}
	if m.known == nil {
		m.known = map[string]bool{}
	}
	if len(m.order) >= remembered {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	m.known[key], m.order = true, append(m.order, key)
	return true
}
