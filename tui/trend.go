package tui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// trend is what the gates have said and when attacks ran: for the curve beside a gate. What was before this console
// looked on it has from the records, which tell when a gate changed its mind and not what it measured. It is
// bounded.
type trend struct {
	gates   map[string]*answers
	attacks []stretch
	began   time.Time            // when the first snapshot was made
	opened  map[string]time.Time // runs of before that, which have not ended as far as is known
}

// answers are those of one gate, oldest first.
type answers struct {
	all []answer
}

// answer is what a gate said at one moment. A gate that measures nothing says yes or no alone.
type answer struct {
	at     time.Time
	clear  bool
	value  float64
	number bool
}

// stretch is a time in which at least one attack ran.
type stretch struct{ from, to time.Time }

const (
	answersKept  = 1000
	attacksKept  = 200
	trendWidth   = 120 // columns at most
	trendMinutes = 15  // that the curve covers
)

// learn takes over a snapshot.
func (t *trend) learn(s *engine.Snapshot) {
	if t.gates == nil {
		t.gates, t.opened, t.began = map[string]*answers{}, map[string]time.Time{}, s.At
	}
	seen := make(map[string]bool, len(s.Gates))
	for _, g := range s.Gates {
		seen[g.Name] = true
		if t.gates[g.Name] == nil {
			t.gates[g.Name] = &answers{}
		}
		t.gates[g.Name].learn(g)
	}
	for name := range t.gates {
		if !seen[name] {
			delete(t.gates, name) // it has left the configuration
		}
	}
	t.run(s)
}

// run lengthens the stretch that goes on, or begins one.
func (t *trend) run(s *engine.Snapshot) {
	n := len(t.attacks)
	switch {
	case len(s.Running) == 0:
		if n > 0 && t.attacks[n-1].to.IsZero() {
			t.attacks[n-1].to = s.At
		}
	case n == 0 || !t.attacks[n-1].to.IsZero():
		from := s.At
		for i := range s.Running {
			if began := s.Running[i].Started; !began.IsZero() && began.Before(from) {
				from = began
			}
		}
		t.attacks = append(t.attacks, stretch{from: from})
	}
	if len(t.attacks) > attacksKept {
		t.attacks = t.attacks[1:]
	}
}

// recall takes in a record of the time before the first snapshot.
func (t *trend) recall(r engine.Record) {
	if t.gates == nil || !r.At.Before(t.began) {
		return
	}
	switch r.Kind {
	case engine.Intent:
		if len(t.opened) < answersKept {
			t.opened[r.Run] = r.At
		}
	case engine.Closed:
		if from, known := t.opened[r.Run]; known {
			delete(t.opened, r.Run)
			t.attacks = slices.Insert(t.attacks, 0, stretch{from, r.At})
			t.attacks = t.attacks[max(0, len(t.attacks)-attacksKept):]
		}
	case engine.GateTurned:
		_, said, _ := strings.Cut(r.Text, " ")
		name, text, _ := strings.Cut(said, ": ")
		if a := t.gates[name]; a != nil {
			value, number := measured(text)
			a.insert(answer{r.At, strings.HasPrefix(text, "ok"), value, number})
		}
	}
}

// insert puts an answer where its time is.
func (a *answers) insert(one answer) {
	i, known := slices.BinarySearchFunc(a.all, one.at, func(a answer, at time.Time) int { return a.at.Compare(at) })
	if !known && len(a.all) < answersKept {
		a.all = slices.Insert(a.all, i, one)
	}
}

func (a *answers) learn(g engine.GateView) {
	if g.At.IsZero() || len(a.all) > 0 && !g.At.After(a.all[len(a.all)-1].at) {
		return
	}
	value, number := measured(g.Text)
	a.all = append(a.all, answer{g.At, g.Clear, value, number})
	if len(a.all) > answersKept {
		a.all = a.all[1:]
	}
}

// measured is the figure in the answer of a gate, where it names a figure and its limit: "errors 3 < 5",
// "0 errors of at most 5". Other numbers, a status for one, are no measure of anything.
func measured(text string) (float64, bool) {
	words := strings.Fields(text)
	for i, word := range words {
		if i > 0 && strings.Trim(word, "<>=!,") == "" && strings.ContainsAny(word, "<>=") {
			return figure(words[i-1])
		}
	}
	if len(words) > 0 && (strings.Contains(text, " of at most ") || strings.Contains(text, "(limit ") || strings.Contains(text, ", limit ")) {
		for _, word := range words {
			if value, is := figure(word); is {
				return value, true
			}
		}
	}
	return 0, false
}

// figure is a number, whatever unit sticks to it.
func figure(word string) (float64, bool) {
	end := strings.LastIndexAny(word, "0123456789") + 1
	value, err := strconv.ParseFloat(word[:end], 64)
	return value, err == nil
}

// curve is the last quarter of an hour in so many columns: the worst of each column, a no wherever there was one;
// blank where nothing is known.
func (t *trend) curve(k *look, gate string, now time.Time, width int) string {
	worst := make([]*answer, width)
	low, high := 0.0, 0.0
	a := t.gates[gate]
	if a == nil {
		return strings.Repeat(" ", width)
	}
	for i := range a.all {
		each := &a.all[i]
		at, in := bucket(each.at, now, width)
		if !in {
			continue
		}
		low, high = min(low, each.value), max(high, each.value)
		if w := worst[at]; w == nil || w.clear && !each.clear || w.clear == each.clear && each.value > w.value {
			worst[at] = each
		}
	}
	var line strings.Builder
	var last *answer // an answer stands until the next
	for _, each := range worst {
		each = cmp.Or(each, last)
		last = each
		line.WriteString(k.level(each, low, high))
	}
	return line.String()
}

// level is one column of a curve.
func (k *look) level(a *answer, low, high float64) string {
	switch {
	case a == nil:
		return " "
	case !a.clear:
		return k.no
	case !a.number || high <= low:
		return k.levels[0]
	}
	return k.levels[min(len(k.levels)-1, int((a.value-low)/(high-low)*float64(len(k.levels))))]
}

// bucket is the column of a moment; the last one is now.
func bucket(at, now time.Time, width int) (int, bool) {
	age, whole := now.Sub(at), trendMinutes*time.Minute
	column := width - 1 - int(age*time.Duration(width)/whole)
	return column, column >= 0 && age < whole && column < width
}

// ran marks the columns in which an attack ran; empty where none did.
func (t *trend) ran(k *look, now time.Time, width int) string {
	line := make([]string, width)
	for i := range line {
		line[i] = " "
	}
	any := false
	for _, a := range t.attacks {
		to := a.to
		if to.IsZero() {
			to = now
		}
		if now.Sub(to) >= trendMinutes*time.Minute {
			continue
		}
		last, _ := bucket(to, now, width)
		first, _ := bucket(a.from, now, width)
		for column := max(0, first); column <= min(last, width-1); column++ {
			line[column], any = k.fire, true
		}
	}
	if !any {
		return ""
	}
	return strings.Join(line, "")
}
