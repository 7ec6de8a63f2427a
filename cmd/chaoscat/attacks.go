package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
)

func (a *app) attacksCommand() *cobra.Command {
	return &cobra.Command{
		Use: "attacks [NAME]", Short: "The attacks of the plan and the catalogue, or one of them in full", Args: cobra.MaximumNArgs(1),
		Long: `attacks lists the attacks of the plan with their chances, and what the catalogue has beyond them. With a name
it shows one in full: its parameters with what they may be, what it needs, what is measured, how it is undone.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.view(cmd.Context())
			switch {
			case errors.Is(err, config.ErrNotFound):
				err = nil
			case codeOf(err) == exitConfig:
				a.say("the configuration is broken; this is the catalogue alone")
			case err != nil:
				return err
			}
			shapes := shapesOf(s, a.catalogue())
			if len(args) == 0 {
				return errors.Join(a.printAttacks(shapes), err)
			}
			i := slices.IndexFunc(shapes, func(x attackShape) bool { return x.Name == args[0] })
			if i < 0 {
				return errors.Join(fail(exitUsage, fmt.Errorf("there is no attack called %q%s", args[0], meant(args[0], shapeNames(shapes)))), err)
			}
			return errors.Join(a.printAttack(shapes[i]), err)
		},
	}
}

// catalogue is what comes with chaoscat, and the operator's own of the configuration here, if it is right.
func (a *app) catalogue() []attacks.Definition {
	cfg, err := a.load()
	if err != nil {
		return attacks.Builtin()
	}
	g := &graph{config: cfg}
	if _, err := g.attacks(); err != nil {
		return attacks.Builtin()
	}
	return g.catalogue
}

type attackShape struct {
	Schema     int               `json:"schema"`
	Name       string            `json:"name"`
	Kind       string            `json:"kind"`
	Planned    bool              `json:"planned"`
	Weight     int64             `json:"weight"`
	Chance     float64           `json:"chance"`
	Family     string            `json:"family"`
	Reversible bool              `json:"reversible"`
	Requires   []string          `json:"requires"`
	For        string            `json:"for"`
	Params     map[string]string `json:"params"` // values in force: the plan's, else the defaults
	Help       map[string]string `json:"help"`   // what each parameter is
	Bounds     map[string]string `json:"bounds"` // what each may be
	OneOf      []string          `json:"one_of"` // parameters that exclude each other
	Figure     string            `json:"figure"` // what is measured
	Unit       string            `json:"unit"`
	Max        string            `json:"max,omitempty"`
	Parts      []string          `json:"parts,omitempty"` // of a compound attack
	Summary    string            `json:"summary"`

	hosts engine.Selector
	def   attacks.Definition
}

func shapeNames(shapes []attackShape) []string {
	names := make([]string, len(shapes))
	for i, x := range shapes {
		names[i] = x.Name
	}
	return names
}

// shapesOf lists the plan's attacks first, then what the catalogue has beyond them.
func shapesOf(s engine.Snapshot, catalogue []attacks.Definition) (shapes []attackShape) {
	used := map[string]bool{}
	for _, planned := range s.Attacks {
		d := attacks.Definition{Name: planned.Kind, Family: planned.Family, Reversible: planned.Reversible}
		if i := slices.IndexFunc(catalogue, func(d attacks.Definition) bool { return d.Name == planned.Kind }); i >= 0 {
			d = catalogue[i]
		}
		x := entryOf(d)
		x.Name, x.Planned, x.Weight, x.For, x.hosts = planned.Name, true, planned.Weight, engine.Span(planned.For), planned.Hosts
		maps.Copy(x.Params, planned.Params)
		if i := slices.IndexFunc(s.Chances, func(c engine.Chance) bool { return c.Attack == planned.Name }); i >= 0 {
			x.Chance = s.Chances[i].Chance
		}
		used[planned.Kind] = true
		shapes = append(shapes, x)
	}
	for _, d := range catalogue {
		if !used[d.Name] {
			shapes = append(shapes, entryOf(d))
		}
	}
	return shapes
}

func entryOf(d attacks.Definition) attackShape {
	x := attackShape{
		Schema: schema, Name: d.Name, Kind: d.Name, Family: d.Family, Reversible: d.Reversible, Requires: nonNil(d.Needs), For: engine.Span(d.Default),
		Params: map[string]string{}, Help: map[string]string{}, Bounds: map[string]string{}, OneOf: nonNil(d.OneOf), Figure: d.Figure.Name, Unit: d.Figure.Unit,
		Summary: d.Summary, def: d,
	}
	if d.Max > 0 {
		x.Max = engine.Span(d.Max)
	}
	for _, p := range d.Parts {
		x.Parts = append(x.Parts, p.Name)
	}
	for _, p := range d.Params {
		x.Help[p.Name], x.Bounds[p.Name] = p.Help, p.Bounds()
		if p.Default != "" {
			x.Params[p.Name] = p.Default
		}
	}
	return x
}

func (a *app) printAttacks(shapes []attackShape) error {
	if a.json {
		rows := make([]any, len(shapes))
		for i := range shapes {
			rows[i] = shapes[i]
		}
		return a.lines(rows...)
	}
	table := [][]string{{"ATTACK", "WEIGHT", "CHANCE", "FAMILY", "FOR", "WHAT", "PARAMETERS"}}
	for _, x := range shapes {
		weight, chance := "-", "not in the plan"
		if x.Planned {
			weight, chance = fmt.Sprint(x.Weight), fmt.Sprintf("%.0f %%", 100*x.Chance)
		}
		table = append(table, []string{x.Name, weight, chance, x.Family, x.For, x.Summary, x.brief()})
	}
	if a.narrow() {
		for i, row := range table {
			table[i] = []string{row[0], row[1], row[2], row[4], row[5]}
		}
	}
	if err := a.table(table); err != nil {
		return err
	}
	a.say("chaoscat attacks NAME shows one in full")
	return nil
}

// mostBrief is how many parameters stand in one line of the table.
const mostBrief = 3

// brief names the first parameters, which are the attack's own, with their values or else what they may be.
func (x attackShape) brief() string {
	var words []string
	for i, p := range x.def.Params {
		if i == mostBrief {
			words = append(words, fmt.Sprintf("and %d more", len(x.def.Params)-i))
			break
		}
		word := p.Name
		if v := x.Params[p.Name]; v != "" {
			word += "=" + v
		}
		switch p.Kind {
		case attacks.Int, attacks.Percent, attacks.Share, attacks.Millis, attacks.Size, attacks.Rate:
			word += " (" + p.Bounds() + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// printAttack shows one in full.
func (a *app) printAttack(x attackShape) error {
	if a.json {
		return a.lines(x)
	}
	title := fmt.Sprintf("%s (%s): %s", x.Name, orElse(x.Family, "custom"), orElse(x.Summary, "an attack of the running engine's own"))
	if err := a.plainTable([][]string{{title}}); err != nil {
		return err
	}
	var facts [][]string
	row := func(what, text string) {
		if text != "" {
			facts = append(facts, []string{"  " + what, text})
		}
	}
	if x.Kind != x.Name {
		row("kind", x.Kind)
	}
	row("plan", x.inPlan())
	row("lasts", x.lasts())
	row("parts", strings.Join(x.Parts, ", then "))
	row("measured", x.measured())
	row("undone", x.undone())
	row("needs", strings.Join(x.Requires, ", "))
	if len(x.OneOf) > 0 {
		row("say one of", strings.Join(x.OneOf, ", "))
	}
	if err := a.plainTable(facts); err != nil || len(x.def.Params) == 0 {
		return err
	}
	fmt.Fprintln(a.out)
	table := [][]string{{"PARAMETER", "VALUE", "MAY BE", "WHAT"}}
	for _, p := range x.def.Params {
		what := p.Help
		if p.Required {
			what += " (required)"
		}
		table = append(table, []string{p.Name, orDash(x.Params[p.Name]), p.Bounds(), what})
	}
	return a.table(table)
}

func (x attackShape) inPlan() string {
	switch {
	case !x.Planned:
		return fmt.Sprintf("not in it; write an [[attack]] with name = %q, and weight = 0 to run it by order only", x.Name)
	case x.Weight == 0:
		return "by order only (weight 0)" + x.onHosts()
	}
	return fmt.Sprintf("weight %d, chance %.0f %%%s", x.Weight, 100*x.Chance, x.onHosts())
}

func (x attackShape) onHosts() string {
	if len(x.hosts) == 0 {
		return ", every host"
	}
	return ", hosts " + strings.Join(x.hosts, " ")
}

func (x attackShape) lasts() string {
	if x.Max == "" {
		return x.For
	}
	return fmt.Sprintf("%s unless said otherwise, at most %s", x.For, x.Max)
}

func (x attackShape) measured() string {
	switch {
	case x.def.Supervised:
		return "a new boot id, and how long the host was away"
	case len(x.Parts) > 0:
		return "every part"
	case x.Figure == "":
		return ""
	case x.Unit == "":
		return x.Figure + ", before, during and after"
	}
	return fmt.Sprintf("%s in %s, before, during and after", x.Figure, x.Unit)
}

func (x attackShape) undone() string {
	switch {
	case !x.Reversible:
		return "never: it needs safety.irreversible = true, and an admin to order it"
	case x.def.Supervised:
		return "by the host itself, which must come back"
	case x.def.Custom:
		return fmt.Sprintf("by its undo script, within %s", engine.Span(x.def.UndoWithin))
	}
	return fmt.Sprintf("within %s, and proven by comparison with before", engine.Span(x.def.UndoWithin))
}
