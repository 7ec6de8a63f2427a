package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/tui"
)

func TestWhatToTypeNextNamesTheSameEngine(t *testing.T) {
	for want, a := range map[string]app{
		"chaoscat stop":                                  {},
		"chaoscat --socket /run/a.sock stop":             {socket: "/run/a.sock"},
		"chaoscat -c c.toml --state-dir 'my dir' stop":   {configFile: "c.toml", state: "my dir"},
		`chaoscat --state-dir 'it'\''s; rm -rf $x' stop`: {state: "it's; rm -rf $x"},
	} {
		if got := a.again("stop"); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
	over := app{state: "/the/engine's", served: &served{}}
	if got := over.again("stop"); got != "chaoscat stop" {
		t.Errorf("over SSH: %s", got)
	}
}

// deaf is an engine that nobody reaches any more.
type deaf struct{ tui.Console }

func (deaf) Order(context.Context, engine.Order) error { return control.ErrNoEngine }

func TestAStopThatReachedNobodyOnLeavingSaysWhatToTypeInALineOfItsOwn(t *testing.T) {
	a := &app{socket: "/run/a.sock"}
	want := "your STOP was not delivered: the engine did not confirm it\n  no engine is running here\n  from any shell: chaoscat --socket /run/a.sock stop"
	left := errors.Join(fmt.Errorf("%w (%w)", tui.ErrStopNotDelivered, control.ErrNoEngine))
	err := a.stopOnLeaving(t.Context(), deaf{}, left, true)
	if err == nil || err.Error() != want || codeOf(err) != exitNoEngine {
		t.Errorf("%v", err)
	}
	if err := a.stopOnLeaving(t.Context(), deaf{}, nil, false); err == nil || err.Error() != want {
		t.Errorf("ordered on leaving alone: %v", err)
	}
	broke := errors.Join(errBroken, left)
	if err := a.stopOnLeaving(t.Context(), deaf{}, broke, true); !errors.Is(err, errBroken) || err.Error() != errBroken.Error()+"\n"+want {
		t.Errorf("beside another reason: %v", err)
	}
}
