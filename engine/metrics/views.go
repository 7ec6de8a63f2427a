package metrics

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chaoscat/chaoscat/engine"
)

// views makes figures of the newest view at each scrape.
type views struct{ m *Metrics }

var _ prometheus.Collector = views{}

// figure is one name with how it is read from what is known. A figure that is not known has no sample.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(m *Metrics, k known, sample func(value float64, labels ...string))
}

type reader func(m *Metrics, k known, sample func(value float64, labels ...string))

func gauge(name, help string, read reader, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, read}
}

func counter(name, help string, read reader, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue, read}
}

// number is a figure of the view that is always there once there is a view.
func number(of func(k known) float64) reader {
	return func(_ *Metrics, k known, sample func(float64, ...string)) {
		if !k.heard.IsZero() {
			sample(of(k))
		}
	}
}

// moment is a time of the view, where it has one.
func moment(of func(k known) time.Time) reader {
	return func(_ *Metrics, k known, sample func(float64, ...string)) {
		if at := of(k); !at.IsZero() {
			sample(seconds(at))
		}
	}
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// oneOf is a state set: every word of the set has a sample, and one of them is 1.
func oneOf[T ~string](words []T, of func(k known) T) reader {
	return func(_ *Metrics, k known, sample func(float64, ...string)) {
		if k.heard.IsZero() {
			return
		}
		is := among(of(k), words)
		for _, w := range words {
			sample(flag(string(w) == is), string(w))
		}
		sample(flag(is == other), other)
	}
}

func ofGates(of func(g engine.GateView) (float64, bool)) reader {
	return func(_ *Metrics, k known, sample func(float64, ...string)) {
		for _, g := range k.Gates {
			if value, is := of(g); is {
				sample(value, g.Name, string(g.Kind))
			}
		}
	}
}

func ofHooks(of func(h Hook) float64) reader {
	return func(m *Metrics, _ known, sample func(float64, ...string)) {
		for _, h := range m.o.Hooks {
			sample(of(h), h.Name())
		}
	}
}

// figures are all that the view tells.
var figures = []figure{
	gauge("chaoscat_build_info", "What is running; always 1.", func(m *Metrics, _ known, sample func(float64, ...string)) {
		sample(1, m.o.Version, runtime.Version())
	}, "version", "goversion"),
	gauge("chaoscat_instance_info", "What this chaoscat is called, and the zone of its schedule; always 1.", func(_ *Metrics, k known, sample func(float64, ...string)) {
		if !k.heard.IsZero() {
			sample(1, k.Name, k.Zone)
		}
	}, "name", "zone"),
	gauge("chaoscat_engine_last_step_timestamp_seconds", "When the engine last looked at something. It does so at least at each schedule.check_every.", moment(func(k known) time.Time { return k.At })),
	gauge("chaoscat_journal_sequence", "Number of the newest record.", number(func(k known) float64 { return float64(k.LastSeq) })),
	gauge("chaoscat_dry_run", "Whether nothing is ever injected.", number(func(k known) float64 { return flag(k.DryRun) })),
	gauge("chaoscat_config_refused", "Whether another configuration was written than the one that holds: it could not be taken.", number(func(k known) float64 { return flag(k.refused()) })),
	gauge("chaoscat_state", "What the engine is doing; one of the states is 1.", oneOf(moods, func(k known) engine.Mood { return k.Mood }), "state"),
	gauge("chaoscat_verdict", "Why nothing is attacked just now, or Ready; one of the reasons is 1.", oneOf(reasons, func(k known) engine.Reason { return k.Verdict.Name }), "reason"),
	gauge("chaoscat_stopped", "Whether a stop holds until somebody resumes.", number(func(k known) float64 { return flag(k.Stopped != nil) })),
	gauge("chaoscat_stopped_timestamp_seconds", "Since when a stop holds; absent while none does.", moment(func(k known) time.Time {
		if k.Stopped == nil {
			return time.Time{}
		}
		return k.Stopped.At
	})),
	gauge("chaoscat_paused", "Whether the schedule is paused.", number(func(k known) float64 { return flag(k.Paused != nil) })),
	gauge("chaoscat_runs_in_flight", "Hosts under attack, or being undone.", number(func(k known) float64 { return float64(len(k.Running)) })),
	gauge("chaoscat_orders_pending", "Orders that wait for other people to want them too.", number(func(k known) float64 { return float64(len(k.Pending)) })),
	gauge("chaoscat_next_attack_timestamp_seconds", "When the next attack may begin; absent while none is drawn.", moment(func(k known) time.Time { return k.NextAt })),
	gauge("chaoscat_window_open", "Whether it is business hours.", number(func(k known) float64 { return flag(k.Window.Open) })),
	gauge("chaoscat_window_change_timestamp_seconds", "When the window closes or opens next.", moment(func(k known) time.Time {
		if k.Window.Open {
			return k.Window.Closes
		}
		return k.Window.Opens
	})),
	gauge("chaoscat_gate_clear", "Whether the gate lets attacks through.", ofGates(func(g engine.GateView) (float64, bool) { return flag(g.Clear), true }), "gate", "kind"),
	gauge("chaoscat_gate_last_answer_timestamp_seconds", "When the gate last answered, well or not; absent before it did.", ofGates(func(g engine.GateView) (float64, bool) {
		return seconds(g.At), !g.At.IsZero()
	}), "gate", "kind"),
	gauge("chaoscat_hosts", "Hosts of the inventory.", number(func(k known) float64 { return float64(k.Total) })),
	gauge("chaoscat_hosts_eligible", "Hosts that may be drawn just now.", number(func(k known) float64 { return float64(k.Eligible) })),
	gauge("chaoscat_hosts_barred", "Hosts that the configuration keeps out of every draw, or whose source has not been readable for too long.", number(barred)),
	gauge("chaoscat_hosts_residue", "Hosts that need a person. Nothing is attacked before there are none.", number(func(k known) float64 { return float64(len(k.Hosts.Residue)) })),
	gauge("chaoscat_hosts_excluded", "Hosts that were taken out by hand.", number(func(k known) float64 { return float64(len(k.Hosts.Excluded)) })),
	gauge("chaoscat_hosts_surveyed", "Hosts that the background look has looked at.", number(func(k known) float64 { return float64(k.Survey.Len()) })),
	gauge("chaoscat_hosts_unreachable", "Hosts that it could not log in to.", number(unreachable)),
	counter("chaoscat_webhook_delivered_total", "Messages that arrived.", ofHooks(func(h Hook) float64 { return float64(h.Stats().Delivered) }), "webhook"),
	counter("chaoscat_webhook_failures_total", "Tries that failed.", ofHooks(func(h Hook) float64 { return float64(h.Stats().Failed) }), "webhook"),
	counter("chaoscat_webhook_dropped_total", "Records that never arrived.", ofHooks(func(h Hook) float64 { return float64(h.Stats().Dropped) }), "webhook"),
	gauge("chaoscat_webhook_waiting", "Records that wait to be told.", ofHooks(func(h Hook) float64 { return float64(h.Stats().Waiting) }), "webhook"),
	gauge("chaoscat_webhook_gone", "Whether the receiver wants no more (410).", ofHooks(func(h Hook) float64 { return flag(h.Stats().Gone) }), "webhook"),
}

func barred(k known) float64 {
	n := 0
	for _, h := range k.Roster.Hosts() {
		if h.Barred != "" {
			n++
		}
	}
	return float64(n)
}

func unreachable(k known) float64 {
	n := 0
	if k.Survey != nil {
		for _, s := range k.Survey.Hosts {
			if s.Unreachable != "" {
				n++
			}
		}
	}
	return float64(n)
}

// Describe names every figure.
func (v views) Describe(into chan<- *prometheus.Desc) {
	for _, f := range figures {
		into <- f.desc
	}
}

// Collect reads every figure from one and the same moment.
func (v views) Collect(into chan<- prometheus.Metric) {
	k := v.m.known()
	for _, f := range figures {
		f.read(v.m, k, func(value float64, labels ...string) {
			into <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
		})
	}
}
