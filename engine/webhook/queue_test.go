package webhook

import (
	"slices"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

var (
	gateTurned = engine.Record{Kind: engine.GateTurned}
	ended      = engine.Record{Kind: engine.Closed, Outcome: &engine.Outcome{Effect: engine.Effective, Undo: engine.Restored}}
	endedBadly = engine.Record{Kind: engine.Closed, Outcome: &engine.Outcome{Effect: engine.Effective, Undo: engine.Residue}}
	residue    = engine.Record{Kind: engine.ResidueNew}
)

func TestWhatNeedsAPersonIsKeptLongest(t *testing.T) {
	for _, c := range []struct {
		name    string
		records []engine.Record
		want    []uint64 // by their place, from 1
	}{
		{"room for all", []engine.Record{gateTurned, ended, residue}, []uint64{1, 2, 3}},
		{"the oldest of the same worth goes", []engine.Record{gateTurned, gateTurned, gateTurned, gateTurned}, []uint64{2, 3, 4}},
		{"an ordinary one makes room for an outcome", []engine.Record{ended, gateTurned, ended, ended}, []uint64{1, 3, 4}},
		{"an ordinary one does not push out an outcome", []engine.Record{ended, ended, ended, gateTurned}, []uint64{1, 2, 3}},
		{"an outcome makes room for residue", []engine.Record{residue, ended, residue, residue}, []uint64{1, 3, 4}},
		{"an outcome with residue is residue", []engine.Record{endedBadly, residue, residue, ended}, []uint64{1, 2, 3}},
		{"of residue alone the oldest goes", []engine.Record{residue, residue, residue, residue}, []uint64{2, 3, 4}},
	} {
		q, dropped := queue{size: 3}, 0
		for i, r := range c.records {
			r.Seq = uint64(i + 1)
			dropped += q.push(r)
		}
		var got []uint64
		for r, some := q.pop(); some; r, some = q.pop() {
			got = append(got, r.Seq)
		}
		if !slices.Equal(got, c.want) || dropped != len(c.records)-len(c.want) {
			t.Errorf("%s: kept %v and dropped %d, want %v", c.name, got, dropped, c.want)
		}
	}
}

// The queue is not larger than it should be, whatever comes, and what is kept stays in order.
func FuzzTheQueueIsBoundedAndInOrder(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 0, 0, 1, 4, 4, 4}, uint8(2))
	f.Fuzz(func(t *testing.T, what []byte, size uint8) {
		q, kept, dropped, popped := queue{size: int(size)%9 + 1}, 0, 0, 0
		last := uint64(0)
		for i, b := range what {
			if b%5 == 4 {
				if r, some := q.pop(); some {
					if popped++; r.Seq <= last {
						t.Fatalf("%d came after %d", r.Seq, last)
					}
					last = r.Seq
				}
				continue
			}
			r := []engine.Record{gateTurned, ended, endedBadly, residue}[b%5]
			r.Seq = uint64(i + 1)
			kept++
			dropped += q.push(r)
			if len(q.waiting) > q.size || kept != len(q.waiting)+dropped+popped {
				t.Fatalf("%d of %d wait, %d came, %d dropped, %d gone", len(q.waiting), q.size, kept, dropped, popped)
			}
		}
	})
}
