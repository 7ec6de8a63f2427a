package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/tui/person"
)

func in(env map[string]string) *app {
	return &app{world: world{env: func(name string) string { return env[name] }}}
}

func TestFlagsComeBeforeTheEnvironmentAndItBeforeTheConfiguration(t *testing.T) {
	own := func(theme string) screen { return screen{config.UI{Theme: theme}, "chaoscat.toml"} }
	for _, c := range []struct {
		name  string
		env   map[string]string
		looks looks
		s     screen
		theme string
		plain bool
	}{
		{name: "nobody has said anything", theme: "auto"},
		{name: "the terminal is light", env: map[string]string{"COLORFGBG": "0;default;15"}, theme: "light"},
		{name: "the terminal is dark", env: map[string]string{"COLORFGBG": "15;0"}, theme: "auto"},
		{name: "the person knows better than the terminal", env: map[string]string{"COLORFGBG": "0;15"}, s: own("tritanopia"), theme: "tritanopia"},
		{name: "a flag before the configuration", looks: looks{theme: "mono"}, s: own("tritanopia"), theme: "mono"},
		{name: "a flag that takes a theme back", looks: looks{theme: "auto"}, s: own("tritanopia"), theme: "auto"},
		{name: "NO_COLOR", env: map[string]string{"NO_COLOR": "1"}, s: own("auto"), theme: "auto", plain: true},
		{name: "NO_COLOR and a flag", env: map[string]string{"NO_COLOR": "1"}, looks: looks{theme: "dark"}, theme: "dark"},
		{name: "NO_COLOR and a theme of one's own", env: map[string]string{"NO_COLOR": "1"}, s: own("dark"), theme: "dark"},
		{name: "NO_COLOR and a theme of the system's", env: map[string]string{"NO_COLOR": "1"}, s: screen{config.UI{Theme: "dark"}, config.SystemFile}, theme: "dark", plain: true},
		{name: "this program's own variable and a theme", env: map[string]string{"CHAOSCAT_NO_COLOR": "1"}, s: own("dark"), theme: "dark", plain: true},
		{name: "this program's own variable and a flag", env: map[string]string{"CHAOSCAT_NO_COLOR": "1"}, looks: looks{theme: "dark"}, theme: "dark"},
		{name: "a terminal without colours", env: map[string]string{"TERM": "dumb"}, looks: looks{theme: "dark"}, theme: "dark", plain: true},
	} {
		a := in(c.env)
		a.looks = c.looks
		if o := a.options(c.s); o.Theme != c.theme || o.Plain != c.plain {
			t.Errorf("%s: theme %s, plain %t", c.name, o.Theme, o.Plain)
		}
	}
	a := in(nil)
	a.noColor, a.looks.theme = true, "dark"
	if !a.options(screen{}).Plain {
		t.Error("--no-color gives way to --theme")
	}
}

