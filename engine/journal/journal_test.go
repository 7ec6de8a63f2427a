package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

func TestWhatIsAcknowledgedIsFoundAgainAfterACrash(t *testing.T) {
	dir := t.TempDir()
	j, found := mustOpen(t, dir)
	if found.Torn || found.Corrupt != nil || found.Why != "" || j.Seq() != 0 {
		t.Fatalf("a new directory is no loss: %+v", found)
	}
	mustAppend(t, j, intent(1, "a", "web-1"), intent(2, "b", "web-2"))
	mustAppend(t, j, closed(3, "a", "web-1", restored()))
	crash(j)

	j, found = mustOpen(t, dir)
	if got := openIDs(found.Recovered); !slices.Equal(got, []string{"b"}) || found.Torn || found.LastSeq != 3 || j.Seq() != 2 {
		t.Errorf("open %v, torn %v, last record %d, last entry %d", got, found.Torn, found.LastSeq, j.Seq())
	}
	mustAppend(t, j, closed(4, "b", "web-2", restored()))
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if err := j.Append(nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("appending after Close: %v", err)
	}
	all := entriesOf(t, dir)
	event, err := all[2].What()
	if len(all) != 3 || err != nil || event.What != (engine.Woke{}) || event.Draw != 4 || all[2].Boot != "b" || all[2].MonoMS != 7 {
		t.Errorf("read back %d entries, event %+v, %v", len(all), event, err)
	}
	report, err := Verify(dir)
	if err != nil || !report.OK() || report.Entries != 3 || report.Records != 4 || report.First != 1 || report.Last != 3 {
		t.Errorf("%+v, %v", report, err)
	}
}

// F22
func TestAJournalCutAtAnyByteGivesItsPrefixAndSaysTorn(t *testing.T) {
	dir := sample(t, 7)
	whole := journalBytes(t, dir)
	for cut := max(0, len(whole)-700); cut < len(whole); cut++ {
		at := copyDir(t, dir, whole[:cut])
		j, found := mustOpenOn(t, at, hasty{})
		sound := bytes.Count(whole[:cut], []byte("\n"))
		var want []string
		if sound%2 == 1 {
			want = []string{fmt.Sprintf("r%d", sound/2)}
		}
		if !found.Torn || found.Lost != uint64(7-sound) || found.Corrupt != nil || !slices.Equal(openIDs(found.Recovered), want) {
			t.Fatalf("cut at %d of %d: torn %v, lost %d, open %v, want %v", cut, len(whole), found.Torn, found.Lost, openIDs(found.Recovered), want)
		}
		if j.Broken() != nil || j.Seq() != uint64(sound)+1 || found.LastSeq != uint64(sound)+1 {
			t.Fatalf("cut at %d: the journal is not ready: %v, entry %d, record %d", cut, j.Broken(), j.Seq(), found.LastSeq)
		}
		crash(j)
	}
}

func TestATornTailIsOwedASweepOverRestartsUntilAllHostsWereSwept(t *testing.T) {
	dir := sample(t, 4)
	whole := journalBytes(t, dir)
	dir = copyDir(t, dir, whole[:len(whole)-5])
	for range 3 {
		j, found := mustOpen(t, dir)
		if !found.Torn {
			t.Fatal("the debt of a sweep is forgotten")
		}
		mustAppend(t, j)
		crash(j)
	}
	j, _ := mustOpen(t, dir)
	some := engine.Event{Stamp: engine.Stamp{At: noon}, What: engine.SweptAll{Failed: []string{"web-1"}}}
	if err := j.Append(&some, nil); err != nil {
		t.Fatal(err)
	}
	crash(j)
	j, found := mustOpen(t, dir)
	if !found.Torn {
		t.Error("a sweep that missed a host counts")
	}
	if err := j.Append(swept(), nil); err != nil {
		t.Fatal(err)
	}
	crash(j)
	if _, found := mustOpen(t, dir); found.Torn {
		t.Error("still torn after the sweep of all hosts")
	}
	kept, err := filepath.Glob(filepath.Join(dir, "journal.torn-*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept copies: %v, %v", kept, err)
	}
	tail, _ := os.ReadFile(kept[0])
	if last := bytes.LastIndexByte(whole[:len(whole)-5], '\n') + 1; !bytes.Equal(tail, whole[last:len(whole)-5]) {
		t.Errorf("the copy of the tail is %q", tail)
	}
}

