package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
overwrites a file. With - as FILE it prints instead.`,
		Example: "  chaoscat init\n  chaoscat init --no-input --zone Europe/Paris --host web-1.example.com -",
		RunE: func(_ *cobra.Command, args []string) error {
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
			if a.terminal() && !a.noInput {
				if err := a.interview(path, &o); err != nil {
					return err
				}
			}
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
	_, err := config.Load(path, files)
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

// interviewer asks a question again until the configuration that its answer makes is right there.
type interviewer struct {
	*app
	path    string
	options *config.StarterOptions
	lines   *bufio.Scanner
}

// ask takes an empty answer for the default. The end of the input leaves the question unanswered.
func (i interviewer) ask(question, otherwise, key string, set func(string)) error {
	for {
		fmt.Fprintf(i.err, "%s [%s]: ", question, otherwise)
		more := i.lines.Scan()
		set(orElse(strings.TrimSpace(i.lines.Text()), otherwise))
		wrong := i.mistakesOf(i.path, *i.options, key)
		if len(wrong) == 0 {
			return i.lines.Err()
		}
		fmt.Fprintln(i.err, "  "+strings.Join(wrong, "\n  "))
		if !more {
			return fail(exitConfig, errors.Join(fmt.Errorf("nothing was written: %q was not answered", question), i.lines.Err()))
		}
	}
}

// interview asks for what is not given.
func (a *app) interview(path string, o *config.StarterOptions) error {
	i := interviewer{a, path, o, bufio.NewScanner(a.in)}
	host, err := os.Hostname()
	if err != nil {
		host = "" // then the name is the usual one
	}
	questions := []struct {
		text, otherwise, key string
		set                  func(string)
	}{
		{"Name of this installation", orElse(o.Name, orElse(host, "chaoscat")), "name", func(s string) { o.Name = s }},
		{"Time zone of your business hours", orElse(o.Zone, localZone()), "schedule.timezone", func(s string) { o.Zone = s }},
		{"Business hours", orElse(strings.Join(o.Hours, ","), "10:00-16:00"), "schedule.hours", func(s string) { o.Hours = listed(s) }},
		{"Hosts to attack, separated by spaces", orElse(strings.Join(o.Hosts, " "), "web-1.example.com"), "inventory", func(s string) { o.Hosts = listed(s) }},
		{"SSH user", orElse(o.User, "root"), "ssh.user", func(s string) { o.User = s }},
		{"URL that answers 200 while all is well", orElse(o.HealthURL, noURL), "health", func(s string) { o.HealthURL = strings.TrimPrefix(s, noURL) }},
	}
	for _, q := range questions {
		if q.key == "inventory" && o.Ansible != "" {
			continue
		}
		if err := i.ask(q.text, q.otherwise, q.key, q.set); err != nil {
			return err
		}
	}
	o.Sudo = o.Sudo || o.User != "root"
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
	a.say("wrote %s: dry run is on, nothing will be injected.\nnext: replace %s in it, then run: chaoscat check", path, stillNo(o))
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
