package attacks

import (
	_ "embed"
	"time"
)

var (
	//go:embed library/reboot.sh
	rebootScript string
	//go:embed library/service-stop.sh
	serviceStopScript string
)

// state lists the attacks on what runs on the host, and on the host as a whole.
func state() []Definition {
	return []Definition{
		{
			Name: "reboot", Family: "state", Script: rebootScript,
			Summary: "reboot the host and see that it comes back",
			Needs:   []string{"systemctl or reboot"},
			Default: 5 * time.Minute, Max: 15 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true, Supervised: true,
			Figure: Figure{Name: "boot id"},
		},
		{
			Name: "service-stop", Family: "state", Script: serviceStopScript,
			Summary: "stop a systemd service, and whatever stops with it",
			Needs:   []string{"systemd"},
			Params:  []Param{{Name: "unit", Kind: Unit, Required: true, Help: "the service, with its .service; not one by which the host is reached or run"}},
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "service active"},
		},
	}
}
