package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/engine/web"
)

const (
	watchEvery   = 15 * time.Second // while incidents may open
	followEvery  = time.Minute      // while one is only followed to its end
	followFor    = 24 * time.Hour
	mostFollowed = 50
	mostSpans    = 500
	notedWithin  = 10 * time.Second // for the engine to take a note
)

// watcher finds the incidents that fall to attacks, and follows them to their end. Nobody is asked while there is nothing
// to find.
type watcher struct {
	rest     *rest
	services []string
	after    time.Duration
	clock    clock.Clock
	log      *slog.Logger
	note     func(context.Context, engine.Order) error
	before   map[string]bool // notes that a watcher before this one has made, by id

	mu    sync.Mutex
	spans []span
	news  chan struct{}

	// The rest belongs to the one goroutine of run.
	looked    time.Time // when the last look began that succeeded
	following []*followed
	finished  []string // incidents that are over, by id, the newest last
	failures  int
}

// begin and end tell of an attack.
func (w *watcher) begin(s *story) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := s.runs[0]
	w.spans = append(w.spans[max(0, len(w.spans)+1-mostSpans):], span{run: s.id, host: first.Host.Name, name: s.name(), began: s.began})
	w.wake()
}

// wake has run look at once, where nothing speaks against that.
func (w *watcher) wake() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *watcher) end(s *story) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.spans {
		if w.spans[i].run == s.id {
			w.spans[i].ended = s.ended
		}
	}
	w.wake()
}

// alive are the attacks that incidents may still fall to; the others are forgotten.
func (w *watcher) alive(now time.Time) []span {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spans = slices.DeleteFunc(w.spans, func(s span) bool { return s.done(w.looked, now, w.after) })
	return slices.Clone(w.spans)
}

// run watches until ctx ends.
func (w *watcher) run(ctx context.Context) {
	for {
		wait, news := w.round(ctx), w.news
		if w.failures > 0 { // whoever refuses is left alone, whatever happens
			news = nil
		}
		var later <-chan time.Time
		if wait > 0 {
			later = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-news:
		case <-later:
		}
	}
}

// round looks once, and says when to look again; 0: when there is another attack.
func (w *watcher) round(ctx context.Context) time.Duration {
	spans := w.alive(w.clock.Now())
	if len(spans)+len(w.following) == 0 {
		return 0
	}
	wait := followEvery
	if len(spans) > 0 {
		wait = watchEvery
	}
	err := w.look(ctx, spans)
	if err == nil {
		w.failures = 0
		return wait
	}
	if w.failures++; w.failures == 1 && ctx.Err() == nil {
		w.log.Warn("PagerDuty's incidents cannot be read; what opens meanwhile is found later", "error", err)
	}
	return max(wait, pause(w.failures, err))
}

// look finds what is new, and goes on with what is followed.
func (w *watcher) look(ctx context.Context, spans []span) error {
	seen, now := map[string]bool{}, w.clock.Now()
	if len(spans) > 0 {
		found, err := w.find(ctx, spans)
		if err != nil {
			return err
		}
		for _, i := range found {
			seen[i.ID] = true
			w.meet(i, spans)
		}
		w.looked = now
	}
	var wrong error
	for _, f := range slices.Clone(w.following) {
		if !seen[f.ID] {
			wrong = errors.Join(wrong, w.ask(ctx, f))
		}
		wrong = errors.Join(wrong, w.tell(ctx, f))
	}
	return wrong
}

// find lists the incidents of the services since the first of the attacks began, with their times by our clock.
func (w *watcher) find(ctx context.Context, spans []span) ([]incident, error) {
	const margin = 2 * time.Hour // for a clock of theirs that is ahead or behind
	query := url.Values{
		"service_ids[]": w.services, "sort_by": {"created_at:asc"},
		"since": {earliest(spans).Add(-margin).UTC().Format(time.RFC3339)},
		"until": {w.clock.Now().Add(margin).UTC().Format(time.RFC3339)},
	}
	found, whole, h, err := list[incident](ctx, w.rest, "/incidents", "incidents", query)
	if err != nil {
		return nil, err
	}
	if !whole {
		w.log.Warn("PagerDuty has more incidents than are looked at; the latest are not followed", "looked at", len(found))
	}
	for i := range found {
		found[i] = found[i].corrected(w.off(h))
	}
	return found, nil
}

// off is by how much the clock behind an answer is ahead of ours.
func (w *watcher) off(h http.Header) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return skew(date, w.clock.Now())
}

