package config

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/alertmanager"
	"github.com/chaoscat/chaoscat/engine/calendar"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/prometheus"
	"github.com/chaoscat/chaoscat/engine/statuspage"
	asking "github.com/chaoscat/chaoscat/engine/web"
	"github.com/chaoscat/chaoscat/inventory"
)

var update = flag.Bool("update", false, "write the golden files")

// memory is a file system in which conf is the configuration and every other file is as others says;
// what others does not name is a private file.
func memory(conf string, others map[string]Stat) Files {
	return Files{
		Read: func(path string) ([]byte, Stat, error) { return []byte(conf), Stat{Mode: 0o600}, nil },
		Stat: func(path string) (Stat, error) {
			if s, ok := others[path]; ok {
				if s.Mode == gone {
					return Stat{}, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
				}
				return s, nil
			}
			return Stat{Mode: 0o600}, nil
		},
		Home: "/home/me",
	}
}

const gone = fs.ModeIrregular

func load(conf string) (*Config, error) { return Load("chaoscat.toml", memory(conf, nil)) }

// mistakes loads what must not load and returns a line for each mistake.
func mistakes(t *testing.T, conf string) []string {
	t.Helper()
	_, err := load(conf)
	if err == nil {
		t.Fatalf("it loads:\n%s", conf)
	}
	wrong, ok := errors.AsType[*Mistakes](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	lines := strings.Count(conf, "\n") + 1
	for _, m := range wrong.List {
		if m.Line < 1 || m.Line > lines || m.File != "chaoscat.toml" || m.Message == "" {
			t.Errorf("a mistake out of place: %+v", m)
		}
	}
	return strings.Split(err.Error(), "\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it):\n%s", name, got)
	}
}

// small is the least that loads; it has everything that is required and nothing else.
const small = `[schedule]
timezone = "Europe/Paris"
[[inventory]]
type = "static"
hosts = ["web-1"]
[[attack]]
name = "cpu"
[[health]]
type = "http"
url = "https://status.example.com/"
[oncall]
type = "command"
command = ["true"]
`

func TestTheLeastThatLoadsIsCautious(t *testing.T) {
	c, err := load(small)
	if err != nil {
		t.Fatal(err)
	}
	paris, _ := time.LoadLocation("Europe/Paris")
	c.places = nil
	want := &Config{
		File: "chaoscat.toml", Name: "chaoscat", DryRun: true,
		Schedule: engine.Schedule{
			Location: paris, Days: [7]bool{false, true, true, true, true, true, false},
			Hours: []engine.HourRange{{Start: 600, End: 960}}, CheckEvery: time.Minute, Wait: 10 * time.Minute,
		},
		Safety: engine.Safety{
			MaxConcurrent: 1, HostCooldown: 24 * time.Hour, MaxDuration: 10 * time.Minute, Lease: 15 * time.Second,
			Margin: time.Minute, AbortAfter: 2, FactsFor: time.Hour,
		},
		SSH: SSH{
			Port: 22, Agent: AgentAuto, ConnectTimeout: 10 * time.Second, KeepAlive: 5 * time.Second,
			SurveyRate: 20, SurveyEvery: time.Minute, KeepOpen: 500,
			KnownHosts: []string{"/home/me/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"},
		},
		Inventories: []Inventory{{
			Type: StaticInventory, Refresh: 5 * time.Minute, Key: "inventory[0]",
			Source: inventory.Static{Label: "inventory[0]", Hosts: []inventory.StaticHost{{Name: "web-1", Where: "chaoscat.toml:5"}}},
		}},
		Attacks: []Attack{{Attack: engine.Attack{Name: "cpu", Kind: "cpu", Weight: 1}, Key: "attack[0]"}},
		Health: []Gate{{
			Gate: engine.Gate{Name: "health", Kind: engine.Health, Interval: 15 * time.Second, Timeout: 5 * time.Second, HealthyAfter: 1},
			Type: HTTPGate, Key: "health[0]",
			Web:     asking.Options{URL: "https://status.example.com/", Timeout: 5 * time.Second, MaxBody: 1 << 20, StaleAfter: 5 * time.Minute},
			Command: health.CommandOptions{Timeout: 5 * time.Second}, empty: "unhealthy",
		}},
		OnCall: Gate{
			Gate: engine.Gate{Name: "oncall", Kind: engine.OnCall, Interval: 15 * time.Second, Timeout: 5 * time.Second, HealthyAfter: 1},
			Type: CommandGate, Key: "oncall",
			Web:     asking.Options{Timeout: 5 * time.Second, MaxBody: 1 << 20, StaleAfter: 5 * time.Minute},
			Command: health.CommandOptions{Argv: []string{"true"}, OnCall: true, Timeout: 5 * time.Second}, program: "true", empty: "unhealthy",
		},
		Log: Log{Level: "info", Format: LogAuto},
		UI:  DefaultUI(),
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%+v\nwant\n%+v", c, want)
	}
}

