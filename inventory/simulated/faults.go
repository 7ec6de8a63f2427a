package simulated

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The attacks whose story simulated hosts tell in detail, by their kind on the wire. Every other one that the
// fleet is told of is carried by what the catalogue knows of it, see gauge.go.
const (
	latency     = "latency"
	cpu         = "cpu"
	blackhole   = "blackhole"
	serviceStop = "service-stop"
	reboot      = "reboot"
)

// fault is one attack as a simulated host performs it.
type fault struct {
	Attack
	layers  []string
	inject  func(h *host, p params) []string // what the script would print, line by line
	undo    func(h *host, p params) []string
	measure func(h *host, p params, now time.Time) reading
	parts   []fault // of a compound attack: they alone inject, undo and measure
}

// reading is what a measurement says: the figure, and how far an attack with these parameters moves it
// where nothing is in its way.
type reading struct {
	about  string // what was measured, where that is not plain: "to 10.0.0.7"
	figure float64
	expect string // "up 40", "down 1"
	why    string // not empty: it cannot be measured, and why
}

// newFault makes a fault of what is known of the attack.
func newFault(a Attack) fault {
	f := generic(a)
	if tell, detailed := details[a.Kind]; detailed {
		f = tell
	}
	f.Attack = a
	for _, part := range a.Parts {
		f.parts = append(f.parts, newFault(part))
	}
	f.layers = []string{"guard", "systemd"}
	if f.endsByKernel() {
		f.layers = append([]string{"kernel"}, f.layers...)
	}
	return f
}

// endsByKernel tells whether the fault ends with no process alive, as those do that live in a kernel's timer or
// in a hog; of a compound attack every part must.
func (f fault) endsByKernel() bool {
	if len(f.parts) > 0 {
		return !slices.ContainsFunc(f.parts, func(part fault) bool { return !part.endsByKernel() })
	}
	return f.Family == network || f.Family == resource
}

// of are the parameters of the n-th part of a compound attack, which begin with "cN_" on the wire.
func (p params) of(part int) params {
	own := params{}
	for name, value := range p {
		if name, is := strings.CutPrefix(name, fmt.Sprintf("c%d_", part)); is {
			own[name] = value
		}
	}
	return own
}

// injection is what the host prints while the fault is switched on, part by part.
func (f fault) injection(h *host, p params) (lines []string) {
	if len(f.parts) == 0 {
		return f.inject(h, p)
	}
	for i, part := range f.parts {
		lines = append(lines, fmt.Sprintf("part %d of %d: %s", i+1, len(f.parts), part.Kind))
		lines = append(lines, part.injection(h, p.of(i+1))...)
	}
	return lines
}

// taking is what the host prints while it takes the fault back, the last part first.
func (f fault) taking(h *host, p params) (lines []string) {
	if len(f.parts) == 0 {
		return f.undo(h, p)
	}
	for i, part := range slices.Backward(f.parts) {
		lines = append(lines, part.taking(h, p.of(i+1))...)
	}
	return lines
}

// suffered is one fault of a claim: the attack itself, or each part of a compound one.
type suffered struct {
	kind   string
	params params
}

func (f fault) suffered(p params) (all []suffered) {
	if len(f.parts) == 0 {
		return []suffered{{f.Kind, p}}
	}
	for i, part := range f.parts {
		all = append(all, part.suffered(p.of(i+1))...)
	}
	return all
}

// goesDown tells whether the host does, and whether somebody must go there to switch it on again.
func (f fault) goesDown() (down, off bool) {
	return f.Supervised || f.Kind == reboot || slices.Contains(staysDown, f.Kind), slices.Contains(staysDown, f.Kind)
}

var staysDown = []string{"halt", "poweroff"}

// unfit is why the attack cannot be done with these parameters on that host, or "".
func (f fault) unfit(h *host, p params) string {
	for i, part := range f.parts {
		if why := part.unfit(h, p.of(i+1)); why != "" {
			return part.Kind + ": " + why
		}
	}
	if len(f.parts) > 0 {
		return ""
	}
	if err := f.reads(p); err != nil {
		return err.Error()
	}
	return h.lacks(f.Attack, p)
}

// wellFormed refuses parameters that the attack does not take.
func (f fault) wellFormed(p params) error {
	if len(f.parts) == 0 {
		return f.reads(p)
	}
	for i, part := range f.parts {
		if err := part.wellFormed(p.of(i + 1)); err != nil {
			return fmt.Errorf("part %d: %w", i+1, err)
		}
	}
	return nil
}

// lacks is what the host has not got that the attack needs, or "".
func (h *host) lacks(a Attack, p params) string {
	inward := p["direction"] == "in" || p["direction"] == "both"
	switch {
	case h.quirk == NoNetem && a.needs("netem"):
		return "the kernel has no netem queue (modprobe sch_netem: module not found)"
	case h.quirk == NoSystemd && (a.needs("systemd") || a.has("unit") && p["unit"] != ""):
		return "systemd is not PID 1 here: there are no units"
	case h.quirk == NoSystemd && a.needs("netem") && inward:
		return "what arrives cannot be shaped here: that needs veth, the ingress qdisc with u32 and mirred, and nft with fwd in the kernel"
	}
	return h.hasService(p["unit"])
}

// hasService refuses what is not there, and what carries the control path.
func (h *host) hasService(unit string) string {
	switch {
	case unit == "":
	case unit == "ssh.service" || unit == "sshd.service" || strings.HasPrefix(unit, "systemd-"):
		return unit + " belongs to the control path and is never stopped"
	case !slices.Contains(h.services(), unit):
		return "there is no unit " + unit + " on this host"
	}
	return ""
}

