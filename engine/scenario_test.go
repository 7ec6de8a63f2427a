package engine_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

var update = flag.Bool("update", false, "rewrite the expected output; commit it only if you understand every line that changed")

// A scenario is a day in text: a command above each ----, what the engine said and did below it.
//
//	plan [dry_run] [wait=10m] [hours=10:00-16:00,22:00-02:00] [freeze=FROM/TO/reason] [max_per_day=N] [hosts=N] ...
//	start TIME            the engine starts; RFC 3339, whose zone is the schedule's
//	until TIME            time passes; 15:04, 15:04:05 or RFC 3339
//	gate NAME red|green [text] [causes=A,B] [who=A,B]
//	infeasible HOST ATTACK sentence
//	residue HOST on|off
//	order KIND [host=H] [attack=A] [for=D] [dry_run] [reason=R] [by=B] [door=D] [role=R] [named] [id=I] [approves=I]
//	crash [torn]          the engine dies and starts again, with what its journal kept
//	state                 the mood and the verdict's sentence
func TestWholeDaysGoAsWritten(t *testing.T) {
	files, err := filepath.Glob("testdata/days/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScenario(t, file) })
	}
}

func runScenario(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s := &scenario{t: t}
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		commands, _, found := strings.Cut(block+"\n", "----\n")
		out.WriteString(commands)
		if !found {
			out.WriteString("\n")
			continue // a comment
		}
		for _, line := range strings.Split(strings.TrimSpace(commands), "\n") {
			if !strings.HasPrefix(line, "#") {
				s.command(line)
			}
		}
		fmt.Fprintf(&out, "----\n%s\n", s.take())
	}
	got := strings.TrimSpace(out.String()) + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(text) {
		t.Errorf("%s goes otherwise; it went:\n%s", file, got)
	}
}

type scenario struct {
	t       *testing.T
	options []func(*engine.Plan)
	w       *world
}

func (s *scenario) take() string {
	if s.w == nil {
		return ""
	}
	lines := s.w.told
	s.w.told = nil
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func (s *scenario) command(line string) {
	s.t.Helper()
	words := strings.Fields(line)
	args := words[1:]
	switch words[0] {
	case "plan":
		for _, a := range args {
			s.options = append(s.options, s.option(a))
		}
	case "start":
		start := at(s.t, args[0])
		s.w = newWorld(s.t, testPlan(s.t, s.options...), start)
		s.w.start(engine.Started{})
	case "until":
		s.w.until(s.moment(args[0]))
	case "gate":
		s.w.gates[args[0]] = answer(args[1] == "green", args[2:])
	case "infeasible":
		if s.w.infeasible[args[0]] == nil {
			s.w.infeasible[args[0]] = map[string]string{}
		}
		s.w.infeasible[args[0]][args[1]] = strings.Join(args[2:], " ")
	case "residue":
		s.w.residue[args[0]] = args[1] == "on"
	case "order":
		s.w.happen(engine.Ordered{Order: s.order(args)})
	case "crash":
		s.crash(len(args) > 0)
	case "state":
		snap := s.w.plan.Describe(s.w.state, s.w.now)
		s.w.tell("%s: %s", snap.Mood, snap.Verdict.Sentence)
	default:
		s.t.Fatalf("no command %q", line)
	}
}

func answer(ok bool, words []string) engine.GateAnswer {
	a := engine.GateAnswer{OK: ok}
	var text []string
	for _, word := range words {
		if causes, found := strings.CutPrefix(word, "causes="); found {
			a.Causes = strings.Split(causes, ",")
		} else if who, found := strings.CutPrefix(word, "who="); found {
			a.Who = strings.Split(who, ",")
		} else {
			text = append(text, word)
		}
	}
	a.Text = strings.Join(text, " ")
	return a
}

// crash keeps of the state what a journal keeps, and forgets the rest.
func (s *scenario) crash(torn bool) {
	old := s.w.state
	s.w.queue = nil
	s.w.state = engine.State{Stopped: old.Stopped, Paused: old.Paused, Attacked: old.Attacked, Excluded: old.Excluded, Residue: old.Residue}
	s.w.tell("CRASH")
	s.w.start(engine.Started{Open: append(old.Running, old.Open...), Torn: torn})
}

func (s *scenario) moment(text string) time.Time {
	s.t.Helper()
	if len(text) > 8 {
		return at(s.t, text)
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if clock, err := time.Parse(layout, text); err == nil {
			now := s.w.now.In(s.w.plan.Schedule.Location)
			return time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location())
		}
	}
	s.t.Fatalf("no time %q", text)
	return time.Time{}
}

