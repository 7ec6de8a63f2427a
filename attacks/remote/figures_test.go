package remote

import (
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

// said makes a figure of the lines of a measurement, as measure does.
func said(def attacks.Definition, lines ...[2]string) figure {
	f := figure{parts: make([]figure, len(def.Parts))}
	of := &f
	for _, l := range lines {
		if l[0] == "part" {
			of = f.part(l[1])
			continue
		}
		of.heed(l[0], l[1])
	}
	return f
}

func TestWhatWasMeasuredIsToldWithWhatItIsAbout(t *testing.T) {
	shown := ""
	show := func(text string) { shown = text }
	def := attacks.Definition{Name: "latency", Figure: attacks.Figure{Name: "round trip", Unit: "ms"}}
	a := &attack{brake: &brake{halt: t.Context()}, def: def, figures: blank(def), visit: &visit{show: show}, tale: tale{hear: func(engine.Advanced) {}}}
	a.begin(said(def, [2]string{"about", "to 10.0.0.7"}, [2]string{"figure", "0.4"}, [2]string{"expect", "up 200"}))
	if shown != "chaoscat: round trip to 10.0.0.7 0.4 ms, expected to rise by 200 ms" {
		t.Errorf("%q", shown)
	}
	a.enter(said(def, [2]string{"figure", "201"}), during)
	a.enter(said(def, [2]string{"figure", "0.4"}), after)
	if text := a.figures.Text; text != "round trip to 10.0.0.7 0.4 → 201 → 0.4 ms" {
		t.Errorf("%q", text)
	}
	if effect := judge(a.expected, a.figures); effect != engine.Effective {
		t.Errorf("%s", effect)
	}
	b := &attack{brake: &brake{halt: t.Context()}, def: def, figures: blank(def), visit: &visit{show: show}, tale: tale{hear: func(engine.Advanced) {}}}
	b.begin(said(def, [2]string{"unverifiable", "this host has no ping"}))
	if shown != "chaoscat: the effect cannot be measured: this host has no ping" {
		t.Errorf("%q", shown)
	}
}

func TestEachPartOfACompoundIsJudgedByItsOwnExpectation(t *testing.T) {
	def := attacks.Definition{Name: "storm", Parts: []attacks.Definition{
		{Name: "cpu", Figure: attacks.Figure{Name: "cpu busy", Unit: "%"}}, {Name: "latency", Figure: attacks.Figure{Name: "round trip", Unit: "ms"}},
	}}
	var told []engine.Figures
	a := &attack{brake: &brake{halt: t.Context()}, def: def, figures: blank(def), visit: &visit{show: func(string) {}}, tale: tale{hear: func(e engine.Advanced) {
		if e.Figures != nil {
			told = append(told, *e.Figures)
		}
	}}}
	a.begin(said(def, [2]string{"part", "1"}, [2]string{"figure", "4"}, [2]string{"expect", "up 77"},
		[2]string{"part", "2"}, [2]string{"about", "to 10.0.0.7"}, [2]string{"figure", "0.4"}, [2]string{"expect", "up 200"},
		[2]string{"part", "3"}, [2]string{"figure", "9"}, [2]string{"part", "x"}, [2]string{"figure", "9"})) // of what is not there, nothing is kept
	if !a.expected.known() || felt(a.figures) {
		t.Errorf("%+v", a.figures)
	}
	a.enter(said(def, [2]string{"part", "1"}, [2]string{"figure", "81"}, [2]string{"part", "2"}, [2]string{"figure", "100"}), during)
	if text := a.figures.Text; text != "cpu busy 4 → 81 → ? %; round trip to 10.0.0.7 0.4 → 100 → ? ms" {
		t.Errorf("%q", text)
	}
	if effect := judge(a.expected, a.figures); effect != engine.Weak { // the worst part's
		t.Errorf("%s", effect)
	}
	if !felt(a.figures) || told[0].Parts[0].During != nil {
		t.Errorf("what was told first has changed since: %+v", told[0])
	}
}

func TestWhatCannotBeTrustedIsNoFigureWhateverIsSaidOfItBesides(t *testing.T) {
	var f figure
	for _, line := range []string{"figure 5", "unverifiable the clock was set", "figure 7"} {
		word, rest, _ := strings.Cut(line, " ")
		f.heed(word, rest)
	}
	if f.value != nil || f.why != "the clock was set" {
		t.Errorf("figure %v, because %q", f.value, f.why)
	}
}

func TestALookThatSawNothingTakesBackNothingThatWasSeen(t *testing.T) {
	seen := 80.0
	record := engine.Figures{Parts: []engine.Figures{{}, {}}}
	figure{parts: []figure{{value: &seen}, {value: &seen}}}.into(&record, during)
	figure{parts: []figure{{value: &seen}, {why: "only 12 packets"}}}.into(&record, during)
	if d := record.Parts[1].During; d == nil || *d != seen {
		t.Errorf("what is left of it: %+v", record.Parts[1])
	}
}
