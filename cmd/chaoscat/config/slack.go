package config

import (
	"net"
	"net/url"
	"regexp"
	"time"
)

// Slack is the chat in which attacks are announced and orders taken. Without the table there is no token, and none.
type Slack struct {
	AppToken   string // file
	BotToken   string // file
	Channel    string // id; "" only where nothing is announced
	CommandsIn []string
	Announce   Announcement
	MaxAge     time.Duration
	URL        string // "" is Slack's own
}

// Announcement says what it means that an attack cannot be announced.
type Announcement string

// The three ways.
const (
	AnnounceRequired   Announcement = "required"    // it does not begin
	AnnounceBestEffort Announcement = "best-effort" // it begins
	AnnounceOff        Announcement = "off"         // nothing is announced
)

var slackChannel = regexp.MustCompile(`^[CG][A-Z0-9]{2,20}$`)

func defaultSlack() Slack { return Slack{Announce: AnnounceBestEffort, MaxAge: time.Minute} }

func slackKeys(s *Slack) []key {
	channel := mustMatch(slackChannel, "the id of a Slack channel, such as C0123ABCD")
	return []key{
		entry("app_token_file", file(&s.AppToken, secret), "the token that opens the connection (xapp-), readable by its owner alone").required(),
		entry("bot_token_file", file(&s.BotToken, secret), "the token of the bot (xoxb-), readable by its owner alone").required(),
		entry("channel", text(&s.Channel, channel), "the id of the channel in which attacks are announced; the bot must be in it"),
		entry("announce", oneOf(&s.Announce, AnnounceRequired, AnnounceBestEffort, AnnounceOff), "required: no announcement, no attack"),
		entry("commands_in", texts(&s.CommandsIn, "channels", channel), "ids of the channels in which orders are taken; otherwise all, and direct messages. Stop and questions everywhere"),
		entry("max_age", span(&s.MaxAge, 5*time.Second, time.Hour), "an older run-once, skip, resume or approve is refused; a stop never is"),
		entry("api_url", web(&s.URL), "of Slack's API, for tests: https, or on this machine"),
	}
}

// checkSlack reports what is wrong between the keys of the table.
func (r *reading) checkSlack(s *Slack) {
	if r.root.under["slack"] == nil {
		*s = Slack{}
		return
	}
	if s.AppToken == "" && s.BotToken == "" {
		return // said already
	}
	if s.Announce != AnnounceOff && r.root.under["slack"].under["channel"] == nil {
		r.wrong(r.at("slack"), "has no channel to announce attacks in").Hint = `name its id, channel = "C0123ABCD", or say announce = "off"`
	}
	if !encrypted(s.URL) {
		r.wrong(r.at("slack.api_url"), "would send the tokens in the clear").Hint = "write https://"
	}
	r.twice("slack.commands_in", s.CommandsIn)
}

// encrypted tells whether nobody between us and that address can read what is sent there.
func encrypted(address string) bool {
	u, err := url.Parse(address)
	if address == "" || err == nil && u.Scheme == "https" {
		return true
	}
	return err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}