func TestAZeroFilledTailIsTorn(t *testing.T) {
	dir := sample(t, 3)
	whole := journalBytes(t, dir)
	j, found := mustOpen(t, copyDir(t, dir, append(slices.Clone(whole), make([]byte, 8192)...)))
	if !found.Torn || found.Corrupt != nil || found.Lost != 0 || len(found.Open) != 1 || j.Broken() != nil {
		t.Errorf("%+v, %v", found, j.Broken())
	}
}

// F23
func TestABitFlippedAnywhereNeverHidesAnOpenIntent(t *testing.T) {
	dir := sample(t, 9)
	whole := journalBytes(t, dir)
	want := []string{"r4"}
	dice := rand.New(rand.NewPCG(1, 2))
	torn, corrupt := 0, 0
	for range 500 {
		bent := slices.Clone(whole)
		bit := dice.IntN(len(bent) * 8)
		bent[bit/8] ^= 1 << (bit % 8)
		j, found := mustOpenOn(t, copyDir(t, dir, bent), hasty{})
		switch {
		case found.Corrupt != nil:
			corrupt++
			if found.Stopped == nil || !found.Torn {
				t.Fatalf("bit %d: damaged in its middle and not stopped: %+v", bit, found)
			}
			if !isSubset(want, openIDs(found.Recovered)) {
				t.Fatalf("bit %d: open %v, want at least %v", bit, openIDs(found.Recovered), want)
			}
		case found.Torn:
			torn++
		default:
			t.Fatalf("bit %d went unseen", bit)
		}
		crash(j)
	}
	if torn == 0 || corrupt == 0 {
		t.Errorf("%d torn, %d corrupt: the test does not reach both", torn, corrupt)
	}
}

func TestDamageInTheMiddleStopsUntilAnOperatorResumesAndKeepsTheFile(t *testing.T) {
	dir := sample(t, 9)
	bent := journalBytes(t, dir)
	bent[len(bent)/2] ^= 4
	dir = copyDir(t, dir, bent)

	j, found := mustOpen(t, dir)
	var corrupt *CorruptError
	if !errors.As(found.Corrupt, &corrupt) || corrupt.Offset <= 0 || corrupt.Line < 2 || !strings.Contains(corrupt.Error(), "checksum") {
		t.Fatalf("%+v", found.Corrupt)
	}
	kept, err := os.ReadFile(found.Kept)
	if err != nil || !bytes.Equal(kept, bent) {
		t.Errorf("the damaged file was not kept: %v", err)
	}
	mustAppend(t, j, intent(20, "after", "db-1"))
	crash(j)

	j, found = mustOpen(t, dir)
	if found.Corrupt != nil || found.Stopped == nil || !found.Torn || !isSubset([]string{"r4", "after"}, openIDs(found.Recovered)) {
		t.Fatalf("the next start forgets: %+v", found)
	}
	if j.Seq() < 11 {
		t.Errorf("entry %d: numbers of damaged entries are used again", j.Seq())
	}
	resume := engine.Record{Seq: 21, At: noon, Kind: engine.OrderGiven, Order: &engine.Order{Kind: engine.Resume, By: "ann"}}
	if err := j.Append(swept(), []engine.Record{resume}); err != nil {
		t.Fatal(err)
	}
	crash(j)
	if _, found = mustOpen(t, dir); found.Stopped != nil || found.Torn {
		t.Errorf("resumed and swept, and still: %+v", found)
	}
	var seqs []uint64
	for _, e := range entriesOf(t, dir) {
		seqs = append(seqs, e.Seq)
	}
	if len(seqs) != 8+3 || !slices.IsSorted(seqs) {
		t.Errorf("the history over the damage is %v", seqs)
	}
}

