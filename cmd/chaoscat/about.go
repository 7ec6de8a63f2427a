package main

import (
	"fmt"
	"runtime"

	mango "github.com/muesli/mango-cobra"
	"github.com/muesli/roff"
	"github.com/spf13/cobra"

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
			page, err := mango.NewManPage(1, cmd.Root())
			if err != nil {
				return fmt.Errorf("writing the manual page: %w", err)
			}
			fmt.Fprint(a.out, page.Build(roff.NewDocument()))
			return nil
		},
	}
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
			file := "none found"
			var known, identities []string
			if cfg != nil {
				file, known, identities = cfg.File, cfg.SSH.KnownHosts, cfg.SSH.IdentityFiles
			} else if a.configFile != "" {
				file = a.configFile
			}
			return a.printInfo(file, known, identities, err)
		},
	}
}

func (a *app) printInfo(file string, known, identities []string, problem error) error {
	if a.json {
		return a.lines(struct {
			Schema     int      `json:"schema"`
			Version    string   `json:"version"`
			Config     string   `json:"config"`
			Candidates []string `json:"candidates"`
			State      string   `json:"state_dir"`
			Socket     string   `json:"socket"`
			KnownHosts []string `json:"known_hosts"`
			Identities []string `json:"identity_files"`
			Agent      string   `json:"agent_socket"`
		}{schema, versionLine(), file, config.Candidates(a.configHome()), a.dir(), a.socketPath(), nonNil(known), nonNil(identities), a.env("SSH_AUTH_SOCK")})
	}
	rows := [][]string{{"WHAT", "WHERE"}, {"version", versionLine()}, {"configuration", file}}
	for _, c := range config.Candidates(a.configHome()) {
		rows = append(rows, []string{"  looked for", c})
	}
	rows = append(rows, []string{"state", a.dir()}, []string{"socket", a.socketPath()}, []string{"ssh agent", orDash(a.env("SSH_AUTH_SOCK"))})
	for _, k := range known {
		rows = append(rows, []string{"known_hosts", k})
	}
	for _, k := range identities {
		rows = append(rows, []string{"identity file", k})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	if problem != nil && file != "none found" {
		a.say("the configuration is not right: run chaoscat check")
	}
	return nil
}