func TestEveryKeySetsWhatItSays(t *testing.T) {
	conf, err := os.ReadFile("testdata/full.toml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load("/etc/chaoscat/chaoscat.toml", memory(string(conf), nil))
	if err != nil {
		t.Fatal(err)
	}
	tokyo, _ := time.LoadLocation("Asia/Tokyo")
	c.places = nil
	slow := &engine.Hours{Days: [7]bool{true, false, false, true, false, false, false}, Ranges: []engine.HourRange{{Start: 600, End: 660}}}
	own := &engine.Hours{Days: [7]bool{true}, Ranges: []engine.HourRange{{Start: 1320, End: 120}, {Start: 545, End: 1440 - 150}}}
	want := &Config{
		File: "/etc/chaoscat/chaoscat.toml", Name: "prod", DryRun: false, StateDir: "/var/lib/cat",
		Schedule: engine.Schedule{
			Location: tokyo, Days: [7]bool{true, false, false, true, false, false, false},
			Hours: []engine.HourRange{{Start: 1320, End: 120}, {Start: 545, End: 1440 - 150}}, CheckEvery: 30 * time.Second, Wait: 0, MaxPerDay: 7,
			PerHostMean: (90*24 + 12) * time.Hour,
			Groups: []engine.HostHours{{Hosts: engine.Selector{"group:db", "!db-9"}, Hours: engine.Hours{
				Days: [7]bool{time.Wednesday: true}, Ranges: []engine.HourRange{{Start: 720, End: 840}},
			}}},
			Closures: []engine.Closure{
				{From: time.Date(2026, 12, 20, 0, 0, 0, 0, tokyo), To: time.Date(2026, 12, 22, 0, 0, 0, 0, tokyo), Name: engine.Frozen, Reason: "year end"},
				{From: time.Date(2027, 1, 1, 9, 30, 0, 0, tokyo), To: time.Date(2027, 1, 1, 21, 0, 0, 0, tokyo), Name: engine.Frozen, Reason: "freeze"},
			},
		},
		Closings: Closings{Holidays: []string{"jp", "de-by"}, BridgeDays: true, Calendars: []calendar.Options{
			{Name: "freezes", Refresh: 30 * time.Minute, StaleAfter: 12 * time.Hour, Free: true, Key: "schedule.calendars", Web: asking.Options{
				URL: "https://calendar.example.com/x.ics", TokenFile: "/etc/chaoscat/calendar.token",
				HeaderFiles: map[string]string{"X-Api-Key": "/etc/chaoscat/calendar.key"}, CAFile: "/etc/chaoscat/ca.pem",
			}},
			{Path: "/etc/chaoscat/freeze.ics", Refresh: 5 * time.Minute, StaleAfter: 24 * time.Hour, Key: "schedule.calendars"},
		}},
		Safety: engine.Safety{
			MaxConcurrent: 3, GroupBy: "zone", MaxPerGroup: 2, LeavePerGroup: 4, HostCooldown: 0, MaxDuration: 90 * time.Second,
			Lease: 20 * time.Second, Margin: 61 * time.Second, AbortAfter: 5, FactsFor: 2 * time.Hour, Irreversible: true,
		},
		Hosts: Hosts{Exclude: engine.Selector{"db-*", "group:pay"}, AllowLoopback: true},
		SSH: SSH{
			User: "chaos", Port: 2022, IdentityFiles: []string{"/home/me/.ssh/a", "/etc/chaoscat/keys/b"}, Agent: AgentNever,
			KnownHosts: []string{"/etc/chaoscat/known"}, Jump: "a@b:2,[2001:db8::1]:22", ConnectTimeout: 4 * time.Second, Sudo: true, KeepAlive: 2 * time.Second,
			SurveyRate: 0, SurveyEvery: 5 * time.Minute, KeepOpen: 40,
		},
		Inventories: []Inventory{
			{Type: StaticInventory, Refresh: 5 * time.Minute, Key: "inventory[0]", Source: inventory.Static{Label: "inventory[0]", Hosts: []inventory.StaticHost{
				{Where: "/etc/chaoscat/chaoscat.toml:75", Name: "plain"},
				{Where: "/etc/chaoscat/chaoscat.toml:76", Name: "web-1", Address: "10.0.0.1", Port: 23, User: "u", Jump: "j", Groups: []string{"web", "eu"}, Tags: map[string]string{"zone": "eu-1"}},
			}}},
			{Type: StaticInventory, Refresh: 5 * time.Minute, Key: "inventory[1]", Source: inventory.Static{Label: "inventory[1]", Hosts: []inventory.StaticHost{
				{Where: "/etc/chaoscat/chaoscat.toml:80", Name: "web-2"},
			}}},
			{Type: AnsibleInventory, Refresh: time.Minute, StaleAfter: 15 * time.Minute, Key: "inventory[2]", Source: inventory.AnsibleFile{Path: "/etc/chaoscat/hosts"}},
			{Type: CommandInventory, Refresh: time.Hour, StaleAfter: 3 * time.Hour, Key: "inventory[3]", Source: inventory.Command{Argv: []string{"/etc/chaoscat/bin/list", "--all"}, Timeout: 3 * time.Second}},
			{Type: SSHConfigInventory, Refresh: 5 * time.Minute, StaleAfter: 15 * time.Minute, Key: "inventory[4]", Source: inventory.Chosen{
				Source: inventory.SSHConfig{Path: "/etc/chaoscat/ssh_config", Home: "/home/me"},
				Hosts:  engine.Selector{"web-*", "!web-9"}, Groups: []string{"lab"}, Tags: map[string]string{"from": "ssh"}}},
			{Type: ConsulInventory, Refresh: 5 * time.Minute, StaleAfter: 15 * time.Minute, Key: "inventory[5]", Source: inventory.Consul{
				Services: []string{"web", "db"}, Datacenter: "dc1", Web: asking.Options{
					URL: "https://consul.example.com:8501", HeaderFiles: map[string]string{"X-Consul-Token": "/etc/chaoscat/t"}, CAFile: "/etc/chaoscat/ca.pem",
					ServerName: "server.dc1.consul", CertFile: "/etc/chaoscat/ca.pem", KeyFile: "/etc/chaoscat/k", Timeout: 5 * time.Second}}},
			{Type: FileSDInventory, Refresh: 5 * time.Minute, StaleAfter: time.Hour, Key: "inventory[6]", Source: inventory.FileSD{
				Files: []string{"/etc/chaoscat/targets/*.json", "/etc/prometheus/node.yml"}, Groups: []string{"job"}}},
		},
		Attacks: []Attack{
			{Key: "attack[0]", when: *slow, Attack: engine.Attack{
				Name: "slow", Kind: "latency", Weight: 4, Tolerate: []string{"HighLatency*", `up{job="web"}`}, For: time.Minute, Hosts: engine.Selector{"group:web"}, Hours: slow,
				Params: map[string]string{"delay": "200ms", "jitter": "20", "hard": "true", "ports": "80,443", "share": "0.5"},
			}},
			{Key: "attack[1]", Attack: engine.Attack{Name: "own", Kind: "own", Weight: 0, Approval: 2, Hosts: engine.Selector{"web-*", "!web-1"}, Hours: own}, when: *own, Custom: &Custom{
				Inject: "/etc/chaoscat/i.sh", Undo: "/etc/chaoscat/u.sh", Measure: "/etc/chaoscat/m.sh", Figure: "queue", Unit: "jobs"}},
			{Key: "attack[2]", Attack: engine.Attack{Name: "wipe", Kind: "wipe", Weight: 1}, Custom: &Custom{Inject: "/etc/chaoscat/w.sh", Irreversible: true}},
			{Key: "attack[3]", Attack: engine.Attack{Name: "both", Kind: "both", Weight: 1}, Gap: 5 * time.Second, Parts: []Part{
				{Kind: "cpu", Key: "attack[3].compound[0]"}, {Kind: "own", Key: "attack[3].compound[1]"}}},
			{Key: "attack[4]", Attack: engine.Attack{Name: "parts", Kind: "parts", Weight: 1}, Parts: []Part{
				{Kind: "cpu", Params: map[string]string{"load": "50"}, Key: "attack[4].part[0]"}, {Kind: "latency", Key: "attack[4].part[1]"}}},
		},
		Health: []Gate{
			{Key: "health[0]", Type: HTTPGate, Command: health.CommandOptions{Timeout: 500 * time.Millisecond},
				HTTP: health.HTTPOptions{Status: []int{200, 204}, Contains: "ok", JSON: "a.b == \"none\""}, empty: "unhealthy",
				Web: asking.Options{
					URL: "http://127.0.0.1:8080/h", TokenFile: "/etc/chaoscat/t", HeaderFiles: map[string]string{"X-Api-Key": "/etc/chaoscat/k"},
					Headers: map[string]string{"Accept": "application/json"}, CAFile: "/etc/chaoscat/ca.pem", ServerName: "front", Timeout: 500 * time.Millisecond,
					CertFile: "/etc/chaoscat/me.pem", KeyFile: "/etc/chaoscat/me.key", MaxBody: 4096, StaleAfter: 90 * time.Second,
				},
				Gate: engine.Gate{Name: "front", Kind: engine.Health, Interval: 20 * time.Second, Timeout: 500 * time.Millisecond, HealthyAfter: 3}},
			{Key: "health[1]", Type: CommandGate, Web: asking.Options{Timeout: 5 * time.Second, MaxBody: 1 << 20, StaleAfter: 5 * time.Minute},
				Command: health.CommandOptions{Argv: []string{"a", "b c"}, Timeout: 5 * time.Second}, Host: "web-1", program: "a", empty: "unhealthy",
				Gate: engine.Gate{Name: "health", Kind: engine.Health, Interval: 15 * time.Second, Timeout: 5 * time.Second, HealthyAfter: 1}},
			asked("health[2]", "errors", PrometheusGate, func(g *Gate) {
				g.Prometheus, g.empty = prometheus.Options{Query: "sum(up)", Healthy: "value < 0.01", Empty: true}, "healthy"
			}),
			asked("health[3]", "alerts", AlertmanagerGate, func(g *Gate) {
				g.Alertmanager = alertmanager.Options{Matchers: []string{`severity="critical"`, `team=~"core|edge"`}, Watchdog: "Watchdog"}
			}),
			asked("health[4]", "supplier", StatuspageGate, func(g *Gate) {
				g.Statuspage = statuspage.Options{Indicator: "minor", Components: []string{"API", "Git"}}
			}),
			{Key: "health[5]", Type: PagerDutyGate, Command: health.CommandOptions{Timeout: 5 * time.Second}, empty: "unhealthy",
				Web:       asking.Options{Timeout: 5 * time.Second, MaxBody: 1 << 20, StaleAfter: 5 * time.Minute},
				PagerDuty: PagerDutyQuestion{Account: fullPagerDuty(), Services: []string{"PIJ90N7"}, Teams: []string{"PQ9K7I8"}, Urgency: "high"},
				Gate:      engine.Gate{Name: "incidents", Kind: engine.Health, Interval: 15 * time.Second, Timeout: 5 * time.Second, HealthyAfter: 1}},
		},
		OnCall: Gate{Key: "oncall", Type: HTTPGate, Command: health.CommandOptions{OnCall: true, Timeout: 5 * time.Second}, empty: "unhealthy",
			HTTP: health.HTTPOptions{Status: []int{204}},
			Web:  asking.Options{URL: "https://oncall.example.com/", Timeout: 5 * time.Second, MaxBody: 1 << 20, StaleAfter: 5 * time.Minute},
			Gate: engine.Gate{Name: "phone", Kind: engine.OnCall, Interval: time.Minute, Timeout: 5 * time.Second, HealthyAfter: 1}},
		Control: Control{Socket: "/run/cat.sock", SSHListen: "10.0.0.1:2222", SSHPeople: "/etc/chaoscat/people"},
		Persons: []Person{{Name: "ada", Unix: []string{"alovelace", "ada-adm"}, SSH: []string{"ada@laptop"}, Slack: "U0123ABCD", Key: "person[0]"}},
		Teams: []Team{
			{Name: "sre", Members: []string{"ada", "bob"}, SlackGroups: []string{"S0123ABCD"}, Role: engine.Admin, Key: "team[0]", role: "admin"},
			{Name: "databases", Members: []string{"eve"}, Role: engine.Operator, Hosts: engine.Selector{"group:db", "!db-9"}, Attacks: []string{"slow", "own"}, Key: "team[1]", role: "operator"},
		},
		Slack: Slack{AppToken: "/etc/chaoscat/slack.app", BotToken: "/etc/chaoscat/slack.bot", Channel: "C0123ABCD", CommandsIn: []string{"C0123ABCD", "G0123ABCD"},
			Announce: AnnounceRequired, MaxAge: 30 * time.Second, URL: "http://127.0.0.1:8080/api/"},
		PagerDuty: fullPagerDuty(),
		Webhooks: []Webhook{{Name: "audit", URL: "https://audit.example.com/in", SecretFile: "/etc/chaoscat/hook.secret", TokenFile: "/etc/chaoscat/hook.token",
			Events: []engine.RecordKind{engine.GateTurned, engine.Closed}, CAFile: "/etc/chaoscat/ca.pem", ServerName: "audit", Timeout: 3 * time.Second, Queue: 50, Key: "webhook[0]"}},
		Metrics: Metrics{Listen: "10.0.0.1:9000"},
		Log:     Log{Level: "debug", Format: LogJSON},
		UI: UI{Glyphs: ASCIIGlyphs, ascii: true, Theme: "dark", Keys: map[string]string{"skip": "K f5", "stop": "X"}, ReadOnly: true, Mouse: true,
			SaveDir: "/home/me/chaos", OnHangup: LeaveOnHangup},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%+v\nwant\n%+v", c, want)
	}
	if names := gateNames(c); !slices.Equal(names, []string{"front", "health", "errors", "alerts", "supplier", "incidents", "phone"}) {
		t.Errorf("gates %v", names)
	}
	// Every key of the schema is in the file, so that none can set the wrong thing unseen.
	checkDocumented(t, string(conf))
}

// asked is a gate at http://127.0.0.1/ that is asked as usual.
func asked(key, name string, kind GateType, set func(*Gate)) Gate {
	g := defaultGate(engine.Health, name)
	g.Key, g.Type, g.Web.URL, g.Web.Timeout, g.Command.Timeout = key, kind, "http://127.0.0.1/", 5*time.Second, 5*time.Second
	set(&g)
	return g
}

func gateNames(c *Config) (names []string) {
	for _, g := range c.Gates() {
		names = append(names, g.Name)
	}
	return names
}

func TestEveryMistakeIsReportedAtOnceWithItsLine(t *testing.T) {
	conf, err := os.ReadFile("testdata/terrible.toml")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "terrible.golden", strings.Join(mistakes(t, string(conf)), "\n")+"\n")
}

