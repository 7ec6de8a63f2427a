package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/feed"
	"github.com/chaoscat/chaoscat/engine/web"
)

// Options of the door. The two token files, Who, Now and Log are required.
type Options struct {
	AppToken string // file with the token of the app, xapp-: it opens the connection
	BotToken string // file with the token of the bot, xoxb-: it speaks
	URL      string // of Slack's API; "" is Slack's own

	Name       string   // of this chaoscat
	Channel    string   // id of the channel for announcements; "" announces nothing
	CommandsIn []string // ids of the channels in which orders are taken; none: in all, and in direct messages
	// MaxAge is how old an order may be that begins or releases something.
	MaxAge time.Duration

	// Who says who a user is, of whom Slack says that they are in those of the Groups. The role [engine.Nobody] is
	// somebody who may stop, and nothing else.
	Who    func(user string, groups []string) control.Peer
	Groups []string // ids of the user groups that Who wants to hear of

	Zone *time.Location // for times that people read; nil is UTC
	Now  func() time.Time
	Log  *slog.Logger
}

// Chat is the door. It does nothing until [Chat.Run].
type Chat struct {
	o       Options
	api     *api
	out     *outbox
	book    *book
	groups  *groups
	seen    memory
	lanes   map[lane]chan job
	acks    chan string
	patient time.Duration // how long a required announcement may take
	prompt  time.Duration // how long a stop may take before its writer is told to use another door
}

const (
	pace       = time.Second // Slack takes about one message a second in a channel
	mostJobs   = 64          // of one lane
	lastWords  = 5 * time.Second
	announceIn = 10 * time.Second
	stopIn     = 3 * time.Second
)

// New makes a door. The tokens are read, so that what is wrong with their files is said before anything runs.
func New(o Options) (*Chat, error) {
	for _, path := range []string{o.AppToken, o.BotToken} {
		if _, err := web.ReadSecret(path); err != nil {
			return nil, err
		}
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	a := &api{appToken: o.AppToken, botToken: o.BotToken, url: o.URL, http: newBounded()}
	return &Chat{
		o: o, api: a, out: newOutbox(a.post, pace, o.Log), book: newBook(o.Name, o.Channel, o.Zone),
		groups: &groups{ids: o.Groups, ask: a.members, now: o.Now}, acks: make(chan string, 4*mostJobs), patient: announceIn, prompt: stopIn,
		lanes: map[lane]chan job{stops: make(chan job, mostJobs), pauses: make(chan job, mostJobs), changes: make(chan job, mostJobs), looks: make(chan job, mostJobs)},
	}, nil
}

// Check asks Slack whether both tokens are taken, and says whose they are.
func (c *Chat) Check(ctx context.Context) (string, error) {
	_, name, err := c.api.me(ctx)
	if err != nil {
		err = fmt.Errorf("bot_token_file: %w", err)
	}
	connectErr := c.api.mayConnect(ctx)
	if connectErr != nil {
		connectErr = fmt.Errorf("app_token_file: %w", connectErr)
	}
	return name, errors.Join(err, connectErr)
}

// Run is the door open, until ctx ends. What there is to say then still has a few seconds.
func (c *Chat) Run(ctx context.Context, e control.Engine) {
	speaking, silence := context.WithCancel(context.WithoutCancel(ctx))
	defer silence()
	enough, deaf := make(chan struct{}), make(chan struct{})
	var mouth, ears, hands sync.WaitGroup
	mouth.Go(func() { c.out.run(speaking, enough) })
	ears.Go(func() { c.connect(ctx) })
	if c.o.Channel != "" {
		ears.Go(func() { c.follow(ctx, e) })
	}
	hands.Go(func() { c.halt(ctx, deaf, e) })
	for _, l := range []lane{pauses, changes, looks} {
		hands.Go(func() { c.each(l, deaf, func(j job) { c.obey(ctx, e, j) }) })
	}
	ears.Wait()
	close(deaf)
	hands.Wait()
	close(enough)
	c.out.ring()
	defer time.AfterFunc(lastWords, silence).Stop()
	mouth.Wait()
}

// follow announces what happens from now on.
func (c *Chat) follow(ctx context.Context, e control.Engine) {
	before := e.Snapshot()
	c.book.remember(before)
	feed.Follow(ctx, e, before.LastSeq, func(now engine.Snapshot, news []engine.Record, missed uint64) {
		c.out.say(c.book.tell(now, news, missed)...)
	})
}

// Announce has the beginning of a run in the channel before it returns, or an error that says why it is not there. One
// that comes too late is taken back.
func (c *Chat) Announce(ctx context.Context, r engine.Run) error {
	ctx, cancel := context.WithTimeout(ctx, c.patient)
	defer cancel()
	topic, opening := c.book.begin(r)
	if opening != nil {
		opening.weight = awaited
		c.out.say(*opening)
	}
	c.out.hurry(topic)
	select {
	case <-topic.posted:
		return topic.said
	case <-ctx.Done():
		c.out.withdraw(topic)
		return fmt.Errorf("Slack did not take it within %s", c.patient)
	}
}
