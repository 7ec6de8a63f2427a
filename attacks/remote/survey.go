package remote

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// The pace of the background look, where its budget does not say.
const (
	surveyEvery  = time.Minute
	factsFor     = time.Hour       // how long what a host has said of itself is believed
	tellEvery    = 2 * time.Second // sightings are told together: each time wakes everybody who watches
	tellAtMost   = 1000
	pingsAtOnce  = 512
	throughAtOne = 8                // logins at once by way of one jump host, whose server counts them
	sameHost     = time.Second      // between two attempts at one address: a server takes more for an attack
	backOff      = time.Minute      // after a login that was refused, doubled each time
	backOffMost  = 30 * time.Minute //
)

// Survey looks at the whole roster, again and again until ctx ends, within the budget of [Options.Survey]:
// it logs in, asks the host once what it is and can, keeps the login open if there is room for it, and from
// then on asks for no more than a sign of life. It starts nothing while an attack is being brought to a host
// or a stop is under way.
func (c *Carrier) Survey(ctx context.Context, roster func() *engine.Roster, attacks func() []engine.Attack, tell func(map[string]engine.Sighting)) {
	if c.Options.Survey.PerSecond <= 0 {
		return
	}
	ctx, end := c.begin(ctx)
	defer end()
	s := &survey{
		c: c, roster: roster, attacks: attacks, tell: tell,
		every: cmp.Or(c.Options.Survey.Every, surveyEvery), facts: factsFor,
		hosts: map[string]*scouted{}, tried: map[string]time.Time{}, through: map[string]int{},
		found: make(chan finding, tellAtMost), batch: map[string]engine.Sighting{},
	}
	var seed [16]byte
	if _, err := io.ReadFull(c.Random, seed[:]); err != nil {
		return // nothing can be done in this process without chance; an attack will say so
	}
	s.dice = rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:]), binary.LittleEndian.Uint64(seed[8:])))
	s.run(ctx)
}

// survey is one background look. The goroutine of [Carrier.Survey] owns it; those that look at one host each
// hand in what they found.
type survey struct {
	c       *Carrier
	roster  func() *engine.Roster
	attacks func() []engine.Attack
	tell    func(map[string]engine.Sighting)
	every   time.Duration
	facts   time.Duration
	dice    *rand.Rand

	at      *engine.Roster // that the hosts were taken from
	hosts   map[string]*scouted
	queue   waiting
	tried   map[string]time.Time // by server: the last login
	through map[string]int       // by jump host: logins under way
	logins  int                  // under way
	pings   int                  // under way
	next    time.Time            // when the budget allows the next login
	found   chan finding
	batch   map[string]engine.Sighting
	since   time.Time // of the oldest in the batch
	work    sync.WaitGroup
}

// scouted is what the survey knows of one host.
type scouted struct {
	host     engine.Host
	room     string
	due      time.Time
	index    int // in the queue; -1 while it is being looked at
	refusals int // in a row
	sighting engine.Sighting
	left     bool // the roster
}

// finding is the end of one look.
type finding struct {
	*scouted
	login bool
	trip  time.Duration
	facts *engine.Facts
	again bool // the login that was kept has ended: nothing is known yet
	err   error
}

func (s *survey) run(ctx context.Context) {
	defer s.c.kept.empty()
	defer s.work.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.follow(time.Now())
		wait, calm := s.dispatch(ctx, time.Now())
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-calm:
		case <-timer.C:
		case f := <-s.found:
			s.note(f, time.Now())
		}
		s.report(time.Now())
	}
}

// follow takes the roster as it is now: hosts that have left it are let go of.
func (s *survey) follow(now time.Time) {
	roster := s.roster()
	if roster == s.at {
		return
	}
	s.at = roster
	for name, h := range s.hosts {
		if at, there := roster.Find(name); there && s.c.room(at) == h.room {
			h.host = at
			continue
		}
		s.forget(h)
	}
	spread := time.Duration(roster.Len()) * time.Second / time.Duration(s.c.Options.Survey.PerSecond)
	for _, at := range roster.Hosts() {
		if s.hosts[at.Name] != nil {
			continue
		}
		h := &scouted{host: at, room: s.c.room(at), due: now.Add(time.Duration(s.dice.Int64N(int64(spread) + 1)))}
		s.hosts[at.Name] = h
		heap.Push(&s.queue, h)
	}
}