// A time of day is the right type of nothing.
func TestEveryKeyRefusesAValueOfTheWrongType(t *testing.T) {
	lists := []string{"inventory", "attack", "health", "schedule.freeze", "inventory.hosts", "attack.part", "team", "person", "webhook", "schedule.calendars", "schedule.group"}
	for _, k := range Keys() {
		conf, table := "", ""
		if i := strings.LastIndex(k.Name, "."); i >= 0 {
			table = k.Name[:i]
			conf = "[" + table + "]\n"
			if slices.Contains(lists, table) {
				conf = "[[" + table + "]]\n"
			}
		}
		if table == "attack.part" {
			conf = "[[attack]]\nname = \"x\"\n" + conf
		}
		if table == "oncall.calendar" {
			conf = "[oncall]\ntype = \"ical\"\n" + conf
		}
		if table == "inventory.hosts" {
			conf = "[[inventory]]\ntype = \"static\"\n" + conf
		}
		if len(k.Types) > 0 {
			conf += "type = \"" + k.Types[0] + "\"\n"
		}
		conf += k.Name[strings.LastIndex(k.Name, ".")+1:] + " = 07:32:00\n"
		_, err := load(conf)
		wrong, ok := errors.AsType[*Mistakes](err)
		if !ok {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		line := strings.Count(conf, "\n")
		if n := slices.IndexFunc(wrong.List, func(m Mistake) bool { return m.Key == k.Name && m.Line == line }); n < 0 || strings.Contains(wrong.List[n].Message, "missing") {
			t.Errorf("%s is not refused on line %d of\n%s%v", k.Name, line, conf, err)
		}
	}
}

func TestAnUnknownKeyNamesTheNearestKey(t *testing.T) {
	got := mistakes(t, small+"[[attack]]\nname = \"x\"\nwieght = 4\n")
	if want := []string{`chaoscat.toml:16: attack.wieght: unknown key; did you mean "weight"?`}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestTheLineOfAnyKeyCanBeLookedUpLater(t *testing.T) {
	c, err := load(small + "[[attack]]\nname = \"latency\"\n[attack.params]\n\ndelay = \"200\"\n")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"attack[1].params.delay": 18, "attack[1].params": 16, "attack[1].params.none": 16, "attack[1].for": 14, "attack[0]": 6, "oncall.type": 12, "nothing": 1} {
		if file, line := c.At(key); file != "chaoscat.toml" || line != want {
			t.Errorf("At(%s) = %s:%d, want line %d", key, file, line, want)
		}
	}
	want := `chaoscat.toml:18: attack.params.delay: "200" has no unit`
	if got := c.Wrong("attack[1].params.delay", "%q has no unit", "200").Error(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestMistakesOfSeveralPlacesComeInTheOrderOfTheFile(t *testing.T) {
	err := Collect([]Mistake{{File: "f", Line: 9, Message: "late"}, {File: "f", Line: 2, Key: "k", Message: "early"}})
	if err.Error() != "f:2: k: early\nf:9: late" {
		t.Errorf("got %q", err)
	}
	if Collect(nil) != nil {
		t.Error("no mistakes are an error")
	}
}

func TestAMistakeCannotSteerTheTerminal(t *testing.T) {
	got := strings.Join(mistakes(t, small+"[ui]\ntheme = \"\\u001b]52;c;AAAA\\u0007\"\n\"\\u001b[2J\\u202e\" = 1\n\"a\\nfaked:1: line\" = 1\n"), "\n")
	if strings.ContainsAny(got, "\x1b\x07\u202e\u009d") || strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
}

func FuzzLoadNeverPanicsAndPointsIntoTheFile(f *testing.F) {
	for _, name := range []string{"testdata/full.toml", "testdata/terrible.toml", "../../../chaoscat.toml.example"} {
		conf, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(conf))
	}
	f.Add(small)
	f.Add(Starter(StarterOptions{}))
	f.Add("schedule = 1\nattack = [1]\nhealth = {}\ninventory = [[]]\noncall = \"\"")
	f.Fuzz(func(t *testing.T, conf string) {
		c, err := load(conf)
		if err == nil {
			if c.Schedule.Location == nil || len(c.Attacks) == 0 || len(c.Health) == 0 || len(c.Inventories) == 0 || len(c.Schedule.Hours) == 0 {
				t.Fatalf("loads without what is required: %+v", c)
			}
			return
		}
		wrong, ok := errors.AsType[*Mistakes](err)
		if !ok || len(wrong.List) == 0 {
			t.Fatalf("%T %v", err, err)
		}
		for _, m := range wrong.List {
			if m.Line < 1 || m.Line > strings.Count(conf, "\n")+1 || m.Message == "" {
				t.Fatalf("out of place: %+v", m)
			}
			if strings.ContainsFunc(m.Error(), func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
				t.Fatalf("a control character: %q", m.Error())
			}
		}
	})
}
