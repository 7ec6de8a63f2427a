package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFileSDListsEachMachineOnceHoweverManyExportersItHas(t *testing.T) {
	result, err := New(Options{}, FileSD{Files: []string{"testdata/file_sd/*.json", "testdata/file_sd/node.yml"}, Groups: []string{"job"}}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), `10.0.3.1 10.0.3.1:22
2001:db8::3 2001:db8::3:22
db-1.example.com db-1.example.com:22 groups=mysql,node map[env:prod job:mysql rack:7]
db-2.example.com db-2.example.com:22 groups=mysql map[env:prod job:mysql]
web-1.example.com web-1.example.com:22 groups=node map[env:staging job:node rack:7]
`)
	wantText(t, strings.Join(result.Notices, "\n"), "file_sd testdata/file_sd/*.json, testdata/file_sd/node.yml: 1 labels are left out: their names or values do not fit")
}

// sdFiles writes files into a folder and returns it.
func sdFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFileSDReportsEveryMistakeOfEveryFile(t *testing.T) {
	dir := sdFiles(t, map[string]string{
		"1.json": `[{"targets": ["https://shop.example.com/", 7, "web:", ":9100", "a:99999"], "label": {}}, null, {"targets": "web", "labels": []}]`,
		"2.json": `[{"targets": ["half`,
		"3.yml":  "targets: [web]\n",
		"4.yml":  "- targets: [web]\n  labels: {job: [a]}\n- targets: [web]\n  targets: [web]\n",
		"5.yml":  "",
		"6.json": "[]\xff",
		"7.yml":  "- &a [*a]\n",
	})
	if err := os.Mkdir(filepath.Join(dir, "8.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := FileSD{Files: []string{dir + "/*.json", dir + "/*.yml"}}.Load(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	wantText(t, strings.ReplaceAll(err.Error(), dir+"/", ""), `1.json: group 1: label: a group has targets and labels; did you mean "labels"?
1.json: group 1: target "https://shop.example.com/" is a URL and not HOST:PORT: what it names need not be the machine
1.json: group 1: targets: must list HOST:PORT, not the value "7"
1.json: group 1: target "web:": port "": a port is a number from 1 to 65535
1.json: group 1: target ":9100" names no host
1.json: group 1: target "a:99999": port "99999": a port is a number from 1 to 65535
1.json: group 2: must be a mapping of targets and labels, not nothing
1.json: group 3: labels: must be a mapping, not a list
1.json: group 3: targets: must be a list of HOST:PORT, not the value "web"
2.json: line 1: not JSON: unexpected end of JSON input
3.yml: must be a list of groups, [{targets: [...], labels: {...}}], not a mapping
4.yml: line 4: the key "targets" is there already, in line 3
5.yml: must be a list of groups, [{targets: [...], labels: {...}}], not nothing
6.json: not a text file in UTF-8
7.yml: line 1: the alias "a" contains itself
read targets 8.json: it is a directory; name the inventory file in it`)
}

func TestALabelForGroupsThatNoTargetHasIsAMistake(t *testing.T) {
	_, err := FileSD{Files: []string{"testdata/file_sd/mysql.json"}, Groups: []string{"jbo"}}.Load(t.Context())
	wantError(t, err, `file_sd testdata/file_sd/mysql.json: no target has the label "jbo"; did you mean "job"?`)
}

func TestAPatternThatFindsNoFileIsANotice(t *testing.T) {
	listing, err := FileSD{Files: []string{"testdata/file_sd/mysql.json", "testdata/none/*.yml"}}.Load(t.Context())
	if want := "file_sd testdata/none/*.yml: there is no such file"; err != nil || strings.Join(listing.Notices, "\n") != want {
		t.Errorf("got %q, %v", listing.Notices, err)
	}
	_, err = New(Options{}, FileSD{Files: []string{"testdata/none/*.yml"}}).Load(t.Context())
	wantError(t, err, "file_sd testdata/none/*.yml lists no host: fix it or remove the source")
}

func FuzzFileSD(f *testing.F) {
	for _, name := range []string{"mysql.json", "node.yml"} {
		text, err := os.ReadFile("testdata/file_sd/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, strings.HasSuffix(name, ".json"))
	}
	f.Fuzz(func(t *testing.T, text []byte, isJSON bool) {
		name := map[bool]string{true: "x.json", false: "x.yml"}[isJSON]
		s := &targets{gathering: newGathering("fuzz"), groupLabels: []string{"job"}, seen: map[string]bool{}}
		s.file(name, text)
		if err := joined(s.wrong); err != nil {
			tame(t, err)
			return
		}
		if result, err := Merge(Options{}, s.done()); err == nil {
			sound(t, result)
		} else {
			tame(t, err)
		}
	})
}