func (s *scenario) order(args []string) engine.Order {
	o := engine.Order{ID: fmt.Sprint("order-", len(s.w.replies)), Kind: engine.OrderKind(args[0]), By: "ada", Door: "console"}
	for _, a := range args[1:] {
		key, value, _ := strings.Cut(a, "=")
		switch key {
		case "host":
			o.Host = value
		case "attack":
			o.Attack = value
		case "for":
			o.For = s.duration(value)
		case "dry_run":
			o.DryRun = true
		case "reason":
			o.Reason = value
		case "id":
			o.ID = value
		case "by":
			o.By, o.Named = value, true
		case "door":
			o.Door = value
		case "approves":
			o.Approves = value
		case "role":
			o.Role = map[string]engine.Role{"operator": engine.Operator, "admin": engine.Admin, "stopper": engine.Stopper}[value]
		default:
			s.t.Fatalf("no order argument %q", a)
		}
	}
	return o
}

func (s *scenario) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func ranges(text string) (all []engine.HourRange) {
	for _, r := range strings.Split(text, ",") {
		var h1, m1, h2, m2 int
		fmt.Sscanf(r, "%d:%d-%d:%d", &h1, &m1, &h2, &m2)
		all = append(all, engine.HourRange{Start: h1*60 + m1, End: h2*60 + m2})
	}
	return all
}

func (s *scenario) option(text string) func(*engine.Plan) {
	s.t.Helper()
	key, value, _ := strings.Cut(text, "=")
	var n int
	fmt.Sscan(value, &n)
	return func(p *engine.Plan) {
		switch key {
		case "dry_run":
			p.DryRun = true
		case "wait":
			p.Schedule.Wait = s.duration(value)
		case "cooldown":
			p.Safety.HostCooldown = s.duration(value)
		case "hours":
			p.Schedule.Hours = ranges(value)
		case "attack_hours": // cpu/10:00-12:00
			name, text, _ := strings.Cut(value, "/")
			for i := range p.Attacks {
				if p.Attacks[i].Name == name {
					p.Attacks[i].Hours = &engine.Hours{Days: weekdays, Ranges: ranges(text)}
				}
			}
		case "host_hours": // group:db/10:00-12:00
			term, text, _ := strings.Cut(value, "/")
			p.Schedule.Groups = append(p.Schedule.Groups, engine.HostHours{Hosts: engine.Selector{term}, Hours: engine.Hours{Days: weekdays, Ranges: ranges(text)}})
		case "approval": // people for cpu
			p.Attacks[0].Approval = n
		case "tolerate": // cpu's
			p.Attacks[0].Tolerate = strings.Split(value, ",")
		case "mean":
			p.Schedule.PerHostMean = s.duration(value)
		case "holiday":
			parts := strings.SplitN(value, "/", 3)
			p.Schedule.Closures = append(p.Schedule.Closures, engine.Closure{From: at(s.t, parts[0]), To: at(s.t, parts[1]), Name: engine.Holiday, Reason: parts[2]})
		case "zone":
			p.Schedule.Location = location(s.t, value)
		case "days":
			p.Schedule.Days = everyDay
		case "freeze":
			parts := strings.SplitN(value, "/", 3)
			p.Schedule.Closures = append(p.Schedule.Closures, engine.Closure{From: at(s.t, parts[0]), To: at(s.t, parts[1]), Name: engine.Frozen, Reason: parts[2]})
		case "max_per_day":
			p.Schedule.MaxPerDay = n
		case "max_concurrent":
			p.Safety.MaxConcurrent = n
		case "max_per_group":
			p.Safety.MaxPerGroup = n
		case "hosts":
			p.Roster = engine.NewRoster(fleet(n))
		case "healthy_after":
			p.Gates[0].HealthyAfter = n
		default:
			s.t.Fatalf("no plan option %q", text)
		}
	}
}
