package attacks

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

func TestTheRunnerIsTheSameBytesInWhateverOrderTheAttacksCome(t *testing.T) {
	defs := Builtin()
	a := Bundle(defs, BundleOptions{})
	slices.Reverse(defs)
	b := Bundle(defs, BundleOptions{})
	if !bytes.Equal(a.Text, b.Text) || a.Digest != b.Digest || len(a.Digest) != 64 {
		t.Error("two orders gave two runners")
	}
	if c := Bundle(defs[1:], BundleOptions{}); c.Digest == a.Digest {
		t.Error("another set of attacks has the same digest")
	}
}

// outline is what an auditor sees who folds every function: the order of the parts, and nothing that runs
// before the last line.
const outline = `RUNDIR=/run/chaoscat
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset IFS CDPATH ENV BASH_ENV
umask 077
NL='
'
GAP=
main "$@"
exit 0
`

func TestTheRunnerDefinesFunctionsAndRunsOnlyItsLastLine(t *testing.T) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(bytes.NewReader(Bundle(Builtin(), BundleOptions{}).Text), "runner")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	defined := map[string]bool{}
	for _, s := range file.Stmts {
		if f, ok := s.Cmd.(*syntax.FuncDecl); ok {
			if defined[f.Name.Value] {
				t.Errorf("%s is defined twice", f.Name.Value)
			}
			defined[f.Name.Value] = true
			continue
		}
		syntax.NewPrinter().Print(&got, s)
		got.WriteString("\n")
	}
	if got.String() != outline {
		t.Errorf("outside functions the runner does\n%s", got.String())
	}
	for _, verb := range []string{"inspect", "guard", "measure", "undo", "sweep", "bye"} {
		if !defined["verb_"+verb] {
			t.Errorf("there is no verb %s", verb)
		}
	}
}

func TestNoAttackRedefinesAFunctionOfTheRunner(t *testing.T) {
	var parts []string
	for name, text := range map[string]string{"state": stateScript, "undo": undoScript, "guard": guardScript, "inspect": inspectScript, "network": networkScript, "hogs": hogsScript, "processes": processesScript, "compound": compoundScript} {
		file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range file.Stmts {
			if f, ok := s.Cmd.(*syntax.FuncDecl); ok {
				parts = append(parts, f.Name.Value)
			}
		}
	}
	for _, def := range Builtin() {
		defined, err := functions(def.Name, def.Script)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range defined {
			if slices.Contains(parts, f) {
				t.Errorf("%s defines %s, which is a function of the runner", def.Name, f)
			}
		}
	}
}

func TestEveryShellTakesTheRunner(t *testing.T) {
	text := Bundle(Builtin(), BundleOptions{}).Text
	for name, path := range shells(t) {
		argv := []string{path, "-n"}
		if filepath.Base(path) == "busybox" {
			argv = []string{path, "sh", "-n"}
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Stdin = bytes.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// The runner says nothing by the wall clock, edits nothing on disk and runs nothing that came as data. The attack
// on the clock is the one that must ask it.
func TestTheRunnerNeverAsksTheWallClockNorBuildsProgramsFromData(t *testing.T) {
	others := slices.DeleteFunc(Builtin(), func(d Definition) bool { return d.Name == "clock" })
	text := string(Bundle(others, BundleOptions{}).Text)
	for _, never := range []string{`\bdate\b`, `\bmktemp\b`, `/tmp\b`, `/etc/(?:hosts|resolv)`, `\bsh -c "`, `\beval "[^PGp]`, `nft flush`, `iptables -[FADI]`, `(?m)^\s*local `, `\[\[ `, `\$RANDOM`, `<<<`} {
		if hit := regexp.MustCompile(never).FindString(stripComments(text)); hit != "" {
			t.Errorf("the runner has %q", hit)
		}
	}
}

func stripComments(text string) string {
	return regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(text, "")
}

func TestABaseForTestsMustBeAnAbsolutePlainPath(t *testing.T) {
	if !strings.Contains(string(Bundle(nil, BundleOptions{Base: "/run/elsewhere"}).Text), "RUNDIR=/run/elsewhere\n") {
		t.Error("the base was not compiled in")
	}
	for _, base := range []string{"relative", "/a/../b", "/a b", "/$(id)", "/a\n"} {
		if fit(nil, BundleOptions{Base: base}) == nil {
			t.Errorf("%q was taken", base)
		}
	}
}

func TestUncheckedDefinitionsNeverReachARunner(t *testing.T) {
	good := Builtin()[0]
	for _, spoil := range []func(*Definition){
		func(d *Definition) { d.Name = "a) reboot ;; b" },
		func(d *Definition) { d.Name = "" },
		func(d *Definition) { d.Params = []Param{{Name: "x' ; reboot ; '"}} },
		func(d *Definition) { d.Script = "reboot\n" + d.Script },
		func(d *Definition) { d.Script = "esac\n" },
		func(d *Definition) { d.Script = "inject() { :; }" },
		func(d *Definition) { d.Script += "}\nreboot" },
	} {
		d := good
		spoil(&d)
		if fit([]Definition{d}, BundleOptions{}) == nil {
			t.Errorf("taken: %q %v", d.Name, d.Params)
		}
	}
	if fit([]Definition{good, good}, BundleOptions{}) == nil {
		t.Error("the same attack was taken twice")
	}
}
