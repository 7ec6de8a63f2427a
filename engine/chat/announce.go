package chat

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// book knows which thread is about what, and words what is said there.
type book struct {
	name    string // of this chaoscat
	channel string
	zone    *time.Location

	mu      sync.Mutex
	threads map[string]*thread // of what has not ended, by the id of the run, or of the run that it is part of
	order   []string           // their ids, oldest first
	dirty   map[string]bool    // hosts whose residue has been told, or was there before
	waiting map[string]bool    // orders that wait for others, and have been told
}

// thread is what is said about one run, or about all runs of one order.
type thread struct {
	key      string
	topic    *topic
	run      engine.Run                 // the first
	hosts    []string                   // of all
	open     map[string]bool            // runs that have not ended
	ended    map[engine.Effect][]string // hosts by how it ended there
	restored int
	said     map[string]bool // what is said once only
	lines    int             // about single hosts, where there are several
}

const (
	threadsKept   = 1000
	linesOfMany   = 10 // about single hosts of an order; the rest is in its last line
	hostsNamed    = 5
	gatherSeveral = 300 * time.Millisecond // until all runs of one order are known
)

func newBook(name, channel string, zone *time.Location) *book {
	return &book{name: name, channel: channel, zone: zone, threads: map[string]*thread{}, dirty: map[string]bool{}, waiting: map[string]bool{}}
}

func threadKey(of, run string) string {
	if of != "" {
		return of
	}
	return run
}

// begin has the run in a thread. The first of its kind opens one, which must be posted.
func (b *book) begin(r engine.Run) (t *topic, opening *post) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.enter(r)
}

func (b *book) enter(r engine.Run) (t *topic, opening *post) {
	key := threadKey(r.Of, r.ID)
	th, known := b.threads[key]
	if !known {
		th = &thread{key: key, run: r, topic: &topic{posted: make(chan struct{})}, open: map[string]bool{}, ended: map[engine.Effect][]string{}, said: map[string]bool{}}
		th.topic.text = func() (string, []button) { return b.opening(th) }
		if r.Of != "" {
			th.topic.gather = gatherSeveral
		}
		b.keep(th)
		opening = &post{message: message{channel: b.channel}, topic: th.topic, opens: true, weight: result}
	}
	if !th.open[r.ID] {
		th.open[r.ID], th.hosts = true, append(th.hosts, r.Host.Name)
	}
	return th.topic, opening
}

func (b *book) keep(t *thread) {
	if len(b.order) >= threadsKept {
		b.close(b.threads[b.order[0]])
	}
	b.threads[t.key], b.order = t, append(b.order, t.key)
}

// close forgets a thread in which nothing more is said.
func (b *book) close(t *thread) {
	delete(b.threads, t.key)
	b.order = slices.DeleteFunc(b.order, func(key string) bool { return key == t.key })
}

// opening is the first message of a thread.
func (b *book) opening(t *thread) (string, []button) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := []string{
		fmt.Sprintf("%s: *%s on %s* for %s, from %s.", clean(b.name), clean(t.run.Attack.Name), clean(t.targets()), engine.Span(t.run.For), t.run.Started.In(b.zone).Format("15:04:05")),
		behind(t.run),
		"To stop everything: the button, `/chaoscat stop`, or mention me with stop. Anybody may.",
	}
	return strings.Join(text, "\n"), []button{{stopButton, "", "Stop"}}
}

func (t *thread) targets() string {
	if len(t.hosts) == 1 {
		return t.hosts[0]
	}
	return fmt.Sprintf("%d hosts (%s)", len(t.hosts), some(t.hosts))
}

// behind is who wants a run, and who is there while it lasts.
func behind(r engine.Run) string {
	text := "By the schedule."
	if r.Trigger == engine.ByOrder {
		text = "Ordered by " + clean(r.By) + reason(r.Reason) + "."
	}
	if len(r.Approved) > 0 {
		text += " Wanted by " + clean(strings.Join(r.Approved, ", ")) + " too."
	}
	if len(r.OnCall) > 0 {
		text += " On call: " + clean(strings.Join(r.OnCall, ", ")) + "."
	}
	return text
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return " (" + clean(text) + ")"
}

