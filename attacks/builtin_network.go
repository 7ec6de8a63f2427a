package attacks

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"time"
)

var (
	//go:embed library/bandwidth.sh
	bandwidthScript string
	//go:embed library/blackhole.sh
	blackholeScript string
	//go:embed library/corrupt.sh
	corruptScript string
	//go:embed library/dns.sh
	dnsScript string
	//go:embed library/duplicate.sh
	duplicateScript string
	//go:embed library/latency.sh
	latencyScript string
	//go:embed library/link-down.sh
	linkDownScript string
	//go:embed library/loss.sh
	lossScript string
	//go:embed library/reject.sh
	rejectScript string
	//go:embed library/reorder.sh
	reorderScript string
	//go:embed library/shaped.sh
	shapedScript string // what those that shape have in common, before each of them
)

const longest = 3_600_000 // ms, the most that netem is asked to delay

// What the scripts need, for people.
var (
	shaping  = []string{"tc with netem", "nft", "ip", "unshare"}
	dropping = []string{"nft", "ip", "unshare"}
)

// network lists the attacks on what the host sends and receives. Their selectors are the same, see library/network.sh.
func network() []Definition {
	all := []Definition{
		{
			Name: "bandwidth", Script: shapedScript + bandwidthScript, Needs: []string{"tc with htb", "nft", "ip", "unshare"},
			Summary: "make outgoing or arriving packets share a narrow pipe",
			Params: selectors("out",
				Param{Name: "rate", Kind: Rate, Unit: "kbit/s", Default: "1mbit", Required: true, Min: 8, Max: 10_000_000, Help: "what all of them together may have, each way: 500kbit, 1mbit, 2gbit"}),
			Figure: Figure{Name: "throughput", Unit: "kbit/s"},
		},
		{
			Name: "blackhole", Script: blackholeScript, Needs: dropping,
			Summary: "drop every packet from and to some peers, some ports, or everybody but the controller",
			Params: selectors("both",
				Param{Name: "lifeline", Kind: Bool, Default: "true", Help: "keep the controller's SSH; false needs an attack of less than 5 minutes, undo included"}),
			Default: 30 * time.Second,
			Figure:  Figure{Name: "pings answered", Unit: "%"},
		},
		{
			Name: "corrupt", Script: shapedScript + corruptScript, Needs: shaping,
			Summary: "turn over a bit of some packets, so that whoever receives them throws them away",
			Params:  selectors("out", chance("5", "how many packets, in percent"), correlation("of one packet's fate with the one's before")),
			Figure:  Figure{Name: "pings lost", Unit: "%"},
		},
		{
			Name: "dns", Script: dnsScript, Needs: dropping,
			Summary: "keep the host from resolving names: all, or some and what is below them",
			Params: []Param{
				{Name: "domains", Kind: Domains, Help: "only these names and those below them, asked for over UDP; none means all names, over TCP, too"},
				{Name: "answer", Kind: Word, Default: "timeout", Choices: []string{"timeout", "refused"}, Help: "timeout: the answers vanish; refused: the questions are turned away at once"},
				{Name: "targets", Kind: Peers, Help: "only these servers; none means every server that is not on the host itself"},
				{Name: "except", Kind: Peers, Help: "not these servers, whatever else is said"},
				{Name: "interface", Kind: Device, Help: "only by way of this interface"},
			},
			Default: 30 * time.Second,
			Figure:  Figure{Name: "questions answered", Unit: "%"},
		},
		{
			Name: "duplicate", Script: shapedScript + duplicateScript, Needs: shaping,
			Summary: "send some packets twice",
			Params:  selectors("out", chance("10", "how many packets, in percent"), correlation("of one packet's fate with the one's before")),
			Figure:  Figure{Name: "pings answered twice", Unit: "%"},
		},
		{
			Name: "latency", Script: shapedScript + latencyScript, Needs: shaping,
			Summary: "make outgoing or arriving packets wait",
			Params: selectors("out",
				Param{Name: "delay", Kind: Millis, Unit: "ms", Default: "200ms", Required: true, Min: 1, Max: longest, Help: "how long a packet waits, each way"},
				Param{Name: "jitter", Kind: Millis, Unit: "ms", Min: 0, Max: longest, Help: "how far the delay varies, up and down"},
				correlation("of one packet's jitter with the one's before"),
				Param{Name: "distribution", Kind: Word, Choices: []string{"normal", "pareto", "paretonormal"}, Help: "of the jitter; none means evenly, and the host needs iproute2's tables for the others"}),
			Figure: Figure{Name: "round trip", Unit: "ms"},
		},
		{
			Name: "link-down", Script: linkDownScript, Needs: []string{"ip"},
			Summary:    "take a network interface down and bring it back with its addresses and routes",
			Params:     []Param{{Name: "interface", Kind: Device, Required: true, Help: "never the one by which the controller comes, nor one that belongs to it"}},
			Default:    30 * time.Second,
			UndoWithin: time.Minute,
			Figure:     Figure{Name: "link up"},
		},
		{
			Name: "loss", Script: shapedScript + lossScript, Needs: shaping,
			Summary: "lose some outgoing or arriving packets",
			Params:  selectors("out", chance("10", "how many packets, in percent, each way"), correlation("of one packet's fate with the one's before, for outgoing ones")),
			Figure:  Figure{Name: "loss", Unit: "%"},
		},
		{
			Name: "partition", Script: blackholeScript, Needs: dropping,
			Summary: "cut the host off from some peers, such as another group of the inventory, one way or both",
			Params:  require("targets", selectors("both")),
			Default: 30 * time.Second,
			Figure:  Figure{Name: "pings answered", Unit: "%"},
		},
		{
			Name: "reject", Script: rejectScript, Needs: dropping,
			Summary: "turn packets away with a TCP reset or an ICMP error",
			Params: selectors("both",
				Param{Name: "with", Kind: Word, Default: "reset", Choices: []string{"reset", "port-unreachable", "host-unreachable", "admin-prohibited"}, Help: "the answer; reset is for TCP, and anything else is told that the port is unreachable"}),
			Default: 30 * time.Second,
			Figure:  Figure{Name: "packets rejected"},
		},
		{
			Name: "reorder", Script: shapedScript + reorderScript, Needs: shaping,
			Summary: "let some packets overtake others, which wait",
			Params: selectors("out", chance("25", "how many packets do not wait, in percent"),
				Param{Name: "delay", Kind: Millis, Unit: "ms", Default: "50ms", Required: true, Min: 1, Max: longest, Help: "how long the others wait"},
				correlation("of one packet's fate with the one's before")),
			Figure: Figure{Name: "pings overtaken", Unit: "%"},
		},
	}
	for i := range all {
		all[i].Family, all[i].Reversible, all[i].Max = "network", true, 10*time.Minute
		all[i].Default = cmp.Or(all[i].Default, time.Minute)
		all[i].UndoWithin = cmp.Or(all[i].UndoWithin, 15*time.Second)
	}
	return all
}

