package attacks

import (
	"fmt"
	"strings"
)

// undone says in a sentence what the undo of each built-in attack does, for whoever decides whether to run it. The
// scripts are what decides; a test holds the two lists against each other.
var undone = map[string]string{
	"bandwidth": "the shaper is taken off the interfaces, and the queues they had are put back",
	"corrupt":   "the shaper is taken off the interfaces, and the queues they had are put back",
	"duplicate": "the shaper is taken off the interfaces, and the queues they had are put back",
	"latency":   "the shaper is taken off the interfaces, and the queues they had are put back",
	"loss":      "the shaper is taken off the interfaces, and the queues they had are put back",
	"reorder":   "the shaper is taken off the interfaces, and the queues they had are put back",

	"blackhole": "the nft table that drops the packets is deleted",
	"dns":       "the nft table that keeps the answers away is deleted",
	"partition": "the nft table that drops the packets is deleted",
	"reject":    "the nft table that turns the packets away is deleted",
	"link-down": "the interface is brought up with the addresses, routes and neighbours it had",

	"cpu":       "the workers are killed, and it is proven that none is left",
	"disk-fill": "whoever holds the file without a name is killed, and the kernel frees its room",
	"disk-io":   "the workers are killed, and the kernel frees the room of their files without names",
	"fds":       "whoever holds the files open is killed, and the kernel closes them",
	"inodes":    "whoever holds the files without names is killed, and the kernel frees them",
	"memory":    "whoever holds the memory is killed, and the kernel takes it back",
	"pids":      "the processes that hold the numbers are killed",

	"clock":         "the clock is set to where it would be, and the time services that ran are started",
	"freeze":        "the control group is thawed, and the units that stopped meanwhile are started",
	"port-hog":      "whoever listens on the port is killed",
	"process-kill":  "killing ends, whoever was asked to end has ended, and a unit that did not come back is started",
	"process-pause": "exactly the processes that were stopped go on, and units that stopped meanwhile are started",
	"service-crash": "a unit that did not come back is started",
	"service-stop":  "the service is started, and whatever stopped with it",
	"reboot":        "the host boots and so undoes it; it must come back within the time of the attack",
}

// Undone says what takes the attack back, in a sentence; empty where nothing does.
func (d Definition) Undone() string {
	switch {
	case !d.Reversible:
		return ""
	case len(d.Parts) > 0:
		last := len(d.Parts) - 1
		said := make([]string, len(d.Parts))
		for i, p := range d.Parts {
			said[last-i] = fmt.Sprintf("%s: %s", p.Name, p.Undone())
		}
		return "in reverse order: " + strings.Join(said, "; ")
	case d.Custom:
		return "your own undo script; it must end with 0 if, and only if, nothing is left"
	}
	return undone[d.Name]
}

// EndsAlone tells whether the kernel ends the fault with no process of ours alive.
func (d Definition) EndsAlone() bool {
	for _, p := range d.Parts {
		if !p.EndsAlone() {
			return false
		}
	}
	return len(d.Parts) > 0 || strings.Contains(d.Source("layers"), "echo kernel")
}
