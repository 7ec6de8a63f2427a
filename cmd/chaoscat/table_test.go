package main

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
)

var hosts = [][]string{
	{"HOST", "STATE", "WHY"},
	{"web-1", "ready", ""},
	{"web-2", "excluded", "by ada until Wed 14:00, since its disk is being replaced by somebody else"},
}

func TestATableFitsTheTerminalAndStaysInOneLineElsewhere(t *testing.T) {
	for _, c := range []struct {
		width int
		want  string
	}{
		{0, `HOST   STATE     WHY
web-1  ready
web-2  excluded  by ada until Wed 14:00, since its disk is being replaced by somebody else`},
		{48, `HOST   STATE     WHY
web-1  ready
web-2  excluded  by ada until Wed 14:00, since
                 its disk is being replaced by
                 somebody else`},
		{20, `HOST   STATE     WHY
web-1  ready
web-2  excluded  by ada until Wed 14:00, since its disk is being replaced by somebody else`}, // in vain: not squeezed at all
	} {
		if got := strings.Join(aligned(hosts, c.width), "\n"); got != c.want {
			t.Errorf("at %d columns:\n%s\nwant\n%s", c.width, got, c.want)
		}
	}
}

func TestColumnsAreCountedAsATerminalShowsThem(t *testing.T) {
	got := aligned([][]string{{"東京", "x"}, {"a", "y"}, {"wwwwwwwwwwwwwwwwwwwwwwww", "z"}}, 16)
	for _, line := range got {
		if ansi.StringWidth(line) > 16 {
			t.Errorf("%q is too wide", line)
		}
	}
	if want := "東京           x"; got[0] != want {
		t.Errorf("%q, want %q", got[0], want)
	}
}

func TestNoHelpIsWiderThanATerminal(t *testing.T) {
	a := in(nil)
	said := &strings.Builder{}
	root := a.root()
	root.SetOut(said)
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		said.Reset()
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(said.String()) {
			if line = strings.TrimSuffix(line, "\n"); ansi.StringWidth(line) > helpWidth {
				t.Errorf("%s: %d columns: %s", c.CommandPath(), ansi.StringWidth(line), line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
