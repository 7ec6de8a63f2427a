package tui

import (
	"fmt"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

func loaded(hosts int) (*desk, time.Duration) {
	s := armed()
	s.Roster, s.Total, s.Eligible = fleet(hosts), hosts, hosts
	start := time.Now()
	d := newDesk(nil)
	d.m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	d.show(s, lines(0, keep)...)
	d.m.View()
	return d, time.Since(start)
}

func BenchmarkView(b *testing.B) {
	for _, hosts := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("%dhosts", hosts), func(b *testing.B) {
			d, _ := loaded(hosts)
			b.ReportAllocs()
			for b.Loop() {
				d.m.stale = true
				d.m.View()
			}
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	d, _ := loaded(100_000)
	d.m.roster.filter("warm")
	for _, needle := range []string{"e", "web-0", "eu-1b", "no such host"} {
		b.Run(needle, func(b *testing.B) {
			for b.Loop() {
				d.m.roster.filter("")
				d.m.roster.filter(needle)
			}
		})
	}
}

func BenchmarkKeyOverHundredThousandHosts(b *testing.B) {
	d, _ := loaded(100_000)
	for b.Loop() {
		d.m.Update(down)
		d.m.View()
	}
}

// The limits are those of the issue; a machine under load is given several tries.
func TestTheScreenIsQuickWithAHundredThousandHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	within(t, "first frame with 10,000 hosts", 100*time.Millisecond, func() time.Duration { _, took := loaded(10_000); return took })
	d, _ := loaded(100_000)
	within(t, "view", 2*time.Millisecond, func() time.Duration {
		d.m.stale = true
		return timed(func() { d.m.View() })
	})
	d.m.roster.filter("x")
	for _, needle := range []string{"e", "web-00", "no such host"} {
		within(t, "filter "+needle, 16*time.Millisecond, func() time.Duration {
			d.m.roster.filter("")
			return timed(func() { d.m.roster.filter(needle) })
		})
	}
}

// What is done by a key may take a moment longer than a frame, and never as long as a person would notice.
func TestTheKeysAreQuickWithAHundredThousandHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	d, _ := loaded(100_000)
	d.m.roster.filter("warm")
	d.m.roster.filter("")
	d.m.Update(d.m.nextColumn()().(orderedHostsMsg))
	within(t, "a filter over sorted hosts", 16*time.Millisecond, func() time.Duration {
		d.m.roster.filter("")
		return timed(func() { d.m.roster.filter("e") })
	})
	within(t, "moving among sorted hosts", 5*time.Millisecond, func() time.Duration {
		return timed(func() { d.m.Update(down) })
	})
	within(t, "a view of sorted hosts", 2*time.Millisecond, func() time.Duration {
		d.m.stale = true
		return timed(func() { d.m.View() })
	})
	within(t, "a search over the output", 16*time.Millisecond, func() time.Duration {
		return timed(func() { d.m.output.lookFor("line 19") })
	})
	within(t, "the dialog", 16*time.Millisecond, func() time.Duration {
		d.m.mode = browsing
		return timed(func() { d.m.openHand() })
	})
	within(t, "a snapshot with a sort under way", 5*time.Millisecond, func() time.Duration {
		s := d.m.scene.Snapshot
		return timed(func() { d.m.see(newsMsg{snapshot: &s, heard: d.time}) })
	})
	within(t, "a letter in the dialog's hosts", 50*time.Millisecond, func() time.Duration {
		d.m.hand.at = 1
		return timed(func() { d.m.hand.edit("w") })
	})
}

// A thousand attacks in flight cost the screen what is seen of them, and a snapshot what it takes to sort them.
func TestTheScreenIsQuickWithAThousandAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	d := besieged()
	within(t, "view", 2*time.Millisecond, func() time.Duration {
		d.m.stale = true
		return timed(func() { d.m.View() })
	})
	s := d.m.scene.Snapshot
	within(t, "a snapshot", 16*time.Millisecond, func() time.Duration {
		return timed(func() { d.m.see(newsMsg{snapshot: &s, heard: d.time}) })
	})
}

// besieged is a fleet of a hundred thousand, looked at in the background, of which a thousand are attacked.
func besieged() *desk {
	d, _ := loaded(100_000)
	s := thousand()
	s.Roster, s.RosterID, s.Survey = d.m.scene.Roster, d.m.scene.RosterID, &engine.Survey{Hosts: map[string]engine.Sighting{}}
	for i := range 100_000 {
		s.Survey.Hosts[s.Roster.At(i).Name] = engine.Sighting{At: noon, RoundTrip: 12 * time.Millisecond, Facts: &engine.Facts{Summary: "kernel 6.1.0, tc yes, cores 4"}}
	}
	for i := range s.Running {
		s.Running[i].Host = s.Roster.At(50 * i)
	}
	return d.show(s)
}

func BenchmarkViewOfAThousandAttacks(b *testing.B) {
	d := besieged()
	b.ReportAllocs()
	for b.Loop() {
		d.m.stale = true
		d.m.View()
	}
}

func BenchmarkSnapshotOfAThousandAttacks(b *testing.B) {
	d := besieged()
	s := d.m.scene.Snapshot
	b.ReportAllocs()
	for b.Loop() {
		d.m.see(newsMsg{snapshot: &s, heard: d.time})
	}
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func within(t *testing.T, what string, limit time.Duration, try func() time.Duration) {
	t.Helper()
	best := time.Hour
	for range 20 {
		if best = min(best, try()); best <= limit {
			return
		}
	}
	if raceDetector {
		t.Logf("%s took %v at best, under the race detector", what, best)
		return
	}
	t.Errorf("%s took %v at best, more than %v", what, best, limit)
}
