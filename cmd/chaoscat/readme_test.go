package main

import (
	"os"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/attacks"
)

func TestTheReadmeNamesEveryAttackOfTheCatalogue(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "## The attacks\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, d := range attacks.Builtin() {
		if !found || !strings.Contains(table, "`"+d.Name+"`") {
			t.Errorf("%s is not in the README's table", d.Name)
		}
	}
}