func (s *survey) forget(h *scouted) {
	h.left = true
	delete(s.hosts, h.host.Name)
	delete(s.batch, h.host.Name)
	delete(s.tried, s.server(h))
	if h.index >= 0 {
		heap.Remove(&s.queue, h.index)
	}
	s.c.kept.drop(h.room, nil)
}

// dispatch starts what is due and within the budget. It returns when to come back: after a time, or when
// those have gone that must not be disturbed.
func (s *survey) dispatch(ctx context.Context, now time.Time) (wait time.Duration, calm <-chan struct{}) {
	wait = time.Second // the roster may have changed
	if len(s.batch) > 0 {
		wait = tellEvery
	}
	for len(s.queue) > 0 && !s.queue[0].due.After(now) {
		if calm = s.disturbing(); calm != nil {
			return wait, calm
		}
		h := s.queue[0]
		switch {
		case s.c.lodgings.occupied(h.room):
			s.postpone(h, now.Add(max(s.every/4, sameHost))) // somebody is there and watches over it
		case s.fresh(h, now) && s.c.kept.find(h.room) != nil:
			if s.pings >= pingsAtOnce {
				return wait, nil // one of them will come back
			}
			s.pings++
			s.start(h, func() finding { return s.ping(h) })
		case s.logins >= cap(s.c.lanes.survey):
			return wait, nil
		case now.Before(s.next):
			return min(wait, s.next.Sub(now)), nil
		case now.Before(s.tried[s.server(h)].Add(sameHost)):
			s.postpone(h, s.tried[s.server(h)].Add(sameHost+s.about(sameHost/4)))
		case s.through[s.jump(h)] >= throughAtOne:
			s.postpone(h, now.Add(s.about(sameHost/4)))
		default:
			s.visit(ctx, h, now)
		}
	}
	if len(s.queue) > 0 {
		wait = min(wait, max(0, s.queue[0].due.Sub(now)))
	}
	return wait, nil
}

// disturbing is closed when nobody is in the way of whom the survey would be; nil: nobody is.
func (s *survey) disturbing() <-chan struct{} {
	if calm := s.c.stops.quiet(); calm != nil {
		return calm
	}
	return s.c.rush.quiet()
}

// visit logs in to a host, which costs budget.
func (s *survey) visit(ctx context.Context, h *scouted, now time.Time) {
	s.tried[s.server(h)] = now
	s.next = now.Add(s.about(time.Second / time.Duration(s.c.Options.Survey.PerSecond)))
	s.logins++
	if jump := s.jump(h); jump != "" {
		s.through[jump]++
	}
	host, room := h.host, h.room
	var asked []engine.Attack
	ask := !s.fresh(h, now)
	if ask {
		asked = s.attacks()
	}
	s.start(h, func() finding {
		ctx, cancel := context.WithTimeout(ctx, s.c.ConnectTimeout+s.c.CommandTimeout)
		defer cancel()
		f := finding{scouted: h, login: true}
		if ask {
			f.trip, f.facts, f.err = s.c.survey(ctx, host, asked)
		} else {
			f.trip, f.err = s.c.greet(ctx, host, room)
		}
		return f
	})
}

// server is where the host's SSH server listens, whatever the host is called and whoever logs in.
func (s *survey) server(h *scouted) string {
	return net.JoinHostPort(h.host.Address, strconv.Itoa(first(h.host.Port, s.c.Port)))
}

// jump is the way to the host that others may share; "" without one.
func (s *survey) jump(h *scouted) string {
	if jump := cmp.Or(h.host.Jump, s.c.Jump); jump != "none" {
		return jump
	}
	return ""
}

// fresh tells whether what the host has said of itself is still believed.
func (s *survey) fresh(h *scouted, now time.Time) bool {
	facts := h.sighting.Facts
	return facts != nil && s.c.Clock.Now().Sub(facts.At) < s.facts
}

func (s *survey) start(h *scouted, look func() finding) {
	heap.Remove(&s.queue, h.index)
	s.work.Go(func() { s.found <- look() })
}

func (s *survey) postpone(h *scouted, due time.Time) {
	h.due = due
	heap.Fix(&s.queue, h.index)
}

