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

func TestEveryParameterOfTheCatalogueSaysWhatItMayBe(t *testing.T) {
	for _, d := range attacks.Builtin() {
		for _, p := range d.Params {
			if bounds(p) == "" {
				t.Errorf("%s %s may be anything", d.Name, p.Name)
			}
		}
	}
	for kib, want := range map[int64]string{1: "1KiB", 1024: "1MiB", 1536: "1.5MiB", 999_999_999: "953.7GiB"} {
		if got := sizeText(kib); got != want {
			t.Errorf("%d KiB is %s, want %s", kib, got, want)
		}
	}
	if got := rateText(2_000_000); got != "2gbit" {
		t.Errorf("2000000 kbit is %s", got)
	}
}
