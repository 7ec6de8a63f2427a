package inventory

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// completeness tells a merge whether it sees every source. With one missing, an exclusion that matches
// nothing or an empty whole is no mistake of the operator's.
type completeness int

const (
	complete completeness = iota
	incomplete
)

// Merge joins what the sources list into one roster. Two entries with the same address, port and jump
// are one host: the first name wins, so do the first user and the first value of a tag, and groups and
// tags are united. A host that an exclusion matches under any of its names, groups and tags is barred, and so is
// one that only stale sources list.
//
// Errors, all of them joined (at most 100 in full): an entry that does not pass the checks, a name with two
// addresses, a name twice in one source, this very machine, an exclusion that matches nothing, and
// nothing left to attack.
func Merge(options Options, listings ...Listing) (Result, error) {
	return merge(options, listings, complete)
}

func merge(options Options, listings []Listing, seen completeness) (Result, error) {
	m := newMerger(options)
	for _, listing := range listings {
		for _, notice := range listing.Notices {
			m.notices.add(notice)
		}
	}
	for i, listing := range listings {
		for _, entry := range listing.Entries {
			m.take(i, listing, entry)
		}
	}
	if seen == complete {
		m.wrong.add(m.excluded.unmatched(listings)...)
	}
	if err := joined(m.wrong); err != nil {
		return Result{}, err
	}
	if err := m.nothingLeft(); err != nil && seen == complete {
		return Result{}, err
	}
	m.barStale()
	return Result{Roster: engine.NewRoster(m.hosts), Notices: lines(m.notices)}, nil
}

// merger is the state of one merge: the hosts so far, and where each key and each name was seen first.
type merger struct {
	port     int
	jump     string
	self     map[string]bool
	loopback bool
	excluded *exclusions

	hosts   []engine.Host
	stale   []string // of each host: why nobody knows what it is now; "" if a source does
	byKey   map[string]int
	byName  map[string]sighting
	wrong   tally[error]
	notices tally[string]
}

type sighting struct {
	key    string
	source int
	where  string
}

func newMerger(options Options) *merger {
	m := &merger{
		port:     options.DefaultPort,
		jump:     options.DefaultJump,
		self:     map[string]bool{},
		loopback: options.AllowLoopback,
		byKey:    map[string]int{},
		byName:   map[string]sighting{},
	}
	if m.port == 0 {
		m.port = 22
	}
	for _, own := range options.Self {
		if prefix, err := netip.ParsePrefix(own); err == nil {
			own = prefix.Addr().String() // as net.InterfaceAddrs spells it
		}
		// What has no canonical spelling cannot be the address of a host that passes the checks.
		if address, err := canonical(own); err == nil {
			m.self[address] = true
		}
	}
	var err error
	if m.excluded, err = newExclusions(options.Exclude); err != nil {
		m.wrong.add(err)
	}
	return m
}

// take checks one entry and adds it to the host that it is another name of, or to the end.
func (m *merger) take(source int, from Listing, e Entry) {
	where := e.Where
	if where == "" {
		where = from.Source
	}
	barred := m.excluded.barring(e.Host)
	if barred == "" {
		barred = e.Barred
	}
	key, wrong := settle(&e, m.port, m.jump)
	if barred == "" && len(wrong) == 0 {
		wrong = m.unfit(e)
	}
	for _, err := range wrong {
		m.wrong.add(fmt.Errorf("%s: host %s: %w", where, show(e.Name), err))
	}
	if len(wrong) > 0 || !m.recognise(e, sighting{key, source, where}) {
		return
	}
	if i, known := m.byKey[key]; known {
		m.unite(&m.hosts[i], e.Host, barred, where)
		if from.stale == "" {
			m.stale[i] = ""
		}
		return
	}
	m.byKey[key] = len(m.hosts)
	m.hosts, m.stale = append(m.hosts, own(e.Host, barred)), append(m.stale, from.stale)
}

// barStale keeps out the hosts that only stale sources know, after all else has been judged.
func (m *merger) barStale() {
	for i := range m.hosts {
		if m.hosts[i].Barred == "" {
			m.hosts[i].Barred = m.stale[i]
		}
	}
}

