package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/journal"
)

type historyShape struct {
	Schema   int               `json:"schema"`
	ID       string            `json:"id"`
	Run      string            `json:"run"` // what it is part of, where an order hit several hosts; else the same as id
	Host     string            `json:"host"`
	Attack   string            `json:"attack"`
	Params   map[string]string `json:"params"`
	Trigger  engine.Trigger    `json:"trigger"`
	By       string            `json:"by"`
	Reason   string            `json:"reason"`
	Started  time.Time         `json:"started"`
	Ended    time.Time         `json:"ended"`
	Outcome  engine.Effect     `json:"outcome"`
	Undo     engine.Undo       `json:"undo"`
	Cause    string            `json:"cause,omitempty"`
	Detail   string            `json:"detail,omitempty"`
	Measured engine.Figures    `json:"measured"`
	OnCall   []string          `json:"on_call,omitempty"`  // who was on call when it began
	Approved []string          `json:"approved,omitempty"` // who wanted it too
}

func (a *app) historyCommand() *cobra.Command {
	last, run := 0, ""
	c := &cobra.Command{
		Use: "history", Short: "Every attack that has ended, oldest first", Args: cobra.NoArgs,
		Long: `history lists every attack that has ended, one line a host. With --run it lists the parts of one run, or the
one attack of that id.`,
		RunE: func(*cobra.Command, []string) error {
			if err := a.ownJournal(); err != nil {
				return err
			}
			rows, err := a.history()
			if err != nil {
				return err
			}
			if len(rows) == 0 && a.noJournal() {
				a.say("no journal in %s", a.dir())
			}
			if run != "" {
				if rows = partsOf(rows, run); len(rows) == 0 {
					return fail(exitUsage, fmt.Errorf("the journal in %s has no run %q that has ended; chaoscat history lists the ids", a.dir(), run))
				}
			}
			if last > 0 && len(rows) > last {
				rows = rows[len(rows)-last:]
			}
			return a.printHistory(rows)
		},
	}
	c.Flags().IntVarP(&last, "last", "n", 0, "only the last `N`")
	c.Flags().StringVar(&run, "run", "", "only the parts of the run `ID`")
	return c
}

func partsOf(rows []historyShape, run string) []historyShape {
	return slices.DeleteFunc(rows, func(r historyShape) bool { return r.Run != run && r.ID != run })
}

// elsewhere tells whether the call names an engine by its socket and nothing of its files: what lies in the
// usual places then belongs to another installation.
func (a *app) elsewhere() bool { return a.socket != "" && a.state == "" }

// ownJournal refuses to show one installation's record to somebody who asks about another.
func (a *app) ownJournal() error {
	if !a.elsewhere() {
		return nil
	}
	return fail(exitUsage, fmt.Errorf("this reads the journal in %s, not the engine at %s; name its directory with --state-dir", a.dir(), a.socket))
}

// noJournal tells whether the state directory has no file of a journal.
func (a *app) noJournal() bool {
	names, err := os.ReadDir(a.dir())
	return err != nil && errors.Is(err, fs.ErrNotExist) || err == nil && !slices.ContainsFunc(names, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), "journal") })
}

// history joins every outcome with its intent.
func (a *app) history() (rows []historyShape, err error) {
	intents := map[string]engine.Run{}
	err = journal.Read(a.dir(), func(e journal.Entry) error {
		for _, r := range e.Records {
			switch {
			case r.Kind == engine.Intent && r.Intent != nil:
				intents[r.Run] = *r.Intent
			case r.Kind == engine.Closed && r.Outcome != nil:
				rows = append(rows, closedRow(r, intents[r.Run]))
				delete(intents, r.Run)
			}
		}
		return nil
	})
	return rows, err
}

func closedRow(r engine.Record, intent engine.Run) historyShape {
	started := intent.Started
	if started.IsZero() { // a dry run has no intent
		started = r.At
	}
	trigger := intent.Trigger
	if trigger == "" {
		trigger = triggerOf(r)
	}
	return historyShape{schema, r.Run, orElse(r.Of, r.Run), r.Host, r.Attack, nonNilMap(intent.Attack.Params), trigger, r.By, intent.Reason, started, r.At,
		r.Outcome.Effect, r.Outcome.Undo, r.Outcome.Cause, r.Outcome.Detail, r.Outcome.Figures, intent.OnCall, intent.Approved}
}

// triggerOf tells from an outcome alone whether a person was behind it.
func triggerOf(r engine.Record) engine.Trigger {
	if r.Door == "" && (r.By == "" || r.By == string(engine.BySchedule)) {
		return engine.BySchedule
	}
	return engine.ByOrder
}

