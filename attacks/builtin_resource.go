package attacks

import (
	_ "embed"
	"time"
)

var (
	//go:embed library/cpu.sh
	cpuScript string
)

// resource lists the attacks on what the host has to share out: processors, memory, disk, handles.
func resource() []Definition {
	return []Definition{
		{
			Name: "cpu", Family: "resource", Script: cpuScript,
			Summary: "keep processors busy for a share of the time",
			Params: []Param{
				{Name: "load", Kind: Percent, Unit: "%", Default: "80", Min: 1, Max: 100, Help: "share of a processor that each worker takes"},
				{Name: "workers", Kind: Int, Default: "0", Min: 0, Max: 1024, Help: "0 means one for each processor"},
			},
			Default: time.Minute, Max: 30 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true,
			Figure: Figure{Name: "cpu busy", Unit: "%"},
		},
	}
}