// clean is a text from elsewhere as it may be posted.
func clean(text string) string { return escape(printable.Printable(text)) }

func some(names []string) string {
	text := strings.Join(names[:min(len(names), hostsNamed)], ", ")
	if more := len(names) - hostsNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// lines are sentences, one below the other.
func lines(sentences []string) string {
	var b strings.Builder
	for _, s := range sentences[:min(len(sentences), linesOfMany)] {
		b.WriteString(clean(s) + "\n")
	}
	if more := len(sentences) - linesOfMany; more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	return strings.TrimSpace(b.String())
}

// tell words what has happened. Records of the same moment come together, so that many hosts are one message.
func (b *book) tell(now engine.Snapshot, news []engine.Record, missed uint64) (posts []post) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if missed > 0 {
		posts = append(posts, b.aside(result, fmt.Sprintf("%s: %d records of what happened were not told here; chaoscat history has them.", clean(b.name), missed)))
	}
	var residue, cleared, others []string
	for _, r := range news {
		switch r.Kind {
		case engine.Intent:
			if _, opening := b.enter(*r.Intent); opening != nil {
				posts = append(posts, *opening)
			}
		case engine.PhaseNew:
			posts = append(posts, b.went(r)...)
		case engine.Closed:
			if t := b.threads[threadKey(r.Of, r.Run)]; t != nil {
				posts = append(posts, b.ended(t, r)...)
			} else { // a rehearsal, or a run of an earlier life
				others = append(others, r.Text)
			}
		case engine.OrderGiven:
			posts = append(posts, b.ordered(r)...)
		case engine.ResidueNew:
			residue = append(residue, r.Text)
			b.dirty[r.Host] = true
		case engine.Cleared:
			if b.dirty[r.Host] {
				cleared = append(cleared, r.Text)
				delete(b.dirty, r.Host)
			}
		}
	}
	if len(others) > 0 {
		posts = append(posts, b.aside(result, clean(b.name)+": "+lines(others)))
	}
	posts = append(posts, b.measured(now)...)
	posts = append(posts, b.asked(now)...)
	if len(residue) > 0 {
		text := fmt.Sprintf("%s: *A PERSON MUST LOOK*\n%s\nNothing is attacked until that is gone: look at the host, then `chaoscat sweep --host HOST`.", clean(b.name), lines(residue))
		posts = append(posts, b.aside(alarm, text, button{stopButton, "", "Stop"}))
	}
	if len(cleared) > 0 {
		posts = append(posts, b.aside(result, clean(b.name)+": the residue is gone.\n"+lines(cleared)))
	}
	return posts
}

// aside is a message of its own.
func (b *book) aside(w weight, text string, buttons ...button) post {
	return post{message: message{channel: b.channel, text: text, buttons: buttons}, weight: w}
}

// in is a line in a thread.
func (b *book) in(t *thread, text string, w weight) []post {
	return []post{{message: message{channel: b.channel, text: clean(text)}, topic: t.topic, weight: w}}
}

// went tells what matters on the way: that it is undone early, and that the host is out of reach.
func (b *book) went(r engine.Record) []post {
	t := b.threads[threadKey(r.Of, r.Run)]
	if t == nil || r.Phase != engine.Undoing && r.Phase != engine.Lost {
		return nil
	}
	if r.Phase == engine.Undoing {
		if inTime[r.Text] || t.said[r.Text] { // or another host of the order has said so
			return nil
		}
		t.said[r.Text] = true
		return b.in(t, "Aborted: "+strings.TrimPrefix(r.Text, "undoing: "), result)
	}
	if len(t.hosts) > 1 {
		return b.oneOfMany(t, r.Host+" is "+r.Text)
	}
	return b.in(t, r.Host+" is "+r.Text, result)
}

