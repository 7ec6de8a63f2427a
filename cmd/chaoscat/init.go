package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
)

func (a *app) initCommand() *cobra.Command {
	o := config.StarterOptions{}
	c := &cobra.Command{
		Use: "init [FILE]", Short: "Write a first configuration: dry run, one harmless attack", Args: cobra.MaximumNArgs(1),
		Long: `init asks for a few things and writes a configuration that injects nothing until you say so. It never
overwrites a file. With - as FILE it prints instead. On a terminal the questions are a form, which ctrl+c
leaves without writing anything; with TERM=dumb, or ACCESSIBLE set, they come line by line; with --no-input,
or without a terminal, there are none.`,
		Example: "  chaoscat init\n  chaoscat init --no-input --zone Europe/Paris --host web-1.example.com -",
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "chaoscat.toml"
			if a.configFile != "" {
				path = a.configFile
			}
			if len(args) > 0 {
				path = args[0]
			}
			if _, err := os.Lstat(path); path != "-" && err == nil {
				return thereAlready(path)
			}
			a.usual(path, &o)
			if a.terminal() && !a.noInput {
				if err := a.interview(cmd.Context(), path, &o); err != nil {
					return err
				}
			}
			o.Sudo = o.Sudo || o.User != "root"
			if wrong := a.mistakesOf(path, o, ""); len(wrong) > 0 {
				return fail(exitConfig, fmt.Errorf("nothing was written, because this would not be right:\n%s", strings.Join(wrong, "\n")))
			}
			return a.writeStarter(path, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Name, "name", "", "`NAME` of this installation")
	f.StringVar(&o.Zone, "zone", "", "IANA time `ZONE` of the business hours, such as Europe/Paris")
	f.StringSliceVar(&o.Hours, "hours", nil, "business `HOURS`, such as 10:00-16:00")
	f.StringArrayVar(&o.Hosts, "host", nil, "`HOST` to attack; may be repeated")
	f.StringVar(&o.Ansible, "ansible", "", "`PATH` of an Ansible inventory instead")
	f.StringVar(&o.User, "user", "", "SSH `USER`")
	f.BoolVar(&o.Sudo, "sudo", false, "the SSH user is not root")
	f.StringVar(&o.HealthURL, "health-url", "", "`URL` that answers 200 while all is well")
	return c
}

// mistakesOf loads the configuration that the options would make, without writing it, and lists what is
// wrong with the keys that begin so ("" is all of them).
func (a *app) mistakesOf(path string, o config.StarterOptions, key string) (wrong []string) {
	if path == "-" {
		path = "chaoscat.toml"
	}
	files := config.Disk(a.home)
	files.Read = func(string) ([]byte, config.Stat, error) {
		return []byte(config.Starter(o)), config.Stat{Mode: 0o600, Owner: files.UID}, nil
	}
	cfg, err := config.Load(path, files)
	if err == nil && o.Ansible == "" && strings.HasPrefix("inventory", key) {
		return a.unfitHosts(cfg)
	}
	var mistakes *config.Mistakes
	if !errors.As(err, &mistakes) {
		return nil
	}
	for _, m := range mistakes.List {
		if strings.HasPrefix(m.Key, key) {
			m.File, m.Line = "", 0
			wrong = append(wrong, strings.TrimPrefix(m.Error(), ":0: "))
		}
	}
	return wrong
}

// unfitHosts is what an engine would have against the hosts that are written out, by its own rules.
func (a *app) unfitHosts(cfg *config.Config) (wrong []string) {
	_, err := build(context.Background(), a.world, cfg) // it asks nobody: the only hosts are in the text
	if err == nil {
		return nil
	}
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSuffix(line, "\n")
		if rest, found := strings.CutPrefix(line, cfg.File); found {
			line = lineOf.ReplaceAllString(rest, "")
		}
		wrong = append(wrong, line)
	}
	return wrong
}

// lineOf is where something stands in a file, which here is not written.
var lineOf = regexp.MustCompile(`^:[0-9]+: `)

// question is one thing that init asks for. An answer is right when the configuration that it makes is right at the key.
type question struct {
	text, otherwise, key string
	set                  func(string)
}

// usual fills in what the flags leave open: what a form shows as the answer to begin with is what is written without one.
func (a *app) usual(path string, o *config.StarterOptions) {
	if o.Name == "" {
		o.Name, _ = os.Hostname()
		if len(a.mistakesOf(path, *o, "name")) > 0 {
			o.Name = "" // not fit for one; then it is the starter's own
		}
	}
	o.Zone = orElse(o.Zone, localZone())
	switch {
	case o.User == "" && o.Sudo:
		o.User = a.user
	case o.User == "":
		o.User = "root"
	}
	o.FillIn()
}

