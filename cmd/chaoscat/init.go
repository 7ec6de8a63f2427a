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
			if a.terminal() && !a.noInput {
				if err := a.interview(&o); err != nil {
					return err
				}
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

// interview asks for what is not given; an empty answer takes the default.
func (a *app) interview(o *config.StarterOptions) error {
	lines := bufio.NewScanner(a.in)
	ask := func(question, otherwise string) string {
		fmt.Fprintf(a.err, "%s [%s]: ", question, otherwise)
		if !lines.Scan() || strings.TrimSpace(lines.Text()) == "" {
			return otherwise
		}
		return strings.TrimSpace(lines.Text())
	}
	host, _ := os.Hostname()
	o.Name = ask("Name of this installation", orElse(o.Name, orElse(host, "chaoscat")))
	o.Zone = ask("Time zone of your business hours", orElse(o.Zone, localZone()))
	o.Hours = strings.Split(ask("Business hours", orElse(strings.Join(o.Hours, ","), "10:00-16:00")), ",")
	if o.Ansible == "" && len(o.Hosts) == 0 {
		o.Hosts = strings.Fields(strings.ReplaceAll(ask("Hosts to attack, separated by spaces", "web-1.example.com"), ",", " "))
	}
	o.User = ask("SSH user", orElse(o.User, "root"))
	o.Sudo = o.Sudo || o.User != "root"
	o.HealthURL = strings.TrimPrefix(ask("URL that answers 200 while all is well", orElse(o.HealthURL, "none yet")), "none yet")
	return lines.Err()
}

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
		return fail(exitConfig, fmt.Errorf("%s is there already and is not overwritten; choose another name, or print with: chaoscat init -", path))
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
	a.say("wrote %s: dry run is on, nothing will be injected.\nnext: replace the two gates that say no in it, then run: chaoscat check", path)
	return nil
}
