package tui

import (
	"context"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

const (
	// batch is the shortest time between two deliveries to the screen: drawing for every line of a chatty
	// host costs half a core, drawing ten times a second next to nothing.
	batch = 100 * time.Millisecond
	// keep is how many records the screen remembers, and so how many may wait for it.
	keep = 20_000
	// historyPatience is how long one question for records may take.
	historyPatience = 10 * time.Second

	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// feed stands between the engine and the screen. It always takes what the engine has, keeps the newest
// snapshot and the newest records, and hands them over when the screen asks. Neither side waits for the
// other.
type feed struct {
	console Console
	now     func() time.Time
	guard   func(doing string)
	ready   chan struct{} // holds one token while there is something to fetch
	seqs    chan uint64   // newest sequence number that somebody has seen

	mu   sync.Mutex
	news newsMsg
}

// newsMsg is what has happened since the last one.
type newsMsg struct {
	snapshot *engine.Snapshot // nil: none newer
	heard    time.Time        // when the snapshot arrived, by our clock
	lost     bool             // the link is down
	cut      bool             // it was, at some moment since the last news
	records  []engine.Record
	dropped  int    // records left out before these
	trouble  string // why records cannot be read; "" if they can
	over     bool   // nothing will follow
}

func newFeed(console Console, now func() time.Time, guard func(string)) *feed {
	return &feed{console: console, now: now, guard: guard, ready: make(chan struct{}, 1), seqs: make(chan uint64, 1)}
}

// run pumps until ctx is done.
func (f *feed) run(ctx context.Context) {
	var pumps sync.WaitGroup
	pumps.Go(func() { defer f.guard("watching the engine"); f.watch(ctx) })
	pumps.Go(func() { defer f.guard("reading records"); f.catchUp(ctx) })
	pumps.Wait()
}

// watch follows the snapshots, and begins again with growing patience when the link is lost.
func (f *feed) watch(ctx context.Context) {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		if f.follow(ctx) {
			pause = firstRetry
		}
		if ctx.Err() != nil {
			return
		}
		f.change(func(n *newsMsg) { n.lost, n.cut = true, true })
		if !rest(ctx, pause) {
			return
		}
	}
}

// follow takes snapshots until the link is lost, and says whether there were any.
func (f *feed) follow(ctx context.Context) (any bool) {
	for snapshots := f.console.Watch(ctx); ; any = true {
		select {
		case <-ctx.Done():
			return any
		case s, up := <-snapshots:
			if !up {
				return any
			}
			f.take(s)
		}
	}
}

func (f *feed) take(s engine.Snapshot) {
	heard := f.now()
	f.change(func(n *newsMsg) { n.snapshot, n.heard, n.lost = &s, heard, false })
	offer(f.seqs, s.LastSeq)
}

// catchUp fetches the records that snapshots tell of.
func (f *feed) catchUp(ctx context.Context) {
	var after, told uint64
	for {
		select {
		case <-ctx.Done():
			return
		case last := <-f.seqs:
			if last == told && last == after {
				continue
			}
			if last < told {
				after = 0 // another life of the engine, which counts from the beginning
			}
			told, after = last, f.fetch(ctx, after, last)
		}
		if !rest(ctx, batch) {
			return
		}
	}
}

// fetch reads what lies between after and last and says how far it came.
func (f *feed) fetch(ctx context.Context, after, last uint64) uint64 {
	if last > after && last-after > keep {
		after = last - keep
	}
	for after < last {
		asking, cancel := context.WithTimeout(ctx, historyPatience)
		records, err := f.console.History(asking, after)
		cancel()
		if err != nil {
			f.change(func(n *newsMsg) { n.trouble = err.Error() })
			return after // the next snapshot asks again
		}
		f.change(func(n *newsMsg) { n.trouble = ""; n.add(records) })
		if len(records) == 0 {
			return last
		}
		after = records[len(records)-1].Seq
	}
	return after
}

// calm tells whether the news may wait for the next second, when the screen is drawn anyway: nothing is recorded,
// nothing runs, and neither the mood nor the roster is another. What is left is the age of what is shown, and what
// the background look at the hosts finds, several times a second.
func (s *scene) calm(n newsMsg) bool {
	return s.known && n.snapshot != nil && !n.cut && len(n.records) == 0 && n.dropped == 0 && n.trouble == "" && n.lost == s.lost &&
		n.snapshot.LastSeq == s.LastSeq && n.snapshot.RosterID == s.RosterID && n.snapshot.Mood == s.Mood &&
		len(n.snapshot.Running)+len(s.Running) == 0
}

func (n *newsMsg) add(records []engine.Record) {
	n.records = append(n.records, records...)
	if over := len(n.records) - keep; over > 0 {
		n.dropped += over
		n.records = append([]engine.Record(nil), n.records[over:]...)
	}
}

func (f *feed) change(with func(*newsMsg)) {
	f.mu.Lock()
	with(&f.news)
	f.mu.Unlock()
	offer(f.ready, struct{}{})
}

// next waits for news; the screen calls it again for each delivery, and at most ten times a second there
// is one. It rests after it was woken, not before: while nothing happens there is nothing to wake up for.
func (f *feed) next(ctx context.Context, pause time.Duration) tea.Cmd {
	earliest := time.Now().Add(pause)
	return func() tea.Msg {
		select {
		case <-ctx.Done():
			return newsMsg{over: true}
		case <-f.ready:
		}
		if !rest(ctx, time.Until(earliest)) {
			return newsMsg{over: true}
		}
		select {
		case <-f.ready: // what came while it rested goes along
		default:
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		news := f.news
		f.news = newsMsg{lost: news.lost, heard: news.heard, trouble: news.trouble}
		return news
	}
}

// offer leaves the newest value in a channel of one.
func offer[T any](slot chan T, value T) {
	for {
		select {
		case slot <- value:
			return
		default:
		}
		select {
		case <-slot:
		default:
		}
	}
}

// rest waits, and says whether there is a reason to go on.
func rest(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