func TestAnEntryDroppedMovedOrRepeatedIsDamage(t *testing.T) {
	dir := sample(t, 6)
	lines := bytes.SplitAfter(bytes.TrimSuffix(journalBytes(t, dir), []byte("\n")), []byte("\n"))
	lines[5] = append(lines[5], '\n')
	for name, order := range map[string][]int{
		"dropped": {0, 1, 3, 4, 5}, "first dropped": {1, 2, 3, 4, 5}, "last but one dropped": {0, 1, 2, 3, 5},
		"moved": {0, 2, 1, 3, 4, 5}, "repeated": {0, 1, 1, 2, 3, 4, 5}, "last repeated": {0, 1, 2, 3, 4, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			var text []byte
			for _, i := range order {
				text = append(text, lines[i]...)
			}
			if _, found := mustOpen(t, copyDir(t, dir, text)); found.Corrupt == nil || found.Stopped == nil {
				t.Errorf("taken for whole: %+v", found)
			}
		})
	}
}

func TestAnEntryChangedTogetherWithItsChecksumIsDamage(t *testing.T) {
	dir := sample(t, 6)
	lines := bytes.SplitAfter(journalBytes(t, dir), []byte("\n"))
	e, _, err := decode(bytes.TrimSpace(lines[2]))
	if err != nil {
		t.Fatal(err)
	}
	e.Records[0].Host = "another"
	if lines[2], _, err = encode(e); err != nil {
		t.Fatal(err)
	}
	if _, found := mustOpen(t, copyDir(t, dir, bytes.Join(lines, nil))); found.Corrupt == nil || found.Stopped == nil {
		t.Errorf("taken for whole: %+v", found)
	}
}

func TestAnIntentIsOnTheDiskAndThenVouchedForBeforeItIsAcknowledged(t *testing.T) {
	disk := &badDisk{}
	o := options()
	o.Disk = disk
	j, _, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	created := []string{"open journal.head.new", "write journal.head.new", "sync journal.head.new", "rename journal.head", "sync directory",
		"open journal", "truncate journal", "sync journal", "sync directory", "open journal.head"}
	if !slices.Equal(disk.done, created) {
		t.Errorf("a new journal: %q", disk.done)
	}
	disk.done = nil
	mustAppend(t, j, intent(1, "a", "h"))
	if want := []string{"write journal", "sync journal", "write at journal.head", "sync journal.head"}; !slices.Equal(disk.done, want) {
		t.Errorf("an intent: %q", disk.done)
	}
	disk.done = nil
	mustAppend(t, j)
	if want := []string{"write journal", "sync journal", "write at journal.head"}; !slices.Equal(disk.done, want) {
		t.Errorf("a mere event: %q", disk.done)
	}
}

func TestAHeadThatIsMissingUnreadableOrOfAnotherJournalMeansTorn(t *testing.T) {
	dir := sample(t, 5)
	whole := journalBytes(t, dir)
	other, err := os.ReadFile(filepath.Join(sample(t, 5), headName))
	if err != nil {
		t.Fatal(err)
	}
	foreign := parseHead(other).sum
	foreign[0] ^= 1
	for name, head := range map[string][]byte{
		"missing": nil, "empty": {}, "garbage": []byte("1:zz\n"),
		"of another journal": headLine(place{seq: 5, sum: foreign}),
		"bent":               bytes.Replace(other, []byte("5:"), []byte("4:"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			at := t.TempDir()
			write(t, filepath.Join(at, fileName), whole)
			if head != nil {
				write(t, filepath.Join(at, headName), head)
			}
			if report, err := Verify(at); err != nil || report.OK() || !report.Chain || report.Head || report.Torn == "" {
				t.Errorf("Verify: %+v, %v", report, err)
			}
			if _, found := mustOpen(t, at); !found.Torn || found.Why == "" || len(found.Open) != 1 {
				t.Errorf("%+v", found)
			}
		})
	}
	t.Run("of a journal that is gone", func(t *testing.T) {
		at := t.TempDir()
		write(t, filepath.Join(at, headName), other)
		if _, found := mustOpen(t, at); !found.Torn || found.Lost != 5 {
			t.Errorf("%+v", found)
		}
	})
	t.Run("behind the journal, as after a crash between the two", func(t *testing.T) {
		at := copyDir(t, dir, whole)
		sums := entriesOf(t, dir)
		var sum []byte
		fmt.Sscanf(sums[3].Prev, "%x", &sum)
		write(t, filepath.Join(at, headName), headLine(place{seq: 3, sum: digest(sum)}))
		if _, found := mustOpen(t, at); found.Torn {
			t.Errorf("%+v", found)
		}
	})
}

