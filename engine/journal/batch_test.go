package journal

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

// pages are n intents, each on a page of its own, numbered from first.
func pages(first, n int) []engine.Page {
	list := make([]engine.Page, n)
	for i := range list {
		seq := first + i
		list[i] = engine.Page{Records: []engine.Record{intent(uint64(seq), fmt.Sprint("run-", seq), fmt.Sprint("host-", seq))}}
	}
	return list
}

func TestABatchIsFoundAgainWholeAfterACrash(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir)
	if err := j.AppendAll(pages(1, 50)); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, intent(51, "run-51", "host-51"))
	crash(j)
	_, found := mustOpen(t, dir)
	if len(found.Open) != 51 || found.Torn {
		t.Errorf("%d intents are open, torn %v", len(found.Open), found.Torn)
	}
}

func TestOfABatchThatTheDiskRefusesNothingIsInTheJournal(t *testing.T) {
	for fail := 1; fail <= 4; fail++ {
		disk := &badDisk{}
		o := options()
		o.Disk = disk
		dir := t.TempDir()
		j, _, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, j, intent(1, "run-1", "host-1"))
		disk.failAt = disk.ops + fail
		refused := j.AppendAll(pages(2, 3))
		disk.failAt = 0
		if refused == nil {
			crash(j)
			continue // fewer operations than that
		}
		if got := openIDs(j.Recovered()); !slices.Equal(got, []string{"run-1"}) {
			t.Errorf("operation %d fails: %v are open", fail, got)
		}
		if err := j.AppendAll(pages(5, 2)); err != nil {
			t.Errorf("operation %d fails: not mended: %v", fail, err)
		}
		crash(j)
		_, found := mustOpen(t, dir)
		if got := openIDs(found.Recovered); !slices.Equal(got, []string{"run-1", "run-5", "run-6"}) {
			t.Errorf("operation %d fails: %v are found", fail, got)
		}
	}
}

func TestABatchCutAnywhereGivesItsPrefixAndSaysTorn(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir)
	mustAppend(t, j, intent(1, "run-1", "host-1"))
	before := len(journalBytes(t, dir))
	if err := j.AppendAll(pages(2, 3)); err != nil {
		t.Fatal(err)
	}
	crash(j)
	text := journalBytes(t, dir)
	for cut := before; cut < len(text); cut += 7 {
		_, found := mustOpenOn(t, copyDir(t, dir, text[:cut]), hasty{})
		if !found.Torn {
			t.Fatalf("cut at %d of %d: not torn", cut, len(text))
		}
		for i, id := range openIDs(found.Recovered) {
			if id != fmt.Sprint("run-", i+1) {
				t.Fatalf("cut at %d: %v is no prefix", cut, openIDs(found.Recovered))
			}
		}
	}
}

func TestAPartOfARunSettlesItsOrderUnderTheWholeRun(t *testing.T) {
	part := intent(1, "run-1-001", "host-1")
	part.Intent.Of, part.Intent.Order = "run-1", "order-1"
	if got := Replay([]engine.Record{part}).Orders["order-1"].Run; got != "run-1" {
		t.Errorf("the order is settled with %q", got)
	}
}
