package tui

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A point that nothing proves is none, and a test that was renamed proves nothing any more.
func TestEveryPointOfTheScoreSheetHasItsTest(t *testing.T) {
	sheet, err := os.ReadFile("SCORESHEET.md")
	if err != nil {
		t.Fatal(err)
	}
	there, score, most, rows := proofs(t), 0.0, 0.0, 0
	worth := map[string]float64{"M": 1, "S": .5, "C": .25}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| (.*) \| ([MSC]) \| (met|partly|no) \|(.*)\|$`).FindAllStringSubmatch(string(sheet), -1) {
		number, feature, class, state, behind := row[1], row[2], row[3], row[4], row[5]
		if rows++; number != strconv.Itoa(rows) {
			t.Errorf("row %d is numbered %s", rows, number)
		}
		names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(behind, -1)
		for _, name := range names {
			if !there[name[1]] {
				t.Errorf("%s %s: there is no %s", number, feature, name[1])
			}
		}
		if most += worth[class]; state == "met" {
			score += worth[class]
			if len(names) == 0 {
				t.Errorf("%s %s: nothing is behind the point", number, feature)
			}
		}
	}
	for _, name := range regexp.MustCompile("`((?:Test|Fuzz|script/|golden/)[^`.]+)`").FindAllStringSubmatch(string(sheet), -1) {
		if !there[name[1]] {
			t.Errorf("there is no %s", name[1])
		}
	}
	if rows != 54 {
		t.Errorf("%d rows, want 54", rows)
	}
	if total := fmt.Sprintf("Total: %g of %g points.", score, most); !strings.Contains(string(sheet), total) {
		t.Errorf("the sheet does not say %q", total)
	}
}

// proofs are the names of all that can stand behind a point: tests and fuzz targets of the module, sessions at a
// shell, golden screens in all their looks.
func proofs(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		folder, file := filepath.Split(path)
		switch {
		case entry.IsDir() && path != ".." && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".txtar"):
			there["script/"+strings.TrimSuffix(file, ".txtar")] = true
		case strings.HasSuffix(path, ".unicode.txt") && filepath.Base(folder) == "testdata":
			there["golden/"+strings.TrimSuffix(file, ".unicode.txt")] = true
		case strings.HasSuffix(path, "_test.go"):
			for _, name := range testsIn(t, path) {
				there[name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}

func testsIn(t *testing.T, path string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		f, is := d.(*ast.FuncDecl)
		if is && f.Recv == nil && slices.ContainsFunc([]string{"Test", "Fuzz", "Benchmark"}, func(kind string) bool { return strings.HasPrefix(f.Name.Name, kind) }) {
			names = append(names, f.Name.Name)
		}
	}
	return names
}