// dryRun is the cause of a run that was never meant to touch a host.
const dryRun = "dry run"

// outcomeText is the word for people: a dry run was not refused.
func (r historyShape) outcomeText() string {
	if r.Cause == dryRun {
		return "would have run"
	}
	return string(r.Outcome)
}

// why says what kept a run from its full course; nothing where it ended as planned.
func (r historyShape) why() string {
	if r.Cause == "deadline" || r.Cause == dryRun {
		return ""
	}
	return orElse(r.Detail, r.Cause)
}

// told is all of it in a sentence, for where there is no room for columns.
func (r historyShape) told() string {
	text := fmt.Sprintf("%s on %s by %s: %s", r.Attack, r.Host, orElse(r.By, string(r.Trigger)), r.outcomeText())
	for _, more := range []string{string(r.Undo), r.Measured.Text, r.why()} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}

// zone is that of the schedule, so that times read like the business hours; this machine's without one.
func (a *app) zone() *time.Location {
	if cfg, err := a.load(); err == nil {
		return cfg.Schedule.Location
	}
	return time.Local
}

func (a *app) printHistory(rows []historyShape) error {
	if a.json {
		list := make([]any, len(rows))
		for i := range rows {
			list[i] = rows[i]
		}
		return a.lines(list...)
	}
	zone := a.zone()
	if a.narrow() {
		table := [][]string{{"STARTED", "ID", "WHAT"}}
		for _, r := range rows {
			table = append(table, []string{r.Started.In(zone).Format("01-02 15:04"), r.ID, r.told()})
		}
		return a.table(table)
	}
	table := [][]string{{"STARTED", "ID", "ATTACK", "HOST", "BY", "OUTCOME", "UNDO", "MEASURED", "WHY"}}
	for _, r := range rows {
		table = append(table, []string{r.Started.In(zone).Format("2006-01-02 15:04 MST"), r.ID, r.Attack, r.Host, orDash(r.By), r.outcomeText(), orDash(string(r.Undo)), orDash(r.Measured.Text), r.why()})
	}
	return a.table(table)
}

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain ID", Short: "How a draw came out, derived again from the journal", Args: oneArgument("the id of a draw, from chaoscat history"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.ownJournal(); err != nil {
				return err
			}
			d, pool, err := a.draw(args[0])
			if err != nil {
				return err
			}
			return a.printExplanation(engine.Explain(d, pool))
		},
	}
}

// draw finds the last record of a draw, and the pool that held when it was made.
func (a *app) draw(id string) (d engine.Draw, pool []string, err error) {
	found := false
	var now []string
	err = journal.Read(a.dir(), func(e journal.Entry) error {
		for _, r := range e.Records {
			if r.Kind == engine.Lifecycle && r.Pool != nil {
				now = r.Pool
			}
			if r.Kind == engine.Drawn && r.Draw != nil && drawOf(id, r.Draw.ID) {
				d, pool, found = *r.Draw, now, true
			}
		}
		return nil
	})
	if err == nil && !found {
		err = fail(exitUsage, fmt.Errorf("the journal in %s has no draw %q; chaoscat history lists the ids", a.dir(), id))
	}
	return d, pool, err
}

var partNumber = regexp.MustCompile(`^-[0-9]{3,5}$`)

// drawOf tells whether an id is that of a draw, or of one of the runs that it became.
func drawOf(id, draw string) bool {
	rest, ok := strings.CutPrefix(id, draw)
	return ok && (rest == "" || partNumber.MatchString(rest))
}

type explainShape struct {
	Schema   int              `json:"schema"`
	ID       string           `json:"id"`
	Draw     uint64           `json:"draw"`
	Eligible int              `json:"eligible"`
	Host     string           `json:"host"`
	Hosts    []string         `json:"hosts"`  // all of them, in the order in which the dice named them
	Passed   []string         `json:"passed"` // named by the dice, too, and kept out by a limit of their group
	Feasible []string         `json:"feasible"`
	Weights  map[string]int64 `json:"weights"`
	Attack   string           `json:"attack"`
	Agrees   bool             `json:"agrees"`
	Why      string           `json:"why,omitempty"`
}

