package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// scene is what there is to see at one moment: the newest snapshot, and how much it can be trusted. Views
// are functions of it.
type scene struct {
	engine.Snapshot
	known    bool           // a snapshot has arrived
	now      time.Time      // the engine's clock: the snapshot's time and what has passed since
	zone     *time.Location // the schedule's
	lost     bool           // what is shown is old
	age      time.Duration  // how old
	attached bool           // the engine is in another process
	small    bool           // there is no room for panes
	readOnly bool           // only stop is ordered from here
	typing   bool           // s is a letter just now: ctrl+c stops
	command  string         // see [Options].Command
	warning  string         // a stop that has not been delivered; shown until it is

	runOn map[string]int32 // host → its run, among those that run
}

// shell is a command for any shell that means the same engine.
func (s *scene) shell(words string) string { return cmp.Or(s.command, "chaoscat") + " " + words }

// gather finds what runs on which host, once for each snapshot: rows are drawn far more often.
func (s *scene) gather() {
	s.runOn = make(map[string]int32, len(s.Running))
	for i := range s.Running {
		if _, has := s.runOn[s.Running[i].Host.Name]; !has {
			s.runOn[s.Running[i].Host.Name] = int32(i)
		}
	}
}

// status is the one word for a host, and why.
func (s *scene) status(name string) (engine.HostStatus, string) {
	if i, is := s.runOn[name]; is {
		r := &s.Running[i]
		if left, has := s.Hosts.Residue[name]; has && left.Run == r.ID {
			return engine.HostResidue, left.Text // still looked at, but not by us alone any more
		}
		return engine.HostAttacking, r.Attack.Name + ", " + string(r.Phase)
	}
	rest := s.Snapshot
	rest.Running = nil // none of them is on this host, and there may be a thousand
	return rest.Host(name)
}

// attacking tells whether a host may feel something, or is being looked at because it might.
func (s *scene) attacking() bool {
	return len(s.Running) > 0 || s.Mood == engine.MoodAttacking || s.Mood == engine.MoodUndoing
}

// word is the one word in the title.
func (s *scene) word() string {
	switch {
	case !s.known && s.lost:
		return "NO LINK"
	case !s.known:
		return "CONNECTING"
	case s.lost:
		return "DISCONNECTED " + span(s.age)
	}
	return strings.ToUpper(string(s.Mood))
}

// at is a moment as people in the schedule's zone write it: with the weekday when it is not today.
func (s *scene) at(t time.Time) string {
	t, now := t.In(s.zone), s.now.In(s.zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("Mon 15:04")
}

// window is the countdown of business hours.
func (s *scene) window() string {
	switch {
	case !s.known:
		return ""
	case s.lost && s.Window.Open && !s.Window.Closes.IsZero():
		return "window closes at " + s.at(s.Window.Closes)
	case s.lost && !s.Window.Opens.IsZero():
		return "window opens " + s.at(s.Window.Opens)
	case s.Window.Open && !s.Window.Closes.IsZero():
		return "window closes in " + clock(s.Window.Closes.Sub(s.now))
	case !s.Window.Open && !s.Window.Opens.IsZero():
		return "window opens in " + clock(s.Window.Opens.Sub(s.now))
	}
	return "no window"
}

// gates sums up the gates of one kind: how many are clear, of how many, and the first that is not.
func (s *scene) gates(kind engine.GateKind) (clear, all int, first string) {
	for _, g := range s.Gates {
		if g.Kind != kind {
			continue
		}
		all++
		if g.Clear {
			clear++
		} else if first == "" {
			first = g.Name
		}
	}
	return clear, all, first
}

// residue is the hosts that need a person, by name.
func (s *scene) residue() []string {
	names := make([]string, 0, len(s.Hosts.Residue))
	for name := range s.Hosts.Residue {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// chance is the candidate of that name, and how long its fault is held.
func (s *scene) chance(attack string) (engine.Chance, time.Duration) {
	i := max(0, slices.IndexFunc(s.Chances, func(c engine.Chance) bool { return c.Attack == attack }))
	j := slices.IndexFunc(s.Attacks, func(a engine.Attack) bool { return a.Name == attack })
	var c engine.Chance
	if i < len(s.Chances) && s.Chances[i].Attack == attack {
		c = s.Chances[i]
	}
	if j < 0 {
		return c, 0
	}
	return c, s.Attacks[j].For
}

// runsOn names what runs, for a sentence.
func (s *scene) runsOn() string {
	switch len(s.Running) {
	case 0:
		return "an attack"
	case 1:
		return s.Running[0].Attack.Name + " on " + s.Running[0].Host.Name
	}
	for i := range s.Running {
		if s.Running[i].Attack.Name != s.Running[0].Attack.Name {
			return fmt.Sprintf("%s attacks", thousands(len(s.Running)))
		}
	}
	return onHosts(s.Running[0].Attack.Name, len(s.Running))
}

// elapsed is how long the fault of a run has been held, and for how long it is to be; zero and zero when
// it is not held.
func (s *scene) elapsed(r engine.Run) (gone, whole time.Duration) {
	if r.Phase != engine.Holding || r.Until.IsZero() {
		return 0, 0
	}
	whole = cmp.Or(r.For, r.Until.Sub(r.Since))
	return min(max(0, whole-r.Until.Sub(s.now)), whole), whole
}

// bar is a share of a whole.
func (k *look) bar(gone, whole time.Duration, width int) string {
	if whole <= 0 || width <= 0 {
		return ""
	}
	n := min(max(0, int(gone*time.Duration(width)/whole)), width)
	return strings.Repeat(k.full, n) + strings.Repeat(k.empty, width-n)
}
