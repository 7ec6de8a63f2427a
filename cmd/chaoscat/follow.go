package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// follower reads the record of an engine from some moment on. A snapshot carries no more than the last few outcomes;
// of a thousand attacks that end at once, the record has them all.
type follower struct {
	engine asker
	seen   uint64
}

// news are the records since the last call.
func (f *follower) news(ctx context.Context) ([]engine.Record, error) {
	records, err := f.engine.History(ctx, f.seen)
	if n := len(records); n > 0 {
		f.seen = records[n-1].Seq
	}
	return records, err
}

// parts is what becomes of the runs of one order: one for each host.
type parts struct {
	run    string
	begun  []string // ids, in the order in which they began
	latest uint64   // the record with which the last of them began
	host   map[string]engine.Record
	ended  map[string]engine.Record
	report func(engine.Record) error
}

func newParts(run string, report func(engine.Record) error) *parts {
	return &parts{run: run, host: map[string]engine.Record{}, ended: map[string]engine.Record{}, report: report}
}

// of tells whether a record is of one of them. A single run is not part of anything.
func (p *parts) of(r engine.Record) bool { return r.Of == p.run || r.Of == "" && r.Run == p.run }

func (p *parts) hear(records []engine.Record) (err error) {
	for _, r := range records {
		if !p.of(r) {
			continue
		}
		_, known := p.host[r.Run]
		over := r.Kind == engine.Closed && r.Outcome != nil
		if !known && (r.Kind == engine.Intent || over) { // a dry run has no intent
			p.begun, p.host[r.Run], p.latest = append(p.begun, r.Run), r, r.Seq
		}
		if _, twice := p.ended[r.Run]; over && !twice {
			p.ended[r.Run] = r
			err = errors.Join(err, p.report(r))
		}
	}
	return err
}

// begunText says what runs where: "cpu on web-1 has begun (ID)".
func (p *parts) begunText() string {
	var hosts []string
	attack := "the attack"
	for _, id := range p.begun {
		attack, hosts = p.host[id].Attack, append(hosts, p.host[id].Host)
	}
	switch n := len(hosts); {
	case n == 0:
		return p.run + " has begun"
	case n <= 3:
		return fmt.Sprintf("%s on %s has begun (%s)", attack, strings.Join(hosts, ", "), p.run)
	default:
		return fmt.Sprintf("%s on %d hosts (%s and %d more) has begun (%s)", attack, n, strings.Join(hosts[:3], ", "), n-3, p.run)
	}
}

// andItsEnd says what runs where, and what ends it: nothing does where the attack has no undo.
func (p *parts) andItsEnd(stop string) string {
	for _, id := range p.begun {
		if run := p.host[id].Intent; run != nil && !run.Attack.Reversible {
			return p.begunText() + "; it has no undo: nothing ends it"
		}
	}
	return p.begunText() + "; " + stop + " ends it"
}

func (p *parts) over() bool { return len(p.begun) > 0 && len(p.ended) == len(p.begun) }

// running tells whether the engine still has one of them in hand, whose outcome is yet to come.
func (p *parts) running(s engine.Snapshot) bool {
	return slices.ContainsFunc(s.Running, func(r engine.Run) bool {
		_, ended := p.ended[r.ID]
		return !ended && (r.Of == p.run || r.ID == p.run)
	})
}

// outcomes are those that are known, in the order in which the runs began.
func (p *parts) outcomes() (list []engine.Outcome) {
	for _, id := range p.begun {
		if r, ended := p.ended[id]; ended {
			list = append(list, *r.Outcome)
		}
	}
	return list
}

// summary is the last line on several hosts: "3 hosts: 2 effective, 1 refused; 2 restored".
func (p *parts) summary() string {
	effects, undone := map[string]int{}, map[string]int{}
	for _, o := range p.outcomes() {
		effects[string(o.Effect)]++
		if o.Cause == dryRun {
			effects[string(o.Effect)]--
			effects["would have run"]++
		}
		if o.Undo != "" {
			undone[string(o.Undo)]++
		}
	}
	text := fmt.Sprintf("%s: %s", counted(len(p.begun), "host"), tally(effects))
	if len(undone) > 0 {
		text += "; " + tally(undone)
	}
	return text
}

func tally(counts map[string]int) string {
	text := ""
	for _, name := range sortedKeys(counts) {
		if counts[name] == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%d %s", counts[name], name)
	}
	return text
}