func (a *app) printExplanation(e engine.Explanation) error {
	var err error
	if !e.Agrees {
		err = fail(exitUnexpected, fmt.Errorf("the record does not agree with its own dice: %s", e.Why))
	}
	if a.json {
		return errors.Join(a.lines(explainShape{schema, e.ID, e.Draw.Draw, e.Eligible, e.Host, drawnHosts(e.Draw), nonNil(e.Passed), nonNil(sortedKeys(e.Weights)), nonNilMap(e.Weights), e.Attack, e.Agrees, e.Why}), err)
	}
	fmt.Fprintf(a.out, "draw %s at %s, dice %d\n", e.ID, e.At.Format(time.RFC3339), e.Draw.Draw)
	if len(e.Hosts) > 1 {
		fmt.Fprintf(a.out, "  hosts   %s\n", hostsDraw(e.Draw))
	} else {
		fmt.Fprintf(a.out, "  host    %s\n", hostDraw(e.Draw))
	}
	if len(e.Passed) > 0 {
		fmt.Fprintf(a.out, "  passed  %s: drawn too, and kept out by a limit of their groups\n", strings.Join(e.Passed, ", "))
	}
	total := int64(0)
	for _, w := range e.Weights {
		total += w
	}
	for _, name := range sortedKeys(e.Weights) {
		mark := " "
		if name == e.Attack {
			mark = ">"
		}
		fmt.Fprintf(a.out, "  attack %s%s %s\n", mark, name, weightText(e.Draw, name, total))
	}
	if e.Agrees {
		fmt.Fprintln(a.out, "  derived again from the dice: agrees")
	}
	return err
}

func weightText(d engine.Draw, attack string, total int64) string {
	if d.Order != nil && d.Order.Attack == attack {
		return "named by " + d.Order.By
	}
	return fmt.Sprintf("weight %d of %d", d.Weights[attack], total)
}

// drawnHosts are all hosts of a draw; one that hit a single host names it alone.
func drawnHosts(d engine.Draw) []string {
	if len(d.Hosts) > 0 {
		return d.Hosts
	}
	return []string{d.Host}
}

func hostsDraw(d engine.Draw) string {
	list, by := strings.Join(d.Hosts, ", "), "nobody"
	if d.Order != nil {
		by = d.Order.By
	}
	if d.Order != nil && len(d.Order.Targets()) > 0 {
		return list + ", named by " + by
	}
	return fmt.Sprintf("%s, %d of %d that the order of %s left to chance", list, len(d.Hosts), d.Eligible, by)
}

func hostDraw(d engine.Draw) string {
	switch {
	case d.Order != nil && len(d.Order.Targets()) > 0:
		return d.Host + ", named by " + d.Order.By
	case d.Kept:
		return d.Host + ", kept from the draw before, whose attack had become infeasible there"
	case d.Order != nil && !d.Taken:
		return fmt.Sprintf("%s, number %d of %d that the order of %s left to chance", d.Host, d.Pick+1, d.Eligible, d.Order.By)
	}
	return fmt.Sprintf("%s, number %d of %d eligible (%d of the pool of %d were kept out)", d.Host, d.Pick+1, d.Eligible, d.KeptOut(), d.Pool)
}

func (a *app) journalCommand() *cobra.Command {
	c := &cobra.Command{Use: "journal", Short: "The record on disk"}
	c.AddCommand(&cobra.Command{
		Use: "verify", Short: "Check the chain of the journal, entry by entry", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.verifyJournal() },
	})
	return c
}

// verifyJournal prints what the check found; a journal that is not whole is exit 1.
func (a *app) verifyJournal() error {
	if err := a.ownJournal(); err != nil {
		return err
	}
	if a.noJournal() {
		return fail(exitUnexpected, fmt.Errorf("no journal in %s", a.dir()))
	}
	r, err := journal.Verify(a.dir())
	if err != nil {
		return err
	}
	var broken error
	if !r.OK() {
		broken = fail(exitUnexpected, fmt.Errorf("the journal is not whole: %s%s; the next start sweeps every host before anything new", r.Corrupt, r.Torn))
	}
	if a.json {
		return errors.Join(a.lines(struct {
			Schema int `json:"schema"`
			journal.Report
		}{schema, r}), broken)
	}
	fmt.Fprintf(a.out, "%s: entries %d, records %d, bytes %d\n", r.Path, r.Entries, r.Records, r.Bytes)
	if r.Entries > 0 {
		fmt.Fprintf(a.out, "  from %s to %s\n  last %d:%s\n", r.Since.Format(time.RFC3339), r.Until.Format(time.RFC3339), r.Last, r.Hash)
	}
	fmt.Fprintf(a.out, "  chain %s, head %s\n", glyph(r.Chain), glyph(r.Head))
	return broken
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
