package simulated

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The attacks that simulated hosts understand, by their kind on the wire.
const (
	latency     = "latency"
	cpu         = "cpu"
	blackhole   = "blackhole"
	serviceStop = "service-stop"
	reboot      = "reboot"
)

// longest is the most that netem is asked to delay, in ms.
const longest = 3_600_000

// fault is one attack as a simulated host performs it.
type fault struct {
	layers   []string
	rules    map[string]rule
	required []string
	feasible func(h *host, p params) (refusal string)
	inject   func(h *host, p params) []string // what the script would print, line by line
	undo     func(h *host, p params) []string
	measure  func(h *host, p params, now time.Time) reading
}

var faults = map[string]fault{
	latency: {
		layers:   []string{"kernel", "guard", "systemd"},
		rules:    map[string]rule{"delay": between(1, longest), "jitter": between(0, longest), "targets": peers, "ports": ports},
		required: []string{"delay"},
		feasible: needsNetem,
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
			return reading{figure: h.rtt(now, p), expect: fmt.Sprintf("up %d", p.number("delay", 0))}
		},
	},
	cpu: {
		layers:   []string{"kernel", "guard", "systemd"},
		rules:    map[string]rule{"load": between(1, 100), "workers": between(0, 1024)},
		feasible: always,
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
			return reading{figure: busy, expect: fmt.Sprintf("up %v", rounded(demand(h, p)*(100-busy)/100))}
		},
	},
	blackhole: {
		layers: []string{"kernel", "guard", "systemd"},
		rules: map[string]rule{"targets": peers, "ports": ports, "direction": oneOf("both", "in", "out"),
			"lifeline": oneOf("0", "1")},
		feasible: always,
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
				return reading{figure: h.dropped(now), expect: "up 1"}
			}
			return reading{figure: h.answered(p), expect: "down 100"}
		},
	},
	serviceStop: {
		layers:   []string{"guard", "systemd"},
		rules:    map[string]rule{"unit": aUnit},
		required: []string{"unit"},
		feasible: hasService,
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
		layers:   []string{"guard", "systemd"},
		rules:    map[string]rule{"limit": between(1, 86_400_000)},
		feasible: always,
		inject: func(*host, params) []string {
			return []string{"$ systemctl reboot", "Broadcast message from root@localhost: the system will reboot now!"}
		},
		undo: func(*host, params) []string { return []string{"$ shutdown -c (the reboot had not begun)"} },
		measure: func(*host, params, time.Time) reading {
			return reading{why: "a reboot is proven by a new boot id"}
		},
	},
}

func always(*host, params) string { return "" }

func needsNetem(h *host, _ params) string {
	if h.quirk == NoNetem {
		return "the kernel has no netem queue (modprobe sch_netem: module not found)"
	}
	return ""
}

// hasService refuses what is not there, and what carries the control path.
func hasService(h *host, p params) string {
	switch unit := p["unit"]; {
	case unit == "ssh.service" || unit == "sshd.service" || strings.HasPrefix(unit, "systemd-"):
		return unit + " belongs to the control path and is never stopped"
	case !slices.Contains(h.services(), unit):
		return "there is no unit " + unit + " on this host"
	}
	return ""
}

// workers is how many processes a cpu attack starts; not set or 0 means one for each core.
func (p params) workers(h *host) int {
	if n := p.number("workers", 0); n > 0 {
		return n
	}
	return h.cores
}

// cuts tells whether the fault takes the control path with it.
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