func TestASCIIWhereNothingElseIsSafe(t *testing.T) {
	for _, c := range []struct {
		env    map[string]string
		glyphs config.Glyphs
		flag   bool
		want   bool
	}{
		{env: nil, want: true},
		{env: map[string]string{"LANG": "en_GB.UTF-8"}},
		{env: map[string]string{"LANG": "C.utf8"}},
		{env: map[string]string{"LANG": "C"}, want: true},
		{env: map[string]string{"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, want: true},
		{env: map[string]string{"LANG": "ja_JP.UTF-8"}, want: true},
		{env: map[string]string{"LANG": "ja_JP.UTF-8"}, glyphs: config.UnicodeGlyphs},
		{env: map[string]string{"LANG": "en_GB.UTF-8", "TERM": "linux"}, want: true},
		{env: map[string]string{"LANG": "en_GB.UTF-8"}, glyphs: config.ASCIIGlyphs, want: true},
		{env: map[string]string{"LANG": "en_GB.UTF-8"}, glyphs: config.UnicodeGlyphs, flag: true, want: true},
	} {
		a := in(c.env)
		a.looks.ascii = c.flag
		if got := a.options(screen{UI: config.UI{Glyphs: c.glyphs}}).ASCII; got != c.want {
			t.Errorf("%v, glyphs %q, --ascii %t: %t", c.env, c.glyphs, c.flag, got)
		}
	}
}

func TestReadOnlyIsOnlyGained(t *testing.T) {
	for _, c := range []struct{ flag, configured bool }{{true, false}, {false, true}, {true, true}} {
		a := in(nil)
		a.looks.readOnly = c.flag
		if !a.options(screen{UI: config.UI{ReadOnly: c.configured}}).ReadOnly {
			t.Errorf("%+v: it may do everything", c)
		}
	}
	if in(nil).options(screen{}).ReadOnly {
		t.Error("read-only without having been asked")
	}
}

// An engine elsewhere is looked at by people who have no configuration, one for the console alone, or a wrong one.
func TestAnAttachedConsoleLooksAsThePersonLikesIt(t *testing.T) {
	for _, c := range []struct{ name, conf, theme, says string }{
		{name: "none"},
		{name: "nothing but [ui]", conf: "[ui]\ntheme = \"light\"\n", theme: "light"},
		{name: "a mistake", conf: "[ui]\ntheme = \"light\"\nkeys = { skpi = \"K\" }\n", theme: "light", says: `:3: ui.keys.skpi: there is no action "skpi"; did you mean "skip"?`},
		{name: "no TOML", conf: "[ui", theme: "auto", says: "not TOML"},
	} {
		home, said := t.TempDir(), &strings.Builder{}
		a := in(map[string]string{"XDG_CONFIG_HOME": home})
		a.err, a.uid, a.home = said, os.Getuid(), home
		if c.conf != "" {
			if err := os.MkdirAll(filepath.Join(home, "chaoscat"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(home, "chaoscat", "chaoscat.toml"), []byte(c.conf), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(home)
		if s := a.ownScreen(); s.Theme != c.theme {
			t.Errorf("%s: theme %q", c.name, s.Theme)
		}
		if c.says == "" && said.Len() > 0 || !strings.Contains(said.String(), c.says) {
			t.Errorf("%s: it says %q", c.name, said)
		}
	}
}

// played is a console on the demo's engine, for somebody whose configuration is this.
func played(t *testing.T, conf string, flags ...string) *person.Person {
	t.Helper()
	s := newStage(t)
	if err := os.WriteFile(filepath.Join(s.dir, "chaoscat.toml"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s.daemon()
	p := person.Starts(t, s.command(append([]string{"--socket", s.socket()}, flags...)...), 120, 40)
	p.Expects("eligible", "STOP ALL")
	return p
}

func coloured(written string) bool {
	return regexp.MustCompile("\x1b\\[(?:[0-9;]*;)?(?:3[0-7]|9[0-7])(?:;[0-9;]*)?m").MatchString(written)
}

func TestAnAttachedConsoleHasThePersonsOwnKeysAndLooks(t *testing.T) {
	t.Parallel()
	p := played(t, "[ui]\ntheme = \"mono\"\nglyphs = \"ascii\"\nread_only = true\nmouse = true\nsave_dir = \"/nowhere\"\nkeys = { skip = \"K\", stop = \"X\" }\n")
	p.ExpectsWritten("\x1b[?1002h") // the mouse is on
	p.Presses("W")
	p.Expects("not written: open /nowhere/chaoscat-")
	p.Presses("?")
	p.Expects("? or Esc closes")
	if strings.Contains(p.Screen(), "skip it and draw again") {
		t.Errorf("the help tells of what this console refuses:\n%s", p.Screen())
	}
	p.Presses("\x1b")
	p.ExpectsGone("? or Esc closes")
	p.Presses("K")
	p.Expects("this console is read-only")
	if screen := p.Screen(); strings.ContainsFunc(screen, func(r rune) bool { return r > 126 }) || coloured(p.Written()) {
		t.Errorf("a sign beyond ASCII, or a colour:\n%s", screen)
	}
	p.Presses("X")
	p.Expects("[STOPPED]")
}

func TestAThemeOfOnesOwnOverridesNoColor(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.daemon()
	for _, c := range []struct {
		flags []string
		want  bool
	}{{nil, false}, {[]string{"--theme", "dark"}, true}, {[]string{"--theme", "dark", "--no-color"}, false}} {
		cmd := s.command(append([]string{"--socket", s.socket()}, c.flags...)...)
		cmd.Env = append(cmd.Env, "NO_COLOR=1")
		p := person.Starts(t, cmd, 80, 24)
		p.Expects("eligible", "STOP ALL")
		p.Signals(syscall.SIGTERM)
		p.Waits()
		if coloured(p.Written()) != c.want {
			t.Errorf("%v: coloured %t", c.flags, !c.want)
		}
	}
}

func TestReadOnlyGivesNoOrderButStop(t *testing.T) {
	t.Parallel()
	p := played(t, "", "--read-only")
	for _, key := range []string{"r", "p", "a", ">"} {
		p.Presses(key)
		p.Expects("this console is read-only")
	}
	p.Presses("s")
	p.Expects("[STOPPED]")
}

func TestNoTableIsWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "chaoscat.toml"), []byte(forCompletion), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"attacks"}, {"attacks", "latency"}, {"attacks", "process-kill"}, {"hosts"}, {"check", "--offline"}, {"info"}, {"gates"}, {"windows"}} {
		p := person.Starts(t, program(dir, args...), 80, 24)
		p.Waits()
		p.FindsTheTerminalAsBefore()
		if p.Written() == "" {
			t.Errorf("%v shows nothing: %s", args, p.Said())
		}
		for line := range strings.Lines(p.Written()) {
			if line = strings.TrimRight(line, "\r\n"); ansi.StringWidth(line) > 80 {
				t.Errorf("%v: %d columns: %s", args, ansi.StringWidth(line), line)
			}
		}
	}
}
