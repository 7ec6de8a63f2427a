package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// rehearsal is one attack on one host that tells all it does.
type rehearsal struct {
	*app
	attack string
	host   string
	params map[string]string
	hold   time.Duration
	asked  bool // somebody has said how long
	reason string

	carrier carrier
	began   time.Time
	figures string // as they were last told
	intent  *engine.Run
}

func (x *rehearsal) run(ctx context.Context) error {
	cfg, err := x.load()
	if err != nil {
		return err
	}
	if err := x.enlist(cfg); err != nil {
		return err
	}
	g, err := build(ctx, x.world, cfg)
	if err != nil {
		return err
	}
	if x.supervised(g) && !x.asked {
		x.hold = 0 // how long it may be away is the catalogue's to say
	}
	if !x.asked {
		x.hold += x.gaps(cfg)
	}
	if err := g.connect(x.world); err != nil {
		return err
	}
	x.carrier = g.carrier
	return x.withGraph(ctx, g, func(e asker) error {
		if err := x.settleGates(ctx, e); err != nil {
			return err
		}
		return x.play(ctx, e)
	})
}

// enlist makes an attack of the catalogue that the plan does not have part of it, by order only.
func (x *rehearsal) enlist(cfg *config.Config) error {
	planned := make([]string, 0, len(cfg.Attacks))
	for _, a := range cfg.Attacks {
		if a.Name == x.attack {
			return nil
		}
		planned = append(planned, a.Name)
	}
	d, known := attacks.Find(x.attack)
	if !known {
		near := meant(x.attack, append(planned, names(attacks.Builtin())...))
		return fail(exitUsage, fmt.Errorf("neither the plan nor the catalogue has an attack called %q%s", x.attack, near))
	}
	if _, err := attacks.Check(d, x.params); err != nil {
		return fail(exitUsage, err)
	}
	cfg.Attacks = append(cfg.Attacks, config.Attack{
		Attack: engine.Attack{Name: x.attack, Kind: x.attack, Params: maps.Clone(x.params), For: min(d.Default, cfg.Safety.MaxDuration)}, Key: "the attack to test",
	})
	return nil
}

// gaps is the time until the last part of a compound attack begins.
func (x *rehearsal) gaps(cfg *config.Config) time.Duration {
	for _, a := range cfg.Attacks {
		if a.Name == x.attack {
			return a.Gap * time.Duration(max(0, len(a.Parts)-1))
		}
	}
	return 0
}

func (x *rehearsal) supervised(g *graph) bool {
	planned, _ := g.plan.Attack(x.attack)
	return slices.ContainsFunc(g.catalogue, func(d attacks.Definition) bool { return d.Name == planned.Kind && d.Supervised })
}

// play gives the order and tells what comes of it.
func (x *rehearsal) play(ctx context.Context, e asker) error {
	o := engine.Order{ID: newID(), Kind: engine.RunOnce, By: x.user, Door: "command", Reason: orElse(x.reason, "attack test"), Attack: x.attack, Host: x.host, For: x.hold, Params: x.params}
	stopped := context.AfterFunc(ctx, func() { x.stopBecause(e) })
	defer stopped()
	watching, enough := context.WithCancel(context.WithoutCancel(ctx))
	defer enough()
	run, record, err := order(watching, e, o)
	if err != nil {
		return err
	}
	p := newParts(run, func(engine.Record) error { return nil })
	for s := range e.Watch(watching) {
		news, err := record.news(watching)
		if err := errors.Join(err, x.tell(p, news, s), p.hear(news)); err != nil {
			return err
		}
		if p.over() {
			return x.conclude(watching, p.ended[run])
		}
	}
	return fail(exitUnexpected, errors.New("the engine ended before the attack did; chaoscat stop looks for what is left"))
}

