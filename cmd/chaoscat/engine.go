package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
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
	owner   control.Peer // whom this process belongs to
	planner *planner     // who changes the engine's plan does it here
	journal *journal.Journal
	end     func(error)           // begins the end
	shut    func()                // closes the door, which stays open until the last word
	over    chan error            // what Run returned
	door    chan struct{}         // closed when the socket is gone
	ssh     chan struct{}         // closed when nobody is inside any more who came over SSH
	graph   atomic.Pointer[graph] // what the engine works with now
	watched sync.WaitGroup        // what brings news into the plan
	unwatch func()                // ends that, and returns when it has ended
	doorway context.Context       // done when the doors close
	lodgers map[string]*lodger    // outlets that run, by name
	broken  context.Context       // done when the engine has ended without being told to
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
	// beat is called by the engine's loop every beatEvery; 0: never.
	beat      func()
	beatEvery time.Duration
	// reload reads the configuration anew at somebody's wish; nil: not in this life.
	reload func(ctx context.Context, by string) error
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
	h := &house{journal: j, owner: g.who().atSocket(w, w.uid), over: make(chan error, 1), door: make(chan struct{}), ssh: make(chan struct{}), lodgers: map[string]*lodger{}}
	h.graph.Store(g)
	h.engine = local.New(local.Options{
		Plan: g.plan, State: recalled(w, g, found, latch, o.idle), Started: engine.Started{Open: found.Open, Torn: found.Torn},
		Fittings: g.fittings(o.idle == ""), Journal: j, Latch: latch, Clock: w.clock, Dice: w.dice, Elapsed: w.monotonic(o.demo), Log: o.log,
		Version: version, Demo: o.demo, LastSeq: found.LastSeq, Recent: found.Recent, Undo: undoWithin, Beat: o.beat, BeatEvery: o.beatEvery,
	})
	h.planner = newPlanner(g.plan, h.engine.SetPlan)
	if found.Why != "" {
		o.log.Warn(found.Why, "kept", found.Kept)
	}
	live, end := context.WithCancelCause(ctx)
	h.end = end
	doorway, shut := context.WithCancel(context.WithoutCancel(ctx))
	h.shut, h.doorway = shut, doorway
	if err := h.openSSH(doorway, w, g, dir, o); err != nil {
		shut()
		return nil, errors.Join(err, j.Close())
	}
	if err := h.openDoor(doorway, w, g, o); err != nil {
		shut()
		<-h.ssh
		return nil, errors.Join(err, j.Close())
	}
	outlets, err := h.others(g, w, o.log)
	if err != nil {
		shut()
		<-h.ssh
		<-h.door
		return nil, errors.Join(err, j.Close())
	}
	broken, breaks := context.WithCancelCause(context.WithoutCancel(ctx))
	h.broken = broken
	go func() { h.over <- h.run(live, breaks, o.log) }()
	h.watch(g, o.log)
	h.lodge(g, outlets)
	return h, nil
}

// fittings are what the configuration has an engine work with. Nobody is looked at in the background by one that lives
// for a single command only.
func (g *graph) fittings(lasting bool) local.Fittings {
	return local.Fittings{Carrier: g.carrier, Gates: g.gates, Survey: g.surveyor(lasting), Check: g.checkOrder, Shapes: g.shapes(), Announce: g.announce}
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

func (h *house) openDoor(ctx context.Context, w world, g *graph, o opening) error {
	if o.socket == "" {
		close(h.door)
		return nil
	}
	who := func(uid int) control.Peer { return h.graph.Load().who().atSocket(w, uid) }
	server, err := control.Listen(o.socket, control.Options{Engine: h.engine, Who: who, Reload: o.reload})
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

// watch begins to bring what changes outside into the plan.
func (h *house) watch(g *graph, log *slog.Logger) {
	ctx, end := context.WithCancel(context.Background())
	h.watched.Go(func() { h.refresh(ctx, g, log) })
	h.watched.Go(func() { h.follow(ctx, g, log) })
	h.unwatch = func() {
		end()
		h.watched.Wait()
	}
}

// refresh reads the inventory again and again; a plan that it does not fit keeps the old one.
func (h *house) refresh(ctx context.Context, g *graph, log *slog.Logger) {
	if g.inventory == nil {
		return
	}
	g.inventory.Watch(ctx, func(r inventory.Result) {
		err := h.planner.change(func(p *engine.Plan) string {
			p.Roster = r.Roster
			return r.Change
		})
		if err != nil {
			log.Error("the refreshed inventory does not fit the plan; the old one stays", "error", err)
			return
		}
		g.current.Store(r.Roster)
	}, func(err error) {
		log.Warn("a source of the inventory could not be refreshed; its last good state stays until it is stale", "error", err)
	})
}

// close ends the engine for the reason, waits until what ran has been undone, and lets the lock go.
func (h *house) close(reason error) error {
	h.end(reason)
	h.unwatch()
	err := <-h.over
	h.shut()
	<-h.door
	<-h.ssh
	leave(slices.Collect(maps.Values(h.lodgers)))
	return errors.Join(err, h.journal.Close())
}
