package main

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/journal"
	"github.com/chaoscat/chaoscat/tui"
)

// Completion proposes values as well as words: what the running engine knows, or else the configuration here. It is
// for somebody in the middle of a line, so it is never late (candidatesWithin), never says what went wrong, and
// proposes nothing that a shell would read as anything but a plain word.

// candidatesWithin is how long somebody waits who has pressed Tab, whatever an engine or an inventory takes.
const candidatesWithin = time.Second

// mostCandidates is how many are worth a list.
const mostCandidates = 500

// candidate is a proposal with a few words about it.
type candidate struct{ word, about string }

// source finds candidates for a value of which the beginning may be typed already.
type source func(ctx context.Context, c *cobra.Command, args []string, typed string) []candidate

// plainWord is what no shell takes for more than it is, at the beginning of a word or within.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./@+][A-Za-z0-9_./@+,:%=-]*$`)

var notPlain = regexp.MustCompile(`[^A-Za-z0-9 .,:;'()/%+=_-]`)

// fit keeps the candidates that begin as typed and are fit for a command line, each once.
func fit(all []candidate, typed string) (words []cobra.Completion) {
	seen := map[string]bool{}
	for _, x := range all {
		if !strings.HasPrefix(x.word, typed) || !plainWord.MatchString(x.word) || seen[x.word] {
			continue
		}
		if seen[x.word] = true; len(words) == mostCandidates {
			break
		}
		words = append(words, cobra.CompletionWithDesc(x.word, notPlain.ReplaceAllString(x.about, "?")))
	}
	return words
}

// of makes a source into what cobra asks.
func (s source) of() cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), candidatesWithin)
		defer cancel()
		found := make(chan []candidate, 1)
		go func() { found <- s(ctx, c, args, typed) }()
		select {
		case all := <-found:
			words := fit(all, typed)
			if len(words) > 0 && !slices.ContainsFunc(words, ended) {
				return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		case <-ctx.Done():
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// ended tells whether a blank may follow: neither the value of a parameter nor the rest of a path.
func ended(c cobra.Completion) bool {
	word, _, _ := strings.Cut(c, "\t")
	return !strings.HasSuffix(word, "=") && !strings.HasSuffix(word, "/")
}

// first is for commands of one argument.
func (s source) first() cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return s.of()(c, args, typed)
	}
}

// words is a source of what is always the same.
func words(list ...string) source {
	return func(context.Context, *cobra.Command, []string, string) (all []candidate) {
		for _, w := range list {
			all = append(all, candidate{word: w})
		}
		return all
	}
}

// filesOf proposes files with one of the endings.
func filesOf(endings ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}

// plans are files of game days, beside the words that may stand there too: a shell is told of an ending or of words.
func plans(_ context.Context, _ *cobra.Command, _ []string, typed string) (all []candidate) {
	dir, _ := filepath.Split(typed)
	entries, err := os.ReadDir(orElse(dir, "."))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		switch {
		case e.IsDir():
			all = append(all, candidate{word: dir + e.Name() + "/"})
		case strings.HasSuffix(e.Name(), ".toml"):
			all = append(all, candidate{word: dir + e.Name()})
		}
	}
	return all
}

