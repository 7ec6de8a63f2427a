package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The draw picks one host uniformly among the eligible, then one attack by weight among those feasible
// on it. The pool (whom configuration lets in) is indexed once; a draw costs what is blocked just then,
// not what the fleet counts.

// streams keep the draws of one event apart, so that no dice are used twice.
const (
	scheduleStream uint64 = 1
	orderStream    uint64 = 2
)

func dice(draw, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(draw, stream)) }

// pool is the hosts that configuration lets in, by index into the roster, in the roster's order.
type pool struct {
	members []int32
	kinds   []kind       // of each member
	count   map[kind]int // members of each kind
	hash    string
	groups  map[string][]int32 // positions in members, by group key

	ownHours bool // some attack or host has hours of its own
}

// kind is what members have in common as far as a draw goes. A fleet has few, so that counting them costs nothing.
type kind struct {
	profile uint64 // bit i says that attack i selects it and can be drawn
	ordered uint64 // bit i says that attack i selects it, and only an order runs it
	hours   uint64 // bit g says that it is in group g of the schedule's
}

func newPool(p Plan) *pool {
	q := &pool{count: map[kind]int{}, groups: map[string][]int32{}}
	q.ownHours = len(p.Schedule.Groups) > 0 || slices.ContainsFunc(p.Attacks, func(a Attack) bool { return a.Hours != nil })
	sum := sha256.New()
	for i, h := range p.Roster.Hosts() {
		k := p.kind(h)
		if h.Barred != "" || k.profile == 0 {
			continue
		}
		position := int32(len(q.members))
		q.members = append(q.members, int32(i))
		q.kinds = append(q.kinds, k)
		q.count[k]++
		for _, g := range p.groupKeys(h) {
			q.groups[g] = append(q.groups[g], position)
		}
		sum.Write([]byte(h.Name + "\n"))
	}
	q.hash = hex.EncodeToString(sum.Sum(nil)[:8])
	return q
}

// drawn tells whether the schedule may draw the attack at all. What has no undo, or needs two, is left to people.
func (a Attack) drawn() bool { return a.Weight > 0 && a.Reversible && a.Approval < 2 }

func (p Plan) kind(h Host) kind {
	k := kind{hours: p.hourGroups(h)}
	for i, a := range p.Attacks {
		switch {
		case !a.Hosts.Selects(h):
		case a.drawn():
			k.profile |= 1 << i
		default:
			k.ordered |= 1 << i
		}
	}
	return k
}

// groupKeys are the groups that the limits count: those of the host, or the value of one of its tags.
func (p Plan) groupKeys(h Host) []string { return groupKeys(h, p.Safety.GroupBy) }

func groupKeys(h Host, by string) []string {
	if by == "" {
		return h.Groups
	}
	if value, ok := h.Tags[by]; ok {
		return []string{value}
	}
	return nil
}

// position finds a host in the pool.
func (p Plan) position(host string) (int32, bool) {
	i, known := p.Roster.index[host]
	if !known {
		return 0, false
	}
	position, in := slices.BinarySearch(p.pool.members, i)
	return int32(position), in
}

func (p Plan) member(position int32) Host { return p.Roster.At(int(p.pool.members[position])) }

// Pool lists the names of the hosts that configuration lets in, sorted: what [Explain] starts from.
func (p Plan) Pool() []string {
	names := make([]string, len(p.pool.members))
	for i := range names {
		names[i] = p.member(int32(i)).Name
	}
	return names
}

// PoolHash names the pool in a [Draw].
func (p Plan) PoolHash() string { return p.pool.hash }

