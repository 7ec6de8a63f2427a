package attacks

import (
	"strings"
	"testing"
	"time"
)

func TestACustomAttackWithoutUndoIsRefusedUnlessItSaysIrreversible(t *testing.T) {
	if _, err := Custom(CustomFiles{Name: "mine", Inject: "true"}); err == nil || !strings.Contains(err.Error(), "irreversible = true") {
		t.Errorf("without undo: %v", err)
	}
	def, err := Custom(CustomFiles{Name: "mine", Inject: "true", Irreversible: true})
	if err != nil || def.Reversible || !def.Custom {
		t.Errorf("irreversible: %+v, %v", def, err)
	}
	if _, err := Custom(CustomFiles{Name: "mine", Inject: "true", Undo: "true", Irreversible: true}); err == nil {
		t.Error("an undo and irreversible were taken together")
	}
}

func TestACustomScriptWithAMistakeIsRefusedWithItsFileAndLine(t *testing.T) {
	for text, want := range map[string]string{
		"if true\nthen echo a\n": "mine.sh:",
		"echo 'open\n":           "mine.sh:1:",
		"true\ntrue\n)\n":        "mine.sh:3:",
		"cat <<EOF\nno end\n":    "mine.sh:1:",
		"a=(1 2)\n":              "mine.sh:1:",
		"true\r\n":               "mine.sh:1: a NUL or a carriage return",
		"true\ntrue\x00\n":       "mine.sh:2: a NUL or a carriage return",
		"true\n)\nreboot\n(\n":   "mine.sh:2:",
		"true; }; reboot; f() {": "mine.sh:1:",
		"esac\n":                 "mine.sh:1:",
		"  \n":                   "there is no inject script",
		"[[ a == b ]] <(true)\n": "mine.sh:1:",
	} {
		_, err := Custom(CustomFiles{Name: "mine", Inject: text, InjectFile: "mine.sh", Undo: "true"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
	_, err := Custom(CustomFiles{Name: "cpu", Inject: "(", Undo: ")", Measure: "'"})
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("four mistakes came out as: %v", err)
	}
}

func TestACustomScriptStaysInsideItsFunction(t *testing.T) {
	for _, text := range []string{"exit 3", "exit", "cd /tmp; x=1", "# only a comment", "true # no line feed", `echo a \`, "cat <<EOF\nx\nEOF", "f() { exit; }\nf", "(true) & wait", "case a in a) ;; esac"} {
		def, err := Custom(CustomFiles{Name: "mine", Inject: text, Undo: "true", Max: time.Minute})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		defined, err := functions("mine", def.Script)
		if err != nil || strings.Join(defined, " ") != "requires layers prepare verify inject undo measure" {
			t.Errorf("%q became %v, %v", text, defined, err)
		}
		if err := fit([]Definition{def}, BundleOptions{}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
