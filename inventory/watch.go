package inventory

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// holding is what is held of one source.
type holding struct {
	taken  Listing   // the latest that passed the checks together with the others
	latest Listing   // the latest that could be read
	waits  bool      // the latest is not taken
	read   time.Time // when the latest was read
	well   time.Time // when what is taken was read, or read again and found to be the same
	why    string    // what has been wrong since then, as it was said first; "" while nothing is
}

// reading is what came of reading one source again.
type reading struct {
	source  int
	listing Listing
	err     error
}

// Watch reads each source again at its own pace, after a Load that went well, until the context is done, which
// is the only way it ends. It calls renewed when the roster differs from the one before, and failed at each
// reading that found something wrong; both from the calling goroutine. A source that fails or hangs holds
// nobody up: the others are read and merged with what it listed last.
func (v *Inventory) Watch(ctx context.Context, renewed func(Result), failed func(error)) {
	readings := make(chan reading)
	var readers sync.WaitGroup
	defer readers.Wait()
	for i, source := range v.sources {
		if source.Every > 0 {
			readers.Go(func() { v.reread(ctx, i, readings) })
		}
	}
	for {
		var fresh *reading
		select {
		case <-ctx.Done():
			return
		case r := <-readings:
			fresh = &r
		case <-v.nextStale():
		}
		result, changed, err := v.renew(fresh)
		if err != nil {
			failed(err)
		}
		if changed {
			renewed(result)
		}
	}
}

// reread reads one source again and again. The time between two readings begins when one is over.
func (v *Inventory) reread(ctx context.Context, i int, tell chan<- reading) {
	timer := time.NewTimer(v.options.Clock.Real(v.sources[i].Every))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		r := reading{source: i}
		r.listing, r.err = read(ctx, v.sources[i])
		select {
		case <-ctx.Done(): // then the reading was broken off, and says nothing
			return
		case tell <- r:
		}
		timer.Reset(v.options.Clock.Real(v.sources[i].Every))
	}
}

// nextStale sends when the next source becomes stale, if none is read before.
func (v *Inventory) nextStale() <-chan time.Time {
	v.turn.Lock()
	defer v.turn.Unlock()
	now, next := v.options.Clock.Now(), time.Duration(-1)
	for i, h := range v.held {
		if left := h.well.Add(v.sources[i].StaleAfter).Sub(now); v.sources[i].StaleAfter > 0 && left > 0 && (next < 0 || left < next) {
			next = left
		}
	}
	if next < 0 {
		return nil
	}
	return time.After(v.options.Clock.Real(next))
}

// renew takes what was read, if anything was, and tells whether the roster is another one now.
func (v *Inventory) renew(fresh *reading) (Result, bool, error) {
	v.turn.Lock()
	defer v.turn.Unlock()
	another, wrong := false, error(nil)
	if fresh != nil {
		another, wrong = v.hear(*fresh)
	}
	if marks := v.marks(); !slices.Equal(marks, v.marked) {
		v.marked, another = marks, true
	}
	if !another {
		return Result{}, false, wrong
	}
	result, err := Merge(v.options, v.listings(func(h holding) Listing { return h.taken })...)
	if err != nil { // it passed when it was taken, and a mark is no mistake
		return Result{}, false, errors.Join(wrong, fmt.Errorf("the inventory is left as it was: %w", err))
	}
	if reflect.DeepEqual(result.Roster.Hosts(), v.good.Roster.Hosts()) {
		return Result{}, false, wrong
	}
	result.Change = change(v.good.Roster, result.Roster)
	v.good = result
	return result, true, wrong
}

// hear takes the reading of one source, and tells whether there is anything new. What cannot be taken leaves the
// source with what it listed before.
func (v *Inventory) hear(r reading) (another bool, err error) {
	h := &v.held[r.source]
	if r.err != nil {
		h.fail(r.err)
		return false, fmt.Errorf("its %d hosts of the last good reading are kept: %w", len(h.taken.Entries), r.err)
	}
	h.latest, h.read = r.listing, v.options.Clock.Now()
	if !h.waits && reflect.DeepEqual(h.latest, h.taken) {
		h.take()
		return false, nil
	}
	h.waits = true
	if wrong := v.takeWaiting(); h.waits {
		h.fail(wrong[r.source])
		return true, fmt.Errorf("the hosts of %s are left as they were: %w", v.sources[r.source].Name(), wrong[r.source])
	}
	return true, nil
}

func (h *holding) fail(err error) {
	if h.why == "" {
		h.why = err.Error()
	}
}

func (h *holding) take() { h.taken, h.waits, h.well, h.why = h.latest, false, h.read, "" }

// takeWaiting takes all that waits if it passes the checks as a whole; else each source by itself that does, so
// that a mistake in one source keeps no other from being renewed. What is wrong is said by source.
func (v *Inventory) takeWaiting() (wrong []error) {
	_, whole := Merge(v.options, v.listings(func(h holding) Listing { return h.latest })...)
	wrong = make([]error, len(v.held))
	for i := range v.held {
		h := &v.held[i]
		if h.waits && whole != nil {
			listings := v.listings(func(h holding) Listing { return h.taken })
			listings[i] = h.latest
			_, wrong[i] = Merge(v.options, listings...)
		}
		if h.waits && wrong[i] == nil {
			h.take()
		}
	}
	return wrong
}

// listings chooses one of each source, with the mark that the source has now.
func (v *Inventory) listings(choose func(holding) Listing) []Listing {
	listings := make([]Listing, len(v.held))
	for i, h := range v.held {
		listings[i] = choose(h)
		listings[i].stale = v.marked[i]
	}
	return listings
}

// marks is the reason why each source is stale; "" for those that are not.
func (v *Inventory) marks() []string {
	marks, now := make([]string, len(v.held)), v.options.Clock.Now()
	for i, h := range v.held {
		if limit := v.sources[i].StaleAfter; limit > 0 && !now.Before(h.well.Add(limit)) {
			marks[i] = fmt.Sprintf("its source %s has not been readable since %s: %s",
				v.sources[i].Name(), h.well.In(v.options.Zone).Format("Mon 2 Jan 15:04"), briefly(h.why))
		}
	}
	return marks
}

// briefly is the first of what was wrong. It stands at every host of a source, and must not change while the
// source is as it was.
func briefly(why string) string {
	const most = 160
	first, _, _ := strings.Cut(why, "\n")
	if first == "" {
		return "reading it has not come to an end"
	}
	if text := []rune(plain(first)); len(text) > most {
		return string(text[:most]) + "..."
	}
	return plain(first)
}