// inTime are the words with which a run is undone when its time is over.
var inTime = map[string]bool{"undoing": true, "undoing: deadline": true}

func (b *book) oneOfMany(t *thread, text string) []post {
	if t.lines++; t.lines > linesOfMany {
		return nil
	}
	return b.in(t, text, progress)
}

// ended tells the outcome of a run, or of an order when its last run has ended.
func (b *book) ended(t *thread, r engine.Record) []post {
	delete(t.open, r.Run)
	t.ended[r.Outcome.Effect] = append(t.ended[r.Outcome.Effect], r.Host)
	if r.Outcome.Undo == engine.Restored {
		t.restored++
	}
	switch {
	case len(t.open) > 0 && r.Outcome.Effect == engine.Effective:
		return nil
	case len(t.open) > 0:
		return b.oneOfMany(t, r.Text)
	}
	b.close(t)
	if len(t.hosts) == 1 {
		return b.in(t, r.Text, result)
	}
	return b.in(t, t.summary(), result)
}

func (t *thread) summary() string {
	parts := make([]string, 0, len(t.ended))
	for _, effect := range slices.Sorted(maps.Keys(t.ended)) {
		hosts := t.ended[effect]
		part := fmt.Sprintf("%s on %d", effect, len(hosts))
		if effect != engine.Effective {
			part += " (" + some(hosts) + ")"
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("%s on %d hosts has ended: %s; restored on %d.", t.run.Attack.Name, len(t.hosts), strings.Join(parts, ", "), t.restored)
}

// ordered tells the orders that bind everybody.
func (b *book) ordered(r engine.Record) []post {
	if r.Order == nil || r.Verdict != nil || !slices.Contains([]engine.OrderKind{engine.Stop, engine.Resume, engine.PauseIt}, r.Order.Kind) {
		return nil
	}
	w, text := result, clean(b.name)+": "+clean(r.Text)
	if r.Order.Kind == engine.Stop {
		w, text = halting, clean(b.name)+": *"+clean(r.Text)+"*\nWhat runs is being undone. Nothing is attacked until somebody resumes."
	}
	return []post{b.aside(w, text)}
}

// measured tells the first effect of each run by itself; of many hosts the end tells.
func (b *book) measured(now engine.Snapshot) (posts []post) {
	for i := range now.Running {
		r := &now.Running[i]
		t := b.threads[threadKey(r.Of, r.ID)]
		if t == nil || len(t.hosts) > 1 || r.Figures.During == nil || t.said["measured"] {
			continue
		}
		t.said["measured"] = true
		posts = append(posts, b.in(t, "Measured: "+r.Figures.Text, progress)...)
	}
	return posts
}

// asked tells of orders that wait for other people, each once.
func (b *book) asked(now engine.Snapshot) (posts []post) {
	still := map[string]bool{}
	for _, p := range now.Pending {
		if still[p.Order.ID] = true; b.waiting[p.Order.ID] {
			continue
		}
		text := fmt.Sprintf("%s: *%s* waits until %s: %d people must want it, and one of them is %s%s.", clean(b.name), clean(wanted(p.Order)),
			p.Until.In(b.zone).Format("15:04"), p.Needs, clean(p.Order.By), reason(p.Order.Reason))
		posts = append(posts, b.aside(result, text, button{approveButton, p.Order.ID, "Approve"}, button{stopButton, "", "Stop"}))
	}
	b.waiting = still
	return posts
}

// wanted is what a run-once asks for.
func wanted(o engine.Order) string {
	attack, where := o.Attack, "a host left to chance"
	if attack == "" {
		attack = "an attack left to chance"
	}
	if hosts := o.Targets(); len(hosts) > 0 {
		where = some(hosts)
	}
	return attack + " on " + where
}

// remember takes in what was there before anything is told.
func (b *book) remember(s engine.Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for host := range s.Hosts.Residue {
		b.dirty[host] = true
	}
}
