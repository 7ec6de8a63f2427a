package main

import (
	"slices"
	"testing"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
)

func TestWhatIsKeptAndReadLiesWhereThePersonOrTheSystemSays(t *testing.T) {
	for _, c := range []struct {
		why           string
		env           map[string]string
		uid           int
		state, config string
	}{
		{"a person who has said nothing", nil, 1000, "/home/ada/.local/state/chaoscat", "/home/ada/.config/chaoscat/chaoscat.toml"},
		{"a person who keeps things elsewhere", map[string]string{"XDG_STATE_HOME": "/data/state", "XDG_CONFIG_HOME": "/data/config"}, 1000, "/data/state/chaoscat", "/data/config/chaoscat/chaoscat.toml"},
		{"a relative path is none, says the standard", map[string]string{"XDG_STATE_HOME": "state"}, 1000, "/home/ada/.local/state/chaoscat", "/home/ada/.config/chaoscat/chaoscat.toml"},
		{"root", map[string]string{"XDG_STATE_HOME": "/data/state"}, 0, "/var/lib/chaoscat", "/home/ada/.config/chaoscat/chaoscat.toml"},
		{"a service, told by systemd", map[string]string{"STATE_DIRECTORY": "/var/lib/private/chaoscat"}, 990, "/var/lib/private/chaoscat", "/home/ada/.config/chaoscat/chaoscat.toml"},
	} {
		w := world{env: func(name string) string { return c.env[name] }, uid: c.uid, home: "/home/ada"}
		if got := w.stateDir(); got != c.state {
			t.Errorf("%s: state in %s, want %s", c.why, got, c.state)
		}
		if all := config.Candidates(w.configHome()); !slices.Contains(all, c.config) {
			t.Errorf("%s: configuration in %q, want %s among them", c.why, all, c.config)
		}
	}
}
