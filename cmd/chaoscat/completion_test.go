package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestNothingIsProposedThatAShellWouldReadAsMoreThanAWord(t *testing.T) {
	for _, word := range []string{"", "-web", "~root", "a b", "a\tb", "a\nb", "$(id)", "`id`", "a;id", "a&b", "a|b", "a>b", "a'b", `a"b`, `a\b`, "a*", "a?", "a{1,2}", "!x", "#x", "=x", "a\x1b[2J", "ä"} {
		if got := fit([]candidate{{word, "x"}}, ""); len(got) > 0 {
			t.Errorf("%q is proposed as %q", word, got)
		}
	}
	for _, word := range []string{"web-1", "zone=eu-1", "delay=", "2001:db8::1", "10.0.0.0/8", "a.b_c", "targets=10.0.0.1,group:web", "load=50%"} {
		if got := fit([]candidate{{word, "`id` $(id)\t\x1b[2J\nx"}}, ""); len(got) != 1 || got[0] != word+"\t?id? ?(id)???2J?x" {
			t.Errorf("%q is proposed as %q", word, got)
		}
	}
}

func TestNobodyWaitsForACandidateThatDoesNotCome(t *testing.T) {
	began := time.Now()
	stuck := source(func(context.Context, *cobra.Command, []string, string) []candidate { select {} })
	if got, directive := stuck.of()(nil, nil, ""); len(got) > 0 || directive != cobra.ShellCompDirectiveNoFileComp {
		t.Errorf("%v, %v", got, directive)
	}
	if took := time.Since(began); took > 10*candidatesWithin {
		t.Errorf("it took %v", took)
	}
}

// A real bash presses Tab: without the bash-completion package, since few can be sure to have it.
func TestBashCompletesWhatIsTyped(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash on this machine: its completion is not tried")
	}
	dir := t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "chaoscat"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"chaoscat.toml": forCompletion, "plan.toml": "", "plan.txt": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ line, want string }{
		{"chaoscat run-once --host w", "web-1 "},
		{"chaoscat run-once --host web-1 --attack lat", "latency "},
		{"chaoscat run-once --attack latency --param dela", "delay= nospace"},
		{"chaoscat run-once --attack latency --param delay=", "350ms "}, // readline's word begins behind the =
		{"chaoscat run-once --attack=lat", "latency "},
		{"chaoscat run-once --tag zone=e", "eu-1 "},
		{"chaoscat exclude ", "web-1 "},
		{"chaoscat sta", "status "},
		{"chaoscat gameday pl", "plan.toml "},
		{"chaoscat -c pl", "plan.toml "},
		{"chaoscat gameday report pl", "plan.toml "},
		{"chaoscat run-once --host nosuch", ""},
		{"chaoscat -c nowhere.toml exclude ", ""},
	} {
		script := `source <(chaoscat completion bash) || exit 1
type() { echo builtin; } # what is not one is not asked
compopt() { case "$*" in "-o nospace") nospace=nospace ;; esac; }
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COLUMNS=80
__start_chaoscat
for word in "${COMPREPLY[@]}"; do printf '%s %s' "$word" "$nospace"; done`
		cmd := exec.Command(bash, "--norc", "-c", script, "bash", c.line)
		cmd.Dir = dir
		cmd.Env = append(program(dir).Env, "PATH="+dir+":"+os.Getenv("PATH"))
		var said strings.Builder
		cmd.Stderr = &said
		got, err := cmd.Output()
		if string(got) != c.want || said.Len() > 0 || err != nil && len(got) > 0 {
			t.Errorf("%s<Tab>: %q, want %q; %v %s", c.line, got, c.want, err, said.String())
		}
	}
}

const forCompletion = `
[schedule]
timezone = "UTC"
[safety]
exclude = ["db-1"]
[[inventory]]
type = "static"
hosts = [
  { name = "web-1", address = "198.51.100.1", groups = ["web"], tags = { zone = "eu-1" } },
  { name = "db-1", address = "198.51.100.2" },
]
[oncall]
type = "command"
command = ["true"]
[[attack]]
name = "latency"
params = { delay = "350ms" }
[[health]]
type = "command"
command = ["true"]
`
