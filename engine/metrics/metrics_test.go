package metrics

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

type hook struct{}

func (hook) Name() string { return "audit" }
func (hook) Stats() webhook.Stats {
	return webhook.Stats{Delivered: 5, Failed: 4, Dropped: 3, Waiting: 2, Gone: true}
}

func view() engine.Snapshot {
	roster := engine.NewRoster([]engine.Host{{Name: "web-1", Address: "10.0.0.1", Port: 22}, {Name: "db-1", Address: "10.0.0.2", Port: 22, Barred: "excluded"}})
	return engine.Snapshot{
		At: noon, Name: "prod-eu", Zone: "Europe/Paris", DryRun: true, Mood: engine.MoodAttacking, LastSeq: 42,
		Verdict: engine.Verdict{Name: engine.AtLimit, Sentence: "one is running"},
		Stopped: &engine.Latch{At: noon.Add(-time.Hour), By: "ada", Door: "ssh"}, Window: engine.WindowView{Open: true, Closes: noon.Add(4 * time.Hour)},
		Running: []engine.Run{{ID: "r1"}}, Attacks: []engine.Attack{{Name: "cpu"}}, Total: 10, Eligible: 7, NextAt: noon.Add(time.Minute),
		Hosts:  engine.HostFacts{Residue: map[string]engine.Leftover{"web-1": {}}, Excluded: map[string]engine.Exclusion{"web-2": {}}},
		Roster: roster,
		Survey: &engine.Survey{Hosts: map[string]engine.Sighting{"web-1": {Unreachable: "no"}, "web-2": {}}},
		Gates:  []engine.GateView{{Name: "status page", Kind: engine.Health, Clear: true, At: noon.Add(-time.Second)}, {Name: "oncall", Kind: engine.OnCall}},
	}
}

// day is two runs, one of them stopped, with what was said meanwhile.
func day() []engine.Record {
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	run := func(id string, seq uint64, s int, kind engine.RecordKind, r engine.Record) engine.Record {
		r.Seq, r.At, r.Kind, r.Run, r.Attack, r.Host = seq, at(s), kind, id, "cpu", "web-1"
		return r
	}
	ended := func(u engine.Undo) engine.Record {
		return engine.Record{Outcome: &engine.Outcome{Effect: engine.Effective, Undo: u}}
	}
	return []engine.Record{
		run("r0", 1, 0, engine.Intent, engine.Record{Intent: &engine.Run{Trigger: engine.BySchedule}}),
		run("r0", 2, 60, engine.PhaseNew, engine.Record{Phase: engine.Undoing}),
		run("r0", 3, 62, engine.Closed, ended(engine.Restored)),
		run("r1", 4, 70, engine.Intent, engine.Record{Intent: &engine.Run{Trigger: engine.ByOrder}}),
		{Seq: 5, At: at(80), Kind: engine.OrderGiven, Door: "slack", Order: &engine.Order{Kind: engine.Stop}, Latch: &engine.Latch{}},
		run("r1", 6, 80, engine.PhaseNew, engine.Record{Phase: engine.Undoing}),
		{Seq: 7, At: at(81), Kind: engine.OrderGiven, Door: "a door nobody knows", Order: &engine.Order{Kind: engine.RunOnce}, Verdict: &engine.Verdict{}},
		{Seq: 8, At: at(81), Kind: engine.GateTurned},
		run("r1", 9, 84, engine.Closed, ended(engine.Restored)),
		run("r2", 10, 90, engine.Closed, ended(engine.Residue)),
		{Seq: 11, At: at(90), Kind: engine.ResidueNew},
	}
}

func told(t *testing.T) *Metrics {
	t.Helper()
	m := New(Options{Version: "1.2.3", Now: func() time.Time { return noon }, Quiet: time.Minute, Hooks: []Hook{hook{}}})
	m.Hear(view(), day(), 0)
	return m
}

