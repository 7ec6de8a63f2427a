package journal

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Recovered is what all records add up to, and what an engine must know of its earlier lives. The package
// comment says which record does what. The zero value is that of an empty journal.
type Recovered struct {
	Open     []engine.Run                `json:"open,omitempty"` // intents without a proven undo, oldest first
	Stopped  *engine.Latch               `json:"stopped,omitempty"`
	Paused   *engine.Pause               `json:"paused,omitempty"` // may have run out
	Excluded map[string]engine.Exclusion `json:"excluded,omitempty"`
	Attacked map[string]engine.Attacked  `json:"attacked,omitempty"` // host → its latest attack
	Residue  map[string]engine.Leftover  `json:"residue,omitempty"`
	Orders   map[string]engine.Settled   `json:"orders,omitempty"`  // run-once orders by id: the latest thousands
	Ended    []time.Time                 `json:"ended,omitempty"`   // of the last two days, oldest first: attacks that a host felt
	Unswept  bool                        `json:"unswept,omitempty"` // see Recovery.Torn
	Recent   []engine.Record             `json:"recent,omitempty"`  // the latest outcomes, newest first
	LastSeq  uint64                      `json:"last_seq"`          // the highest Record.Seq
}

const (
	keptOrders = 4096
	keptRecent = 20
	keptEnded  = 50 * time.Hour // a day has at most 25 hours, and began at most so long ago
)

// Replay folds records, in their order, from nothing.
func Replay(records []engine.Record) Recovered {
	var r Recovered
	for _, record := range records {
		r.Take(record)
	}
	return r
}

// Today counts the attacks that a host felt and that ended on the date that now has in the zone.
func (r Recovered) Today(now time.Time, zone *time.Location) int {
	y, m, d := now.In(zone).Date()
	n := 0
	for _, at := range r.Ended {
		if ay, am, ad := at.In(zone).Date(); ay == y && am == m && ad == d {
			n++
		}
	}
	return n
}

// Take adds one record.
func (r *Recovered) Take(record engine.Record) {
	r.LastSeq = max(r.LastSeq, record.Seq)
	switch record.Kind {
	case engine.Intent:
		r.intent(record)
	case engine.PhaseNew:
		r.phase(record)
	case engine.Closed:
		r.closed(record)
	case engine.ResidueNew:
		r.residue(record, record.Host, strings.TrimPrefix(record.Text, "RESIDUE on "+record.Host+": "))
	case engine.Cleared:
		r.cleared(record)
	case engine.OrderGiven:
		r.order(record)
	}
}

// entry adds a whole entry.
func (r *Recovered) entry(e Entry) {
	if e.Carried != nil {
		r.carry(*e.Carried)
	}
	r.Unswept = (r.Unswept || e.Torn) && !e.swept()
	for _, record := range e.Records {
		r.Take(record)
	}
}

// carry begins from what earlier files add up to. It replaces: a file that is carried into is read alone.
func (r *Recovered) carry(c Recovered) {
	last := max(r.LastSeq, c.LastSeq)
	*r = c.clone()
	r.LastSeq = last
}

func (r *Recovered) intent(record engine.Record) {
	if record.Intent == nil {
		return
	}
	run := *record.Intent
	r.Open = slices.DeleteFunc(r.Open, func(o engine.Run) bool { return o.ID == run.ID })
	r.Open = append(r.Open, run)
	if run.Order != "" {
		r.settle(run.Order, engine.Settled{At: record.At, Run: cmp.Or(run.Of, run.ID)})
	}
}

func (r *Recovered) phase(record engine.Record) {
	for i := range r.Open {
		if r.Open[i].ID == record.Run && record.Phase != "" {
			r.Open[i].Phase, r.Open[i].Since = record.Phase, record.At
		}
	}
}

func (r *Recovered) closed(record engine.Record) {
	o := record.Outcome
	if o == nil {
		return
	}
	r.Recent = append([]engine.Record{record}, r.Recent[:min(len(r.Recent), keptRecent-1)]...)
	i := r.open(record.Run)
	host := record.Host
	if i >= 0 {
		host = cmp.Or(host, r.Open[i].Host.Name)
	}
	if o.Applied {
		r.felt(record, host)
	}
	if o.Undo == engine.Residue {
		r.residue(record, host, cmp.Or(o.Detail, record.Text))
	}
	switch {
	case proven(*o):
		r.drop(func(run engine.Run) bool { return run.ID == record.Run })
	case i >= 0:
		r.Open[i].Settled = true
	}
}

