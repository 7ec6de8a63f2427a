package feed

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// ring is an engine that remembers three records.
type ring struct {
	views chan engine.Snapshot
	kept  []engine.Record
}

func (r *ring) Watch(context.Context) <-chan engine.Snapshot { return r.views }

func (r *ring) History(_ context.Context, after uint64) (news []engine.Record, _ error) {
	for _, k := range r.kept {
		if k.Seq > after {
			news = append(news, k)
		}
	}
	return news, nil
}

func (r *ring) write(seqs ...uint64) {
	for _, seq := range seqs {
		r.kept = append(r.kept, engine.Record{Seq: seq})
	}
	r.kept = r.kept[max(0, len(r.kept)-3):]
	r.views <- engine.Snapshot{LastSeq: r.kept[len(r.kept)-1].Seq}
}

func TestEveryRecordIsHeardOnceInOrderAndWhatIsGoneIsCounted(t *testing.T) {
	r := &ring{views: make(chan engine.Snapshot)}
	var heard []uint64
	var missed uint64
	turn := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		Follow(t.Context(), r, 1, func(_ engine.Snapshot, news []engine.Record, gone uint64) {
			for _, n := range news {
				heard = append(heard, n.Seq)
			}
			missed += gone
			turn <- struct{}{}
		})
	}()
	r.write(1, 2, 3)
	<-turn
	r.write(4)
	<-turn
	r.write(5, 6, 7, 8, 9)
	<-turn
	close(r.views)
	<-done
	if want := []uint64{2, 3, 4, 7, 8, 9}; !slices.Equal(heard, want) || missed != 2 {
		t.Errorf("heard %v and missed %d, want %v and 2", heard, missed, want)
	}
}

func TestWhatWasRecordedBeforeTheMomentIsNeitherHeardNorMissed(t *testing.T) {
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	r := &ring{views: make(chan engine.Snapshot, 1)}
	for seq := uint64(7); seq < 10; seq++ { // those before are gone
		r.kept = append(r.kept, engine.Record{Seq: seq, At: noon.Add(time.Duration(seq) * time.Minute)})
	}
	r.views <- engine.Snapshot{LastSeq: 9}
	close(r.views)
	Since(t.Context(), r, noon.Add(8*time.Minute), func(_ engine.Snapshot, news []engine.Record, missed uint64) {
		if len(news) != 2 || news[0].Seq != 8 || missed != 0 {
			t.Errorf("heard %v, and that %d were missed", news, missed)
		}
	})
}