func expect(t *testing.T, m *Metrics, want string, names ...string) {
	t.Helper()
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestNamesLabelsAndUnitsAreByTheBook(t *testing.T) {
	problems, err := testutil.GatherAndLint(told(t).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "chaoscat_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestTheViewIsTold(t *testing.T) {
	expect(t, told(t), `
# HELP chaoscat_config_refused Whether another configuration was written than the one that holds: it could not be taken.
# TYPE chaoscat_config_refused gauge
chaoscat_config_refused 0
# HELP chaoscat_dry_run Whether nothing is ever injected.
# TYPE chaoscat_dry_run gauge
chaoscat_dry_run 1
# HELP chaoscat_engine_last_step_timestamp_seconds When the engine last looked at something. It does so at least at each schedule.check_every.
# TYPE chaoscat_engine_last_step_timestamp_seconds gauge
chaoscat_engine_last_step_timestamp_seconds 1.7724528e+09
# HELP chaoscat_gate_clear Whether the gate lets attacks through.
# TYPE chaoscat_gate_clear gauge
chaoscat_gate_clear{gate="oncall",kind="oncall"} 0
chaoscat_gate_clear{gate="status page",kind="health"} 1
# HELP chaoscat_gate_last_answer_timestamp_seconds When the gate last answered, well or not; absent before it did.
# TYPE chaoscat_gate_last_answer_timestamp_seconds gauge
chaoscat_gate_last_answer_timestamp_seconds{gate="status page",kind="health"} 1.772452799e+09
# HELP chaoscat_hosts_barred Hosts that the configuration keeps out of every draw, or whose source has not been readable for too long.
# TYPE chaoscat_hosts_barred gauge
chaoscat_hosts_barred 1
# HELP chaoscat_hosts_residue Hosts that need a person. Nothing is attacked before there are none.
# TYPE chaoscat_hosts_residue gauge
chaoscat_hosts_residue 1
# HELP chaoscat_hosts_unreachable Hosts that it could not log in to.
# TYPE chaoscat_hosts_unreachable gauge
chaoscat_hosts_unreachable 1
# HELP chaoscat_instance_info What this chaoscat is called, and the zone of its schedule; always 1.
# TYPE chaoscat_instance_info gauge
chaoscat_instance_info{name="prod-eu",zone="Europe/Paris"} 1
# HELP chaoscat_state What the engine is doing; one of the states is 1.
# TYPE chaoscat_state gauge
chaoscat_state{state="armed"} 0
chaoscat_state{state="attacking"} 1
chaoscat_state{state="closed"} 0
chaoscat_state{state="held"} 0
chaoscat_state{state="other"} 0
chaoscat_state{state="paused"} 0
chaoscat_state{state="stopped"} 0
chaoscat_state{state="undoing"} 0
# HELP chaoscat_stopped Whether a stop holds until somebody resumes.
# TYPE chaoscat_stopped gauge
chaoscat_stopped 1
# HELP chaoscat_stopped_timestamp_seconds Since when a stop holds; absent while none does.
# TYPE chaoscat_stopped_timestamp_seconds gauge
chaoscat_stopped_timestamp_seconds 1.7724492e+09
# HELP chaoscat_webhook_dropped_total Records that never arrived.
# TYPE chaoscat_webhook_dropped_total counter
chaoscat_webhook_dropped_total{webhook="audit"} 3
`, "chaoscat_config_refused", "chaoscat_hosts_barred", "chaoscat_dry_run", "chaoscat_engine_last_step_timestamp_seconds", "chaoscat_gate_clear", "chaoscat_gate_last_answer_timestamp_seconds", "chaoscat_hosts_residue",
		"chaoscat_hosts_unreachable", "chaoscat_instance_info", "chaoscat_state", "chaoscat_stopped", "chaoscat_stopped_timestamp_seconds", "chaoscat_webhook_dropped_total")
}

func TestRunsOrdersAndTimesAreCounted(t *testing.T) {
	expect(t, told(t), `
# HELP chaoscat_orders_total Orders of people.
# TYPE chaoscat_orders_total counter
chaoscat_orders_total{answer="obeyed",door="slack",kind="stop"} 1
chaoscat_orders_total{answer="refused",door="other",kind="run-once"} 1
# HELP chaoscat_residue_total Times that a host could not be proven clean.
# TYPE chaoscat_residue_total counter
chaoscat_residue_total 1
# HELP chaoscat_runs_started_total Runs that were written down to be carried out.
# TYPE chaoscat_runs_started_total counter
chaoscat_runs_started_total{attack="cpu",trigger="run-once"} 1
chaoscat_runs_started_total{attack="cpu",trigger="schedule"} 1
# HELP chaoscat_runs_total Runs that have ended, by what they were measured to do and how the host was left.
# TYPE chaoscat_runs_total counter
chaoscat_runs_total{attack="cpu",outcome="effective",undo="residue"} 1
chaoscat_runs_total{attack="cpu",outcome="effective",undo="restored"} 2
chaoscat_runs_total{attack="cpu",outcome="infeasible",undo="none"} 0
chaoscat_runs_total{attack="cpu",outcome="no-effect",undo="residue"} 0
chaoscat_runs_total{attack="cpu",outcome="no-effect",undo="restored"} 0
chaoscat_runs_total{attack="cpu",outcome="refused",undo="none"} 0
chaoscat_runs_total{attack="cpu",outcome="unverifiable",undo="residue"} 0
chaoscat_runs_total{attack="cpu",outcome="unverifiable",undo="restored"} 0
chaoscat_runs_total{attack="cpu",outcome="weak",undo="residue"} 0
chaoscat_runs_total{attack="cpu",outcome="weak",undo="restored"} 0
# HELP chaoscat_stop_duration_seconds From an order to stop until a host under attack was proven restored.
# TYPE chaoscat_stop_duration_seconds histogram
chaoscat_stop_duration_seconds_bucket{le="0.1"} 0
chaoscat_stop_duration_seconds_bucket{le="0.25"} 0
chaoscat_stop_duration_seconds_bucket{le="0.5"} 0
chaoscat_stop_duration_seconds_bucket{le="1"} 0
chaoscat_stop_duration_seconds_bucket{le="2.5"} 0
chaoscat_stop_duration_seconds_bucket{le="5"} 1
chaoscat_stop_duration_seconds_bucket{le="10"} 1
chaoscat_stop_duration_seconds_bucket{le="15"} 1
chaoscat_stop_duration_seconds_bucket{le="30"} 1
chaoscat_stop_duration_seconds_bucket{le="60"} 1
chaoscat_stop_duration_seconds_bucket{le="120"} 1
chaoscat_stop_duration_seconds_bucket{le="+Inf"} 1
chaoscat_stop_duration_seconds_sum 4
chaoscat_stop_duration_seconds_count 1
# HELP chaoscat_undo_duration_seconds From the beginning of an undo until the host was proven restored.
# TYPE chaoscat_undo_duration_seconds histogram
chaoscat_undo_duration_seconds_bucket{le="0.1"} 0
chaoscat_undo_duration_seconds_bucket{le="0.25"} 0
chaoscat_undo_duration_seconds_bucket{le="0.5"} 0
chaoscat_undo_duration_seconds_bucket{le="1"} 0
chaoscat_undo_duration_seconds_bucket{le="2.5"} 1
chaoscat_undo_duration_seconds_bucket{le="5"} 2
chaoscat_undo_duration_seconds_bucket{le="10"} 2
chaoscat_undo_duration_seconds_bucket{le="15"} 2
chaoscat_undo_duration_seconds_bucket{le="30"} 2
chaoscat_undo_duration_seconds_bucket{le="60"} 2
chaoscat_undo_duration_seconds_bucket{le="120"} 2
chaoscat_undo_duration_seconds_bucket{le="+Inf"} 2
chaoscat_undo_duration_seconds_sum 6
chaoscat_undo_duration_seconds_count 2
`, "chaoscat_orders_total", "chaoscat_residue_total", "chaoscat_runs_started_total", "chaoscat_runs_total", "chaoscat_stop_duration_seconds", "chaoscat_undo_duration_seconds")
}

func TestNoSeriesAndNoMemoryGrowWithTheFleetOrWithWhatComesFromOutside(t *testing.T) {
	m := told(t)
	m.Hear(view(), []engine.Record{strange(0), {Kind: engine.OrderGiven, Door: "x", Order: &engine.Order{Kind: "x"}}}, 0)
	before, err := testutil.GatherAndCount(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	wide := view()
	wide.Survey = &engine.Survey{Hosts: map[string]engine.Sighting{}}
	for i := range 5000 {
		name := fmt.Sprintf("host-%d", i)
		wide.Survey.Hosts[name] = engine.Sighting{}
		wide.Hosts.Residue[name] = engine.Leftover{}
		m.Hear(wide, []engine.Record{strange(i), {Kind: engine.Line, Host: name}, {Kind: engine.OrderGiven, Door: name, Order: &engine.Order{Kind: engine.OrderKind("x" + name)}}}, 0)
	}
	after, err := testutil.GatherAndCount(m.registry)
	if err != nil || after != before+1 { // the first line of output
		t.Errorf("%d series became %d, %v", before, after, err)
	}
	m.Hear(wide, []engine.Record{{Kind: engine.Intent, Run: "lost", Attack: "cpu", Intent: &engine.Run{}}}, 0)
	if m.Hear(view(), nil, 7); len(m.open) != 0 {
		t.Errorf("%d runs are remembered whose end was missed", len(m.open))
	}
	if n := testutil.ToFloat64(m.counters.missed); n != 7 {
		t.Errorf("%v were missed", n)
	}
	many := view()
	for i := range 2 * mostAttacks {
		many.Attacks = append(many.Attacks, engine.Attack{Name: fmt.Sprintf("attack-%d", i)})
	}
	if m.Hear(many, nil, 0); len(m.attacks) != mostAttacks {
		t.Errorf("%d attacks have series", len(m.attacks))
	}
}

func strange(i int) engine.Record {
	word := fmt.Sprint("strange-", i)
	return engine.Record{Kind: engine.Closed, Attack: word, Outcome: &engine.Outcome{Effect: engine.Effect(word), Undo: engine.Undo(word)}}
}

func TestBeforeTheFirstViewNothingIsClaimed(t *testing.T) {
	m := New(Options{Version: "1", Now: func() time.Time { return noon }})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "chaoscat_") && f.GetType().String() == "GAUGE" && name != "chaoscat_build_info" {
			t.Errorf("%s is told", name)
		}
	}
}

// constants are the values of a type of the engine, as its source has them.
func constants(t *testing.T, typeName string) (words []string) {
	t.Helper()
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Skipf("the engine's source does not parse just now: %v", err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is || len(spec.Values) != 1 {
				return true
			}
			kind, named := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if named && literal && kind.Name == typeName {
				if word, err := strconv.Unquote(value.Value); err == nil && word != "" {
					words = append(words, word)
				}
			}
			return true
		})
	}
	return words
}

