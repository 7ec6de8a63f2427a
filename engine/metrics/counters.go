package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chaoscat/chaoscat/engine"
)

// counters is what only ever grows.
type counters struct {
	runs, started, orders, records *prometheus.CounterVec
	turns, residue, missed         prometheus.Counter
	undo, stop                     prometheus.Histogram
}

func newCounters() counters {
	many := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	one := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	lasting := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120}})
	}
	return counters{
		runs:    many("chaoscat_runs_total", "Runs that have ended, by what they were measured to do and how the host was left.", "attack", "outcome", "undo"),
		started: many("chaoscat_runs_started_total", "Runs that were written down to be carried out.", "attack", "trigger"),
		orders:  many("chaoscat_orders_total", "Orders of people.", "kind", "door", "answer"),
		records: many("chaoscat_records_total", "Records, output of hosts included.", "kind"),
		turns:   one("chaoscat_gate_turns_total", "Times that a gate has changed its mind."),
		residue: one("chaoscat_residue_total", "Times that a host could not be proven clean."),
		missed:  one("chaoscat_records_missed_total", "Records that came too fast to be counted here."),
		undo:    lasting("chaoscat_undo_duration_seconds", "From the beginning of an undo until the host was proven restored."),
		stop:    lasting("chaoscat_stop_duration_seconds", "From an order to stop until a host under attack was proven restored."),
	}
}

func (c counters) all() []prometheus.Collector {
	return []prometheus.Collector{c.runs, c.started, c.orders, c.records, c.turns, c.residue, c.missed, c.undo, c.stop}
}

// begin makes the series of an attack that may be expected.
func (c counters) begin(attack string) {
	for _, trigger := range triggers {
		c.started.WithLabelValues(attack, string(trigger))
	}
	for _, effect := range effects {
		if effect == engine.Refused || effect == engine.Infeasible {
			c.runs.WithLabelValues(attack, string(effect), undoWord(""))
			continue
		}
		c.runs.WithLabelValues(attack, string(effect), string(engine.Restored))
		c.runs.WithLabelValues(attack, string(effect), string(engine.Residue))
	}
}
