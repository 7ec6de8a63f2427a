package engine

import "time"

// Hours of attacks and of hosts, beside those of the schedule, and whom they keep out at one moment.

// within is the open window of hours of one's own. The schedule's bind besides.
func (s Schedule) within(h Hours, t time.Time) (Window, bool) { return s.only(h).Open(t) }

// only is the schedule with hours in place of its own.
func (s Schedule) only(h Hours) Schedule {
	s.Days, s.Hours, s.text = h.Days, h.Ranges, ""
	return s
}

// closings are the attacks that hours of their own, or of hosts, keep out at one moment. The zero value keeps nobody out.
type closings struct {
	attacks uint64   // on every host
	groups  []uint64 // on the hosts of each of Schedule.Groups
}

// closings at a moment, for attacks that last so long; 0 is as long as the plan says. Outside the schedule's hours
// they are those of the next opening, since that is what is drawn for.
func (p Plan) closings(now time.Time, last time.Duration) (c closings) {
	if !p.pool.ownHours {
		return c
	}
	if _, open := p.Schedule.Open(now); !open {
		if next, ok := p.Schedule.NextOpening(now); ok {
			now = next
		}
	}
	needs := func(a Attack) time.Time {
		if last > 0 {
			return now.Add(last + p.Safety.Margin)
		}
		return now.Add(a.For + p.Safety.Margin)
	}
	for i, a := range p.Attacks {
		if a.Hours == nil {
			continue
		}
		if w, open := p.Schedule.within(*a.Hours, now); !open || needs(a).After(w.End) {
			c.attacks |= 1 << i
		}
	}
	c.groups = make([]uint64, len(p.Schedule.Groups))
	for g, group := range p.Schedule.Groups {
		w, open := p.Schedule.within(group.Hours, now)
		for i, a := range p.Attacks {
			if !open || needs(a).After(w.End) {
				c.groups[g] |= 1 << i
			}
		}
	}
	return c
}

// on are the attacks that are kept out on a host that is in those of Schedule.Groups.
func (c closings) on(groups uint64) uint64 {
	out := c.attacks
	for g, attacks := range c.groups {
		if groups&(1<<g) != 0 {
			out |= attacks
		}
	}
	return out
}

// drawn are the attacks that the schedule may draw on members of the kind just then.
func (c closings) drawn(k kind) uint64 { return k.profile &^ c.on(k.hours) }

// ordered are those that only an order runs.
func (c closings) ordered(k kind) uint64 { return k.ordered &^ c.on(k.hours) }

// hourGroups are those of Schedule.Groups that the host is in.
func (p Plan) hourGroups(h Host) (in uint64) {
	for g, group := range p.Schedule.Groups {
		if group.Hosts.Selects(h) {
			in |= 1 << g
		}
	}
	return in
}

// maxHostHours is how many groups of hosts may have hours of their own: a host's are a set of bits.
const maxHostHours = 64

// hoursOf are the hours besides the schedule's that bind an attack on a host, and whose they are.
func (p Plan) hoursOf(a Attack, h Host) (binding []*Hours, whose []string) {
	if a.Hours != nil {
		binding, whose = append(binding, a.Hours), append(whose, a.Name)
	}
	for i := range p.Schedule.Groups {
		if group := &p.Schedule.Groups[i]; group.Hosts.Selects(h) {
			binding, whose = append(binding, &group.Hours), append(whose, h.Name)
		}
	}
	return binding, whose
}

// notInTheirHours is why an attack that lasts so long may not begin on the host by the hours of either; they bind
// everybody.
func (p Plan) notInTheirHours(a Attack, h Host, last time.Duration, now time.Time) *Verdict {
	binding, whose := p.hoursOf(a, h)
	for i, hours := range binding {
		own := p.Schedule.only(*hours)
		w, open := own.Open(now)
		switch {
		case !open:
			v := refuse(OutsideHours, "%s has hours of its own (%s)", whose[i], own)
			if next, ok := own.NextOpening(now); ok {
				v.Until = next
				v.Sentence += "; they begin " + p.clock(next, now)
			}
			return v
		case now.Add(last + p.Safety.Margin).After(w.End):
			return refuse(WouldNotFit, "an attack of %s with %s for its undo does not fit: the hours of %s close %s", Span(last), Span(p.Safety.Margin), whose[i], p.clock(w.End, now))
		}
	}
	return nil
}

// shift is the window of hours of one's own at one moment, if they are open then.
type shift struct {
	Window
	open bool
}

// shifts tells of the hours that bind each run, and whose they are.
func (t *turn) shifts(tell func(r Run, whose string, now shift)) {
	known := map[*Hours]shift{} // a thousand runs are bound by the same few hours
	for _, r := range t.s.Running {
		binding, whose := t.hoursOf(r.Attack, r.Host)
		for i, hours := range binding {
			now, seen := known[hours]
			if !seen {
				now.Window, now.open = t.Schedule.within(*hours, t.At)
				known[hours] = now
			}
			tell(r, whose[i], now)
		}
	}
}

// overtime undoes what runs beyond the hours of its attack or of its host.
func (t *turn) overtime() {
	t.shifts(func(r Run, whose string, now shift) {
		if !now.open {
			t.revertWhere("window: the hours of "+whose+" have ended", func(x Run) bool { return x.ID == r.ID })
		}
	})
}

// hoursEnd tells when the hours of what runs end.
func (t *turn) hoursEnd(tell func(time.Time)) {
	t.shifts(func(_ Run, _ string, now shift) {
		if now.open {
			tell(now.End)
		}
	})
}

// ClosedHosts are hosts whose own hours are over, in words.
type ClosedHosts struct {
	Hosts Selector `json:"hosts"`
	Text  string   `json:"text"`
}

// closedHosts are those of Schedule.Groups in whose hours it is not.
func (p Plan) closedHosts(now time.Time) (closed []ClosedHosts) {
	c := p.closings(now, time.Nanosecond)
	for g, group := range p.Schedule.Groups {
		if c.groups[g] != 0 {
			closed = append(closed, ClosedHosts{group.Hosts, "its hours are " + p.Schedule.only(group.Hours).String()})
		}
	}
	return closed
}

// offHours are the attacks in whose own hours it is not, and what those are.
func (p Plan) offHours(c closings) map[string]string {
	off := map[string]string{}
	for i, a := range p.Attacks {
		if c.attacks&(1<<i) != 0 {
			off[a.Name] = "outside its hours (" + p.Schedule.only(*a.Hours).String() + ")"
		}
	}
	return off
}