// selectors are the parameters that every network attack has besides its own. They go by one implementation,
// in library/network.sh.
func selectors(direction string, own ...Param) []Param {
	return append(own,
		Param{Name: "targets", Kind: Peers, Help: "addresses, networks, names or group:NAME; none means everybody but the control path"},
		Param{Name: "except", Kind: Peers, Help: "not these, whatever else is said"},
		Param{Name: "ports", Kind: Ports, Help: "only packets with one of these ports, on whichever end (TCP and UDP)"},
		Param{Name: "except_ports", Kind: Ports, Help: "not packets with one of these ports on either end, whatever else is said"},
		Param{Name: "protocol", Kind: Word, Default: "any", Choices: []string{"any", "tcp", "udp", "icmp"}, Help: "only packets of this protocol"},
		Param{Name: "direction", Kind: Word, Default: direction, Choices: []string{"in", "out", "both"}, Help: "seen from the host"},
		Param{Name: "interface", Kind: Device, Help: "only by way of this interface; none means where the route leads"},
	)
}

func chance(by, help string) Param {
	return Param{Name: "percent", Kind: Share, Unit: "%", Default: by, Required: true, Help: help}
}

func correlation(help string) Param {
	return Param{Name: "correlation", Kind: Share, Unit: "%", Help: help}
}

// require makes one of the parameters one that must be said.
func require(name string, params []Param) []Param {
	i := slices.IndexFunc(params, func(p Param) bool { return p.Name == name })
	params[i].Required = true
	params[i].Help, _, _ = strings.Cut(params[i].Help, "; none means")
	return params
}
