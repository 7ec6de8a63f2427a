// Package attacks is the catalogue: every attack as data, with its script beside it.
//
// A [Definition] says what an attack is called, which parameters it takes and within which bounds, what
// it needs, how long it may last, which figure shows its effect, and carries the POSIX-sh text that does
// the work on the host. [Builtin] lists those that come with chaoscat (one file each under library/),
// [Custom] makes one from an operator's own files. [Bundle] joins the guard and the scripts into the one
// constant program, the runner, that is carried to a host; parameters never become program text.
package attacks

import "time"

// Definition is one attack of the catalogue.
type Definition struct {
	Name       string        // what the operator writes as the attack's kind: "latency"
	Summary    string        // one sentence
	Family     string        // "network", "resource" or "state"
	Params     []Param       // what may be set
	Needs      []string      // for people; the script's requires() is what decides
	Default    time.Duration // how long it is held unless said otherwise
	Max        time.Duration // never longer
	UndoWithin time.Duration // undo and proof take no longer than this
	Reversible bool          // there is an undo (or, for a supervised attack, the host heals itself)
	Supervised bool          // the host goes away and must come back with a new boot id
	StaysDown  bool          // supervised, and meant to stay away until a person brings the host back
	Figure     Figure        // what is measured
	InjectIn   time.Duration // switching the fault on takes no longer than this; 0 is 30 s
	OneOf      []string      // at most one of these parameters may be said; the defaults of the others go then
	AnyOf      []string      // at least one of these parameters must be said
	Custom     bool          // an operator's own, made by [Custom]
	Parts      []Definition  // of a compound attack, made by [Compound], in the order in which they begin
	Script     string        // the shell functions, see library/README.md
}

// Figure names what an attack's measure() prints.
type Figure struct {
	Name string // "cpu busy"
	Unit string // "%", "ms", "" for a plain number
}

// Kind of a parameter's value.
type Kind string

// The kinds. Each has one strict spelling, checked on the controller and again on the host.
const (
	Int     Kind = "int"     // decimal, within Min and Max
	Percent Kind = "percent" // 1 to 100, written without the sign
	Millis  Kind = "ms"      // "200ms" or "1.5s" in config, an integer of milliseconds on the wire
	Bool    Kind = "bool"    // true or false; 1 or 0 on the wire
	Share   Kind = "share"   // a percentage with up to two decimals, above 0, at most 100, without the sign
	Size    Kind = "size"    // "512MiB", "1GB" in config (units KiB MiB GiB TiB, kB MB GB TB), whole KiB on the wire
	Rate    Kind = "rate"    // "1mbit", "500kbit", "2gbit" in config, whole kbit per second on the wire
	Peers   Kind = "peers"   // IP literals, CIDRs, host names or group:NAME, separated; only addresses travel, see [Resolve]
	Ports   Kind = "ports"   // 1-65535 or ranges A-B, separated by commas or spaces
	Unit    Kind = "unit"    // a systemd service, NAME.service
	Device  Kind = "device"  // a network interface, not lo
	Path    Kind = "path"    // an absolute, clean path of plain characters, not /
	Domains Kind = "domains" // DNS names, separated by commas or spaces; a name means what is below it, too
	Process Kind = "process" // part of a command line, taken literally: 2 to 100 plain characters
	Word    Kind = "word"    // one of Choices
	Text    Kind = "text"    // printable ASCII without quotes or shell characters, at most 200 bytes (custom attacks)
)

// Param is one parameter of an attack.
type Param struct {
	Name     string // lower case, a-z0-9_
	Kind     Kind
	Unit     string // for people
	Default  string // "" means not set
	Required bool
	Min, Max int64 // for Int and Percent; Millis (a Min below 0 allows a sign), Size and Rate in the unit of the wire
	Choices  []string
	Help     string
	// Irreversible says that nothing takes back what the attack does once this Bool is set.
	Irreversible bool
}