// unfit is what keeps a well-formed entry from being attacked, unless it is excluded.
func (m *merger) unfit(e Entry) []error {
	const remedy = "remove it, or name it in safety.exclude"
	switch {
	case e.Refused != "":
		return []error{fmt.Errorf("%s; %s", e.Refused, remedy)}
	case !m.loopback && loopback(e.Address):
		return []error{fmt.Errorf("address %s is loopback, the machine that chaoscat runs on; %s", show(e.Address), remedy)}
	case m.self[e.Address]:
		return []error{fmt.Errorf("address %s belongs to the machine that chaoscat runs on; %s", show(e.Address), remedy)}
	}
	return nil
}

// recognise remembers the name and tells whether the entry may be taken.
func (m *merger) recognise(e Entry, now sighting) bool {
	first, known := m.byName[e.Name]
	if !known {
		m.byName[e.Name] = now
		return true
	}
	if first.key != now.key {
		m.wrong.add(fmt.Errorf("host %s has two addresses: %s in %s, %s in %s; give one of them another name",
			show(e.Name), place(first.key), first.where, place(now.key), now.where))
		return false
	}
	if first.source == now.source {
		m.wrong.add(fmt.Errorf("host %s is listed twice: in %s and in %s; remove one", show(e.Name), first.where, now.where))
		return false
	}
	return true
}

func (m *merger) unite(h *engine.Host, other engine.Host, barred, where string) {
	if other.Name != h.Name {
		m.notices.add(fmt.Sprintf("%s: host %s has the same address as %s and is taken as one host, %s",
			where, show(other.Name), show(h.Name), show(h.Name)))
	}
	for _, group := range other.Groups {
		if !h.In(group) {
			h.Groups = append(h.Groups, group)
		}
	}
	if h.Tags == nil && len(other.Tags) > 0 {
		h.Tags = map[string]string{}
	}
	for tag, value := range other.Tags {
		if _, has := h.Tags[tag]; !has {
			h.Tags[tag] = value
		}
	}
	if h.User == "" {
		h.User = other.User
	}
	if h.Barred == "" {
		h.Barred = barred
	}
}

func (m *merger) nothingLeft() error {
	if len(m.hosts) == 0 {
		return errors.New("the inventory is empty: no source lists a host, and nothing never means everything")
	}
	if !slices.ContainsFunc(m.hosts, func(h engine.Host) bool { return h.Barred == "" }) {
		return fmt.Errorf("safety.exclude takes away all %d hosts of the inventory: nothing could ever be attacked", len(m.hosts))
	}
	return nil
}

// place puts a key into words.
func place(key string) string {
	parts := strings.SplitN(key, " ", 3)
	words := parts[0] + " port " + parts[1]
	if parts[2] != "" {
		words += " via " + parts[2]
	}
	return words
}

// own copies what the host shares with its source's listing, which is kept for the next refresh.
func own(h engine.Host, barred string) engine.Host {
	groups := make([]string, 0, len(h.Groups))
	for _, group := range h.Groups {
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	h.Groups, h.Tags, h.Barred = groups, maps.Clone(h.Tags), barred
	return h
}

// tally keeps the first hundred and counts the rest: a wrong pattern over a large fleet must not fill a
// screen or a log.
type tally[T any] struct {
	first []T
	more  int
}

const tallied = 100

func (t *tally[T]) add(items ...T) {
	for _, item := range items {
		if len(t.first) < tallied {
			t.first = append(t.first, item)
		} else {
			t.more++
		}
	}
}

func joined(t tally[error]) error {
	if t.more > 0 {
		return errors.Join(append(t.first, fmt.Errorf("and %d more mistakes of the inventory", t.more))...)
	}
	return errors.Join(t.first...)
}

func lines(t tally[string]) []string {
	if t.more > 0 {
		return append(t.first, fmt.Sprintf("and %d more notices about the inventory", t.more))
	}
	return t.first
}
