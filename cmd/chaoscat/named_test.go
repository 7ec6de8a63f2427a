package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var named = regexp.MustCompile(`(?:: |"|run )chaoscat ([a-z][a-z-]+)`)

// A person at three in the morning types what the screen says.
func TestTheConsoleNamesOnlyCommandsThatExist(t *testing.T) {
	files, err := filepath.Glob("../../tui/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	commands := map[string]bool{}
	for _, c := range (&app{}).root().Commands() {
		commands[c.Name()] = true
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if found++; !commands[m[1]] {
				t.Errorf("%s tells people to run chaoscat %s, which does not exist", file, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d commands were found in what the console says", found)
	}
}
