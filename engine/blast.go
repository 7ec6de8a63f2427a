package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The blast radius of an order: on how many hosts, which ones, and how far the plan's limits let it go.

// maxHosts is how many hosts one order may attack, whoever gives it.
const maxHosts = 10_000

// anyHost tells whether the order leaves its one host to chance, as the schedule does.
func (o Order) anyHost() bool {
	return len(o.Targets()) == 0 && len(o.Within) == 0 && o.Count <= 1 && o.Percent == 0
}

// goesOn tells whether the order names its attack and several hosts, and wants the others attacked where one
// cannot be: then what is known of one host keeps nobody else out, and that host says so itself.
func (o Order) goesOn() bool { return o.Attack != "" && len(o.Hosts) > 1 && !o.Together }

// within tells whether the order could mean the host.
func (o Order) within(h Host) bool {
	return o.reaches(h) && !slices.ContainsFunc(o.Within, func(s Selector) bool { return !s.Selects(h) })
}

// reaches tells whether the host is in the realm of whoever orders.
func (o Order) reaches(h Host) bool {
	return len(o.Realm) == 0 || slices.ContainsFunc(o.Realm, func(s Selector) bool { return s.Selects(h) })
}

// may tells whether whoever orders may order the attack at all.
func (o Order) may(attack string) bool {
	return len(o.Attacks) == 0 || slices.Contains(o.Attacks, attack)
}

// outOfReach is the refusal of a host that is not in the realm.
func outOfReach(o Order, host string) *Verdict {
	return refuse(NotAllowed, "%s is none of the hosts that %s may order attacks on (%s)", host, o.By, o.realm())
}

// realm names the hosts that whoever orders may reach, in words.
func (o Order) realm() string {
	parts := make([]string, len(o.Realm))
	for i, s := range o.Realm {
		parts[i] = strings.Join(s, " ")
	}
	return strings.Join(parts, " or ")
}

// hosts are all that were drawn or named; none before a draw.
func (d Draw) hosts() []string {
	switch {
	case d.ID == "":
		return nil
	case len(d.Hosts) == 0:
		return []string{d.Host}
	}
	return d.Hosts
}

// on names the hosts in a sentence.
func (d Draw) on() string {
	hosts := d.hosts()
	switch n := len(hosts); n {
	case 1:
		return hosts[0]
	case 2, 3, 4:
		return fmt.Sprintf("%d hosts (%s)", n, strings.Join(hosts, ", "))
	default:
		return fmt.Sprintf("%d hosts (%s and %d more)", n, strings.Join(hosts[:3], ", "), n-3)
	}
}

// misaimed is what is wrong with how an order chooses its hosts.
func (p Plan) misaimed(o Order) *Verdict {
	targets := o.Targets()
	switch {
	case o.Count < 0 || o.Percent < 0 || o.Percent > 100:
		return refuse(BadOrder, "%d hosts or %d %% of them cannot be drawn: a count is at least 1, a percentage 1 to 100", o.Count, o.Percent)
	case o.Count > 0 && o.Percent > 0:
		return refuse(BadOrder, "a count and a percentage exclude each other")
	case o.Host != "" && len(o.Hosts) > 0:
		return refuse(BadOrder, "one host is named, and several are: name all of them in one way")
	case len(targets) > 0 && (len(o.Within) > 0 || o.Count > 0 || o.Percent > 0):
		return refuse(BadOrder, "hosts are named or drawn, not both: leave out the names, or the group, count and percentage")
	}
	seen := map[string]bool{}
	for _, name := range targets {
		host, known := p.Roster.Find(name)
		switch {
		case !known:
			return refuse(BadOrder, "no host is called %q", name)
		case seen[name]:
			return refuse(BadOrder, "%s is named twice", name)
		case !o.reaches(host):
			return outOfReach(o, name)
		}
		seen[name] = true
	}
	for _, within := range o.Within {
		if len(within) == 0 {
			return refuse(BadOrder, "a selection names nothing, and nothing never means everything")
		}
		if err := within.Check(); err != nil {
			return refuse(BadOrder, "%v", err)
		}
	}
	everywhere := o
	everywhere.Realm = nil
	switch {
	case len(o.Within) > 0 && p.size(everywhere) == 0:
		return refuse(BadOrder, "no host of the inventory is in %v: nothing never means everything", o.Within)
	case len(o.Realm) > 0 && p.size(o) == 0:
		return refuse(NotAllowed, "none of these hosts is one that %s may order attacks on (%s)", o.By, o.realm())
	}
	return nil
}

// size is how many hosts that configuration lets in the order could mean; a percentage is taken of them.
func (p Plan) size(o Order) (n int) {
	if len(o.Within) == 0 && len(o.Realm) == 0 {
		return len(p.pool.members)
	}
	for position := range p.pool.members {
		if o.within(p.member(int32(position))) {
			n++
		}
	}
	return n
}

// wanted is how many hosts the order leaves to chance.
func (p Plan) wanted(o Order) int {
	if o.Percent > 0 {
		return max(1, p.size(o)*o.Percent/100)
	}
	return max(1, o.Count)
}

