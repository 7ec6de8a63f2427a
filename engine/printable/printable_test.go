package printable_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/chaoscat/chaoscat/engine/printable"
)

func TestWhatCouldSteerATerminalIsShownAsText(t *testing.T) {
	for _, c := range []struct{ what, in, want string }{
		{"plain text stays", `load average: 0.42, C:\temp "ok"`, `load average: 0.42, C:\temp "ok"`},
		{"letters of other scripts stay", "größe 負荷 нагрузка", "größe 負荷 нагрузка"},
		{"a tab is a space", "a\tb", "a b"},
		{"colour", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"OSC 52 writes the clipboard", "\x1b]52;c;cHduZWQ=\x07", `\x1b]52;c;cHduZWQ=\x07`},
		{"the same with the C1 control in UTF-8", "\u009d52;c;cHduZWQ=\u009c", `\x9d52;c;cHduZWQ=\x9c`},
		{"the same with the C1 control as a bare byte", "\x9d52;c;cHduZWQ=", `\x9d52;c;cHduZWQ=`},
		{"the second half of a sequence split over two reads", "]0;title\x07", `]0;title\x07`},
		{"a carriage return overwrites the line", "residue\rrestored", `residue\x0drestored`},
		{"a backspace rubs out", "no\b\byes", `no\x08\x08yes`},
		{"a line feed forges a second line", "ok\n12:00 attack restored", `ok\x0a12:00 attack restored`},
		{"bidirectional override", "\u202egpj.exe", `\u202egpj.exe`},
		{"isolates", "\u2066a\u2069", `\u2066a\u2069`},
		{"zero width", "a\u200bb\u200dc\ufeff", `a\u200bb\u200dc\ufeff`},
		{"tag characters", "\U000e0041\U000e007f", `\U000e0041\U000e007f`},
		{"soft hyphen and no-break space", "a\u00ad\u00a0b", `a\xad\xa0b`},
		{"line and paragraph separators", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"variation selectors carry hidden bytes", "a\ufe0e\U000e0100", `a\ufe0e\U000e0100`},
		{"fillers that look like nothing", "a\u3164\u2800b", `a\u3164\u2800b`},
		{"NUL and DEL", "\x00\x7f", `\x00\x7f`},
		{"not UTF-8", "a\xff\xc3", `a\xff\xc3`},
		{"the replacement character itself is a character", "\ufffd", "\ufffd"},
		{"private use", "\ue000", `\ue000`},
		{"three marks are a letter", "e\u0301\u0302\u0303", "e\u0301\u0302\u0303"},
		{"more pile up over the lines above", "e\u0301\u0302\u0303\u0304\u0305", "e\u0301\u0302\u0303" + `\u0304\u0305`},
		{"a mark at the start would sit on what stands before", "\u0301x", `\u0301x`},
	} {
		if got := printable.Printable(c.in); got != c.want {
			t.Errorf("%s: %q became %q, want %q", c.what, c.in, got, c.want)
		}
	}
}

func TestALineNeverTakesMoreThanItsColumns(t *testing.T) {
	long := strings.Repeat("x", printable.Columns)
	if got := printable.Printable(long); got != long {
		t.Errorf("a line that just fits was changed to %d bytes", len(got))
	}
	if got, want := printable.Printable(long+"y"), long[1:]+"…"; got != want {
		t.Errorf("a line one too long became %q", got)
	}
	if got := printable.Printable(strings.Repeat("\x1b", 50<<20)); utf8.RuneCountInString(got) > printable.Columns {
		t.Errorf("50 MB of escapes became %d characters", utf8.RuneCountInString(got))
	}
}

func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"", "ok", "\x1b]52;c;x\a", "\u009d", "e\u0301\u0302\u0303\u0304", "\xff\xc3", "\U000e0041", strings.Repeat("負\t", 400), strings.Repeat("x", 511) + "\x1b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := printable.Printable(s)
		if twice := printable.Printable(once); twice != once {
			t.Fatalf("not idempotent: %q, then %q", once, twice)
		}
		columns, run := 0, 3
		for _, r := range once {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q lets %U through", once, r)
			}
			if !unicode.Is(unicode.M, r) {
				columns, run = columns+1, 0
				continue
			}
			if run++; run > 3 {
				t.Fatalf("%q piles up marks", once)
			}
		}
		if columns > printable.Columns {
			t.Fatalf("%d columns", columns)
		}
	})
}

func TestWhatIsLongIsCutBetweenCharacters(t *testing.T) {
	for text, want := range map[string]string{"": "", "äöü": "äöü", "äöüß": "äöü…", "a\xffbc": "a\xffb…"} {
		if got := printable.Short(text, 3); got != want {
			t.Errorf("%q is cut to %q, not %q", text, got, want)
		}
	}
}
