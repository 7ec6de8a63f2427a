package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// catalogued are the screens that make.sh takes: their names, and what must be on each.
func catalogued(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("screens")
	if err != nil {
		t.Fatal(err)
	}
	screens := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), "|"); !strings.HasPrefix(line, "#") {
			screens[fields[0]] = fields[2:]
		}
	}
	return screens
}

// wanted are the files of all pictures, with the screen that each shows.
func wanted(t *testing.T) map[string]string {
	files := map[string]string{}
	for name := range catalogued(t) {
		for _, size := range []string{"80x24", "120x40"} {
			for theme := range palettes {
				files[fmt.Sprintf("%s-%s-%s.svg", name, size, theme)] = fmt.Sprintf("chaoscat demo: %s, %s, %s", name, size, theme)
			}
		}
	}
	return files
}

func TestTheReadmeShowsEveryPictureAndNoOther(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, found := range regexp.MustCompile(`docs/pictures/([^"]+\.svg)`).FindAllStringSubmatch(string(readme), -1) {
		shown[found[1]] = true
		if _, known := wanted(t)[found[1]]; !known {
			t.Errorf("the README shows %s, which is not of the catalogue", found[1])
		}
	}
	for file := range wanted(t) {
		if !shown[file] {
			t.Errorf("the README does not show %s", file)
		}
	}
	for _, image := range regexp.MustCompile(`<img[^>]*>`).FindAllString(string(readme), -1) {
		if !regexp.MustCompile(`alt="[^"]{40,}"`).MatchString(image) {
			t.Errorf("%s does not say in words what it shows", image)
		}
	}
	there, err := filepath.Glob("*.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range there {
		if !shown[file] {
			t.Errorf("%s is there, and shown nowhere", file)
		}
	}
}

func TestEachPictureIsOfTheScreenThatItsNameSays(t *testing.T) {
	screens := catalogued(t)
	for file, title := range wanted(t) {
		name, _, _ := strings.Cut(strings.TrimPrefix(title, "chaoscat demo: "), ",")
		got, rows := text(t, file)
		if got != title {
			t.Errorf("%s is of %q, want %q", file, got, title)
		}
		for _, word := range screens[name] {
			if !slices.ContainsFunc(rows, func(row string) bool { return strings.Contains(squeezed(row), squeezed(word)) }) {
				t.Errorf("%s does not show %q", file, word)
			}
		}
	}
}

func squeezed(text string) string { return strings.ReplaceAll(text, " ", "") }

// text is what can be read in a picture: its title, and its rows, without blanks.
func text(t *testing.T, file string) (title string, rows []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inside, height := "", ""
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if err == io.EOF {
			return title, rows
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = token.Name.Local
			for _, a := range token.Attr {
				if a.Name.Local == "y" && inside == "text" && a.Value != height {
					height, rows = a.Value, append(rows, "")
				}
			}
		case xml.EndElement:
			inside = ""
		case xml.CharData:
			switch inside {
			case "title":
				title += string(token)
			case "text":
				rows[len(rows)-1] += string(token)
			}
		}
	}
}

func TestAPictureShowsWhatWasOnTheScreen(t *testing.T) {
	for capture, want := range map[string][]string{
		"a <b>&\n":                       {`>a &lt;b&gt;&amp;</text>`},
		"\x1b[7m sel \x1b[0m\n":          {`<rect x="12" y="12" width="42" height="17" fill="#d1d7e0"/>`, `fill="#0d1117">sel</text>`}, // reversed: the selection
		"\x1b[1;35mx\x1b[39my\x1b[0mz\n": {`fill="#d2a8ff" font-weight="bold">x<`, `fill="#d1d7e0" font-weight="bold">y<`, `fill="#d1d7e0">z<`},
		"\x1b[2mdim\x1b[0m\n":            {`fill="#8b949e">dim<`},
		"┌──┐\n":                         {`M16.2 20.5V29M16.2 20.5H20.4`, `M20.4 20.5H37.2`},
		"\x1b[91;44m!\x1b[0m\n":          {`fill="#79c0ff"/>`, `fill="#ffa198">!<`},
	} {
		rows, err := read(strings.NewReader(capture))
		if err != nil {
			t.Errorf("%q: %v", capture, err)
			continue
		}
		var out strings.Builder
		draw(&out, rows, palettes["dark"], "t")
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%q gives no %s but\n%s", capture, w, out.String())
			}
		}
	}
}

func TestWhatAPictureCannotShowIsAnError(t *testing.T) {
	for _, capture := range []string{"", "\x1b[38;5;200mx", "\x1b[3mx", "\x1b[", "a\tb", "\x1b[2Jx", "\x1b]0;x\x07"} {
		if _, err := read(strings.NewReader(capture)); err == nil {
			t.Errorf("%q is a picture", capture)
		}
	}
}
