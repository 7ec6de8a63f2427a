// Package inventory knows which hosts may be attacked: it reads them from several sources, refuses
// whatever could be misread, and hands one roster to the engine.
//
// A [Source] is a static list ([Static]), an Ansible inventory file ([AnsibleFile]), the hosts of an OpenSSH
// client ([SSHConfig]), the catalogue of Consul ([Consul]), files for Prometheus ([FileSD]) or a command that
// prints JSON ([Command]). [Merge] joins what they list: the same address under two names is one host,
// the same name with two addresses is a mistake. What the operator excludes stays in the roster, barred
// from every draw, so that the console can show it and say why.
//
//	hosts := inventory.New(inventory.Options{Exclude: []string{"group:db"}, Self: own}, inventory.Paced{
//		Source: inventory.AnsibleFile{Path: "/etc/ansible/hosts"}, Every: 5 * time.Minute, StaleAfter: time.Hour})
//	result, err := hosts.Load(ctx)       // at start: any mistake is an error, all at once
//	go hosts.Watch(ctx, renew, complain) // later: each source is read again by itself
//
// Later, a source that fails keeps its hosts as it listed them last, and no other source waits for it. When it
// has failed for too long, nobody knows any more what its hosts are now: those that only it knows are barred,
// with the reason, until it can be read again.
//
// Refused are: names that a shell, a terminal or ssh could take for something else; the machine that
// chaoscat itself runs on; an exclusion that matches nothing (a typo there would attack what was meant
// to be spared); and an empty inventory, because nothing must never come to mean everything.
//
// Nothing here contacts a host, and only [Lookup], which finds the peers of a network attack, resolves names.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
)

// Source lists hosts. A source without a single host is treated as failed, so an outage behind it does
// not pass for a fleet that has shrunk to nothing.
type Source interface {
	// Name is what messages call the source: a path, a command, a label. Two sources may share it.
	Name() string
	// Load lists the hosts as the source has them now. All that is wrong with it is one joined error.
	// It must return soon after the context is done.
	Load(ctx context.Context) (Listing, error)
}

// Listing is what one source had to say at one moment.
type Listing struct {
	Source  string   // the source's name
	Entries []Entry  // in the order of the source
	Notices []string // what an operator should know but need not change

	stale string // why its hosts are not to be attacked unless another source knows them; "" while it is fresh
}

// Entry is a host as a source lists it, not yet checked.
type Entry struct {
	engine.Host
	Where string // file:line or file; empty when the source's name says it all
	// Refused says why chaoscat cannot attack the host as it is listed (ansible_connection=local). It is
	// a mistake, unless the operator excludes the host.
	Refused string
}

// Options is what the operator decides about all sources together.
type Options struct {
	Exclude       []string // terms of [engine.Selector], without "!"; each must match a host
	Self          []string // addresses and names of the machine chaoscat runs on; none may be attacked
	AllowLoopback bool     // for tests and the demo: loopback addresses are not refused
	DefaultPort   int      // of hosts that have none; 0 means 22
	DefaultJump   string   // of hosts that have none; one whose Jump is "none" is reached without
	Clock         clock.Clock
	Zone          *time.Location // of times in messages; nil means UTC
	Before        *Inventory     // whose place this one takes: what it holds of the same source stands in for one that cannot be read at Load
}

// Result is an inventory that passed every check.
type Result struct {
	Roster  *engine.Roster
	Notices []string // aliases that were joined and the like, for the log
	Change  string   // what makes it differ from the one before, in words; "" for the first
}

// Paced is a source with its pace. A source without one is read once.
type Paced struct {
	Source
	Every      time.Duration // between two readings; 0 means never again
	StaleAfter time.Duration // how long after its last good reading its hosts are still believed; 0 means for ever
}

// Inventory reads the same sources again and again. Its methods may be called from several goroutines;
// they take turns.
type Inventory struct {
	options Options
	sources []Paced

	turn   sync.Mutex
	held   []holding // by source
	marked []string  // by source: why it is stale
	good   Result    // the latest that passed every check
}

// New makes an inventory of the sources. Where they disagree, the earlier one wins.
func New(options Options, sources ...Source) *Inventory {
	v := &Inventory{options: options, held: make([]holding, len(sources)), marked: make([]string, len(sources))}
	if v.options.Zone == nil {
		v.options.Zone = time.UTC
	}
	for _, source := range sources {
		paced, ok := source.(Paced)
		if !ok {
			paced = Paced{Source: source}
		}
		v.sources = append(v.sources, paced)
	}
	return v
}

// Load reads every source and merges them. Any mistake in any source is an error, and all of them are
// reported together; there is no result then. [Unread] tells whether it may pass by itself.
func (v *Inventory) Load(ctx context.Context) (Result, error) {
	v.turn.Lock()
	defer v.turn.Unlock()
	listings, failures := v.read(ctx)
	held, notices := v.inherit(listings, failures)
	v.options.Before = nil
	if broken := errors.Join(failures...); broken != nil {
		_, wrong := merge(v.options, listings, incomplete)
		return Result{}, errors.Join(broken, wrong)
	}
	v.held = held
	v.marked = v.marks()
	result, err := Merge(v.options, v.listings(func(h holding) Listing { return h.taken })...)
	if err != nil {
		return Result{}, err
	}
	result.Notices = append(notices, result.Notices...)
	v.good = result
	return result, nil
}

// read asks all sources at the same time and waits for all of them.
func (v *Inventory) read(ctx context.Context) ([]Listing, []error) {
	listings, failures := make([]Listing, len(v.sources)), make([]error, len(v.sources))
	var all sync.WaitGroup
	for i, source := range v.sources {
		all.Go(func() { listings[i], failures[i] = read(ctx, source) })
	}
	all.Wait()
	return listings, failures
}

func read(ctx context.Context, source Source) (Listing, error) {
	listing, err := source.Load(ctx)
	if err == nil && len(listing.Entries) == 0 {
		err = fmt.Errorf("%s lists no host: fix it or remove the source", source.Name())
	}
	return listing, err
}