// corrected has its times by our clock.
func (i incident) corrected(off time.Duration) incident {
	i.Created, i.Changed = i.Created.Add(-off), i.Changed.Add(-off)
	i.Acknowledgements = slices.Clone(i.Acknowledgements)
	for n := range i.Acknowledgements {
		i.Acknowledgements[n].At = i.Acknowledgements[n].At.Add(-off)
	}
	return i
}

// meet takes in what an incident looks like now, and begins to follow it if it falls to an attack.
func (w *watcher) meet(i incident, spans []span) {
	if at := slices.IndexFunc(w.following, func(f *followed) bool { return f.ID == i.ID }); at >= 0 {
		w.following[at].update(i)
		return
	}
	s, falls := attribute(spans, i.Created, w.after)
	switch {
	case !falls, ours(i), slices.Contains(w.finished, i.ID):
	case len(w.following) == mostFollowed:
		w.log.Warn("too many incidents are followed already; this one is not", "incident", i.String())
		w.finished = append(w.finished, i.ID)
	default:
		f := &followed{incident: i, span: s}
		f.update(i)
		w.following = append(w.following, f)
	}
}

func (f *followed) update(i incident) {
	f.incident = i
	if f.acked.IsZero() {
		f.acked = i.acknowledgedAt()
	}
}

// ask looks at one incident that no list has shown.
func (w *watcher) ask(ctx context.Context, f *followed) error {
	var answer struct {
		Incident *incident `json:"incident"`
	}
	h, err := w.rest.get(ctx, "/incidents/"+url.PathEscape(f.ID), nil, &answer)
	switch {
	case isGone(err):
		w.forget(f)
		w.log.Warn("PagerDuty does not know an incident any more that was followed", "incident", f.incident.String())
		return nil
	case err != nil:
		return err
	case answer.Incident == nil || answer.Incident.ID != f.ID:
		return fmt.Errorf("the answer about incident #%d has no incident, or another one", f.Number)
	}
	f.update(answer.Incident.corrected(w.off(h)))
	return nil
}

func isGone(err error) bool {
	var status *web.StatusError
	return errors.As(err, &status) && status.Status == http.StatusNotFound
}

// tell notes the stage that an incident has come to, once.
func (w *watcher) tell(ctx context.Context, f *followed) error {
	now := f.stage(w.clock.Now())
	if now <= f.noted || !slices.Contains(w.following, f) {
		return nil
	}
	if now == resolved {
		if err := w.history(ctx, f); err != nil {
			return err
		}
	}
	if err := w.put(ctx, f.order(now)); err != nil {
		return fmt.Errorf("noting incident #%d: %w", f.Number, err)
	}
	if f.noted = now; now.over() {
		w.forget(f)
	}
	return nil
}

func (w *watcher) put(ctx context.Context, o engine.Order) error {
	if w.before[o.ID] {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, notedWithin)
	defer cancel()
	return w.note(ctx, o)
}

// recall finds the notes that this engine has in its record already, so that none is made twice in its life.
func (w *watcher) recall(e Engine) {
	w.before = map[string]bool{}
	records, err := e.History(context.Background(), 0)
	if err != nil {
		w.log.Warn("which incidents are noted already cannot be read; some may be noted twice", "error", err)
	}
	for _, r := range records {
		if r.Order != nil && r.Order.Kind == engine.Remark && strings.HasPrefix(r.Order.ID, notePrefix) {
			w.before[r.Order.ID] = true
		}
	}
}

// history asks when a resolved incident was acknowledged and resolved: it does not say that any more by itself.
func (w *watcher) history(ctx context.Context, f *followed) error {
	log, _, h, err := list[logEntry](ctx, w.rest, "/incidents/"+url.PathEscape(f.ID)+"/log_entries", "log_entries", url.Values{"is_overview": {"true"}})
	if err != nil && !isGone(err) {
		return err
	}
	off := w.off(h)
	if at := first(log, "acknowledge_log_entry"); f.acked.IsZero() && !at.IsZero() {
		f.acked = at.Add(-off)
	}
	if f.fixed = f.Changed; f.fixed.IsZero() {
		f.fixed = w.clock.Now()
	}
	if at := last(log, "resolve_log_entry"); !at.IsZero() {
		f.fixed = at.Add(-off)
	}
	return nil
}

// mostFinished bounds what is remembered so that nothing is noted twice. An incident that was over so many ago falls to
// no attack any more.
const mostFinished = 1000

func (w *watcher) forget(f *followed) {
	w.following = slices.DeleteFunc(w.following, func(x *followed) bool { return x == f })
	w.finished = append(w.finished, f.ID)
	w.finished = w.finished[max(0, len(w.finished)-mostFinished):]
}