func folders(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func anyFile(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// complete gives every flag and argument its candidates; whatever has none here proposes nothing, least of all files.
func (a *app) complete(root *cobra.Command) {
	flags := map[string]cobra.CompletionFunc{
		"host": a.from(hostWords).of(), "group": a.from(groupWords).of(), "tag": a.from(tagWords).of(), "zone": a.from(zoneWords).of(),
		"attack": a.from(planWords).of(), "param": a.from(paramWords).of(), "run": source(a.runWords).of(),
		"on-failure": words(carryOn, allOrNothing).of(), "theme": words(append([]string{"auto"}, tui.Themes()...)...).of(),
		"config": filesOf("toml"), "socket": anyFile, "ansible": anyFile, "state-dir": folders, "dir": folders,
	}
	own := map[string]cobra.CompletionFunc{"chaoscat init --zone": words(config.Zones()...).of(), "chaoscat init --host": cobra.NoFileCompletions}
	arguments := map[string]cobra.CompletionFunc{
		"chaoscat attacks": a.from(attackWords).first(), "chaoscat attack test": a.from(attackWords).first(),
		"chaoscat approve": a.from(pendingWords).first(),
		"chaoscat exclude": a.from(includedWords).first(), "chaoscat include": a.from(excludedWords).first(),
		"chaoscat explain": source(a.runWords).first(), "chaoscat init": filesOf("toml"), "chaoscat gameday": source(plans).first(),
	}
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		path := c.CommandPath()
		switch f, known := arguments[path]; {
		case known:
			c.ValidArgsFunction = f
		case strings.HasPrefix(path, "chaoscat gameday "):
			c.ValidArgsFunction = filesOf("toml")
		case c.ValidArgsFunction == nil && len(c.ValidArgs) == 0:
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			complete, known := own[path+" --"+f.Name]
			if !known {
				if complete, known = flags[f.Name]; !known {
					complete = cobra.NoFileCompletions
				}
			}
			_ = c.RegisterFlagCompletionFunc(f.Name, complete) // registered already: then by who knows better
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// from asks what is known of hosts and attacks.
func (a *app) from(pick func(engine.Snapshot, *cobra.Command, []string, string) []candidate) source {
	return func(ctx context.Context, c *cobra.Command, args []string, typed string) []candidate {
		return pick(a.sight(ctx), c, args, typed)
	}
}

// sight is what the running engine sees, or else what the configuration plans; with neither, the catalogue.
func (a *app) sight(ctx context.Context) engine.Snapshot {
	client := a.client()
	defer client.Close()
	early, cancel := context.WithTimeout(ctx, candidatesWithin*2/3)
	defer cancel()
	if s, err := client.Snapshot(early); err == nil {
		return s
	}
	g, err := a.loadGraph(ctx)
	if err != nil {
		return engine.Snapshot{Roster: engine.NewRoster(nil)}
	}
	s := g.plan.Describe(engine.State{Began: true}, a.now())
	s.Shapes = g.shapes()
	return s
}

func hostWords(s engine.Snapshot, _ *cobra.Command, _ []string, _ string) (all []candidate) {
	for _, h := range s.Roster.Hosts() {
		state, _ := s.Host(h.Name)
		all = append(all, candidate{h.Name, strings.TrimSpace(string(state) + " " + strings.Join(h.Groups, ","))})
	}
	return all
}

func includedWords(s engine.Snapshot, c *cobra.Command, args []string, typed string) []candidate {
	return slices.DeleteFunc(hostWords(s, c, args, typed), func(x candidate) bool { return takenOut(s, x.word) })
}

func excludedWords(s engine.Snapshot, c *cobra.Command, args []string, typed string) []candidate {
	return slices.DeleteFunc(hostWords(s, c, args, typed), func(x candidate) bool { return !takenOut(s, x.word) })
}

func takenOut(s engine.Snapshot, host string) bool {
	state, _ := s.Host(host)
	return state == engine.HostExcluded
}

func groupWords(s engine.Snapshot, _ *cobra.Command, _ []string, _ string) []candidate {
	return tallied(s, func(h engine.Host) []string { return h.Groups })
}

func tagWords(s engine.Snapshot, _ *cobra.Command, _ []string, _ string) []candidate {
	return tallied(s, func(h engine.Host) (tags []string) {
		for name, value := range h.Tags {
			tags = append(tags, name+"="+value)
		}
		return tags
	})
}

func zoneWords(s engine.Snapshot, _ *cobra.Command, _ []string, _ string) []candidate {
	return tallied(s, func(h engine.Host) []string { return []string{h.Tags["zone"]} })
}

// tallied are the words that hosts have, each with how many have it.
func tallied(s engine.Snapshot, of func(engine.Host) []string) (all []candidate) {
	count := map[string]int{}
	for _, h := range s.Roster.Hosts() {
		for _, word := range of(h) {
			count[word]++
		}
	}
	for _, word := range slices.Sorted(maps.Keys(count)) {
		all = append(all, candidate{word, counted(count[word], "host")})
	}
	return all
}

// planWords are the attacks that can be ordered.
func planWords(s engine.Snapshot, _ *cobra.Command, _ []string, _ string) (all []candidate) {
	for _, x := range s.Attacks {
		all = append(all, candidate{x.Name, fmt.Sprintf("weight %d, %s", x.Weight, engine.Span(x.For))})
	}
	return all
}

// pendingWords are the ids of orders that wait for other people.
func pendingWords(s engine.Snapshot, _ *cobra.Command, _ []string, _ string) (all []candidate) {
	for _, p := range s.Pending {
		all = append(all, candidate{p.Order.ID, p.Order.Attack + " by " + p.Order.By})
	}
	return all
}

// attackWords are those of the plan, and what the catalogue has besides.
func attackWords(s engine.Snapshot, c *cobra.Command, args []string, typed string) []candidate {
	all := planWords(s, c, args, typed)
	for _, d := range attacks.Builtin() {
		all = append(all, candidate{d.Name, d.Summary})
	}
	return all
}

// paramWords are the parameters of the attack that the line names already; behind the =, what one may be.
func paramWords(s engine.Snapshot, c *cobra.Command, args []string, typed string) (all []candidate) {
	named, _ := c.Flags().GetString("attack")
	if named == "" && len(args) > 0 {
		named = args[0]
	}
	name, _, valued := strings.Cut(typed, "=")
	for _, p := range paramsOf(s, named) {
		switch {
		case !valued:
			all = append(all, candidate{p.Name + "=", strings.TrimSuffix(p.Bounds+", "+p.Help, ", ")})
		case p.Name == name:
			choices := p.Choices
			if p.Bounds == "true or false" {
				choices = []string{"true", "false"}
			}
			for _, choice := range append(slices.Clone(choices), p.Value) {
				if choice != "" {
					all = append(all, candidate{p.Name + "=" + choice, p.Bounds})
				}
			}
		}
	}
	return all
}

// paramsOf are those of an attack of the plan, or else of the catalogue.
func paramsOf(s engine.Snapshot, attack string) []engine.ShapeParam {
	if i := slices.IndexFunc(s.Shapes, func(x engine.Shape) bool { return x.Attack == attack }); i >= 0 {
		return s.Shapes[i].Params
	}
	if d, known := attacks.Find(attack); known {
		return attackToOrder(engine.Attack{Name: attack, Kind: attack}, d, 0).Params
	}
	return nil
}

// runWords are the ids of draws, the newest first: from the engine's memory, or else from the journal here.
func (a *app) runWords(ctx context.Context, _ *cobra.Command, _ []string, _ string) []candidate {
	client := a.client()
	defer client.Close()
	early, cancel := context.WithTimeout(ctx, candidatesWithin*2/3)
	defer cancel()
	records, err := client.History(early, 0)
	if err != nil {
		records = nil
		_ = journal.Read(a.dir(), func(e journal.Entry) error { // what could be read by now is better than nothing
			records = append(records, slices.DeleteFunc(slices.Clone(e.Records), func(r engine.Record) bool { return r.Kind != engine.Drawn })...)
			return ctx.Err()
		})
	}
	var all []candidate
	for _, r := range slices.Backward(records) {
		if r.Kind == engine.Drawn && r.Draw != nil {
			all = append(all, candidate{r.Draw.ID, fmt.Sprintf("%s on %s, %s", r.Draw.Attack, r.Draw.Host, r.At.Format("2 Jan 15:04"))})
		}
	}
	return all
}

//go:embed completion.bash
var withoutPackage string

// completionCommand is cobra's; for bash it also works where the bash-completion package is not installed.
func (a *app) completionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	bash, _, err := root.Find([]string{"completion", "bash"})
	if err != nil || bash == root {
		return
	}
	bash.RunE = func(c *cobra.Command, _ []string) error {
		if err := c.Root().GenBashCompletionV2(a.out, true); err != nil {
			return fmt.Errorf("writing the completion: %w", err)
		}
		_, err := fmt.Fprint(a.out, withoutPackage)
		return err
	}
}