func TestEveryWordOfTheEngineHasItsSeries(t *testing.T) {
	for typeName, set := range map[string]any{"Mood": moods, "Reason": reasons, "RecordKind": kinds, "Effect": effects, "OrderKind": orders, "Trigger": triggers} {
		var have []string
		for i := range reflect.ValueOf(set).Len() {
			have = append(have, reflect.ValueOf(set).Index(i).String())
		}
		want := constants(t, typeName)
		slices.Sort(have)
		slices.Sort(want)
		if len(want) < 2 || !slices.Equal(have, want) {
			t.Errorf("%s: words.go has\n%v, the engine\n%v", typeName, have, want)
		}
	}
}

// names are all that can be asked for, with the parts of histograms.
func names(t *testing.T) map[string]bool {
	t.Helper()
	families, err := told(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, f := range families {
		all[f.GetName()] = true
		if f.GetType().String() == "HISTOGRAM" {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				all[f.GetName()+part] = true
			}
		}
	}
	for _, f := range figures {
		all[regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(f.desc.String())[1]] = true
	}
	return all
}

var metricName = regexp.MustCompile(`chaoscat_[a-z_]+`)

func onlyKnown(t *testing.T, where, expr string, known map[string]bool) {
	t.Helper()
	for _, name := range metricName.FindAllString(expr, -1) {
		if !known[name] {
			t.Errorf("%s asks for %s, which there is not", where, name)
		}
	}
	for _, pair := range []string{"()", "[]", "{}"} {
		if strings.Count(expr, pair[:1]) != strings.Count(expr, pair[1:]) {
			t.Errorf("%s: %s does not close", where, expr)
		}
	}
}

func TestTheAlertsAskForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	known, n := names(t), 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			n++
			onlyKnown(t, r.Alert, r.Expr, known)
			if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%+v says too little", r)
			}
		}
	}
	for _, must := range []string{"ChaoscatResidue", "ChaoscatEngineHangs", "ChaoscatStoppedForLong", "ChaoscatGateSaysNo"} {
		if !strings.Contains(string(text), "alert: "+must+"\n") {
			t.Errorf("there is no %s", must)
		}
	}
	if n < 6 {
		t.Errorf("%d rules", n)
	}
}

func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title, UID string
		Panels     []struct {
			ID      int
			Title   string
			Targets []struct{ Expr, RefID string }
			GridPos struct{ X, Y, W, H int }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	known, ids := names(t), map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q is not right", p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			onlyKnown(t, p.Title, target.Expr, known)
			if target.Expr == "" {
				t.Errorf("panel %q asks nothing", p.Title)
			}
		}
	}
	if board.Title == "" || board.UID == "" || len(board.Panels) < 8 {
		t.Error("that is no dashboard")
	}
}