// F24: whatever fails, and whenever, no intent is acknowledged that is not found again, and one that was not
// acknowledged is not there once the journal works again.
func TestEveryFailureOfTheDiskRefusesTheEntryAndIsMendedLater(t *testing.T) {
	steps := rehearse(t)
	for n := 1; n <= steps; n++ {
		for _, forGood := range []bool{false, true} {
			disk := &badDisk{failAt: n, forGood: forGood}
			dir := t.TempDir()
			o := options()
			o.Disk = disk
			j, _, err := Open(dir, o)
			if err != nil {
				t.Fatalf("step %d: Open reads, and reading works: %v", n, err)
			}
			acknowledged := appendFive(t, j, disk)
			if disk.failAt, disk.forGood = 0, false; len(acknowledged) < 5 {
				if err := j.Append(nil, []engine.Record{intent(99, "mended", "h")}); err != nil {
					t.Fatalf("step %d (%s): not mended: %v", n, disk.done[n-1], err)
				}
				acknowledged = append(acknowledged, "mended")
			}
			if err := j.Broken(); err != nil {
				t.Errorf("step %d: mended and still broken: %v", n, err)
			}
			crash(j)
			j, found := mustOpenOn(t, dir, hasty{})
			if got := openIDs(found.Recovered); !slices.Equal(got, acknowledged) || found.Torn || found.Corrupt != nil {
				t.Errorf("step %d (%s) for good %v: found %v, acknowledged %v, %+v", n, disk.done[n-1], forGood, got, acknowledged, found)
			}
			crash(j)
		}
	}
}

func rehearse(t *testing.T) int {
	t.Helper()
	disk := &badDisk{}
	o := options()
	o.Disk = disk
	j, _, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	appendFive(t, j, disk)
	crash(j)
	if disk.ops < 20 {
		t.Fatalf("only %d steps: %v", disk.ops, disk.done)
	}
	return disk.ops
}

func appendFive(t *testing.T, j *Journal, disk *badDisk) (acknowledged []string) {
	t.Helper()
	for i := range uint64(5) {
		id := fmt.Sprintf("r%d", i)
		err := j.Append(nil, []engine.Record{intent(i+1, id, "h-"+id)})
		var failed *WriteError
		switch {
		case err == nil:
			acknowledged = append(acknowledged, id)
		case !errors.As(err, &failed) || !errors.Is(err, errDisk):
			t.Fatalf("%v is no WriteError of the disk", err)
		case j.Broken() == nil:
			t.Fatal("Broken says that all is well after a failed Append")
		}
	}
	return acknowledged
}

// A crash in the middle of a repair must lead to the same end as the repair.
func TestARepairThatIsCutShortAtAnyStepLosesNothing(t *testing.T) {
	torn := sample(t, 5)
	whole := journalBytes(t, torn)
	bent := slices.Clone(whole)
	bent[len(bent)/3] ^= 1
	for name, text := range map[string][]byte{"torn": whole[:len(whole)-9], "torn beyond the head": append(slices.Clone(whole), "0011"...), "damaged": bent, "full": whole} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n < 40; n++ {
				dir := copyDir(t, torn, text)
				disk := &badDisk{failAt: n, forGood: true}
				o := options()
				o.Disk = disk
				if name == "full" {
					o.RotateAt = 100
				}
				j, first, err := Open(dir, o)
				if err != nil {
					t.Fatal(err)
				}
				done := j.Broken() == nil
				crash(j)
				_, found := mustOpenOn(t, dir, hasty{})
				if found.Torn != first.Torn || (found.Stopped != nil) != (first.Stopped != nil) || !isSubset(openIDs(first.Recovered), openIDs(found.Recovered)) {
					t.Fatalf("cut short at step %d (%s): %+v, and then %+v", n, disk.done[n-1], first, found)
				}
				if done {
					return
				}
			}
			t.Fatal("the repair never ended")
		})
	}
}