// ping asks for a sign of life on the login that is kept.
func (s *survey) ping(h *scouted) finding {
	l := s.c.kept.find(h.room)
	if l == nil {
		return finding{scouted: h, again: true} // an attack has taken it, and gives it back
	}
	if l.ping(2*s.c.KeepAlive) != nil {
		s.c.kept.drop(h.room, l)
		return finding{scouted: h, again: true}
	}
	return finding{scouted: h, trip: l.roundTrip()}
}

// note keeps what was found, and decides when to look again.
func (s *survey) note(f finding, now time.Time) {
	h := f.scouted
	if f.login {
		s.logins--
		if jump := s.jump(h); jump != "" {
			if s.through[jump]--; s.through[jump] == 0 {
				delete(s.through, jump)
			}
		}
	} else {
		s.pings--
	}
	if h.left {
		s.c.kept.drop(h.room, nil)
		return
	}
	switch {
	case f.again:
		h.due = now.Add(s.about(sameHost))
	case f.err != nil && unwelcome(f.err):
		h.due = now.Add(s.about(min(backOff<<min(h.refusals, 10), backOffMost)))
		h.refusals++
	default:
		h.due, h.refusals = now.Add(s.about(s.every)), 0
	}
	heap.Push(&s.queue, h)
	if !f.again {
		s.sight(f)
	}
}

func (s *survey) sight(f finding) {
	at := &f.scouted.sighting
	at.At, at.RoundTrip, at.Unreachable = s.c.Clock.Now(), f.trip, ""
	if f.err != nil {
		at.Unreachable = printable.Printable(f.err.Error())
	}
	if f.facts != nil {
		at.Facts = f.facts
	}
	if len(s.batch) == 0 {
		s.since = time.Now()
	}
	s.batch[f.host.Name] = *at
}

// report tells what was found since the last time, many hosts at once.
func (s *survey) report(now time.Time) {
	if n := len(s.batch); n == 0 || n < tellAtMost && now.Sub(s.since) < tellEvery {
		return
	}
	s.tell(s.batch)
	s.batch = map[string]engine.Sighting{}
}

// about is a time that is never quite the same, so that nothing falls into step: up to a tenth more or less.
func (s *survey) about(d time.Duration) time.Duration {
	return d - d/10 + time.Duration(s.dice.Int64N(int64(d/5)+1))
}

// unwelcome tells whether a host knows who wants in and says no, or is not who it should be: asking again
// soon would make its server shut us out, a stop included.
func unwelcome(err error) bool {
	return errors.As(err, new(*LoginRefused)) || errors.As(err, new(*UnknownHostKey)) || errors.As(err, new(*ChangedHostKey))
}

// survey is a look at a host with all questions; the login is kept if there is room for it.
func (c *Carrier) survey(ctx context.Context, h engine.Host, asked []engine.Attack) (time.Duration, *engine.Facts, error) {
	v, err := c.visit(ctx, h, forSurvey, func(string) {})
	if err != nil {
		return 0, nil, err
	}
	f, err := v.inspect(ctx, asked)
	if err == nil {
		err = v.link.ping(2 * c.KeepAlive)
	}
	trip := v.link.roundTrip()
	v.leave(err == nil)
	if err != nil {
		return 0, nil, err
	}
	facts := f.Facts(c.Clock.Now())
	return trip, &facts, nil
}

// greet logs in and asks for a sign of life; the login is kept if there is room for it.
func (c *Carrier) greet(ctx context.Context, h engine.Host, room string) (time.Duration, error) {
	l, err := c.dial(ctx, h, forSurvey)
	if err != nil {
		return 0, err
	}
	err = l.ping(2 * c.KeepAlive)
	if trip := l.roundTrip(); err != nil || !c.kept.give(room, l) {
		l.close()
		return trip, err
	}
	return l.roundTrip(), nil
}

// waiting is the hosts by the time at which they are due.
type waiting []*scouted

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(i, j int) bool { return w[i].due.Before(w[j].due) }
func (w waiting) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}

func (w *waiting) Push(x any) {
	h := x.(*scouted)
	h.index = len(*w)
	*w = append(*w, h)
}

func (w *waiting) Pop() any {
	last := len(*w) - 1
	h := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	h.index = -1
	return h
}