// blocked lists the positions of the pool that are kept out just now, sorted, without repeats.
func (p Plan) blocked(s State, now time.Time) []int32 {
	c := p.closings(now, 0)
	out := p.kept(s, c, now)
	if !p.pool.ownHours {
		return out
	}
	for position, k := range p.pool.kinds {
		if c.drawn(k) == 0 {
			out = append(out, int32(position))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// eligible is how many members are not kept out.
func (p Plan) eligible(kept []int32, c closings) int {
	n := len(p.pool.members)
	for k, count := range p.pool.count {
		if c.drawn(k) == 0 {
			n -= count
		}
	}
	for _, position := range kept {
		if c.drawn(p.pool.kinds[position]) != 0 {
			n--
		}
	}
	return n
}

// kept is blocked but for those whom hours alone keep out, who may be most of the fleet.
func (p Plan) kept(s State, c closings, now time.Time) []int32 {
	var out []int32
	add := func(host string) {
		if position, in := p.position(host); in {
			out = append(out, position)
		}
	}
	for _, r := range s.Running {
		add(r.Host.Name)
	}
	for _, r := range s.Open {
		add(r.Host.Name)
	}
	for host, a := range s.Attacked {
		if now.Before(a.At.Add(p.Safety.HostCooldown)) {
			add(host)
		}
	}
	for host, x := range s.Excluded {
		if x.holds(now) {
			add(host)
		}
	}
	for host := range s.Residue {
		add(host)
	}
	for _, host := range s.Unswept {
		add(host)
	}
	for host := range s.Facts {
		if position, in := p.position(host); in && p.fit(s, c, position, now) == 0 {
			out = append(out, position)
		}
	}
	out = append(out, p.blockedByGroup(s)...)
	slices.Sort(out)
	return slices.Compact(out)
}

// isBlocked tells of one member what [Plan.blocked] tells of all: it is asked at every step.
func (p Plan) isBlocked(s State, position int32, now time.Time) bool {
	h := p.member(position)
	here := func(r Run) bool { return r.Host.Name == h.Name }
	if slices.ContainsFunc(s.Running, here) || slices.ContainsFunc(s.Open, here) || slices.Contains(s.Unswept, h.Name) {
		return true
	}
	if a, was := s.Attacked[h.Name]; was && now.Before(a.At.Add(p.Safety.HostCooldown)) {
		return true
	}
	if x, out := s.Excluded[h.Name]; out && x.holds(now) {
		return true
	}
	if _, left := s.Residue[h.Name]; left {
		return true
	}
	return p.fit(s, p.closings(now, 0), position, now) == 0 || p.fullGroup(h, p.busyGroups(s)) != ""
}

func (p Plan) blockedByGroup(s State) (out []int32) {
	for group, n := range p.busyGroups(s) {
		if p.full(group, n) {
			out = append(out, p.pool.groups[group]...)
		}
	}
	return out
}

// full tells whether a group with n attacks in flight may have no further one.
func (p Plan) full(group string, n int) bool {
	if p.Safety.MaxPerGroup > 0 && n >= p.Safety.MaxPerGroup {
		return true
	}
	return p.Safety.LeavePerGroup > 0 && len(p.pool.groups[group])-n-1 < p.Safety.LeavePerGroup
}

// busyGroups counts attacks in flight by group; with leave_per_group every group counts, since a small
// one may have no host to spare even when nothing runs.
func (p Plan) busyGroups(s State) map[string]int {
	busy := map[string]int{}
	if p.Safety.LeavePerGroup > 0 {
		for g := range p.pool.groups {
			busy[g] = 0
		}
	}
	for _, r := range s.Running {
		for _, g := range p.groupKeys(r.Host) {
			busy[g]++
		}
	}
	return busy
}

func (x Exclusion) holds(now time.Time) bool { return x.Until.IsZero() || now.Before(x.Until) }

// fit is the profile of a member less what is known to be infeasible there, and what hours keep out; 0 when it cannot
// be attacked.
func (p Plan) fit(s State, c closings, position int32, now time.Time) uint64 {
	return p.feasible(c.drawn(p.pool.kinds[position]), s.Facts[p.member(position).Name], now)
}

// feasible is a profile less what the facts say against it.
func (p Plan) feasible(bits uint64, f Facts, now time.Time) uint64 {
	if !p.believed(f, now) {
		return bits
	}
	if f.Unreachable != "" || f.Busy != "" {
		return 0
	}
	for i, a := range p.Attacks {
		if f.Infeasible[a.Name] != "" {
			bits &^= 1 << i
		}
	}
	return bits
}

func (p Plan) believed(f Facts, now time.Time) bool { return now.Before(f.At.Add(p.Safety.FactsFor)) }

// weights of the attacks in the profile, by name.
func (p Plan) weights(bits uint64) map[string]int64 {
	w := map[string]int64{}
	for i, a := range p.Attacks {
		if bits&(1<<i) != 0 {
			w[a.Name] = a.Weight
		}
	}
	return w
}

// drawNext draws host and attack from everything eligible; false when nobody is.
func (p Plan) drawNext(s State, st Stamp) (Draw, bool) {
	blocked := p.blocked(s, st.At)
	eligible := len(p.pool.members) - len(blocked)
	if eligible <= 0 {
		return Draw{}, false
	}
	rng := dice(st.Draw, scheduleStream)
	pick := rng.IntN(eligible)
	position := skip(blocked, pick)
	d := Draw{
		ID: runID(st), At: st.At, Draw: st.Draw, Pool: len(p.pool.members), PoolHash: p.pool.hash,
		Eligible: eligible, Pick: pick, Host: p.member(position).Name, Weights: p.weights(p.fit(s, p.closings(st.At, 0), position, st.At)),
	}
	if len(blocked) <= eligible {
		d.Blocked = p.namesOf(blocked)
	} else { // hours may keep most of a large fleet out: the fewer names tell the same
		d.Among = without(p.Pool(), p.namesOf(blocked))
	}
	d.Attack = weighted(rng, d.Weights)
	return d, true
}

// KeptOut is how many hosts of the pool could not be drawn by the schedule just then.
func (d Draw) KeptOut() int {
	if d.Order != nil && !d.Taken {
		return len(d.Blocked)
	}
	return d.Pool - d.Eligible
}

// namesOf are the names of members, sorted as their positions are.
func (p Plan) namesOf(positions []int32) (names []string) {
	for _, position := range positions {
		names = append(names, p.member(position).Name)
	}
	return names
}

// skip finds the pick-th position that is not in the sorted list of blocked ones.
func skip(blocked []int32, pick int) int32 {
	position := int32(pick)
	for _, b := range blocked {
		if b > position {
			break
		}
		position++
	}
	return position
}

// weighted draws a name with a chance proportional to its weight, names in sorted order.
func weighted(rng *rand.Rand, weights map[string]int64) string {
	names, total := make([]string, 0, len(weights)), int64(0)
	for name, w := range weights {
		names, total = append(names, name), total+w
	}
	slices.Sort(names)
	if total <= 0 {
		return names[0] // an order named it: nothing is left to chance
	}
	at := rng.Int64N(total)
	for _, name := range names {
		if at -= weights[name]; at < 0 {
			return name
		}
	}
	panic("engine: the weights do not add up to their own sum")
}

// redrawAttack keeps the host of a draw and draws another attack there, after the first one turned out
// to be infeasible: drawing the host again would favour the hosts on which everything is feasible.
func (p Plan) redrawAttack(s State, d Draw, st Stamp) (Draw, bool) {
	position, in := p.position(d.Host)
	if !in {
		return Draw{}, false
	}
	bits := p.fit(s, p.closings(st.At, 0), position, st.At)
	if bits == 0 {
		return Draw{}, false
	}
	d.At, d.Draw, d.Kept, d.Weights = st.At, st.Draw, true, p.weights(bits)
	d.Attack = weighted(dice(st.Draw, scheduleStream), d.Weights)
	return d, true
}

// drawOrder draws what an order leaves open: the hosts, the attack, both or nothing.
func (p Plan) drawOrder(s State, st Stamp, o Order) (Draw, *Verdict) {
	d := Draw{ID: runID(st), At: st.At, Draw: st.Draw, Order: &o, Pool: len(p.pool.members), PoolHash: p.pool.hash}
	rng := dice(st.Draw, orderStream)
	if v := p.aim(s, st.At, o, rng, &d); v != nil {
		return Draw{}, v
	}
	d.Weights = p.sharedWeights(s, p.closings(st.At, o.For), d.hosts(), o, st.At)
	if len(d.Weights) == 0 {
		return Draw{}, p.nothingFeasible(s, d, st.At)
	}
	d.Attack = weighted(rng, d.Weights)
	return d, nil
}

func (p Plan) nothingFeasible(s State, d Draw, now time.Time) *Verdict {
	if a, named := p.Attack(d.Order.Attack); named {
		for _, name := range d.hosts() {
			host, _ := p.Roster.Find(name)
			f := s.Facts[name]
			switch {
			case !a.Hosts.Selects(host):
				return refuse(NoFeasibleAttack, "the plan has %s for %s only, and %s is not among them", a.Name, strings.Join(a.Hosts, " "), name)
			case p.believed(f, now) && f.Infeasible[a.Name] != "":
				return refuse(NoFeasibleAttack, "%s is infeasible on %s: %s", a.Name, name, f.Infeasible[a.Name])
			}
			if v := p.notInTheirHours(a, host, cmp.Or(d.Order.For, a.For), now); v != nil {
				return v
			}
		}
	}
	host, _ := p.Roster.Find(d.Host)
	if len(d.Hosts) > 1 {
		return refuse(NoFeasibleAttack, "no attack is feasible on all of %s; name one with --attack", d.on())
	}
	return refuse(NoFeasibleAttack, "no attack is feasible on %s: %s", d.Host, p.whyNothing(s, host, now))
}

// mayOrder is a function that says why a host named by the order may not be attacked. A cool-down does not count: a
// person has chosen the host knowingly. Nor does the limit of its group, which is weighed for all hosts at once.
func (p Plan) mayOrder(s State, o Order, now time.Time) func(name string) *Verdict {
	s.Attacked = nil
	of := p.hostStatuses(s, now)
	return func(name string) *Verdict { return p.notOrderable(o, name, of) }
}

func (p Plan) notOrderable(o Order, name string, of func(Host) (HostStatus, string)) *Verdict {
	host, known := p.Roster.Find(name)
	if !known {
		return refuse(BadOrder, "no host is called %q", name)
	}
	if !o.reaches(host) {
		return outOfReach(o, name)
	}
	if status, why := of(host); status != HostReady && status != HostUnfit && status != HostKept {
		return refuse(HostNotEligible, "%s is %s: %s", name, status, why)
	}
	return nil
}

// orderable are the hosts that an order may leave to chance, by name.
func (p Plan) orderable(s State, o Order, now time.Time) (names []string) {
	if o.Force {
		p.Safety.MaxPerGroup, p.Safety.LeavePerGroup = 0, 0
	}
	blocked, c := p.kept(s, closings{}, now), p.closings(now, o.For)
	for position := range p.pool.members {
		if _, out := slices.BinarySearch(blocked, int32(position)); out {
			continue
		}
		h := p.member(int32(position))
		if o.within(h) && len(p.orderWeights(s, c, h, o, now)) > 0 {
			names = append(names, h.Name)
		}
	}
	return names
}

// sharedWeights are the attacks that the order allows on every one of the hosts.
func (p Plan) sharedWeights(s State, c closings, hosts []string, o Order, now time.Time) map[string]int64 {
	var shared map[string]int64
	for i, name := range hosts {
		h, _ := p.Roster.Find(name)
		w := p.orderWeights(s, c, h, o, now)
		if i == 0 {
			shared = w
			continue
		}
		maps.DeleteFunc(shared, func(attack string, _ int64) bool { _, has := w[attack]; return !has })
	}
	return shared
}

// orderWeights are the attacks that the order allows on the host. One that the order names may have
// weight 0: it is only ever run by order.
func (p Plan) orderWeights(s State, c closings, h Host, o Order, now time.Time) map[string]int64 {
	f := s.Facts[h.Name]
	w, closed := map[string]int64{}, c.on(p.hourGroups(h))
	for i, a := range p.Attacks {
		named := o.Attack == a.Name
		if (o.Attack != "" && !named) || (!named && (a.Weight == 0 || a.Approval > 1)) || !a.Hosts.Selects(h) || notForRole(a, o) != nil {
			continue
		}
		if closed&(1<<i) != 0 || !o.may(a.Name) {
			continue
		}
		if p.believed(f, now) && f.Infeasible[a.Name] != "" && !o.goesOn() {
			continue
		}
		w[a.Name] = a.Weight
	}
	return w
}

// whyNobody says in one breath what keeps the pool out.
func (p Plan) whyNobody(s State, now time.Time) string {
	if len(p.pool.members) == 0 {
		return p.whyNoPool()
	}
	counts, of := map[HostStatus]int{}, p.hostStatuses(s, now)
	for _, b := range p.blocked(s, now) {
		status, _ := of(p.member(b))
		counts[status]++
	}
	var parts []string
	for status, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, status))
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return "no attack selects any of them"
	}
	return strings.Join(parts, ", ")
}

