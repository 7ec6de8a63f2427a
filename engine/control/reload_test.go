package control_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// reloads is a client at the door of an engine that reloads so, with what it was asked by whom.
func reloads(t *testing.T, role engine.Role, reload func(ctx context.Context, by string) error) *control.Client {
	t.Helper()
	client, _ := serves(t, role, control.Options{Engine: &stage{}, Reload: reload})
	return client
}

func TestOnlyWhoMayDoEverythingHasTheConfigurationReadAnew(t *testing.T) {
	for _, role := range []engine.Role{engine.Nobody, engine.Viewer, engine.Stopper, engine.Operator, engine.Admin} {
		by := ""
		err := reloads(t, role, func(_ context.Context, who string) error { by = who; return nil }).Reload(t.Context())
		var refusal *engine.Refusal
		switch {
		case role == engine.Admin && (err != nil || by != "kernel-says"):
			t.Errorf("%s: %v, for %q", role, err, by)
		case role < engine.Admin && (!errors.As(err, &refusal) || refusal.Name != engine.NotAllowed || by != ""):
			t.Errorf("%s: %v, for %q", role, err, by)
		}
	}
}

func TestWhatKeepsAConfigurationFromBeingTakenArrivesWhole(t *testing.T) {
	client := reloads(t, engine.Admin, func(context.Context, string) error { return errors.New("line 3: one\nline 9: two") })
	var not *control.NotTaken
	if err := client.Reload(t.Context()); !errors.As(err, &not) || not.Mistakes != "line 3: one\nline 9: two" {
		t.Errorf("it is said: %v", err)
	}
}

func TestAnEngineThatReadsItsConfigurationOnceSaysSo(t *testing.T) {
	if err := reloads(t, engine.Admin, nil).Reload(t.Context()); !errors.Is(err, control.ErrNoReload) {
		t.Errorf("it is said: %v", err)
	}
	if err := control.NewClient(filepath.Join(t.TempDir(), "s.sock")).Reload(t.Context()); !errors.Is(err, control.ErrNoEngine) {
		t.Errorf("with nobody there it is said: %v", err)
	}
}
