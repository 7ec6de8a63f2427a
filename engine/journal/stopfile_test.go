package journal

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

func TestAStopLatchHoldsUntilItIsCleared(t *testing.T) {
	dir := t.TempDir()
	s := NewStopFile(dir, nil)
	if l, err := s.Read(); l != nil || err != nil {
		t.Fatalf("latched before anybody stopped: %+v, %v", l, err)
	}
	if err := s.Clear(); err != nil {
		t.Fatalf("clearing nothing: %v", err)
	}
	want := engine.Latch{At: noon, By: "ann", Door: "console", Reason: "smoke"}
	if err := s.Set(want); err != nil {
		t.Fatal(err)
	}
	if l, err := NewStopFile(dir, nil).Read(); err != nil || !reflect.DeepEqual(*l, want) {
		t.Errorf("%+v, %v", l, err)
	}
	if err := s.Clear(); err != nil {
		t.Fatal(err)
	}
	if l, err := s.Read(); l != nil || err != nil {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestAStopFileThatCannotBeReadOrUnderstoodMeansStopped(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"empty":       func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"garbage":     func(p string) error { return os.WriteFile(p, []byte("stop!"), 0o600) },
		"a directory": func(p string) error { return os.Mkdir(p, 0o700) },
		"a loop":      func(p string) error { return os.Symlink(p, p) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := make(filepath.Join(dir, stopName)); err != nil {
				t.Fatal(err)
			}
			l, err := NewStopFile(dir, nil).Read()
			if l == nil || err == nil || !strings.Contains(l.Reason, "stopped, to be safe") {
				t.Errorf("%+v, %v", l, err)
			}
		})
	}
}

func TestAStopLatchIsEitherSetOrReportedWhateverTheDiskDoes(t *testing.T) {
	for n := 1; ; n++ {
		dir := t.TempDir()
		disk := &badDisk{failAt: n, forGood: true}
		err := NewStopFile(dir, disk).Set(engine.Latch{At: noon, By: "ann"})
		if err == nil {
			if n < 5 {
				t.Errorf("only %v", disk.done)
			}
			return
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("step %d: %v", n, err)
		}
	}
}