// whyNoPool says what keeps every host of the roster out of the pool: mostly they are excluded, or their source is stale.
func (p Plan) whyNoPool() string {
	counts := map[string]int{}
	for _, h := range p.Roster.Hosts() {
		counts[cmp.Or(h.Barred, "no attack that the schedule may draw selects it")]++
	}
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	text := fmt.Sprintf("none may be drawn; of %d hosts %d: %s", p.Roster.Len(), counts[reasons[0]], reasons[0])
	if n := len(reasons) - 1; n > 0 {
		text += fmt.Sprintf(", and %d other reasons", n)
	}
	return text
}

func (p Plan) whyNothing(s State, h Host, now time.Time) string {
	f, off := s.Facts[h.Name], p.offHours(p.closings(now, 0))
	if !p.believed(f, now) {
		f = Facts{}
	}
	var parts []string
	for _, a := range p.Attacks {
		if why := f.Infeasible[a.Name]; why != "" {
			parts = append(parts, a.Name+" ("+why+")")
		} else if off[a.Name] != "" && a.Hosts.Selects(h) {
			parts = append(parts, a.Name+" "+off[a.Name])
		}
	}
	if len(parts) == 0 {
		return "no attack of the plan selects it"
	}
	return strings.Join(parts, ", ")
}

// runID is unique over controllers and lives: the second and 32 bits of the dice. It is fit for file,
// unit and nft names.
func runID(st Stamp) string {
	return st.At.UTC().Format("20060102-150405") + fmt.Sprintf("-%08x", uint32(st.Draw^st.Draw>>32))
}