// details are the faults with a model of their own.
var details = map[string]fault{
	latency: {
		inject: func(h *host, p params) []string {
			return []string{
				"$ nft -f - (table inet chaoscat: mark traffic to " + aim(p) + ")",
				"$ tc qdisc add dev eth0 root handle 1: prio bands 4",
				fmt.Sprintf("$ tc qdisc add dev eth0 parent 1:4 netem delay %dms %dms", p.number("delay", 0), p.number("jitter", 0)),
			}
		},
		undo: func(*host, params) []string {
			return []string{"$ nft delete table inet chaoscat", "$ tc qdisc del dev eth0 root"}
		},
		measure: func(h *host, p params, now time.Time) reading {
			if p["ports"] != "" {
				return reading{why: "only some ports wait, which a ping cannot show"}
			}
			return reading{about: toward(p), figure: h.rtt(now, p), expect: fmt.Sprintf("up %v", p.delayed())}
		},
	},
	cpu: {
		inject: func(h *host, p params) []string {
			workers := p.workers(h)
			lines := []string{fmt.Sprintf("cpu: %d workers at %d %% on %d cores", workers, p.number("load", 80), h.cores)}
			for i := range min(workers, 4) {
				lines = append(lines, fmt.Sprintf("worker %d: pid %d", i+1, 2400+i))
			}
			return lines
		},
		undo: func(h *host, p params) []string {
			return []string{fmt.Sprintf("$ kill -KILL -2399 (%d workers)", p.workers(h)), "cpu: no worker is left"}
		},
		measure: func(h *host, p params, now time.Time) reading {
			busy := h.busy(now) // and what is busy can hardly become busier
			return reading{figure: busy, expect: fmt.Sprintf("up %v", rounded(hogs(h, p, busy)))}
		},
	},
	blackhole: {
		inject: func(h *host, p params) []string {
			lines := []string{"$ nft -f - (table inet chaoscat: drop " + aim(p) + ", timed set)"}
			if cuts(p) {
				return append(lines, "no lifeline: this connection will hang until the deadline")
			}
			return append(lines, "lifeline: the SSH port stays open to the controller")
		},
		undo: func(*host, params) []string {
			return []string{"$ nft delete table inet chaoscat"}
		},
		measure: func(h *host, p params, now time.Time) reading {
			if p["ports"] != "" {
				return reading{about: toward(p), figure: h.dropped(now), expect: "up 1"}
			}
			return reading{about: toward(p), figure: h.answered(p), expect: "down 100"}
		},
	},
	serviceStop: {
		inject: func(_ *host, p params) []string {
			return []string{"$ systemctl stop " + p["unit"], p["unit"] + ": inactive (dead)"}
		},
		undo: func(_ *host, p params) []string {
			return []string{"$ systemctl start " + p["unit"], p["unit"] + ": active (running)"}
		},
		measure: func(h *host, p params, _ time.Time) reading {
			if h.active(p["unit"]) {
				return reading{figure: 1, expect: "down 1"}
			}
			return reading{figure: 0, expect: "down 1"}
		},
	},
	reboot: {
		inject: func(*host, params) []string {
			return []string{"$ systemctl reboot", "Broadcast message from root@localhost: the system will reboot now!"}
		},
		undo:    func(*host, params) []string { return []string{"$ shutdown -c (the reboot had not begun)"} },
		measure: func(*host, params, time.Time) reading { return byBootID },
	},
}

var byBootID = reading{why: "a reboot is proven by a new boot id"}

// workers is how many processes a cpu attack starts; not set or 0 means one for each core.
func (p params) workers(h *host) int {
	if n := p.number("workers", 0); n > 0 {
		return n
	}
	return h.cores
}

// cutting are the attacks that take everything away, and so the control path where nobody keeps it.
var cutting = []string{blackhole, "reject", "partition", "link-down"}

// cutsIn tells whether the fault takes the control path of the host with it.
func (f fault) cutsIn(p params) bool {
	return slices.ContainsFunc(f.suffered(p), func(s suffered) bool { return slices.Contains(cutting, s.kind) && cuts(s.params) })
}

// gaveUpLifeline tells whether somebody has said that the control path may suffer: such a fault has no lease
// that could be renewed.
func (f fault) gaveUpLifeline(p params) bool {
	return slices.ContainsFunc(f.suffered(p), func(s suffered) bool { return s.params["lifeline"] == "0" })
}

func cuts(p params) bool {
	return p["lifeline"] == "0" && p["targets"] == "" && (p["ports"] == "" || coversSSH(p["ports"]))
}

func coversSSH(list string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(list, isSeparator), func(port string) bool {
		low, high := bounds(port)
		return low <= sshPort && sshPort <= high
	})
}

// aim says whom a network fault is meant for.
func aim(p params) string {
	whom, where := "everybody", "all ports"
	if p["targets"] != "" {
		whom = p["targets"]
	}
	if p["ports"] != "" {
		where = "ports " + p["ports"]
	}
	return whom + ", " + where
}

// toward is the peer that is measured, in the words of a figure: the first that is one address.
func toward(p params) string {
	for _, peer := range strings.FieldsFunc(p["targets"], isSeparator) {
		if !strings.Contains(peer, "/") {
			return "to " + peer
		}
	}
	return ""
}
