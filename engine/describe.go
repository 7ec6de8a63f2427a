package engine

import (
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// Describe is the view of the state at a moment: what every screen, script and log says.
func (p Plan) Describe(s State, now time.Time) Snapshot {
	v := p.verdict(s, now)
	if s.Asked != nil && v.Name == Ready {
		v = Verdict{Name: AskingGates, Sentence: "asking every gate once more"}
	}
	c := p.closings(now, 0)
	kept := p.kept(s, c, now)
	return Snapshot{
		At: now, Name: p.Name, DryRun: p.DryRun, Verdict: v, Mood: p.mood(s, now, v),
		Stopped: s.Stopped, Sweeping: s.Sweeping, Paused: s.Paused, Zone: p.Schedule.Location.String(), Window: p.windowView(now),
		Next: s.Next.brief(), NextAt: p.nextAt(s, now), Chances: p.chances(s, kept, c, now),
		Running: slices.Concat(s.Running, s.Open), Gates: p.gateViews(s, now),
		Total: p.Roster.Len(), Eligible: p.eligible(kept, c),
		Hosts:  p.hostFacts(s, c, now),
		Roster: p.Roster, Attacks: p.Attacks, Pending: slices.Clone(s.Pending),
		Limits: Limits{MaxConcurrent: p.Safety.MaxConcurrent, MaxPerGroup: p.Safety.MaxPerGroup, LeavePerGroup: p.Safety.LeavePerGroup, MaxDuration: p.Safety.MaxDuration},
	}
}

// mostNamed is how many hosts of a draw a view names; the journal has all.
const mostNamed = 1000

// brief is the draw without a list of names that every watcher would be sent again and again.
func (d *Draw) brief() *Draw {
	if d == nil || len(d.Blocked)+len(d.Among) <= mostNamed {
		return d
	}
	short := *d
	short.Blocked, short.Among = nil, nil
	return &short
}

func (p Plan) hostFacts(s State, c closings, now time.Time) HostFacts {
	f := HostFacts{Cooldown: p.Safety.HostCooldown, FactsFor: p.Safety.FactsFor, GroupBy: p.Safety.GroupBy, Unswept: s.Unswept,
		Attacked: s.Attacked, Excluded: s.Excluded, Residue: s.Residue, Facts: s.Facts}
	for group, n := range p.busyGroups(s) {
		if p.full(group, n) {
			f.FullGroups = append(f.FullGroups, group)
		}
	}
	slices.Sort(f.FullGroups)
	if p.pool.ownHours {
		f.Closed, f.OffHours = p.closedHosts(now), p.offHours(c)
	}
	return f
}

func (p Plan) mood(s State, now time.Time, v Verdict) Mood {
	switch {
	case slices.ContainsFunc(s.Running, func(r Run) bool { return r.Stopping != "" || r.Phase == Undoing || r.Phase == Verifying }):
		return MoodUndoing
	case len(s.Running) > 0:
		return MoodAttacking
	case s.Stopped != nil:
		return MoodStopped
	case s.Paused.holds(now):
		return MoodPaused
	}
	switch v.Name {
	case Ready, Settling, AskingGates:
		return MoodArmed
	case OutsideHours, Holiday, Frozen:
		return MoodClosed
	}
	return MoodHeld
}

func (p Plan) windowView(now time.Time) WindowView {
	view := WindowView{Text: p.Schedule.String()}
	if w, open := p.Schedule.Open(now); open {
		view.Open, view.Closes = true, w.End
	} else if opens, ok := p.Schedule.NextOpening(now); ok {
		view.Opens = opens
	}
	return view
}

// nextAt is the earliest moment for the drawn attack, as far as time alone decides.
func (p Plan) nextAt(s State, now time.Time) time.Time {
	if s.Next == nil || s.Stopped != nil {
		return time.Time{}
	}
	at := now
	if s.Rest.After(at) {
		at = s.Rest
	}
	if s.Due.After(at) {
		at = s.Due
	}
	if s.Paused.holds(now) && s.Paused.Until.After(at) {
		at = s.Paused.Until
	}
	if _, open := p.Schedule.Open(at); !open {
		at, _ = p.Schedule.NextOpening(at)
	}
	return at
}

func (p Plan) gateViews(s State, now time.Time) []GateView {
	views := make([]GateView, 0, len(p.Gates))
	for _, g := range p.Gates {
		st := s.Gates[g.Name]
		why := g.why(st, now)
		text := st.Text
		if why != "" {
			text = why
		}
		views = append(views, GateView{Name: g.Name, Kind: g.Kind, Clear: why == "", Text: text, Who: st.Who, At: st.At})
	}
	return views
}

// chances weighs every attack over the whole eligible fleet, by the sets of attacks that hosts have in
// common rather than host by host.
func (p Plan) chances(s State, kept []int32, c closings, now time.Time) []Chance {
	chances, off := make([]Chance, len(p.Attacks)), p.offHours(c)
	for i, a := range p.Attacks {
		chances[i] = Chance{Attack: a.Name, Weight: a.Weight}
		switch {
		case off[a.Name] != "":
			chances[i].Note = off[a.Name]
		case a.Approval > 1:
			chances[i].Note = fmt.Sprintf("only by order of %d people", a.Approval)
		case !a.drawn():
			chances[i].Note = "only by order"
		}
	}
	drawn, ordered := p.left(s, kept, c, now)
	p.share(chances, drawn)
	for profile, n := range ordered {
		for rest := profile; rest != 0; rest &= rest - 1 {
			chances[bits.TrailingZeros64(rest)].Eligible += n
		}
	}
	return chances
}

// left counts the profiles of the members that are not kept out, each less what is infeasible there or closed.
func (p Plan) left(s State, kept []int32, c closings, now time.Time) (drawn, ordered map[uint64]int) {
	drawn, ordered = map[uint64]int{}, map[uint64]int{}
	for k, n := range p.pool.count {
		drawn[c.drawn(k)] += n
		ordered[c.ordered(k)] += n
	}
	for _, position := range kept {
		k := p.pool.kinds[position]
		drawn[c.drawn(k)]--
		ordered[c.ordered(k)]--
	}
	for host, f := range s.Facts {
		position, in := p.position(host)
		if _, out := slices.BinarySearch(kept, position); !in || out {
			continue
		}
		k := p.pool.kinds[position]
		drawn[c.drawn(k)]--
		drawn[p.feasible(c.drawn(k), f, now)]++
		ordered[c.ordered(k)]--
		ordered[p.feasible(c.ordered(k), f, now)]++
	}
	delete(drawn, 0) // nothing can be drawn on them
	return drawn, ordered
}

// share gives every attack its part of the next draw: hosts are as likely as each other, attacks on them by weight.
func (p Plan) share(chances []Chance, counts map[uint64]int) {
	total := 0
	for _, n := range counts {
		total += n
	}
	for profile, n := range counts {
		sum := int64(0)
		for rest := profile; rest != 0; rest &= rest - 1 {
			sum += p.Attacks[bits.TrailingZeros64(rest)].Weight
		}
		for rest := profile; rest != 0 && n > 0; rest &= rest - 1 {
			c := &chances[bits.TrailingZeros64(rest)]
			c.Eligible += n
			c.Chance += float64(n) / float64(total) * float64(c.Weight) / float64(sum)
		}
	}
}

// hostStatuses is a function that has the one word for a host under this plan, and why, unless it is that no attack
// is left for it: [Plan.whyNothing] says that, which costs more than the many who are asked about are worth.
func (p Plan) hostStatuses(s State, now time.Time) func(Host) (HostStatus, string) {
	c := p.closings(now, 0)
	view, running := p.hostFacts(s, c, now), slices.Concat(s.Running, s.Open)
	return func(h Host) (HostStatus, string) {
		if status, why := view.status(h, now, running); status != HostReady {
			return status, why
		}
		if position, in := p.position(h.Name); !in || p.fit(s, c, position, now) == 0 {
			return HostUnfit, ""
		}
		return HostReady, ""
	}
}

// Host is the one word for a host of the roster, and why; the console's rows and the table of hosts are
// made of it.
func (s Snapshot) Host(name string) (HostStatus, string) {
	h, known := s.Roster.Find(name)
	if !known {
		return HostUnfit, "not in the inventory"
	}
	if status, why := s.Hosts.status(h, s.At, s.Running); status != HostReady {
		return status, why
	}
	f, looked := s.Hosts.Facts[name]
	looked = looked && s.At.Before(f.At.Add(s.Hosts.FactsFor))
	why := "no attack of the plan selects it"
	for _, a := range s.Attacks {
		if !a.drawn() || !a.Hosts.Selects(h) {
			continue
		}
		if off := s.Hosts.OffHours[a.Name]; off != "" {
			why = a.Name + ": " + off
			continue
		}
		if !looked || f.Infeasible[a.Name] == "" {
			return HostReady, ""
		}
		why = a.Name + ": " + f.Infeasible[a.Name]
	}
	return HostUnfit, why
}

func (f HostFacts) status(h Host, now time.Time, running []Run) (HostStatus, string) {
	for i := range running { // by index: a run is large, and every host is held against every run
		if running[i].Host.Name == h.Name {
			return HostAttacking, running[i].Attack.Name + ", " + string(running[i].Phase)
		}
	}
	if left, has := f.Residue[h.Name]; has {
		return HostResidue, left.Text
	}
	if h.Barred != "" {
		return HostExcluded, h.Barred
	}
	if x, out := f.Excluded[h.Name]; out && x.holds(now) {
		return HostExcluded, "by " + x.By + because(x.Reason)
	}
	if a, was := f.Attacked[h.Name]; was && now.Before(a.At.Add(f.Cooldown)) {
		return HostCooldown, fmt.Sprintf("%s more after %s", roughly(a.At.Add(f.Cooldown).Sub(now)), a.Attack)
	}
	if _, unswept := slices.BinarySearch(f.Unswept, h.Name); unswept {
		return HostUnreachable, "not looked at since the journal lost its tail"
	}
	facts, looked := f.Facts[h.Name]
	looked = looked && now.Before(facts.At.Add(f.FactsFor))
	if looked && facts.Unreachable != "" {
		return HostUnreachable, facts.Unreachable
	}
	if looked && facts.Busy != "" {
		return HostUnfit, facts.Busy
	}
	for _, closed := range f.Closed {
		if closed.Hosts.Selects(h) {
			return HostClosed, closed.Text
		}
	}
	for _, group := range groupKeys(h, f.GroupBy) {
		if _, full := slices.BinarySearch(f.FullGroups, group); full {
			return HostKept, "group " + group + " has no host to spare (safety.max_per_group, safety.leave_per_group)"
		}
	}
	return HostReady, ""
}

// roughly drops what nobody reads: seconds from a stretch of minutes.
func roughly(d time.Duration) string {
	if d > 2*time.Minute {
		return Span(d.Round(time.Minute))
	}
	return Span(d.Round(time.Second))
}
