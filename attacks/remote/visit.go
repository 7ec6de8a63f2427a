package remote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// visit is a stay on a host: a connection with the runner in place.
type visit struct {
	c    *Carrier
	host engine.Host
	room string
	link *link
	show func(string)

	denied bool // sudo will not run the runner, so nobody but us can take it away again
}

// room is what a host is to us, whatever its name: where we log in, and as whom.
func (c *Carrier) room(h engine.Host) string {
	return fmt.Sprintf("%s|%s|%d|%s", first(h.User, c.User), h.Address, first(h.Port, c.Port), h.Jump)
}

// visit connects and brings the runner. The caller leaves, whatever happens.
func (c *Carrier) visit(ctx context.Context, h engine.Host, as lane, show func(string)) (*visit, error) {
	v := &visit{c: c, host: h, room: c.room(h), show: show}
	if err := c.lodgings.enter(ctx, v.room); err != nil {
		return nil, err
	}
	err := v.arrive(ctx, as)
	if err == nil {
		err = c.upload(ctx, v.link, show)
	}
	if err != nil {
		v.leave(false)
		return nil, err
	}
	return v, nil
}

// arrive takes the connection that was kept open to the host, if it still answers, or else a new one.
func (v *visit) arrive(ctx context.Context, as lane) error {
	if l := v.c.take(v.room); l != nil {
		v.link = l
		l.attend(v.c.KeepAlive)
		return nil
	}
	return v.dial(ctx, as)
}

// dial replaces the connection of the visit by a new one.
func (v *visit) dial(ctx context.Context, as lane) error {
	if v.link != nil {
		v.link.close()
		v.link = nil
	}
	l, err := v.c.dial(ctx, v.host, as)
	if err != nil {
		return err
	}
	l.attend(v.c.KeepAlive)
	v.link = l
	return nil
}

// connect is dial, and brings the runner: after a reboot there is none on the host any more.
func (v *visit) connect(ctx context.Context, as lane) error {
	if err := v.dial(ctx, as); err != nil {
		return err
	}
	return v.c.upload(ctx, v.link, v.show)
}

// leave ends the visit. A tidy guest who is the last one takes the runner's file along; one who could not
// prove the undo leaves it for whoever comes after. What the host never ran goes as it came. None of that is done at the cost of a stop. What the
// guest has logged in to stays open for the next one, within the budget for that.
func (v *visit) leave(tidy bool) {
	if tidy {
		v.c.stops.yield(v.c.pace.yield)
	}
	if v.link != nil {
		v.link.over.speak()
	}
	v.c.lodgings.leave(v.room, func() {
		switch {
		case v.link == nil || v.link.broken():
		case v.denied:
			v.c.exec(context.Background(), v.link, v.c.CommandTimeout/3, v.c.removeCommand(), nil, &hearing{show: v.show, each: ignore})
		case tidy:
			v.c.call(context.Background(), v.link, v.c.CommandTimeout/3, "bye", nil, v.show, ignore)
		}
	})
	if v.link == nil {
		return
	}
	v.link.relax()
	if !tidy || v.link.deaf.Load() || !v.c.kept.give(v.room, v.link) {
		v.link.close()
	}
}

func ignore(string, string) {}

// upload writes the runner to its file. The same bytes under the same name, each time: checking would
// cost as much.
func (c *Carrier) upload(ctx context.Context, l *link, show func(string)) error {
	h := &hearing{show: show, each: ignore}
	e, err := c.exec(ctx, l, c.CommandTimeout, c.uploadCommand(), c.Runner.Text, h)
	if err != nil {
		return fmt.Errorf("carrying the runner to %s: %w", l.host, err)
	}
	if e.known && e.status == 0 {
		return nil
	}
	hint := "the user must be root, or set ssh.sudo = true"
	if c.Sudo {
		hint = "is /dev/shm writable, and does the file there belong to the same user?"
	}
	return fmt.Errorf("carrying the runner to %s: the command %s; last heard: %s; %s", l.host, e, first(h.last, "nothing"), hint)
}

