package attacks

import (
	_ "embed"
	"slices"
	"time"
)

var (
	//go:embed library/clock.sh
	clockScript string
	//go:embed library/freeze.sh
	freezeScript string
	//go:embed library/halt.sh
	haltScript string
	//go:embed library/panic.sh
	panicScript string
	//go:embed library/port-hog.sh
	portHogScript string
	//go:embed library/process-kill.sh
	processKillScript string
	//go:embed library/process-pause.sh
	processPauseScript string
	//go:embed library/reboot.sh
	rebootScript string
	//go:embed library/service-crash.sh
	serviceCrashScript string
	//go:embed library/service-stop.sh
	serviceStopScript string
)

const (
	aYear   = 366 * 24 * 3_600_000 // ms, the most that a clock is set wrong
	anyPort = 65535
)

// state lists the attacks on what runs on the host, and on the host as a whole. None but the holder of a port
// ends by itself without a guard, so none that is taken back lasts longer than ten minutes.
func state() []Definition {
	return slices.Concat(onProcesses(), onServices(), onHost())
}

// choosers say which processes are meant, one of them at a time.
func choosers() []Param {
	return []Param{
		{Name: "process", Kind: Process, Help: "part of the command line, as it is"},
		{Name: "pid_file", Kind: Path, Help: "a file that names the process; one that is younger than the file is a stranger"},
		{Name: "port", Kind: Int, Min: 1, Max: anyPort, Help: "whoever listens on it (TCP and UDP)"},
		{Name: "unit", Kind: Unit, Help: "all processes of a systemd service"},
		{Name: "count", Kind: Int, Default: "1", Min: 1, Max: 100, Help: "how many of those that are meant"},
		{Name: "which", Kind: Word, Default: "oldest", Choices: []string{"oldest", "newest", "random"}, Help: "of those that are meant"},
	}
}

var oneChooser = []string{"process", "pid_file", "port", "unit"}

func onProcesses() []Definition {
	return []Definition{
		{
			Name: "process-kill", Family: "state", Script: processKillScript, OneOf: oneChooser, AnyOf: oneChooser,
			Summary: "send a signal to processes, once or again and again; a unit that does not come back is started",
			Needs:   []string{"systemd, unless orphans"},
			Params: append(choosers(),
				Param{Name: "signal", Kind: Word, Default: "KILL", Choices: []string{"KILL", "TERM", "INT", "QUIT", "ABRT", "SEGV", "HUP", "USR1", "USR2"}, Help: "what is sent; HUP, USR1 and USR2 cannot be measured"},
				Param{Name: "every", Kind: Millis, Unit: "ms", Min: 1000, Max: 600_000, Help: "again that often while the fault is held"},
				Param{Name: "orphans", Kind: Bool, Default: "false", Irreversible: true, Help: "also processes that no unit would start again; nothing brings them back"},
			),
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "processes"},
		},
		{
			Name: "process-pause", Family: "state", Script: processPauseScript, OneOf: oneChooser, AnyOf: oneChooser,
			Summary: "stop processes in their tracks, and let exactly those go on",
			Params:  choosers(),
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "stopped processes"},
		},
		{
			Name: "port-hog", Family: "state", Script: portHogScript,
			Summary: "take a TCP port, so that nobody else can listen on it",
			Needs:   []string{"perl, python3, socat, ncat, nc or busybox"},
			Params: []Param{
				{Name: "port", Kind: Int, Required: true, Min: 1, Max: anyPort, Help: "one that nobody listens on, and not SSH's"},
				{Name: "address", Kind: Text, Help: "one of the host's; none means all"},
			},
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true,
			Figure: Figure{Name: "listening"},
		},
	}
}

func onServices() []Definition {
	unit := []Param{{Name: "unit", Kind: Unit, Required: true, Help: "the service, with its .service; not one by which the host is reached or run"}}
	return []Definition{
		{
			Name: "service-stop", Family: "state", Script: serviceStopScript,
			Summary: "stop a systemd service, and whatever stops with it",
			Needs:   []string{"systemd"}, Params: unit,
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "service active"},
		},
		{
			Name: "service-crash", Family: "state", Script: serviceCrashScript,
			Summary: "kill the main process of a systemd service, and see whether and how fast it comes back",
			Needs:   []string{"systemd"}, Params: unit,
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "main process"},
		},
		{
			Name: "freeze", Family: "state", Script: freezeScript,
			Summary: "freeze all processes of a systemd service at once, by its control group",
			Needs:   []string{"systemd", "cgroup v2"}, Params: unit,
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "frozen"},
		},
	}
}

func onHost() []Definition {
	return []Definition{
		{
			Name: "clock", Family: "state", Script: clockScript, AnyOf: []string{"offset", "drift"},
			Summary: "set the clock wrong, with the time services held off",
			Needs:   []string{"date"},
			Params: []Param{
				{Name: "offset", Kind: Millis, Unit: "ms", Min: -aYear, Max: aYear, Help: "how far ahead, or behind with a sign"},
				{Name: "drift", Kind: Millis, Unit: "ms", Min: -30_000, Max: 30_000, Help: "how much it gains each minute, or loses with a sign"},
			},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "clock", Unit: "ms"},
		},
		{
			Name: "reboot", Family: "state", Script: rebootScript,
			Summary: "reboot the host and see that it comes back",
			Needs:   []string{"systemctl or reboot"},
			Default: 5 * time.Minute, Max: 15 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true, Supervised: true,
			Figure: Figure{Name: "boot id"},
		},
		{
			Name: "panic", Family: "state", Script: panicScript,
			Summary: "make the kernel panic, and see that the host comes back",
			Needs:   []string{"sysrq"},
			Params:  []Param{{Name: "sync", Kind: Bool, Default: "true", Help: "write what is unwritten to the disk first; false is as if the power failed"}},
			Default: 5 * time.Minute, Max: 15 * time.Minute, UndoWithin: 15 * time.Second, Supervised: true,
			Figure: Figure{Name: "boot id"},
		},
		{
			Name: "halt", Family: "state", Script: haltScript,
			Summary: "power the host off; somebody must bring it back",
			Needs:   []string{"systemctl or poweroff"},
			Default: 5 * time.Minute, Max: 15 * time.Minute, UndoWithin: 15 * time.Second, Supervised: true, StaysDown: true,
			Figure: Figure{Name: "boot id"},
		},
	}
}
