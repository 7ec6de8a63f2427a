package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// past is the pane of the last outcomes, newest first. What one order did to many hosts is one outcome there,
// counted over all of its records: a snapshot carries no more than the last few.
type past struct {
	wholes []*whole        // newest last
	ended  []engine.Record // outcomes, newest last
}

// whole is the outcomes of the runs of one order.
type whole struct {
	of, attack string
	at         time.Time // of the last one
	hosts      int
	effects    map[engine.Effect]int
	undos      map[engine.Undo]int
	worst      engine.Outcome

	running int  // parts that were seen to run, and still do
	seen    int  // parts that were ever seen to run at once
	told    bool // the output has the sum
}

const wholesKept = 100

// learn counts an outcome.
func (p *past) learn(r engine.Record) {
	if r.Kind != engine.Closed || r.Of == "" || r.Outcome == nil {
		return
	}
	p.find(r.Of).add(r)
}

func (w *whole) add(r engine.Record) {
	w.attack, w.at, w.hosts = r.Attack, r.At, w.hosts+1
	w.effects[r.Outcome.Effect]++
	w.undos[r.Outcome.Undo]++
	if w.hosts == 1 || badness(*r.Outcome) > badness(w.worst) {
		w.worst = *r.Outcome
	}
}

// badness orders outcomes by how much they need a person.
func badness(o engine.Outcome) int {
	if o.Undo == engine.Residue {
		return 100
	}
	return slices.Index([]engine.Effect{engine.Effective, engine.Refused, engine.Infeasible, engine.Weak, engine.NoEffect, engine.Unverifiable}, o.Effect)
}

// effectOrder is the order in which effects are told.
var effectOrder = []engine.Effect{engine.Effective, engine.Weak, engine.NoEffect, engine.Unverifiable, engine.Refused, engine.Infeasible}

func (p *past) find(of string) *whole {
	if i := slices.IndexFunc(p.wholes, func(w *whole) bool { return w.of == of }); i >= 0 {
		return p.wholes[i]
	}
	w := newWhole(of)
	p.wholes = append(p.wholes, w)
	if len(p.wholes) > wholesKept {
		p.wholes = slices.Delete(p.wholes, 0, 1)
	}
	return w
}

func newWhole(of string) *whole {
	return &whole{of: of, effects: map[engine.Effect]int{}, undos: map[engine.Undo]int{}}
}

// over takes over what runs, and returns what has ended since, once all of its outcomes are known.
func (p *past) over(s *scene) (ended []*whole) {
	running := map[string]int{}
	for i := range s.Running {
		if of := s.Running[i].Of; of != "" {
			running[of]++
		}
	}
	for of, n := range running {
		w := p.find(of)
		w.seen = max(w.seen, n)
	}
	for _, w := range p.wholes {
		w.running = running[w.of]
		if w.running == 0 && w.seen > 0 && w.hosts >= w.seen && !w.told {
			w.told = true
			ended = append(ended, w)
		}
	}
	return ended
}

// sentence is the whole in a few words: "blackhole on 1,000 hosts: 996 effective, 3 weak, 1 refused; restored 1,000".
func (w *whole) sentence() string {
	var did, left []string
	for _, e := range effectOrder {
		if n := w.effects[e]; n > 0 {
			did = append(did, thousands(n)+" "+string(e))
		}
	}
	for _, u := range []engine.Undo{engine.Restored, engine.Residue} {
		if n := w.undos[u]; n > 0 {
			left = append(left, string(u)+" "+thousands(n))
		}
	}
	text := onHosts(w.attack, w.hosts) + ": " + strings.Join(did, ", ")
	if len(left) > 0 {
		text += "; " + strings.Join(left, ", ")
	}
	if w.running > 0 {
		text += fmt.Sprintf("; %s still running", thousands(w.running))
	}
	return text
}

func (p *past) view(k *look, s *scene, r rect) pane {
	box, told := pane{title: "Recent attacks"}, map[string]bool{}
	if len(s.Recent) == 0 && s.known {
		box.rows = append(box.rows, k.newLine(max(0, r.w-2)).put(k.dim, " none yet").String())
	}
	for i, rec := range s.Recent {
		switch {
		case len(box.rows) >= r.h-2:
			return box
		case rec.Outcome == nil || told[rec.Of] && rec.Of != "":
		case rec.Of == "":
			box.rows = append(box.rows, recentRow(k, s, rec, r.w-2))
		default:
			told[rec.Of] = true
			box.rows = append(box.rows, wholeRows(k, s, p.whole(s.Recent[i:], rec.Of), r.w-2)...)
		}
	}
	return box
}

// whole is what is known of the runs of one order: by all records, or, before those have been read, by the few
// that a snapshot carries.
func (p *past) whole(recent []engine.Record, of string) *whole {
	few := newWhole(of)
	for _, rec := range slices.Backward(recent) {
		if rec.Of == of && rec.Outcome != nil {
			few.add(rec)
		}
	}
	i := slices.IndexFunc(p.wholes, func(w *whole) bool { return w.of == of })
	if i >= 0 && p.wholes[i].hosts >= few.hosts {
		return p.wholes[i]
	}
	return few
}

// wholeRows is a sentence in as many lines as it needs, three at most.
func wholeRows(k *look, s *scene, w *whole, width int) (rows []string) {
	glyph, in := k.outcome(w.worst)
	for i, text := range k.wrap(w.sentence(), width-14, 3) {
		l := k.newLine(width).put(ink{}, " ")
		if i == 0 {
			l.cell(k.dim, s.at(w.at), 9).cell(in, glyph, 1)
		}
		rows = append(rows, l.to(13).put(ink{}, text).String())
	}
	return rows
}

func recentRow(k *look, s *scene, rec engine.Record, w int) string {
	glyph, in := k.outcome(*rec.Outcome)
	at, clock := s.at(rec.At), 9
	if w < 56 { // the outcome matters more than the second: 14:47, or Wed
		clock = 5
		at, _, _ = strings.Cut(at[:min(len(at), clock)], " ")
	}
	l := k.newLine(w).put(ink{}, " ").cell(k.dim, at, clock).cell(in, glyph, 1)
	effect, undo, room := string(rec.Outcome.Effect), string(rec.Outcome.Undo), 22
	if w-l.used-room < 24 {
		effect, undo = brieflyEnded(*rec.Outcome)
		room = 17
	}
	names := max(8, (w-l.used-room-2)/2)
	l.cell(ink{}, rec.Attack, min(14, names)).cell(ink{}, rec.Host, min(20, names))
	return l.put(in, effect).put(ink{}, " "+undo).String()
}

// brieflyEnded is an outcome in words that stay whole in a narrow pane.
func brieflyEnded(o engine.Outcome) (effect, undo string) {
	effect, undo = string(o.Effect), string(o.Undo)
	switch o.Effect {
	case engine.Unverifiable:
		effect = "unproven"
	case engine.Infeasible:
		effect = "unfit"
	}
	if o.Undo == engine.Restored {
		undo = "undone"
	}
	return effect, undo
}
