package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// entry is one line of output.
type entry struct {
	at   time.Time
	host string
	text string
	kind engine.RecordKind
	end  *engine.Outcome
}

// output is the pane of what happened. It keeps the last [keep] lines in a ring, draws those that are
// seen, and follows until somebody scrolls up.
type output struct {
	ring    []entry
	added   int  // lines ever added
	reading bool // scrolled up: nothing moves under the reader's eyes
	bottom  int  // while reading: number of the line below the last one shown
	shown   int  // how many lines were shown, last time
	trouble string
}

// learn adds records, and says where some are missing.
func (o *output) learn(records []engine.Record, dropped int) {
	if dropped > 0 {
		o.add(entry{text: fmt.Sprintf("... %s not shown", plural(dropped, "line"))})
	}
	for _, r := range records {
		o.add(entry{at: r.At, host: speaker(r), text: sentence(r), kind: r.Kind, end: r.Outcome})
	}
}

func (o *output) add(e entry) {
	if len(o.ring) < keep {
		o.ring = append(o.ring, e)
	} else {
		o.ring[o.added%keep] = e
	}
	o.added++
}

// speaker is who a line is about: the host, or the part of the engine that speaks.
func speaker(r engine.Record) string {
	switch {
	case r.Host != "":
		return r.Host
	case r.By != "":
		return r.By
	}
	return string(r.Kind)
}

// sentence is the text of a record; one without a text is told by what it is.
func sentence(r engine.Record) string {
	if r.Text != "" {
		return r.Text
	}
	return strings.Join(strings.Fields(strings.Join([]string{string(r.Kind), r.Attack, string(r.Phase), r.Run}, " ")), " ")
}

// oldest is the number of the first line that is still kept.
func (o *output) oldest() int { return o.added - len(o.ring) }

func (o *output) follow() { o.reading = false }

// toggle is the key that follows, and that holds still when it already does.
func (o *output) toggle() { o.bottom, o.reading = o.added, !o.reading }

// move scrolls. Going up stops following; arriving at the end follows again.
func (o *output) move(m motion) {
	if !o.reading {
		o.bottom = o.added
	}
	first := o.oldest() + min(o.shown, len(o.ring))
	o.bottom = first + m.apply(o.bottom-first, o.shown, o.added-first)
	o.reading = o.bottom < o.added
}

func (o *output) view(k *look, s *scene, r rect) pane {
	w, h := r.w-2, r.h-2
	o.shown = h
	end := o.added
	p := pane{title: "3 Output  following", note: plural(o.added, "line")}
	if o.reading {
		o.bottom = max(o.bottom, min(o.added, o.oldest()+h))
		end = o.bottom
		p.title = fmt.Sprintf("3 Output  PAUSED, %s below, G follows", plural(o.added-end, "line"))
	}
	if o.trouble != "" {
		p.title += "  (" + o.trouble + ")"
	}
	name := max(9, min(24, w/8))
	for i := max(o.oldest(), end-h); i < end; i++ {
		p.rows = append(p.rows, entryRow(k, s, o.ring[i%keep], name, w))
	}
	return p
}

func entryRow(k *look, s *scene, e entry, name, w int) string {
	l := k.newLine(w).put(ink{}, " ")
	if !e.at.IsZero() {
		l.put(k.dim, e.at.In(s.zone).Format("15:04:05"))
	}
	glyph, in := entryMark(k, e)
	return l.to(10).cell(ink{}, e.host, name).cell(in, glyph, 1).put(in, e.text).String()
}

// entryMark is what sets a line apart from the output of hosts.
func entryMark(k *look, e entry) (string, ink) {
	switch e.kind {
	case engine.Closed:
		if e.end != nil {
			return k.outcome(*e.end)
		}
	case engine.ResidueNew:
		return strings.ToUpper(k.broken), k.alarm
	case engine.Cleared:
		return k.yes, k.good
	case engine.OrderGiven:
		return k.pick, k.strong
	case engine.Intent, engine.PhaseNew:
		return k.fire, ink{}
	case engine.VerdictNew, engine.GateTurned:
		return k.wait, k.warn
	case engine.Line:
		return "", ink{}
	}
	return "", k.dim
}
