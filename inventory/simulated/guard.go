package simulated

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// guard is the dead-man switch on a simulated host: it holds the claim, injects when told, and undoes
// when told, when its input ends, when the lease has run out, at the deadline, or on a signal.
//
// One goroutine, that of the session, owns it; it ends with the undo. Only a reboot ends it without one,
// since nothing volatile outlives a boot.
type guard struct {
	session  *session
	host     *host
	claim    *claim
	order    order
	fault    fault
	lease    *time.Timer // nil channel when the order has no lease
	deadline *time.Timer
	next     *time.Timer // next line of the injection; stopped while there is none
	lines    []string    // of the injection, still to be shown
	injected bool
}

// order is the header of the guard verb, understood.
type order struct {
	id, kind   string
	params     params
	ttl, lease time.Duration
	supervised bool
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

func readOrder(b block) (o order, err error) {
	o = order{id: b.fields["id"], kind: b.fields["kind"], params: b.params, supervised: b.fields["supervised"] == "1"}
	var wrong [3]error
	o.ttl, wrong[0] = b.seconds("ttl")
	_, wrong[1] = b.seconds("hold")
	o.lease, wrong[2] = b.seconds("lease")
	if err := errors.Join(wrong[:]...); err != nil {
		return o, errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if !idForm.MatchString(o.id) {
		return o, fmt.Errorf("the id %.40q is not one", o.id)
	}
	if o.ttl == 0 {
		return o, errors.New("ttl is 0: no fault without a deadline")
	}
	return o, nil
}

// depth refuses an order under which too little would stand between the fault and its end.
func (o order) depth(f fault) error {
	switch {
	case !f.gaveUpLifeline(o.params) && !o.supervised && o.lease == 0:
		return errors.New("only a fault that cuts its own control path may go without a lease")
	case f.cutsIn(o.params) && o.ttl > longestCut:
		return fmt.Errorf("a fault that cuts SSH may last %d seconds at most, undo included", int(longestCut.Seconds()))
	}
	return nil
}

// longestCut is how long a host may be out of reach.
const longestCut = 300 * time.Second

// pace is how long the host takes over one command of an injection, and reboots over the first.
const (
	pace         = 150 * time.Millisecond
	rebootsAfter = time.Second
)

// guard is the verb: it answers with one word before anything is applied, then obeys.
func (s *session) guard(h header, lines <-chan string) int {
	o, err := readOrder(h.only())
	f, known := s.host.world.faults[o.kind]
	if err == nil && known { // an unknown attack is infeasible, not malformed
		err = errors.Join(f.wellFormed(o.params), o.depth(f))
	}
	if err != nil {
		s.say("refused %s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return exitRefused
	}
	if why := s.host.unfit(o.kind, o.params); why != "" {
		s.say("infeasible %s", why)
		return exitRefused
	}
	c := &claim{id: o.id, kind: o.kind, params: o.params, faults: f.suffered(o.params), since: s.host.world.clock.Now(), guarded: true, over: make(chan struct{})}
	if holder := s.host.take(c); holder != "" {
		s.say("busy %s", holder)
		return exitRefused
	}
	g := &guard{session: s, host: s.host, claim: c, order: o, fault: f}
	g.startTimers()
	defer g.stopTimers()
	s.say("armed layers=%s boot=%s", strings.Join(s.host.standing(f), ","), s.host.bootID())
	return g.watch(lines)
}

func (g *guard) startTimers() {
	g.deadline = time.NewTimer(g.real(g.order.ttl))
	g.next = time.NewTimer(time.Hour)
	g.next.Stop()
	g.lease = time.NewTimer(g.leaseTime())
	if g.order.lease == 0 {
		g.lease.Stop()
	}
}

func (g *guard) stopTimers() {
	g.deadline.Stop()
	g.next.Stop()
	g.lease.Stop()
}

func (g *guard) real(d time.Duration) time.Duration { return g.host.world.clock.Real(d) }

// leaseTime is the lease in real time, see [Options].LeaseAtLeast.
func (g *guard) leaseTime() time.Duration {
	return max(g.real(g.order.lease), g.host.world.rests)
}

// watch is the guard's whole life; what it returns is the exit status.
func (g *guard) watch(lines <-chan string) int {
	for {
		select {
		case line, more := <-lines:
			if cause := g.hear(line, more); cause != "" {
				return g.undo(cause)
			}
		case <-g.next.C:
			if g.inject() {
				return g.goDown(lines)
			}
		case <-g.lease.C:
			return g.undo("lost lease")
		case <-g.deadline.C:
			return g.undo("deadline")
		case <-g.session.signals:
			return g.undo("told to end")
		case <-g.claim.over:
			return g.relieved()
		}
	}
}

// hear obeys one line; what it returns, if anything, is the cause of an undo.
func (g *guard) hear(line string, more bool) (cause string) {
	if !more {
		return "contact lost"
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "", "stop":
		return "stop"
	case "go":
		g.begin()
	case "renew":
		g.session.say("renewed")
	case "ping":
		g.session.say("pong %s", rest)
	default: // nor does it renew the lease
		g.session.show("chaoscat: the guard does not know this order")
		return ""
	}
	if g.order.lease > 0 {
		g.lease.Reset(g.leaseTime())
	}
	return ""
}

// begin switches the fault on; the lines that tell of it follow one by one.
func (g *guard) begin() {
	if g.injected || g.lines != nil {
		return
	}
	g.session.say("injecting")
	g.deadline.Reset(g.real(g.order.ttl))
	g.lines = g.fault.injection(g.host, g.order.params)
	g.host.apply(g.claim, g.host.world.clock.Now(), g.order.ttl)
	g.next.Reset(g.real(pace))
}

// inject shows the next line; reboots is true when the last one has been shown and the host goes down.
func (g *guard) inject() (reboots bool) {
	if len(g.lines) > 0 {
		g.session.show(g.lines[0])
		g.lines = g.lines[1:]
		g.next.Reset(g.real(pace))
		return false
	}
	g.injected = true
	g.session.say("injected 0")
	down, _ := g.fault.goesDown()
	return down
}

// goDown is a reboot that nothing can call back any more, or the end of the host until somebody goes there and switches it on.
func (g *guard) goDown(lines <-chan string) int {
	wait := time.NewTimer(g.real(rebootsAfter))
	defer wait.Stop()
	for {
		select {
		case _, more := <-lines:
			if !more {
				lines = nil // the controller need not be there to see it
			}
		case <-wait.C:
			_, off := g.fault.goesDown()
			g.host.goDown(g.host.world.clock.Now(), off)
			return exitOK // nobody hears it: the connection is cut
		}
	}
}

// undo takes the fault back, proves it, and says so.
func (g *guard) undo(cause string) int {
	u := g.host.undo(g.order.id)
	if !u.found {
		return g.relieved()
	}
	g.session.say("undoing %s", cause)
	g.session.show(u.lines...)
	if u.trouble != "" {
		g.host.abandon(g.claim)
		g.session.say("residue %s", u.trouble)
		return exitResidue
	}
	g.session.say("restored")
	return exitOK
}

// relieved ends a guard whose work somebody else has done: a sweep or an undo over another session.
func (g *guard) relieved() int {
	g.session.say("undoing another guard was faster")
	g.session.say("restored")
	return exitOK
}
