package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
)

const oneSource = `dry_run = true
[schedule]
timezone = "UTC"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = ["00:00-24:00"]
check_every = "1h"
[[inventory]]
type = "file_sd"
files = ["targets/*.json"]
[[attack]]
name = "cpu"
[[health]]
type = "command"
command = ["true"]
[oncall]
type = "command"
command = ["echo", "ada"]
`

// fleetFile is a running engine whose hosts are those of a file, read again many times a second.
type fleetFile struct {
	t     *testing.T
	path  string
	house *house
	log   *lines
}

func openOnFile(t *testing.T, targets string) *fleetFile {
	t.Helper()
	dir := t.TempDir()
	f := &fleetFile{t: t, path: filepath.Join(dir, "targets", "fleet.json"), log: &lines{}}
	if err := os.Mkdir(filepath.Dir(f.path), 0o700); err != nil {
		t.Fatal(err)
	}
	f.lists(targets)
	file := filepath.Join(dir, "chaoscat.toml")
	if err := os.WriteFile(file, []byte(oneSource), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, config.Disk(dir))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Inventories[0].Refresh, cfg.Inventories[0].StaleAfter = 20*time.Millisecond, 200*time.Millisecond
	w := thisWorld()
	g, err := build(t.Context(), w, cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.carrier = outOfReach{context.Canceled}
	if f.house, err = open(context.Background(), w, g, filepath.Join(dir, "state"), opening{log: slog.New(slog.NewJSONHandler(f.log, nil))}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.house.close(context.Canceled); err != nil {
			t.Log(err)
		}
	})
	return f
}

// lists puts another text in the place of the file, as a whole.
func (f *fleetFile) lists(text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path+".new", []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleetFile) eventually(what string, is func(engine.Snapshot) bool) {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(f.house.engine.Snapshot()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("never: %s\n%s", what, f.log)
		}
	}
}

func (f *fleetFile) recorded(text string) bool {
	found, err := f.house.engine.History(f.t.Context(), 0)
	if err != nil {
		f.t.Fatal(err)
	}
	return slices.ContainsFunc(found, func(r engine.Record) bool { return strings.Contains(r.Text, text) })
}

func TestWhatChangesInTheInventoryIsOnRecordAndTheHostsOfAStaleSourceAreNotAttacked(t *testing.T) {
	const two, three = `[{"targets": ["web-1:9100", "web-2:9100"]}]`, `[{"targets": ["web-1:9100", "web-2:9100", "web-3:9100"]}]`
	f := openOnFile(t, two)
	order := func(id string) error {
		_, err := f.house.engine.Ask(t.Context(), engine.Order{ID: id, Kind: engine.RunOnce, By: "ada", Door: "test", Role: engine.Admin, Host: "web-1", Attack: "cpu"})
		return err
	}
	f.eventually("the gates are clear", func(s engine.Snapshot) bool {
		return s.Verdict.Name != engine.Reconciling && !slices.ContainsFunc(s.Gates, func(g engine.GateView) bool { return !g.Clear })
	})
	f.lists(three)
	f.eventually("the third host is known", func(s engine.Snapshot) bool { return s.Roster.Len() == 3 })
	if !f.recorded("changed: the inventory was refreshed: 1 added (web-3)") {
		t.Error("the third host is not on record")
	}

	f.lists(`[{"targets": ["web-1`)
	barred := func(s engine.Snapshot) bool { h, _ := s.Roster.Find("web-1"); return h.Barred != "" }
	f.eventually("the source is stale", barred)
	if status, why := f.house.engine.Snapshot().Host("web-1"); status != engine.HostExcluded || !strings.Contains(why, "its source file_sd "+filepath.Dir(f.path)+"/*.json has not been readable since ") || !strings.Contains(why, "not JSON") {
		t.Errorf("web-1 is %s: %s", status, why)
	}
	if err := order("1"); err == nil || !strings.Contains(err.Error(), "has not been readable since") {
		t.Errorf("the order is answered with %v", err)
	}
	if !f.recorded("3 kept out (web-1, web-2, web-3): its source") {
		t.Error("that nobody is left is not on record")
	}

	f.lists(three)
	f.eventually("the source is well again", func(s engine.Snapshot) bool { return !barred(s) })
	if !f.recorded("3 let in again (web-1, web-2, web-3)") {
		t.Error("that they are back is not on record")
	}
}
