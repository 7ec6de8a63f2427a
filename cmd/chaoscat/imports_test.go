package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/chaoscat/chaoscat/"

type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// packages lists every package of the module with its direct imports.
func packages(t *testing.T) (list []goPackage) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Skipf("go list does not run here: %v", err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// TestImportsPointInward holds the packages to DESIGN.md's house: each row says who may import what.
func TestImportsPointInward(t *testing.T) {
	within := func(path string, rooms ...string) bool {
		return slices.ContainsFunc(rooms, func(room string) bool {
			return path == module+room || strings.HasPrefix(path, module+room+"/")
		})
	}
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			ours := strings.HasPrefix(imported, module)
			wrong := ""
			switch {
			case p.ImportPath == module+"engine" && strings.Contains(strings.Split(imported, "/")[0], "."):
				wrong = "the core imports the standard library only"
			case p.ImportPath == module+"engine" && slices.Contains([]string{"os", "net", "sync", "log", "log/slog", "context"}, imported):
				wrong = "the core does no I/O and starts nothing"
			case within(p.ImportPath, "engine") && ours && !within(imported, "engine"):
				wrong = "the engine knows nothing of what is around it"
			case within(p.ImportPath, "tui") && ours && imported != module+"engine" && !within(imported, "tui", "engine/printable", "engine/gameday"):
				wrong = "the console sees the engine's snapshot and nothing else"
			case p.ImportPath == module+"attacks" && ours && !within(imported, "engine"):
				wrong = "the catalogue imports the engine only"
			case within(p.ImportPath, "inventory") && ours && !within(imported, "inventory", "engine"):
				wrong = "the inventory imports the engine only"
			case within(p.ImportPath, "attacks/remote") && ours && !within(imported, "attacks", "engine"):
				wrong = "the carrier imports the catalogue and the engine only"
			case strings.Contains(imported, "charmbracelet/bubble") && !within(p.ImportPath, "tui"):
				wrong = "Bubble Tea stays in tui"
			case strings.Contains(imported, "charmbracelet/lipgloss") && !within(p.ImportPath, "tui"):
				wrong = "Lip Gloss stays in tui"
			case strings.HasPrefix(imported, "golang.org/x/crypto/ssh") && !within(p.ImportPath, "attacks/remote", "inventory/simulated", "engine/sshdoor"):
				wrong = "SSH has one door"
			case strings.Contains(imported, "BurntSushi/toml") && !within(p.ImportPath, "cmd/chaoscat"):
				wrong = "TOML is read in cmd"
			case within(p.ImportPath, "engine", "attacks", "inventory", "tui") && within(imported, "cmd"):
				wrong = "nothing imports cmd"
			}
			if wrong != "" {
				t.Errorf("%s imports %s: %s", strings.TrimPrefix(p.ImportPath, module), strings.TrimPrefix(imported, module), wrong)
			}
		}
	}
}
