package main

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	mango "github.com/muesli/mango-cobra"
	"github.com/muesli/roff"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/attacks/remote"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Version and commit", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.lines(struct {
					Schema  int    `json:"schema"`
					Version string `json:"version"`
					Commit  string `json:"commit"`
					Go      string `json:"go"`
				}{schema, version, commit, runtime.Version()})
			}
			fmt.Fprintln(a.out, "chaoscat", versionLine())
			return nil
		},
	}
}

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man", Short: "The manual page, in roff", Args: cobra.NoArgs,
		Example: "  chaoscat man | man -l -",
		RunE: func(cmd *cobra.Command, _ []string) error {
			flow(cmd.Root())
			nameValues(cmd.Root())
			page, err := mango.NewManPage(1, cmd.Root())
			if err != nil {
				return fmt.Errorf("writing the manual page: %w", err)
			}
			fmt.Fprint(a.out, headed(page.Build(roff.NewDocument())))
			return nil
		},
	}
}

// flow joins the lines of each paragraph, which are broken for a terminal.
func flow(c *cobra.Command) {
	parts := strings.Split(c.Long, "\n\n")
	for i, p := range parts {
		parts[i] = strings.Join(strings.Fields(p), " ")
	}
	c.Long = strings.Join(parts, "\n")
	for _, sub := range c.Commands() {
		flow(sub)
	}
}

// nameValues puts the name of each flag's value behind the flag, where manual pages have it.
func nameValues(c *cobra.Command) {
	named := func(f *pflag.Flag) {
		if value, usage := pflag.UnquoteUsage(f); value != "" && !strings.Contains(f.Name, " ") {
			f.Name, f.Usage = f.Name+" "+value, usage
		}
	}
	c.Flags().VisitAll(named)
	c.PersistentFlags().VisitAll(named)
	for _, sub := range c.Commands() {
		nameValues(sub)
	}
}

// headed gives the page the heading of its section, in place of the summary, and leaves out the back quotes
// by which cobra finds the name of a value.
func headed(page string) string {
	page = strings.ReplaceAll(page, "`", "")
	title, rest, _ := strings.Cut(page, "\n")
	if end := strings.LastIndex(title, ` "`); end > 0 && strings.HasPrefix(title, ".TH ") {
		title = title[:end] + ` "User Commands"`
	}
	return title + "\n" + rest
}

// oneArgument asks for exactly one, and says which.
func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("%s takes one argument (%s), not %d", c.CommandPath(), what, len(args))
	}
}

// atMostOne takes one argument or none.
func atMostOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return fmt.Errorf("%s takes one argument at most (%s), not %d", c.CommandPath(), what, len(args))
	}
}

// knownCommand refuses a word that is no command, and names the nearest one.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(c, args[0], c.CommandPath()+" --help")
}

// unknownCommand names the nearest commands, or else what lists them all.
func unknownCommand(c *cobra.Command, word, lister string) error {
	c.SuggestionsMinimumDistance = 2
	near := c.SuggestionsFor(word)
	if len(near) == 0 {
		return fmt.Errorf("unknown command %q; %s lists them", word, lister)
	}
	return fmt.Errorf("unknown command %q; did you mean %s?", word, strings.Join(near, " or "))
}