// define is the attack's definition, with its parameters as the host reads them.
func (c *Carrier) define(ctx context.Context, a engine.Attack) (attacks.Definition, map[string]string, error) {
	def, ok := c.defs[a.Kind]
	if !ok || !nameShape.MatchString(a.Kind) {
		return attacks.Definition{}, nil, fmt.Errorf("there is no attack of kind %q", printable.Printable(a.Kind))
	}
	wire, err := attacks.Check(def, a.Params)
	if err != nil {
		return attacks.Definition{}, nil, err
	}
	if err := attacks.Resolve(ctx, def, wire, c.Lookup); err != nil {
		return attacks.Definition{}, nil, err
	}
	_, err = header("", fields(wire))
	return def, wire, err
}

// findings is what inspect said.
type findings struct {
	facts      []string
	boot       string
	infeasible map[string]string
	feasible   map[string]bool
	busy       string
}

// inspect asks the host what it is and what it can do of these attacks. What cannot even be asked is
// infeasible, too.
func (v *visit) inspect(ctx context.Context, asked []engine.Attack) (findings, error) {
	f := findings{infeasible: map[string]string{}, feasible: map[string]bool{}}
	var head []field
	labels := map[string]string{}
	for i, a := range asked {
		_, wire, err := v.c.define(ctx, a)
		if err != nil {
			f.infeasible[a.Name] = err.Error()
			continue
		}
		label := "a" + strconv.Itoa(i)
		labels[label] = a.Name
		head = append(head, field{"label", label}, field{"kind", a.Kind})
		head = append(head, fields(wire)...)
	}
	err := v.c.call(ctx, v.link, v.c.CommandTimeout, "inspect", head, v.show, func(word, rest string) { f.hear(word, rest, labels) })
	if err != nil {
		v.denied = errors.As(err, new(*SudoRefused))
		return findings{}, err
	}
	for _, name := range labels {
		if _, no := f.infeasible[name]; !no && !f.feasible[name] {
			f.infeasible[name] = "the host did not say whether it can"
		}
	}
	return f, nil
}

func (f *findings) hear(word, rest string, labels map[string]string) {
	key, value, _ := strings.Cut(rest, " ")
	switch word {
	case "fact":
		if key == "boot" || key == "boot_id" {
			f.boot = value
			return
		}
		if len(f.facts) < 32 {
			f.facts = append(f.facts, rest)
		}
	case "feasible":
		f.feasible[labels[key]] = true
	case "infeasible":
		if name, ok := labels[key]; ok {
			f.infeasible[name] = first(value, "the host gives no reason")
		}
	case "busy":
		f.busy = first(f.busy, busyWith(key, value))
	}
}

// busyWith makes a sentence of "ID AGE SENTENCE".
func busyWith(id, rest string) string {
	age, sentence, _ := strings.Cut(rest, " ")
	if _, err := strconv.Atoi(age); err != nil || sentence == "" {
		return strings.TrimSpace(id + " " + rest)
	}
	if id == "foreign" {
		return sentence
	}
	return fmt.Sprintf("%s (run %s, for %s s)", sentence, id, age)
}

// Facts are the findings as the core keeps them.
func (f findings) Facts(at time.Time) engine.Facts {
	facts := engine.Facts{At: at, Busy: f.busy, Summary: printable.Printable(strings.Join(f.facts, ", "))}
	if len(f.infeasible) > 0 {
		facts.Infeasible = maps.Clone(f.infeasible)
	}
	return facts
}

// Inspect looks at a host and says which of the attacks it can do, and whether something is going on
// there already. A host that cannot be reached, or will not run the runner, is Unreachable with the
// reason. Nothing is changed on the host.
func (c *Carrier) Inspect(ctx context.Context, h engine.Host, asked []engine.Attack) engine.Facts {
	ctx, end := c.begin(ctx)
	defer end()
	v, err := c.visit(ctx, h, forAttack, func(string) {})
	if err != nil {
		return engine.Facts{At: c.Clock.Now(), Unreachable: err.Error()}
	}
	f, err := v.inspect(ctx, asked)
	v.leave(err == nil)
	if err != nil {
		return engine.Facts{At: c.Clock.Now(), Unreachable: err.Error()}
	}
	return f.Facts(c.Clock.Now())
}

