package tui

import (
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

// What a person who saw the console for the first time was misled by.

func readOnly(o *Options) { o.Plain, o.ReadOnly = true, true }

func TestWithoutAnAnswerNothingIsSaidOfAnEngineThatMayBeDead(t *testing.T) {
	for _, s := range []engine.Snapshot{armed(), attacking()} {
		d := newDesk(func(o *Options) { o.Plain = true }).show(s)
		d.m.Update(newsMsg{lost: true})
		screen := strings.Join(strings.Fields(strings.ReplaceAll(d.screen(120, 40), "│", "")), " ")
		for _, want := range []string{"Nobody answers since 16:47:53", "may be dead or cut off", "tries again by itself", "chaoscat stop"} {
			if !strings.Contains(screen, want) {
				t.Errorf("%s: no %q in\n%s", s.Mood, want, screen)
			}
		}
		if strings.Contains(screen, "goes on without") || strings.Contains(screen, "ends early on: gate") {
			t.Errorf("%s: it claims what nobody knows:\n%s", s.Mood, screen)
		}
	}
}

func TestAfterAStopAReadOnlyConsoleOffersNoKeyThatItRefuses(t *testing.T) {
	d := newDesk(readOnly).show(armed())
	d.runes("s").show(stopped())
	if got := d.m.toast.text; !strings.Contains(got, "another console resumes") || strings.Contains(got, "p, then y") {
		t.Errorf("it says %q", got)
	}
}

func TestAMessageStaysTrueWhileItStands(t *testing.T) {
	d := newDesk(nil).show(attacking()).runes("s")
	wantScreen(t, d, "what runs is being undone")
	d.show(stopped())
	if got := d.m.toast.text; got != "stopped, and it stays so; p, then y, resumes" {
		t.Errorf("nothing runs any more, and it says %q", got)
	}
}

func TestAMessageGoesWithTheNextThingDoneAndByItselfInSeconds(t *testing.T) {
	d := newDesk(nil).show(attacking()).runes("r")
	if d.runes("z").m.toast.text != "" {
		t.Errorf("after another key it still says %q", d.m.toast.text)
	}
	for _, c := range []struct{ key, on, off string }{{"w", "wrap on", "wrap off"}, {"t", "times off", "times on"}, {"f", "holding still; f follows", "following"}} {
		for _, want := range []string{c.on, c.off} {
			if got := d.runes(c.key).m.toast.text; got != want {
				t.Errorf("%s says %q, want %q", c.key, got, want)
			}
		}
	}
	if d.wait(toastFor).m.toast.text != "" {
		t.Error("it does not go away by itself")
	}
}

func TestAStopThatNobodyConfirmedIsNotWipedAwayByAKey(t *testing.T) {
	d := newDesk(nil).show(attacking())
	d.m.Update(char('s')) // ordered, not answered
	d.m.Update(char('z'))
	wantScreen(t, d, "the engine has not confirmed it yet")
}

func TestHelpTellsOfNoKeyThatIsAlwaysOff(t *testing.T) {
	help := func(with func(*Options)) string {
		return strings.Join(newDesk(with).show(armed()).m.helpText(118, 200), "\n")
	}
	for what, c := range map[string]struct {
		with func(*Options)
		off  []string
	}{
		"read-only":         {readOnly, []string{"run the drawn one", "draw again", "attack by hand", "re-arm", "exclude", "a note into", "SCHEDULE"}},
		"writes no files":   {func(o *Options) { o.SaveDir, o.Attached = NoFiles, true }, []string{"y W", "write to file"}},
		"no shell":          {func(o *Options) { o.Remote, o.Attached = &Remote{}, true }, []string{"ctrl+z"}},
		"the engine inside": {nil, []string{"ctrl+z"}},
	} {
		all, some := help(func(o *Options) { o.Attached = true }), help(c.with)
		for _, text := range c.off {
			if !strings.Contains(all, text) || strings.Contains(some, text) {
				t.Errorf("%s: %q: in all %v, here %v", what, text, strings.Contains(all, text), strings.Contains(some, text))
			}
		}
		if !strings.Contains(some, "stop and undo everything") || !strings.Contains(some, "copy line") {
			t.Errorf("%s: too much is left out:\n%s", what, some)
		}
	}
}

func TestAnAttackByHandMarksAllThatIsWrongAndPromisesNothingOfIt(t *testing.T) {
	d := newDesk(func(o *Options) { o.Plain = true }).show(shaped()).runes("a")
	d.write(t, "Hosts", "nobody").write(t, "For", "999").line(t, "confirm").keys(enter)
	for _, want := range []string{"no host matches", "for: a time like 90s"} {
		if !strings.Contains(d.m.hand.trouble, want) {
			t.Errorf("no %q in %q", want, d.m.hand.trouble)
		}
		if n := strings.Count(d.screen(120, 40), "! "+want); n == 0 {
			t.Errorf("no line is marked with %q:\n%s", want, d.m.View())
		}
	}
	if strings.Contains(d.screen(120, 40), "after 999") {
		t.Error("it promises an end after 999")
	}
}

func TestTheHintOfALineCanBeReadToItsEnd(t *testing.T) {
	d := newDesk(func(o *Options) { o.Plain = true }).show(shaped()).runes("a").line(t, "Hosts")
	screen := strings.Join(strings.Fields(strings.ReplaceAll(d.screen(80, 24), "│", "")), " ")
	if !strings.Contains(screen, d.m.hand.target.note(&d.m.hand)+"; "+hostsHelp) {
		t.Errorf("the hint is cut:\n%s", d.m.View())
	}
}

func TestASentenceIsCutAtAWord(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"stopped by root; nothing runs", 28, "stopped by root; nothing~"},
		{"stopped by root; nothing runs", 25, "stopped by root; nothing~"},
		{"stopped by root; nothing runs", 17, "stopped by root~"},
		{"stopped by root; nothing runs", 29, "stopped by root; nothing runs"},
		{"stopped by root; nothing runs", 16, "stopped by root~"},
		{"at 16:46:53: odd", 9, "at~"},
		{"unbreakable", 6, "unbre~"},
	} {
		if got := newLook(true, true, "").atWord(c.text, c.width); got != c.want {
			t.Errorf("%d: %q, want %q", c.width, got, c.want)
		}
	}
}