func TestAStartOnADiskThatCannotBeWrittenStillTellsWhatIsOpen(t *testing.T) {
	dir := sample(t, 5)
	o := options()
	o.Disk = &badDisk{failAt: 1, forGood: true}
	j, found, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if len(found.Open) != 1 || j.Broken() == nil {
		t.Errorf("open %v, broken %v", openIDs(found.Recovered), j.Broken())
	}
}

func TestAFullJournalIsSetAsideAndTheNextFileCarriesOn(t *testing.T) {
	dir := t.TempDir()
	o := options()
	o.RotateAt = 2000
	j, _, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(40) {
		mustAppend(t, j, intent(i+1, fmt.Sprintf("r%02d", i), fmt.Sprintf("h%d", i)))
	}
	crash(j)
	full, _ := filepath.Glob(filepath.Join(dir, "journal.until-*"))
	_, found := mustOpen(t, dir)
	if len(full) < 5 || len(found.Open) != 40 || found.Torn || found.LastSeq != 40 {
		t.Errorf("%d full files, %d open, torn %v, last record %d", len(full), len(found.Open), found.Torn, found.LastSeq)
	}
	var records []uint64
	for _, e := range entriesOf(t, dir) {
		for _, r := range e.Records {
			records = append(records, r.Seq)
		}
	}
	if len(records) != 40 || !slices.IsSorted(records) {
		t.Errorf("history over the files: %v", records)
	}
	for _, path := range full {
		if report, err := Verify(path); err != nil || !report.OK() {
			t.Errorf("%+v, %v", report, err)
		}
	}
}

func TestAJournalTakenAwayOrChangedByOthersRefusesTheNextEntry(t *testing.T) {
	for name, meddle := range map[string]func(path string) error{
		"removed":  os.Remove,
		"emptied":  func(p string) error { return os.Truncate(p, 0) },
		"replaced": func(p string) error { return errors.Join(os.Rename(p, p+".x"), os.WriteFile(p, []byte("x\n"), 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j, _ := mustOpen(t, dir)
			mustAppend(t, j, intent(1, "a", "h"))
			if err := meddle(j.path()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				var failed *WriteError
				if err := j.Append(nil, []engine.Record{intent(2, "b", "h")}); !errors.As(err, &failed) {
					t.Errorf("acknowledged an entry that nobody will find: %v", err)
				}
			}
			crash(j)
			if _, found := mustOpen(t, dir); !found.Torn {
				t.Errorf("the next start does not see it: %+v", found)
			}
		})
	}
}

func TestAnEntryThatCannotBePutDownDoesNotBreakTheJournal(t *testing.T) {
	j, _ := mustOpen(t, t.TempDir())
	if err := j.Append(&engine.Event{}, nil); err == nil || j.Broken() != nil {
		t.Errorf("%v, %v", err, j.Broken())
	}
	mustAppend(t, j, intent(1, "a", "h"))
}

func TestAfterAFailureAnEndThatIsNoLongerOursIsNotWrittenOn(t *testing.T) {
	disk := &badDisk{}
	o := options()
	o.Disk = disk
	dir := t.TempDir()
	j, _, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, intent(1, "a", "h"))
	disk.failAt = disk.ops + 2 // the sync
	if err := j.Append(nil, []engine.Record{intent(2, "b", "h")}); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	text := journalBytes(t, dir)
	text[40] ^= 1
	write(t, j.path(), text)
	if err := j.Append(nil, []engine.Record{intent(2, "b", "h")}); err == nil || !strings.Contains(err.Error(), "start it again") {
		t.Errorf("%v", err)
	}
	crash(j)
}