// tell says what is new: phases, output, figures, in the order in which they came.
func (x *rehearsal) tell(p *parts, news []engine.Record, s engine.Snapshot) error {
	for _, r := range news {
		if !p.of(r) {
			continue
		}
		step := string(r.Phase)
		switch r.Kind {
		case engine.Intent:
			x.began, x.intent = r.At, r.Intent
			step = "begins"
		case engine.Line:
			step = "output"
		case engine.PhaseNew:
		default:
			continue
		}
		text := strings.TrimPrefix(r.Text, step)
		if r.Kind == engine.PhaseNew {
			text = strings.TrimPrefix(text, ": ")
		}
		if err := x.step(r.At, step, text); err != nil {
			return err
		}
	}
	for _, r := range s.Running {
		if text := r.Figures.Text; r.ID == p.run && text != "" && text != x.figures {
			x.figures = text
			if err := x.step(s.At, "measured", text); err != nil {
				return err
			}
		}
	}
	return nil
}

type stepShape struct {
	Schema  int     `json:"schema"`
	Seconds float64 `json:"seconds"` // since the attack began
	Step    string  `json:"step"`
	Text    string  `json:"text,omitempty"`
}

func (x *rehearsal) step(at time.Time, step, text string) error {
	since := max(0, at.Sub(x.began).Seconds())
	if x.json {
		return x.lines(stepShape{schema, float64(int(since*1000)) / 1000, step, text})
	}
	_, err := fmt.Fprintln(x.out, trimmed(fmt.Sprintf("%7.2f s  %-10s  %s", since, step, printable.Printable(text))))
	return err
}

func trimmed(line string) string {
	for len(line) > 0 && line[len(line)-1] == ' ' {
		line = line[:len(line)-1]
	}
	return line
}

// conclude says what it all comes to, and looks once more: a second undo must find nothing.
func (x *rehearsal) conclude(ctx context.Context, r engine.Record) error {
	o := *r.Outcome
	err := x.step(r.At, "verdict", verdictOf(o))
	if o.Undo != "" {
		err = errors.Join(err, x.step(r.At, "undo", undoOf(o)))
	}
	code := codeOfOutcome(o)
	if again, ok := x.again(ctx, o); ok {
		err = errors.Join(err, x.step(x.now(), "again", again.Text))
		if !again.Clean && !again.Unreached {
			code = exitResidue
		}
	}
	if x.json {
		err = errors.Join(err, x.lines(ranShape{schema, r.Run, r.Run, r.Host, r.Attack, r.Outcome}))
	}
	if code != exitDone {
		return errors.Join(err, fail(code, errors.New(r.Text)))
	}
	return err
}

// again orders the undo a second time, over a connection of its own.
func (x *rehearsal) again(ctx context.Context, o engine.Outcome) (engine.Reconciled, bool) {
	if !o.Applied || x.intent == nil {
		return engine.Reconciled{}, false
	}
	found := x.carrier.Reconcile(ctx, *x.intent)
	if found.Clean {
		found.Text = "the undo was ordered once more: " + orElse(found.Text, "nothing was left")
	}
	return found, true
}

// verdictOf explains the effect to somebody who sees it for the first time.
func verdictOf(o engine.Outcome) string {
	text := string(o.Effect)
	switch o.Effect {
	case engine.Effective:
		text += ": it moved as expected (seven tenths of the way are enough)"
	case engine.Weak:
		text += ": it moved, but not as far as expected (between two and seven tenths of the way)"
	case engine.NoEffect:
		text += ": it moved less than two tenths of what was expected, or the other way"
	case engine.Unverifiable:
		text += ": nothing was measured that could prove it"
	case engine.Infeasible:
		text += ": this host cannot do it"
	}
	for _, more := range []string{o.Figures.Text, o.Detail} {
		if more != "" {
			text += "; " + more
		}
	}
	return text
}

func undoOf(o engine.Outcome) string {
	if o.Undo == engine.Residue {
		return "RESIDUE: not everything is as before; look at the host, then run chaoscat sweep"
	}
	return string(o.Undo) + ": the host has compared, and is as before"
}