// aim fills in the hosts of a draw: those that the order names, or as many as it wants, each as likely as
// any other.
func (p Plan) aim(s State, now time.Time, o Order, rng *rand.Rand, d *Draw) *Verdict {
	if named := o.Targets(); len(named) > 0 {
		d.Among, d.Hosts, d.Eligible = named, named, len(named)
	} else if v := p.drawHosts(s, now, o, rng, d); v != nil {
		return v
	}
	d.Host = d.Hosts[0]
	notNow := p.mayOrder(s, o, now)
	for _, name := range d.Hosts {
		if v := notNow(name); v != nil {
			return v
		}
	}
	if len(d.Hosts) == 1 {
		d.Hosts = nil
	}
	return nil
}

func (p Plan) drawHosts(s State, now time.Time, o Order, rng *rand.Rand, d *Draw) *Verdict {
	d.Among = p.orderable(s, o, now)
	want := p.wanted(o)
	if d.Eligible = len(d.Among); d.Eligible < want {
		if want == 1 {
			return refuse(NoEligibleHost, "no host is eligible for this order: %s", p.whyNotThese(s, o, now))
		}
		return refuse(NoEligibleHost, "%d hosts are wanted and %d are eligible: %s", want, d.Eligible, p.whyNotThese(s, o, now))
	}
	hat, busy := hat{left: slices.Clone(d.Among), rng: rng}, p.busyGroups(s)
	for len(d.Hosts) < want {
		name, more := hat.next()
		if !more {
			return refuse(AtLimit, "%d hosts are wanted; the limits of their groups (%s) let %d be attacked at once", want, p.groupLimits(), len(d.Hosts))
		}
		if len(d.Hosts)+len(d.Passed) == 0 {
			d.Pick = slices.Index(d.Among, name)
		}
		h, _ := p.Roster.Find(name)
		if !o.Force && p.fullGroup(h, busy) != "" {
			d.Passed = append(d.Passed, name)
			continue
		}
		d.Hosts = append(d.Hosts, name)
		for _, g := range p.groupKeys(h) {
			busy[g]++
		}
	}
	return nil
}

// whyNotThese says what keeps the hosts out that the order could mean.
func (p Plan) whyNotThese(s State, o Order, now time.Time) string {
	a, named := p.Attack(o.Attack)
	meant, counts, of := 0, map[string]int{}, p.hostStatuses(s, now)
	for _, h := range p.Roster.Hosts() {
		if !o.within(h) {
			continue
		}
		meant++
		switch status, _ := of(h); {
		case named && !a.Hosts.Selects(h):
			counts["not planned for "+a.Name+" ("+strings.Join(a.Hosts, " ")+")"]++
		case named && a.Hours != nil && p.notInTheirHours(a, h, a.For, now) != nil:
			counts["outside the hours of "+a.Name]++
		case named && p.believed(s.Facts[h.Name], now) && s.Facts[h.Name].Infeasible[a.Name] != "":
			counts[a.Name+" infeasible"]++
		case status != HostReady:
			counts[string(status)]++
		}
	}
	text := fmt.Sprintf("of %d hosts that it could mean", meant)
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf(", %d %s", counts[why], why)
	}
	return text
}

// hat gives out names until it is empty, each that is left as likely as any other.
type hat struct {
	left []string
	rng  *rand.Rand
}

func (h *hat) next() (string, bool) {
	n := len(h.left)
	if n == 0 {
		return "", false
	}
	i := h.rng.IntN(n)
	name := h.left[i]
	h.left[i] = h.left[n-1]
	h.left = h.left[:n-1]
	return name, true
}

// fullGroup is a group of the host that has no host to spare, given how many of each are busy.
func (p Plan) fullGroup(h Host, busy map[string]int) string {
	for _, g := range p.groupKeys(h) {
		if p.full(g, busy[g]) {
			return g
		}
	}
	return ""
}

func (p Plan) groupLimits() string {
	switch {
	case p.Safety.MaxPerGroup > 0 && p.Safety.LeavePerGroup > 0:
		return fmt.Sprintf("safety.max_per_group %d, safety.leave_per_group %d", p.Safety.MaxPerGroup, p.Safety.LeavePerGroup)
	case p.Safety.LeavePerGroup > 0:
		return fmt.Sprintf("safety.leave_per_group %d", p.Safety.LeavePerGroup)
	}
	return fmt.Sprintf("safety.max_per_group %d", p.Safety.MaxPerGroup)
}

// beyond says which limit of the blast radius an attack on these hosts would break, with the numbers. Before
// the hosts are known, it speaks for one.
func (p Plan) beyond(s State, now time.Time, o Order, hosts []string) *Verdict {
	n := max(1, len(hosts))
	if n > maxHosts {
		return refuse(AtLimit, "%d hosts in one order: %d at most", n, maxHosts)
	}
	if o.Force {
		return nil
	}
	if v := p.notFreeFor(s, n); v != nil {
		return v
	}
	if v := p.notTodayFor(s, now, n); v != nil {
		return v
	}
	busy := p.busyGroups(s)
	for _, name := range hosts {
		h, _ := p.Roster.Find(name)
		if g := p.fullGroup(h, busy); g != "" {
			return refuse(AtLimit, "%s would be one too many of group %s, with %d of its %d hosts under attack (%s)", name, g, busy[g], len(p.pool.groups[g]), p.groupLimits())
		}
		for _, g := range p.groupKeys(h) {
			busy[g]++
		}
	}
	return nil
}
