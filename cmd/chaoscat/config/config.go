package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

// Config is a whole configuration, with every default filled in and every file name resolved: relative
// ones against the folder of the configuration, ~/ against the home of the user.
type Config struct {
	File string // the file it was read from, as it was named

	Name     string
	DryRun   bool
	StateDir string // "" lets the caller choose

	Schedule engine.Schedule
	Closings Closings
	Safety   engine.Safety
	Hosts    Hosts
	SSH      SSH

	Inventories []Inventory // at least one
	Attacks     []Attack    // at least one, unique names, at least one with a weight
	Health      []Gate      // at least one
	OnCall      Gate        // always there

	Control   Control
	Persons   []Person
	Teams     []Team
	Slack     Slack
	PagerDuty PagerDuty
	Webhooks  []Webhook
	Metrics   Metrics
	Log       Log
	UI        UI

	places   *place
	sources  []source // until they become Inventories
	unsound  []string // see Sound
	mistakes []Mistake
}

// Hosts is what the operators say about all hosts of all inventories.
type Hosts struct {
	Exclude       engine.Selector // never attacked; no term begins with "!"
	AllowLoopback bool            // hosts on loopback addresses are not refused
}

// SSH is how hosts are reached where the inventory says nothing else.
type SSH struct {
	User           string // "" is the name of the user that chaoscat runs as
	Port           int
	IdentityFiles  []string // exist, and only their owner can read them
	Agent          Agent
	KnownHosts     []string // need not exist: then no host is known, and none is reached
	Jump           string   // [user@]host[:port], several separated by commas; "" is none
	ConnectTimeout time.Duration
	Sudo           bool // the runner is started by sudo -n
	KeepAlive      time.Duration
	SurveyRate     int           // logins per second of the look at all hosts in the background; 0 looks at nobody
	SurveyEvery    time.Duration // between two looks at one host
	KeepOpen       int           // logins of the look that stay open
}

// Agent says whether the SSH agent is asked for keys. The zero value does not ask.
type Agent int

// The three ways.
const (
	AgentNever  Agent = iota
	AgentAuto         // when there is one
	AgentAlways       // its absence is an error
)

func (a Agent) String() string { return [...]string{"false", "auto", "true"}[a] }

// InventoryType is the kind of a source of hosts.
type InventoryType string

// The sources of this version.
const (
	StaticInventory    InventoryType = "static"
	AnsibleInventory   InventoryType = "ansible"
	CommandInventory   InventoryType = "command"
	SSHConfigInventory InventoryType = "ssh_config"
	ConsulInventory    InventoryType = "consul"
	FileSDInventory    InventoryType = "file_sd"
)

// Inventory is one source of hosts.
type Inventory struct {
	Type       InventoryType
	Source     inventory.Source // what is behind it; static hosts know the line they stand on
	Refresh    time.Duration    // how often it is to be read again; static ones never change
	StaleAfter time.Duration    // how long after its last good reading its hosts are still believed; 0 for static ones
	Key        string           // where it stands, for [Config.At]: inventory[0]
}

// Attack is one entry of the plan. Family, Reversible, and For where it is 0, are the catalogue's to fill in.
type Attack struct {
	engine.Attack
	Custom *Custom       // nil for an attack of the catalogue
	Parts  []Part        // of a compound attack; else none
	Gap    time.Duration // between the beginnings of its parts
	Key    string        // attack[0]; a parameter is at Key + ".params.NAME"

	compound []string     // the parts by kind alone, until they become Parts
	when     engine.Hours // of its own, until they become Hours
}

// Part is one attack of a compound one.
type Part struct {
	Kind   string
	Params map[string]string
	Key    string // attack[0].part[1]
}

// Custom is an attack made of the operator's own script files, which exist and which nobody else can write.
type Custom struct {
	Inject       string
	Undo         string // "" only if irreversible
	Measure      string // "" makes the effect unverifiable
	Irreversible bool
	Figure       string // what measure prints: "queue length"
	Unit         string
}

// Gates is every gate as the engine knows it: the health checks in their order, then who is on call.
func (c *Config) Gates() []engine.Gate {
	gates := make([]engine.Gate, 0, len(c.Health)+1)
	for _, g := range c.Health {
		gates = append(gates, g.Gate)
	}
	return append(gates, c.OnCall.Gate)
}

// At is the file and line of a key such as attack[2].params.delay; lists count from 0. Of a key that is
// not written down it is the table that it would stand in.
func (c *Config) At(key string) (file string, line int) {
	return c.File, c.places.find(key).line
}

// Wrong is a mistake at that key, for what only the caller can know: whether an attack exists, whether
// its parameters make sense.
func (c *Config) Wrong(key, format string, args ...any) Mistake {
	file, line := c.At(key)
	return Mistake{File: file, Line: line, Key: withoutIndexes(key), Message: fmt.Sprintf(format, args...)}
}

// Mistakes is all that is wrong with a configuration that came of [Read]; none with one that was loaded.
func (c *Config) Mistakes() []Mistake { return slices.Clone(c.mistakes) }

// Sound tells whether a key, as for [Config.At], and all that stands under it and around it mean what they say: what is
// wrong with anything else is then not the cause of what is found there. Keys of the table that do not matter are named
// in but.
func (c *Config) Sound(key string, but ...string) bool {
	return !slices.ContainsFunc(c.unsound, func(path string) bool {
		under := func(a, b string) bool { return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(a, b+"[") }
		if slices.ContainsFunc(but, func(name string) bool { return under(path, key+"."+name) }) {
			return false
		}
		bare := withoutIndexes(key) // a path without indexes is meant of every item
		return path == "" || under(path, key) || under(key, path) || under(bare, path) || !strings.Contains(path, "[") && under(path, bare)
	})
}

// defaults is what holds where nothing is written.
func defaults(files Files) *Config {
	return &Config{
		Name:   "chaoscat",
		DryRun: true,
		Schedule: engine.Schedule{
			Days:       [7]bool{time.Monday: true, time.Tuesday: true, time.Wednesday: true, time.Thursday: true, time.Friday: true},
			Hours:      []engine.HourRange{{Start: 10 * 60, End: 16 * 60}},
			CheckEvery: time.Minute,
			Wait:       10 * time.Minute,
		},
		Safety: engine.Safety{
			MaxConcurrent: 1,
			HostCooldown:  24 * time.Hour,
			MaxDuration:   10 * time.Minute,
			Lease:         15 * time.Second,
			Margin:        time.Minute,
			AbortAfter:    2,
			FactsFor:      time.Hour,
		},
		SSH: SSH{
			Port:           22,
			Agent:          AgentAuto,
			KnownHosts:     files.knownHosts(),
			ConnectTimeout: 10 * time.Second,
			KeepAlive:      5 * time.Second,
			SurveyRate:     20,
			SurveyEvery:    time.Minute,
			KeepOpen:       500,
		},
		OnCall:    defaultGate(engine.OnCall, "oncall"),
		Slack:     defaultSlack(),
		PagerDuty: defaultPagerDuty(),
		Metrics:   Metrics{Listen: metricsListen},
		Log:       Log{Level: "info", Format: LogAuto},
		UI:        DefaultUI(),
	}
}
