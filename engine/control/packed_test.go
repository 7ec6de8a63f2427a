package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func FuzzWhatIsPackedComesOutAgainAsItWas(f *testing.F) {
	f.Add([]byte("a line\nanother\n\nan empty one before, and one of somebody else"))
	f.Add([]byte{0, 1, 2, 3, 250, 10, 10, 10})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		var history []engine.Record
		at := time.Unix(1800000000, 5)
		for i, b := range bytes[:min(len(bytes), 200)] {
			r := engine.Record{Seq: uint64(i + 1 + int(b)/250*7), At: at.Add(time.Duration(b) * time.Millisecond), Kind: engine.Line, Run: fmt.Sprint("run", b%2), Host: "web-1", Text: string(rune('a' + b%26))}
			switch b % 8 {
			case 0:
				r.Text = ""
			case 1:
				r.Kind, r.Of, r.By = engine.Closed, "whole", "ada"
			case 2:
				r.Text = "two\nlines"
			}
			if n := len(history); n > 0 && r.Seq <= history[n-1].Seq {
				r.Seq = history[n-1].Seq + 1
			}
			history = append(history, r)
		}
		text, err := json.Marshal(pack(history))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readHistory(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(history) {
			t.Fatalf("%d records came out, %d went in", len(got), len(history))
		}
		for i := range got {
			if !got[i].At.Equal(history[i].At) {
				t.Fatalf("%s became %s", history[i].At, got[i].At)
			}
			got[i].At = history[i].At
			if !reflect.DeepEqual(got[i], history[i]) {
				t.Fatalf("%+v became %+v", history[i], got[i])
			}
		}
	})
}

func FuzzNoAnswerBreaksTheReaderOfHistories(f *testing.F) {
	f.Add([]byte(`{"lines":[{"seq":1,"at":[1,2],"text":"a"}]}`))
	f.Add([]byte(`[{"seq":1,"kind":"line","at":"2026-11-23T10:00:00Z","text":"a"}]`))
	f.Add([]byte(` null`))
	f.Fuzz(func(_ *testing.T, answer []byte) { _, _ = readHistory(answer) })
}

func TestAnEngineThatDoesNotPackIsUnderstood(t *testing.T) {
	got, err := readHistory([]byte(`[{"seq":7,"kind":"line","at":"2026-11-23T10:00:00Z","text":"a"}]`))
	if err != nil || len(got) != 1 || got[0].Seq != 7 || got[0].Text != "a" {
		t.Errorf("%+v, %v", got, err)
	}
}

func lines(n int) []engine.Record {
	history := make([]engine.Record, n)
	for i := range history {
		history[i] = engine.Record{Seq: uint64(i + 1), At: time.Unix(1800000000, int64(i)), Kind: engine.Line, Run: "20261123-101500-00000001", Host: "web-00007", Attack: "cpu", Text: fmt.Sprintf("worker 3: %d iterations, load 0.62", i)}
	}
	return history
}

// BenchmarkReadingFiveHundredLines holds the packed form against the plain one.
func BenchmarkReadingFiveHundredLines(b *testing.B) {
	plain, _ := json.Marshal(lines(500))
	short, _ := json.Marshal(pack(lines(500)))
	for name, answer := range map[string][]byte{"plain": plain, "packed": short} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := readHistory(answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
