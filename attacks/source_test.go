package attacks

import (
	"strings"
	"testing"
)

func TestEveryAttackThatIsTakenBackSaysHowInASentence(t *testing.T) {
	for _, d := range Builtin() {
		switch said := d.Undone(); {
		case d.Reversible && (said == "" || strings.ContainsAny(said, "(){}$")):
			t.Errorf("%s: undone by %q", d.Name, said)
		case !d.Reversible && said != "":
			t.Errorf("%s: nothing takes it back, and yet %q", d.Name, said)
		}
	}
	for name := range undone {
		if _, known := Find(name); !known {
			t.Errorf("there is no attack %s", name)
		}
	}
}

func TestACompoundAttackIsUndoneInReverseAndEndsAloneOnlyIfEveryPartDoes(t *testing.T) {
	whole := func(names ...string) Definition {
		var parts []Definition
		for _, name := range names {
			d, _ := Find(name)
			parts = append(parts, d)
		}
		d, err := Compound("both", parts, 0)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := whole("latency", "cpu")
	if said := d.Undone(); !strings.HasPrefix(said, "in reverse order: cpu: the workers are killed") || !strings.Contains(said, "; latency: the shaper") {
		t.Errorf("undone by %q", said)
	}
	if text := d.Reading("inject"); !strings.HasPrefix(text, "# part 1: latency\ninject() {") || !strings.Contains(text, "# part 2: cpu\ninject() {") {
		t.Errorf("it reads\n%s", text)
	}
	if !d.EndsAlone() || whole("cpu", "service-stop").EndsAlone() {
		t.Error("the kernel ends a whole if, and only if, it ends every part")
	}
}

// What a person reads before an attack is what runs: the very text, and what it hands on to, down to the command that
// makes the fault.
func TestWhatIsReadBeforeAnAttackLeadsToWhatRuns(t *testing.T) {
	for name, wanted := range map[string][]string{
		"cpu":          {"inject() {", "hog work", "work() {"},
		"latency":      {"shaper_inject() {", "nft_apply", "netem limit 100000 delay"},
		"blackhole":    {"nft_apply"},
		"service-stop": {`systemctl stop $(triggers) "$P_unit"`},
	} {
		d, _ := Find(name)
		text := d.Reading("inject")
		for _, part := range wanted {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in\n%s", name, part, text)
			}
		}
		if strings.Count(text, "inject() {") > 2 || strings.Contains(text, "measure() {") {
			t.Errorf("%s reads too much:\n%s", name, text)
		}
	}
}

func TestAScriptIsParsedOnce(t *testing.T) {
	defs := Builtin()
	Bundle(defs, BundleOptions{})
	if n := testing.AllocsPerRun(5, func() {
		for _, d := range defs {
			d.Source("inject")
		}
	}); n > float64(10*len(defs)) {
		t.Errorf("reading every attack once more takes %.0f allocations: they are parsed again", n)
	}
}