// questions is what init asks for, with what the flags or the usual say already as the answer to begin with.
func (a *app) questions(o *config.StarterOptions) []question {
	return []question{
		{"Name of this installation", o.Name, "name", func(s string) { o.Name = s }},
		{"Time zone of your business hours", o.Zone, "schedule.timezone", func(s string) { o.Zone = s }},
		{"Business hours", strings.Join(o.Hours, ","), "schedule.hours", func(s string) { o.Hours = listed(s) }},
		{"Hosts to attack, separated by spaces; or the path of an Ansible inventory", orElse(o.Ansible, strings.Join(o.Hosts, " ")), "inventory",
			func(s string) { o.Hosts, o.Ansible = inventoryOf(s) }},
		{"SSH user", o.User, "ssh.user", func(s string) { o.User = s }},
		{"URL that answers 200 while all is well", orElse(o.HealthURL, noURL), "health", func(s string) { o.HealthURL = strings.TrimPrefix(s, noURL) }},
	}
}

// inventoryOf tells a path from the names of hosts, none of which has a slash.
func inventoryOf(s string) (hosts []string, ansible string) {
	if strings.Contains(s, "/") {
		return nil, s
	}
	return listed(s), ""
}

// wrong is what is not right about an answer; it is kept all the same, and nothing is written until all are right.
func (a *app) wrong(path string, o *config.StarterOptions, q question, answer string) error {
	q.set(orElse(strings.TrimSpace(answer), q.otherwise))
	if wrong := a.mistakesOf(path, *o, q.key); len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "\n"))
	}
	return nil
}

// interview asks for what is not given: in a form, or line by line where the terminal can do no more, or who sits
// there has it read aloud.
func (a *app) interview(ctx context.Context, path string, o *config.StarterOptions) error {
	ask := a.fillIn
	if a.env("TERM") == "dumb" || a.env("ACCESSIBLE") != "" {
		ask = a.askLines
	}
	return ask(ctx, path, o, a.questions(o))
}

// unwritten is how init ends for somebody who leaves it.
func unwritten() error { return fail(exitStopped, errors.New("left; nothing was written")) }

// askLines asks each question until its answer is right. An empty answer takes what is in brackets; the end of the
// input, or an interrupt, leaves.
func (a *app) askLines(ctx context.Context, path string, o *config.StarterOptions, questions []question) error {
	lines := bufio.NewScanner(a.in)
	more := func() bool {
		read := make(chan bool, 1)
		go func() { read <- lines.Scan() }()
		select {
		case ok := <-read:
			return ok
		case <-ctx.Done():
			return false
		}
	}
	for _, q := range questions {
		for {
			fmt.Fprintf(a.out, "%s [%s]: ", q.text, q.otherwise)
			if !more() {
				fmt.Fprintln(a.out)
				return unwritten()
			}
			err := a.wrong(path, o, q, lines.Text())
			if err == nil {
				break
			}
			fmt.Fprintln(a.out, "  "+strings.ReplaceAll(err.Error(), "\n", "\n  "))
		}
	}
	return nil
}

const noURL = "none yet"

// listed takes a list apart that is written with commas or spaces.
func listed(text string) []string { return strings.Fields(strings.ReplaceAll(text, ",", " ")) }

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// localZone is the machine's zone by its IANA name, where it has one.
func localZone() string {
	link, err := os.Readlink("/etc/localtime")
	if err != nil {
		return "UTC"
	}
	if _, name, found := strings.Cut(link, "zoneinfo/"); found {
		if _, err := time.LoadLocation(name); err == nil {
			return name
		}
	}
	return "UTC"
}

func (a *app) writeStarter(path string, o config.StarterOptions) error {
	text := config.Starter(o)
	if path == "-" {
		fmt.Fprint(a.out, text)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return thereAlready(path)
	}
	if err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	if _, err := f.WriteString(text); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	there := *a
	if path != "chaoscat.toml" {
		there.configFile = path
	}
	a.say("wrote %s: dry run is on, nothing will be injected.\nnext: replace %s in it, then run: %s", path, stillNo(o), there.again("check"))
	return nil
}

func thereAlready(path string) error {
	return fail(exitConfig, fmt.Errorf("%s is there already and is not overwritten; choose another name, or print with: chaoscat init -", path))
}

// stillNo names the gates that nobody has filled in.
func stillNo(o config.StarterOptions) string {
	if o.HealthURL != "" {
		return "the on-call check, which says no,"
	}
	return "the health check and the on-call check, which both say no,"
}