// felt notes an attack from which the host must rest, and which counts for the day.
func (r *Recovered) felt(record engine.Record, host string) {
	at := record.At
	if end := record.Outcome.At; !end.IsZero() {
		at = end
	}
	put(&r.Attacked, host, engine.Attacked{At: at, Run: record.Run, Attack: record.Attack, Effect: record.Outcome.Effect})
	r.Ended = append(r.Ended, at)
	for at.Sub(r.Ended[0]) > keptEnded {
		r.Ended = r.Ended[1:]
	}
}

// residue keeps what was found first: that is what a person must look for.
func (r *Recovered) residue(record engine.Record, host, text string) {
	if _, known := r.Residue[host]; !known && host != "" {
		put(&r.Residue, host, engine.Leftover{Since: record.At, Run: record.Run, Text: text})
	}
}

// proven tells whether the host is known to be as it was.
func proven(o engine.Outcome) bool {
	return o.Undo == engine.Restored || (o.Undo == "" && !o.Applied)
}

func (r *Recovered) cleared(record engine.Record) {
	if record.Host == "" {
		r.drop(func(run engine.Run) bool { return run.ID == record.Run })
		return
	}
	r.drop(func(run engine.Run) bool { return run.Host.Name == record.Host })
	delete(r.Residue, record.Host)
}

func (r *Recovered) order(record engine.Record) {
	o := record.Order
	if o == nil {
		return
	}
	refused := record.Verdict != nil && record.Verdict.Name != engine.Ready
	host := cmp.Or(record.Host, o.Host)
	switch {
	case o.Kind == engine.Stop:
		r.Stopped = cmp.Or(record.Latch, &engine.Latch{At: record.At, By: o.By, Door: o.Door, Reason: o.Reason})
	case o.Kind == engine.RunOnce:
		r.runOnce(record, refused)
	case refused:
	case o.Kind == engine.Resume:
		r.Stopped, r.Paused = nil, nil
	case o.Kind == engine.PauseIt:
		r.Paused = cmp.Or(record.Pause, r.Paused)
	case o.Kind == engine.Exclude && record.Exclude != nil:
		put(&r.Excluded, host, *record.Exclude)
	case o.Kind == engine.Include:
		delete(r.Excluded, host)
	}
}

func (r *Recovered) runOnce(record engine.Record, refused bool) {
	switch {
	case refused:
		r.settle(record.Order.ID, engine.Settled{At: record.At, Run: record.Run, Refusal: record.Verdict})
	case record.Run != "":
		r.settle(record.Order.ID, engine.Settled{At: record.At, Run: record.Run})
	}
}

// settle keeps the first answer: a repeated order gets that one.
func (r *Recovered) settle(id string, s engine.Settled) {
	if _, has := r.Orders[id]; has || id == "" {
		return
	}
	put(&r.Orders, id, s)
	if len(r.Orders) > 2*keptOrders {
		r.forgetOrders()
	}
}

func (r *Recovered) forgetOrders() {
	ids := slices.SortedFunc(maps.Keys(r.Orders), func(a, b string) int {
		return cmp.Or(r.Orders[a].At.Compare(r.Orders[b].At), cmp.Compare(a, b))
	})
	for _, id := range ids[:len(ids)-keptOrders] {
		delete(r.Orders, id)
	}
}

func (r *Recovered) open(run string) int {
	return slices.IndexFunc(r.Open, func(o engine.Run) bool { return o.ID == run })
}

func (r *Recovered) drop(gone func(engine.Run) bool) { r.Open = slices.DeleteFunc(r.Open, gone) }

// clone shares nothing that the fold changes later.
func (r Recovered) clone() Recovered {
	r.Open, r.Ended = slices.Clone(r.Open), slices.Clone(r.Ended)
	r.Excluded, r.Attacked = maps.Clone(r.Excluded), maps.Clone(r.Attacked)
	r.Residue, r.Orders = maps.Clone(r.Residue), maps.Clone(r.Orders)
	r.Recent = slices.Clone(r.Recent)
	return r
}

func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}
