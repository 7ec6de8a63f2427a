package attacks

import (
	_ "embed"
	"time"
)

var (
	//go:embed library/blackhole.sh
	blackholeScript string
	//go:embed library/latency.sh
	latencyScript string
)

const longest = 3_600_000 // ms, the most that netem is asked to delay

// network lists the attacks on what the host sends and receives. Their selectors are the same, see library/network.sh.
func network() []Definition {
	return []Definition{
		{
			Name: "blackhole", Family: "network", Script: blackholeScript,
			Summary: "drop every packet from and to some peers, some ports, or everybody but the controller",
			Needs:   []string{"nft", "ip", "unshare"},
			Params: []Param{
				{Name: "targets", Kind: Peers, Help: "addresses or networks; none means everybody but the control path"},
				{Name: "ports", Kind: Ports, Help: "only packets with one of these ports, on whichever end (TCP and UDP)"},
				{Name: "direction", Kind: Word, Default: "both", Choices: []string{"in", "out", "both"}, Help: "seen from the host"},
				{Name: "lifeline", Kind: Bool, Default: "true", Help: "keep the controller's SSH; false needs an attack of less than 5 minutes, undo included"},
			},
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true,
			Figure: Figure{Name: "pings answered", Unit: "%"},
		},
		{
			Name: "latency", Family: "network", Script: latencyScript,
			Summary: "make outgoing packets wait",
			Needs:   []string{"tc with netem", "nft", "ip", "unshare"},
			Params: []Param{
				{Name: "delay", Kind: Millis, Unit: "ms", Default: "200ms", Required: true, Min: 1, Max: longest, Help: "how long a packet waits"},
				{Name: "jitter", Kind: Millis, Unit: "ms", Min: 0, Max: longest, Help: "how far the delay varies, up and down"},
				{Name: "targets", Kind: Peers, Help: "addresses or networks; none means everybody but the control path"},
				{Name: "ports", Kind: Ports, Help: "only packets to one of these remote ports (TCP and UDP)"},
			},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true,
			Figure: Figure{Name: "round trip", Unit: "ms"},
		},
	}
}
