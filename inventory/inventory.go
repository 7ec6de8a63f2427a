// Package inventory knows which hosts may be attacked: it reads them from several sources, refuses
// whatever could be misread, and hands one roster to the engine.
//
// A [Source] is a static list ([Static]), an Ansible inventory file ([AnsibleFile]) or a command that
// prints JSON ([Command]). [Merge] joins what they list: the same address under two names is one host,
// the same name with two addresses is a mistake. What the operator excludes stays in the roster, barred
// from every draw, so that the console can show it and say why.
//
//	hosts := inventory.New(inventory.Options{Exclude: []string{"group:db"}, Self: own},
//		inventory.AnsibleFile{Path: "/etc/ansible/hosts"})
//	result, err := hosts.Load(ctx)                     // at start: any mistake is an error, all at once
//	go hosts.Watch(ctx, time.Minute, renew, complain)  // later: a mistake keeps the last good roster
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
	"reflect"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
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
}

// Result is an inventory that passed every check.
type Result struct {
	Roster  *engine.Roster
	Notices []string // aliases that were joined and the like, for the log
}

// Inventory reads the same sources again and again. Its methods may be called from several goroutines;
// they take turns.
type Inventory struct {
	options Options
	sources []Source

	turn sync.Mutex
	last []Listing // by source: its latest good listing
	good Result    // the latest that passed every check
}

// New makes an inventory of the sources. Where they disagree, the earlier one wins.
func New(options Options, sources ...Source) *Inventory {
	return &Inventory{options: options, sources: sources, last: make([]Listing, len(sources))}
}

// Load reads every source and merges them. Any mistake in any source is an error, and all of them are
// reported together; there is no result then.
func (v *Inventory) Load(ctx context.Context) (Result, error) {
	v.turn.Lock()
	defer v.turn.Unlock()
	return v.load(ctx)
}

// Refresh reads every source again. A source that fails counts with what it listed last, and the error
// says so; if the whole does not pass, the last good result is returned with the error. Before the first
// success it is the same as Load.
func (v *Inventory) Refresh(ctx context.Context) (Result, error) {
	v.turn.Lock()
	defer v.turn.Unlock()
	if v.good.Roster == nil {
		return v.load(ctx)
	}
	listings, failures := v.read(ctx)
	var stale []error
	for i, err := range failures {
		if err != nil {
			listings[i] = v.last[i]
			stale = append(stale, fmt.Errorf("its %d hosts of the last good reading are kept: %w", len(v.last[i].Entries), err))
		}
	}
	result, err := Merge(v.options, listings...)
	if err != nil {
		return v.good, fmt.Errorf("the inventory is left as it was: %w", errors.Join(append(stale, err)...))
	}
	v.last, v.good = listings, result
	return result, errors.Join(stale...)
}

// Watch refreshes the inventory at every interval until the context is done, which is the only way it
// ends. It calls renewed when the roster differs from the one before, and failed at each refresh that
// found something wrong; both from the calling goroutine. An interval of 0 means never.
func (v *Inventory) Watch(ctx context.Context, interval time.Duration, renewed func(Result), failed func(error)) {
	if interval <= 0 {
		<-ctx.Done()
		return
	}
	v.turn.Lock()
	shown := v.good
	v.turn.Unlock()
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		result, err := v.Refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failed(err)
		}
		if result.Roster != nil && !reflect.DeepEqual(result.Roster.Hosts(), shown.Roster.Hosts()) {
			shown = result
			renewed(result)
		}
		timer.Reset(interval)
	}
}

func (v *Inventory) load(ctx context.Context) (Result, error) {
	listings, failures := v.read(ctx)
	if broken := errors.Join(failures...); broken != nil {
		_, wrong := merge(v.options, listings, incomplete)
		return Result{}, errors.Join(broken, wrong)
	}
	result, err := Merge(v.options, listings...)
	if err != nil {
		return Result{}, err
	}
	v.last, v.good = listings, result
	return result, nil
}

// read asks all sources at the same time and waits for all of them.
func (v *Inventory) read(ctx context.Context) ([]Listing, []error) {
	listings, failures := make([]Listing, len(v.sources)), make([]error, len(v.sources))
	var all sync.WaitGroup
	for i, source := range v.sources {
		all.Go(func() {
			listings[i], failures[i] = source.Load(ctx)
			if failures[i] == nil && len(listings[i].Entries) == 0 {
				failures[i] = fmt.Errorf("%s lists no host: fix it or remove the source", source.Name())
			}
		})
	}
	all.Wait()
	return listings, failures
}
