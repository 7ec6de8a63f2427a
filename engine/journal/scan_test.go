package journal

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func scanned(t *testing.T, text []byte) ([]Entry, survey) {
	t.Helper()
	var all []Entry
	s, err := scan(bytes.NewReader(text), "j", func(e Entry) error { all = append(all, e); return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return all, s
}

// lines is a journal in memory.
func lines(t testing.TB, n int) []byte {
	t.Helper()
	var text []byte
	var end place
	for i := range uint64(n) {
		e := Entry{Seq: i + 1, Prev: end.sum.String(), At: noon, Records: []engine.Record{intent(i+1, "r", "h")}}
		line, sum, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		text, end.sum = append(text, line...), sum
	}
	return text
}

// FuzzScan: whatever is cut, changed and put in between, the scan does not panic and what it accepts is a
// prefix of what was written.
func FuzzScan(f *testing.F) {
	f.Add(uint16(0), uint16(0), []byte{})
	f.Add(uint16(40), uint16(0), []byte{1})
	f.Add(uint16(0), uint16(300), []byte("00000000 {}\n"))
	f.Add(uint16(900), uint16(2), []byte("\n"))
	f.Add(uint16(0), uint16(65535), []byte("9a71bb4c {\"seq\":1}\n"))
	whole := lines(f, 6)
	f.Fuzz(func(t *testing.T, from, length uint16, put []byte) {
		original, _ := scanned(t, whole)
		a := int(from) % (len(whole) + 1)
		b := min(a+int(length), len(whole))
		bent := append(append(append([]byte{}, whole[:a]...), put...), whole[b:]...)
		got, s := scanned(t, bent)
		if len(got) > len(original) || len(got) > 0 && !reflect.DeepEqual(got, original[:len(got)]) {
			t.Fatalf("accepted what was not written: %d entries", len(got))
		}
		if !bytes.HasPrefix(whole, bent[:s.end.size]) {
			t.Fatal("the sound part is not a part of what was written")
		}
		if s.size != int64(len(bent)) || (s.bad == nil) != (s.end.size == s.size) {
			t.Fatalf("%+v", s)
		}
	})
}

// FuzzRawScan: any bytes at all.
func FuzzRawScan(f *testing.F) {
	f.Add(lines(f, 3))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, s := scanned(t, text)
		if s.end.size > int64(len(text)) || s.size != int64(len(text)) {
			t.Fatalf("%+v", s)
		}
	})
}

func TestALineThatIsTooLongIsBadAndCostsNoMemoryBeyondTheLimit(t *testing.T) {
	r := lineReader{r: bufio.NewReaderSize(&zeros{left: 3 * maxLine}, 1<<20)}
	line, n, err := r.next()
	if err != nil || n != 3*maxLine || line.whole || cap(r.long) > 3*maxLine {
		t.Errorf("%d bytes, whole %v, kept %d, %v", n, line.whole, cap(r.long), err)
	}
}

func TestReadingWhileAnEntryIsOnItsWayLeavesItOut(t *testing.T) {
	dir := t.TempDir()
	whole := lines(t, 3)
	write(t, filepath.Join(dir, fileName), whole[:len(whole)-4])
	if got := entriesOf(t, dir); len(got) != 2 {
		t.Errorf("%d entries", len(got))
	}
}

func TestVerifyTellsTheLineAndByteOfTheDamage(t *testing.T) {
	whole := lines(t, 5)
	second := bytes.IndexByte(whole, '\n') + 1
	bent := bytes.Clone(whole)
	bent[second+30] ^= 1
	dir := t.TempDir()
	write(t, filepath.Join(dir, fileName), bent)
	r, err := Verify(filepath.Join(dir, fileName))
	if err != nil || r.OK() || r.Chain || r.Entries != 1 || r.Strays != 3 ||
		r.Corrupt == "" || !bytes.Contains([]byte(r.Corrupt), []byte("line 2")) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Verify(filepath.Join(dir, "nothing")); err == nil {
		t.Error("a journal that is not there is whole")
	}
}

// A million records must be read back in less than 10 s, see guard.md; CHAOSCAT_MILLION=1 runs it in full.
func TestScanSpeed(t *testing.T) {
	n := 20_000
	if os.Getenv("CHAOSCAT_MILLION") != "" {
		n = 1_000_000
	}
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var end place
	for i := range uint64(n) {
		r := engine.Record{Seq: i + 1, At: noon, Kind: engine.VerdictNew, Text: "outside hours", Verdict: &engine.Verdict{Name: engine.OutsideHours, Sentence: "It is closed until Monday 10:00."}}
		switch i % 4 {
		case 0:
			r = intent(i+1, "r", "h")
		case 1:
			r = closed(i+1, "r", "h", restored())
		}
		event := engine.Event{Stamp: engine.Stamp{At: noon, Draw: 77}, What: engine.Woke{}}
		text, _ := event.MarshalJSON()
		line, sum, err := encode(Entry{Seq: i + 1, Prev: end.sum.String(), At: noon, Boot: "0b6b7f0e-3b5c-4a43-9b7c-0d5f6a7b8c9d", MonoMS: 123456, Event: text, Records: []engine.Record{r}})
		if err != nil {
			t.Fatal(err)
		}
		end.sum = sum
		w.Write(line)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	size, _ := f.Seek(0, 1)
	f.Close()
	began := time.Now()
	j, found := mustOpen(t, dir)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%d records, %d MB: read back in %s", n, size>>20, took)
	} else {
		t.Logf("%d records, %d MB: read back in %s", n, size>>20, took)
	}
	if found.LastSeq != uint64(n)+1 || j.Broken() != nil { // one more for the head that is missing here
		t.Errorf("last record %d", found.LastSeq)
	}
}

// zeros is that many bytes of nothing.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	n := int(min(z.left, int64(len(p))))
	if n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	z.left -= int64(n)
	return n, nil
}
