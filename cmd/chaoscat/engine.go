package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/journal"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/inventory"
)

// house is an engine in this process with everything that must outlive or precede it: the lock and the
// journal before, the door and the inventory's refresh beside.
type house struct {
	engine  *local.Engine
	journal *journal.Journal
	end     func(error)     // begins the end
	shut    func()          // closes the door, which stays open until the last word
	over    chan error      // what Run returned
	door    chan struct{}   // closed when the socket is gone
	ssh     chan struct{}   // closed when nobody is inside any more who came over SSH
	watched chan struct{}   // closed when the inventory is not refreshed any more
	told    sync.WaitGroup  // outlets that still tell others
	broken  context.Context // done when the engine has ended without being told to
}

// undoWithin bounds how long the end of the program waits for hosts; their own guards undo them anyway.
const undoWithin = 90 * time.Second

// opening is how a house is opened.
type opening struct {
	log    *slog.Logger
	socket string // "" opens no door
	ssh    bool   // open the SSH door, if the configuration wants one
	demo   bool
	idle   string // why the schedule stands still in this life; "" lets it run
}

// open takes the lock, reads the journal back and starts the engine. Close it with close.
func open(ctx context.Context, w world, g *graph, dir string, o opening) (*house, error) {
	j, found, err := journal.Open(dir, journal.Options{Now: w.now, Boot: journal.BootID()})
	if err != nil {
		return nil, err
	}
	if survey := g.surveyor(o.idle == ""); survey != nil {
		w.keepWithin(g.plan.Roster.Len(), g.config.SSH.KeepOpen)
	}
	latch := journal.NewStopFile(dir, nil)
	h := &house{journal: j, over: make(chan error, 1), door: make(chan struct{}), ssh: make(chan struct{}), watched: make(chan struct{})}
	h.engine = local.New(local.Options{
		Plan: g.plan, State: recalled(w, g, found, latch, o.idle), Started: engine.Started{Open: found.Open, Torn: found.Torn},
		Carrier: g.carrier, Gates: g.gates, Journal: j, Latch: latch, Clock: w.clock, Dice: w.dice, Elapsed: w.monotonic(o.demo), Log: o.log,
		Survey: g.surveyor(o.idle == ""), Version: version, Demo: o.demo, LastSeq: found.LastSeq, Recent: found.Recent, Undo: undoWithin, Check: g.checkOrder, Shapes: g.shapes(),
	})
	if found.Why != "" {
		o.log.Warn(found.Why, "kept", found.Kept)
	}
	live, end := context.WithCancelCause(ctx)
	h.end = end
	doorway, shut := context.WithCancel(context.WithoutCancel(ctx))
	h.shut = shut
	if err := h.openSSH(doorway, w, g, dir, o); err != nil {
		shut()
		return nil, errors.Join(err, j.Close())
	}
	if err := h.openDoor(doorway, w, o); err != nil {
		shut()
		<-h.ssh
		return nil, errors.Join(err, j.Close())
	}
	outlets, err := g.outlets(w, o.log)
	if err != nil {
		shut()
		<-h.ssh
		<-h.door
		return nil, errors.Join(err, j.Close())
	}
	broken, breaks := context.WithCancelCause(context.WithoutCancel(ctx))
	h.broken = broken
	go func() { h.over <- h.run(live, breaks, o.log) }()
	go h.refresh(live, g, o.log)
	for _, out := range outlets { // they hear the last word, as the doors do
		h.told.Go(func() { out.run(doorway, h.engine) })
	}
	return h, nil
}

// recalled is the state that the journal and the latch file add up to. Either of them says stopped.
func recalled(w world, g *graph, found journal.Recovery, latch journal.StopFile, idle string) engine.State {
	now := w.now()
	s := engine.State{Stopped: found.Stopped, Paused: found.Paused, Attacked: found.Attacked, Excluded: found.Excluded,
		Residue: found.Residue, Orders: found.Orders, Day: now.In(g.plan.Schedule.Location).Format(time.DateOnly),
		Today: found.Today(now, g.plan.Schedule.Location)}
	if file, err := latch.Read(); file != nil || err != nil {
		if s.Stopped = file; file == nil {
			s.Stopped = &engine.Latch{At: now, By: "chaoscat", Reason: "the stop file cannot be read: " + err.Error()}
		}
	}
	if found.Lost > 0 && s.Stopped == nil { // what is gone may have been an exclusion or a stop
		s.Stopped = &engine.Latch{At: now, By: "chaoscat", Reason: fmt.Sprintf("the journal lost %d entries, and orders may be among them", found.Lost)}
	}
	s.Idle = idle
	return s
}

// monotonic is the clock by which a jump of the wall clock shows; the demo's fast clock has none beside it.
func (w world) monotonic(demo bool) func() time.Duration {
	if demo {
		return nil
	}
	return func() time.Duration { return time.Since(w.began) }
}

func (h *house) openDoor(ctx context.Context, w world, o opening) error {
	if o.socket == "" {
		close(h.door)
		return nil
	}
	server, err := control.Listen(o.socket, control.Options{Engine: h.engine, Who: w.who})
	if err != nil {
		return err
	}
	go func() {
		defer close(h.door)
		if err := server.Serve(ctx); err != nil {
			o.log.Error("the control socket is gone; chaoscat stop by signal still works", "error", err)
		}
	}()
	return nil
}

// who maps a Unix user to a role: root and the engine's own user may do everything, whoever else may open
// the socket may look and stop.
func (w world) who(uid int) control.Peer {
	p := control.Peer{UID: uid, Name: "uid " + strconv.Itoa(uid), Role: engine.Stopper}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		p.Name = u.Username
	}
	if uid == 0 || uid == w.uid {
		p.Role = engine.Admin
	}
	return p
}

// refresh reads the inventory again and again; a plan that it does not fit keeps the old one.
func (h *house) refresh(ctx context.Context, g *graph, log *slog.Logger) {
	defer close(h.watched)
	if g.inventory == nil || g.refresh == 0 {
		return
	}
	g.inventory.Watch(ctx, g.refresh, func(r inventory.Result) {
		p := g.plan
		p.Roster = r.Roster
		plan, err := engine.NewPlan(p)
		if err != nil {
			log.Error("the refreshed inventory does not fit the plan; the old one stays", "error", err)
			return
		}
		g.current.Store(r.Roster)
		h.engine.SetPlan(plan, fmt.Sprintf("the inventory was refreshed, hosts known: %d", r.Roster.Len()))
	}, func(err error) {
		log.Warn("the inventory could not be refreshed; its last good state stays", "error", err)
	})
}

// close ends the engine for the reason, waits until what ran has been undone, and lets the lock go.
func (h *house) close(reason error) error {
	h.end(reason)
	err := <-h.over
	h.shut()
	<-h.door
	<-h.ssh
	<-h.watched
	h.told.Wait()
	return errors.Join(err, h.journal.Close())
}