func (a *app) sudoersCommand() *cobra.Command {
	user := ""
	c := &cobra.Command{
		Use: "sudoers", Short: "The least that a host's sudoers must allow", Args: cobra.NoArgs,
		Long: `sudoers prints the rule that lets the SSH user run chaoscat's runner, with exactly this content, as root,
and nothing else. The runner holds the scripts of every attack of the plan, custom ones included, so a
new version, or a changed custom attack, needs a new rule.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			catalogue, sshUser, err := a.sudoersOf(cmd)
			if err != nil {
				return err
			}
			if user == "" {
				user = sshUser
			}
			if user == "root" {
				a.say("root needs no rule; name the SSH user with --user, or in the configuration")
			}
			rule, err := remote.Sudoers(user, attacks.Bundle(catalogue, attacks.BundleOptions{}).Digest)
			if err != nil {
				return fail(exitUsage, err)
			}
			fmt.Fprint(a.out, rule)
			return nil
		},
	}
	c.Flags().StringVar(&user, "user", "", "`NAME` of the SSH user (default: the configuration's)")
	return c
}

// sudoersOf takes the catalogue and the user from the configuration, and both from the defaults where
// there is none.
func (a *app) sudoersOf(cmd *cobra.Command) ([]attacks.Definition, string, error) {
	cfg, err := a.load()
	if codeOf(err) == exitConfig && a.configFile == "" && cfg == nil {
		if _, lookErr := config.Find(config.Candidates(a.configHome()), config.Disk(a.home)); lookErr != nil {
			a.say("no configuration was found: the rule is for the built-in attacks alone")
			return attacks.Builtin(), "chaos", nil
		}
	}
	if err != nil {
		return nil, "", err
	}
	g := &graph{config: cfg}
	if _, err := g.attacks(); err != nil {
		return nil, "", err
	}
	user := cfg.SSH.User
	if user == "" {
		user = a.user
	}
	return g.catalogue, user, nil
}

func (a *app) infoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "info", Short: "Every path in use, and what was found there", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.load()
			var known, identities []string
			if cfg != nil {
				known, identities = cfg.SSH.KnownHosts, cfg.SSH.IdentityFiles
			}
			return a.printInfo(a.found(cfg, err), known, identities, wrongWith(err))
		},
	}
}

// found names the configuration in use, also one that is not right.
func (a *app) found(cfg *config.Config, problem error) string {
	var mistakes *config.Mistakes
	switch {
	case cfg != nil:
		return cfg.File
	case errors.As(problem, &mistakes):
		return mistakes.List[0].File
	case a.configFile != "":
		return a.configFile
	}
	if file, err := config.Find(config.Candidates(a.configHome()), config.Disk(a.home)); err == nil {
		return file
	}
	return "none found"
}

// wrongWith says in a few words what is wrong with the configuration; "" when it is right, or there is none.
func wrongWith(problem error) string {
	var mistakes *config.Mistakes
	switch {
	case problem == nil, errors.Is(problem, config.ErrNotFound):
		return ""
	case errors.As(problem, &mistakes):
		return counted(len(mistakes.List), "mistake")
	case errors.Is(problem, fs.ErrNotExist):
		return "does not exist"
	}
	return problem.Error()
}

func (a *app) printInfo(file string, known, identities []string, problem string) error {
	listen, hostKey := a.sshAbout()
	if a.json {
		return a.lines(struct {
			Schema     int      `json:"schema"`
			Version    string   `json:"version"`
			Config     string   `json:"config"`
			Problem    string   `json:"problem"`
			Candidates []string `json:"candidates"`
			State      string   `json:"state_dir"`
			Socket     string   `json:"socket"`
			Log        string   `json:"log"`
			KnownHosts []string `json:"known_hosts"`
			Identities []string `json:"identity_files"`
			Agent      string   `json:"agent_socket"`
			SSHListen  string   `json:"ssh_listen"`
			SSHHostKey string   `json:"ssh_host_key"`
		}{schema, versionLine(), file, problem, config.Candidates(a.configHome()), a.dir(), a.socketPath(), logPath(a.dir()), nonNil(known), nonNil(identities), a.env("SSH_AUTH_SOCK"), listen, hostKey})
	}
	shown := file
	if problem != "" {
		shown += " (" + problem + ")"
	}
	rows := [][]string{{"WHAT", "WHERE"}, {"version", versionLine()}, {"configuration", shown}}
	for _, c := range config.Candidates(a.configHome()) {
		rows = append(rows, []string{"  looked for", c})
	}
	state := a.dir()
	if a.socket != "" && a.state == "" {
		state += " (this user's own; the engine at the socket may have another)"
	}
	rows = append(rows, []string{"state", state}, []string{"socket", a.socketPath()}, []string{"log", logPath(a.dir()) + " (of a console with an engine of its own)"}, []string{"ssh agent", orDash(a.env("SSH_AUTH_SOCK"))})
	if listen != "" {
		rows = append(rows, []string{"ssh door", listen}, []string{"  host key", hostKey})
	}
	for _, k := range known {
		rows = append(rows, []string{"known_hosts", k})
	}
	for _, k := range identities {
		rows = append(rows, []string{"identity file", k})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	if problem != "" {
		a.say("the configuration %s is not right: %s; see chaoscat check", file, problem)
	}
	return nil
}
