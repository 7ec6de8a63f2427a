package config

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// The file of this test is written so that every value is the number of its own line.
func TestEveryKeyIsFoundOnItsLine(t *testing.T) {
	src := strings.Join([]string{
		`top = 1`,
		`"quo ted" = 2 # "not = a key"`,
		`a.b.c = 3`,
		`text = """`,
		`inside = 5`,
		`[no.table]`,
		`"""" `,
		`after = 8`,
		`list = [ # [`,
		`  10,`,
		`  { x = 11, 'y]' = 11 }, 11,`,
		`  [ "]", 12 ],`,
		`]`,
		`[one."dotted.name"]`,
		`k = 15`,
		`[[many]]`,
		`k = 17`,
		`[many.sub]`,
		`k = 19`,
		`[[many]]`,
		`sub.k = 21`,
		`[[many.deep]]`,
		`k = 23`,
		`raw = '''`,
		`\'''`,
		`"esc\u0061ped\"" = 26`,
		"crlf = 27\r",
		`spread = {`,
		`  in = 29, # }`,
		`}`,
	}, "\n")
	root, err := locate(src)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if _, err := toml.Decode(src, &doc); err != nil {
		t.Fatal(err)
	}
	same(t, "", doc, root, func(path string, v any, p *place) {
		if n, ok := v.(int64); ok && int(n) != p.line {
			t.Errorf("%s is on line %d, found on %d", path, n, p.line)
		}
	})
	for path, line := range map[string]int{"many": 16, "many[0]": 16, "many[1]": 20, "many[0].sub": 18, "many[1].deep[0]": 22,
		"list": 9, "list[1].x": 11, "list[3][1]": 12, "many[7].k": 16, "many[1].nothing.at.all": 20, "one": 14, "many[1].deep[0].spread.in": 29} {
		if got := root.find(path).line; got != line {
			t.Errorf("find(%s) = line %d, want %d", path, got, line)
		}
	}
}

// same walks a document and its places together; they must have exactly the same shape.
func same(t *testing.T, path string, v any, p *place, each func(string, any, *place)) {
	t.Helper()
	if p == nil {
		t.Fatalf("%s: no place", path)
	}
	each(path, v, p)
	switch v := v.(type) {
	case map[string]any:
		if len(v) != len(p.under) {
			t.Fatalf("%s: %d keys, %d places", path, len(v), len(p.under))
		}
		for k, x := range v {
			same(t, path+"."+k, x, p.under[k], each)
		}
	case []map[string]any:
		for i, x := range v {
			if i >= len(p.items) {
				t.Fatalf("%s: %d items, %d places", path, len(v), len(p.items))
			}
			same(t, fmt.Sprintf("%s[%d]", path, i), x, p.items[i], each)
		}
	case []any:
		if len(v) != len(p.items) {
			t.Fatalf("%s: %d items, %d places", path, len(v), len(p.items))
		}
		for i, x := range v {
			same(t, fmt.Sprintf("%s[%d]", path, i), x, p.items[i], each)
		}
	}
}

func TestDeepNestingIsRefusedBeforeTheParserSeesIt(t *testing.T) {
	for name, src := range map[string]string{
		"lists":   "ok = 1\nx = " + strings.Repeat("[", 1<<20),
		"tables":  "ok = 1\nx = " + strings.Repeat("{a=", 1<<18),
		"keys":    "ok = 1\n" + strings.Repeat("a.", 1<<18) + "a = 1",
		"headers": "ok = 1\n[" + strings.Repeat("a.", 1<<18) + "a]",
	} {
		if _, err := locate(src); err == nil || !strings.Contains(err.Error(), "nested") || !strings.Contains(err.Error(), ":2:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPlacesHaveTheShapeOfTheDocument(f *testing.F) {
	for _, src := range []string{
		"a = 1\nb.c = [1, {x = 2}, [3]]\n[d.e]\nf = '''\n'''\n[[g]]\nh = \"\"\"\\\n\"\"\"\n[g.i]\n[[g]]\n",
		"x = {a = 1, b.c = 2}\ny = []\nz = {}\n\"\" = ''\n'a b'.\"c\\\"d\" = 1979-05-27 07:32:00Z # c",
		"a = [\n1, # one\n2,\n]\r\n[t]\r\nk = \"#\"\r\n",
		"a = \"\"\"\"\"\" \nb = ''''x''''\nc = \"\\\\\"\nd = -inf\n",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if loneReturn(src) >= 0 || !utf8.ValidString(src) || len(src) > 1<<16 {
			return
		}
		root, err := locate(src)
		if err != nil {
			return
		}
		var doc map[string]any
		if _, err := toml.Decode(src, &doc); err != nil || strings.HasPrefix(src, "\ufeff") {
			return
		}
		lines := strings.Split(src, "\n")
		same(t, "", doc, root, func(path string, _ any, p *place) {
			if p.line < 1 || p.line > len(lines) {
				t.Fatalf("%s: line %d of %d", path, p.line, len(lines))
			}
		})
	})
}