// Explanation is a draw derived once more from what was recorded.
type Explanation struct {
	Draw
	Agrees bool   `json:"agrees"`
	Why    string `json:"why,omitempty"` // what does not agree
}

// Explain derives a recorded draw again from its dice and the pool of its time (names, sorted).
func Explain(d Draw, pool []string) Explanation {
	e := Explanation{Draw: d}
	stream, candidates := scheduleStream, d.Among
	ordered := d.Order != nil && !d.Taken
	if ordered {
		stream = orderStream
	} else if len(d.Among) == 0 {
		candidates = without(pool, d.Blocked)
	}
	rng := dice(d.Draw, stream)
	switch {
	case d.Kept: // an earlier record explains the host
	case len(candidates) != d.Eligible:
		e.Why = fmt.Sprintf("%d hosts were eligible, the record leads to %d", d.Eligible, len(candidates))
		return e
	case !ordered || len(d.Order.Targets()) == 0:
		if e.Why = explainHosts(d, candidates, rng); e.Why != "" {
			return e
		}
	}
	if attack := weighted(rng, d.Weights); attack != d.Attack {
		e.Why = fmt.Sprintf("the dice lead to attack %s, the record says %s", attack, d.Attack)
		return e
	}
	e.Agrees = true
	return e
}

// explainHosts follows the dice from host to host: each must be one that was attacked, in that order, or one
// that the record says a limit kept out. It returns what does not agree.
func explainHosts(d Draw, candidates []string, rng *rand.Rand) string {
	hat := hat{left: slices.Clone(candidates), rng: rng}
	passed := slices.Clone(d.Passed)
	for _, host := range d.hosts() {
		for {
			name, more := hat.next()
			if !more {
				return fmt.Sprintf("the dice never lead to host %s", host)
			}
			if name == host {
				break
			}
			i := slices.Index(passed, name)
			if i < 0 {
				return fmt.Sprintf("the dice lead to host %s, the record says %s", name, host)
			}
			passed = slices.Delete(passed, i, i+1)
		}
	}
	return ""
}

func without(sorted, gone []string) []string {
	left := make([]string, 0, len(sorted))
	for _, name := range sorted {
		if _, out := slices.BinarySearch(gone, name); !out {
			left = append(left, name)
		}
	}
	return left
}
