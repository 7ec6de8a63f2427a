package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// heldByAGate is a red gate that keeps everything from beginning.
func heldByAGate() engine.Snapshot {
	s := armed()
	s.Mood = engine.MoodHeld
	s.Gates[0].Clear, s.Gates[0].Text = false, "503 in 2.1s, and 200 is wanted"
	s.Verdict = engine.Verdict{Name: engine.Unhealthy, Sentence: "shop: 503 in 2.1s, and 200 is wanted"}
	return s
}

func paused() engine.Snapshot {
	s := armed()
	s.Mood, s.Paused = engine.MoodPaused, &engine.Pause{By: "ada", Reason: "handover"}
	s.Verdict = engine.Verdict{Name: engine.IsPaused, Sentence: "paused by ada (handover)"}
	return s
}

// outOfContact is a host that has not been heard of since its fault was switched on.
func outOfContact() engine.Snapshot {
	s := attacking()
	s.Running[0].Phase, s.Running[0].Until = engine.Lost, noon.Add(11*time.Second)
	return s
}

// notOnDisk is a stop that would not survive a restart.
func notOnDisk() engine.Snapshot {
	s := stopped()
	s.Warning = "stopped, but the stop could not be written to disk: it would not hold over a restart"
	return s
}

func noHosts() engine.Snapshot {
	s := armed()
	s.Mood, s.Next, s.NextAt, s.Chances = engine.MoodHeld, nil, time.Time{}, nil
	s.Roster, s.RosterID, s.Total, s.Eligible = engine.NewRoster(nil), 7, 0, 0
	s.Verdict = engine.Verdict{Name: engine.NoEligibleHost, Sentence: "no host is eligible: configuration excludes every host"}
	return s
}

// Somebody who has never seen the screen looks at it for ten seconds, at whatever size they have, and can say what
// goes on, why, and what to do about it. READABILITY.md tells how these came to be.
func TestEveryStateSaysWhatGoesOnWhyAndWhatToDo(t *testing.T) {
	see := func(s engine.Snapshot) func(*desk) { return func(d *desk) { d.show(s, story()...) } }
	lose := func(s engine.Snapshot) func(*desk) {
		return func(d *desk) {
			d.show(s, story()...).wait(41 * time.Second)
			d.m.Update(newsMsg{lost: true})
		}
	}
	for _, c := range []struct {
		state string
		set   func(*desk)
		what  []string // at every size with panes
		wide  []string // from 80x24 on
	}{
		{"armed", see(armed()), []string{"[ARMED]", "in 23:10", "cpu-burn on web-002", "window closes in", "r run once"}, []string{"WEIGHT CHANCE"}},
		{"closed", see(closed()), []string{"[CLOSED]", "outside hours", "opens Mon", "window opens in 63:00:00"}, nil},
		{"held by a gate", see(heldByAGate()), []string{"[HELD]", "shop: 503 in 2.1s", "nothing begins", "goes on by itself", "c shows the gates"}, []string{"HEALTH"}},
		{"paused", see(paused()), []string{"[PAUSED]", "paused by ada (handover)", "p resumes", "nothing begins"}, nil},
		{"attacking one", see(attacking()), []string{"[ATTACKING]", "s = STOP NOW", "cpu-burn on web-002", "00:41 / 01:00", "undo in 00:19", "16:48:26", "cpu busy 4 -> 81 %", "hold"}, []string{"undo armed"}},
		{"attacking many", see(crowded()), []string{"[ATTACKING]", "3 attacks", "1 out of reach, 1 holding, 1 preparing"}, []string{"undo in 00:19"}},
		{"undoing", see(undoing()), []string{"[UNDOING]", "STOP taken", "16:48:26"}, []string{"undoing, then STOPPED", "by the host itself at 16:48:26 at the latest"}},
		{"out of contact", see(outOfContact()), []string{"[ATTACKING]", "contact lost, undo by 16:48:04", "contact lost: the host undoes it by itself by 16:48:04"}, nil},
		{"stopped", see(stopped()), []string{"[STOPPED]", "stopped by ada", "p, then y, resumes", "nothing begins", "p99 looks odd"}, nil},
		{"stopped, and not on disk", see(notOnDisk()), []string{"[STOPPED]", "could not be written to disk: it would not hold over a restart", "p, then y, resumes"}, nil},
		{"residue", see(residue()), []string{"[HELD]", "RESIDUE 1", "db-005", "chaoscat sweep --host db-005", "look, then"}, nil},
		{"dry run", see(dryRun()), []string{"DRY RUN", "DEMO", "(dry run)"}, nil},
		{"disconnected", lose(armed()), []string{"[DISCONNECTED 41s]", "Nobody answers since 16:47:53", "may be dead or cut off", "tries again by itself"}, []string{"HEALTH ? unknown", "as of 16:47:53"}},
		{"disconnected in an attack", lose(attacking()), []string{"[DISCONNECTED 41s]", "s = STOP NOW", "16:48:26", "undo was due at 16:48:12"}, []string{"the undo needs no link: armed, by itself at 16:48:26 at the latest", "HEALTH ? unknown"}},
		{"no hosts", see(noHosts()), []string{"[HELD]", "There are no hosts", "inventory", "chaoscat hosts"}, nil},
		{"starting", func(*desk) {}, []string{"[CONNECTING]", "Nothing is known yet", "s stops all the same"}, nil},
		{"never connected", func(d *desk) { d.m.Update(newsMsg{lost: true}) }, []string{"[NO LINK]", "There is no link to the engine", "chaoscat status"}, nil},
		{"read-only", func(d *desk) { d.m.options.ReadOnly, d.m.scene.readOnly = true, true; d.show(stopped()) }, []string{"READ-ONLY", "another console resumes"}, nil},
	} {
		for _, size := range sizes[1:] {
			d := newDesk(func(o *Options) { o.Plain = true })
			d.screen(size.w, size.h)
			c.set(d)
			screen := unwrapped(d.screen(size.w, size.h))
			wanted := c.what
			if size.w >= 80 {
				wanted = append(wanted[:len(wanted):len(wanted)], c.wide...)
			}
			for _, text := range wanted {
				if !strings.Contains(screen, text) {
					t.Errorf("%s at %dx%d: no %q in\n%s", c.state, size.w, size.h, text, d.screen(size.w, size.h))
				}
			}
		}
		d := newDesk(func(o *Options) { o.Plain = true })
		c.set(d)
		small := d.screen(50, 8)
		for _, text := range []string{"s STOP", "too small", "q quit", c.what[0]} {
			if !strings.Contains(small, text) && text != "READ-ONLY" && text != "DRY RUN" {
				t.Errorf("%s on a small screen: no %q in\n%s", c.state, text, small)
			}
		}
	}
}

// unwrapped is a screen as it is read: a sentence goes on in the next line of its pane.
func unwrapped(screen string) string {
	lines := strings.Split(screen, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(strings.Trim(strings.TrimSpace(l), "│"))
	}
	return strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
}