// proof is the host's answer to undo.
type proof struct {
	clean bool
	text  string // what it was, or what is left
}

// undo has the host take back whatever the run may have left, and prove it. An error means that the host
// did not answer; residue is an answer.
func (v *visit) undo(ctx context.Context, id string, limit time.Duration) (proof, error) {
	var p proof
	answered := false
	err := v.c.call(ctx, v.link, limit, "undo", []field{{"id", id}}, v.show, func(word, rest string) {
		switch word {
		case "clean":
			p, answered = proof{true, "nothing was left"}, true
		case "restored":
			p, answered = proof{true, "undone and proven"}, true
		case "residue":
			p, answered = proof{false, first(rest, "the host does not say what is left")}, true
		}
	})
	if answered && !p.clean {
		return p, nil
	}
	if err == nil && !answered {
		err = fmt.Errorf("undo on %s: the host did not say how it was left", v.host.Name)
	}
	return p, err
}

// Reconcile looks for what a run may have left on its host, undoes it and proves it. It tries once; the
// caller retries.
func (c *Carrier) Reconcile(ctx context.Context, run engine.Run) engine.Reconciled {
	ctx, end := c.begin(ctx)
	defer end()
	r := engine.Reconciled{Run: run.ID, Host: run.Host.Name}
	if !nameShape.MatchString(run.ID) {
		r.Text = fmt.Sprintf("%q is not the id of a run", printable.Printable(run.ID))
		return r
	}
	v, err := c.visit(ctx, run.Host, forUndo, func(string) {})
	if err != nil {
		r.Unreached, r.Text = true, err.Error()
		return r
	}
	p, err := v.undo(ctx, run.ID, c.undoLimit(run.Attack))
	v.leave(err == nil && p.clean)
	r.Clean, r.Text = p.clean && err == nil, p.text
	if err != nil { // the host's own guard may just have taken the runner away: nobody has looked
		r.Unreached, r.Text = true, err.Error()
	}
	return r
}

// undoLimit is how long the undo of that attack and its proof may take.
func (c *Carrier) undoLimit(a engine.Attack) time.Duration {
	return first(c.defs[a.Kind].UndoWithin, undoWithin) + c.pace.margin
}

// Sweep looks for leftovers of any run on a host and clears those whose guard is dead or late, or all of
// them if force is set. The lines tell what was found. Clean means that nothing of ours is left; faults
// that are not ours are reported and never touched.
func (c *Carrier) Sweep(ctx context.Context, h engine.Host, force bool) (engine.Reconciled, []string) {
	ctx, end := c.begin(ctx)
	defer end()
	r := engine.Reconciled{Host: h.Name}
	v, err := c.visit(ctx, h, forUndo, func(string) {})
	if err != nil {
		r.Unreached, r.Text = true, err.Error()
		return r, nil
	}
	var lines, kept []string
	err = v.c.call(ctx, v.link, c.CommandTimeout+undoWithin, "sweep", []field{{"force", flag(force)}}, v.show, func(word, rest string) {
		if len(lines) > 256 || !slices.Contains([]string{"cleared", "kept", "foreign"}, word) {
			return
		}
		lines = append(lines, word+" "+rest)
		if word == "kept" {
			kept = append(kept, rest)
		}
	})
	if stuck := (*NotOurs)(nil); err != nil && (len(kept) == 0 || errors.As(err, &stuck)) {
		v.leave(false)
		r.Unreached, r.Text = true, err.Error()
		return r, lines
	}
	v.leave(len(kept) == 0)
	r.Clean = len(kept) == 0
	// a fault that its guard still holds is somebody's, not a leftover: look again when its time is over
	r.Unreached = !r.Clean && !slices.ContainsFunc(kept, func(text string) bool { return !strings.Contains(text, "is armed or running") })
	r.Text = first(strings.Join(kept, "; "), first(strings.Join(lines, "; "), "nothing of ours was there"))
	r.Text = printable.Printable(r.Text)
	return r, lines
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}
