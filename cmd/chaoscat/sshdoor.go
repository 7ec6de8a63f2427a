package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/sshdoor"
	"github.com/chaoscat/chaoscat/tui"
)

// served is the engine of this process, for a person who has come in over SSH. Commands take it for the one behind
// the socket.
type served struct {
	control.Guest
	config *config.Config      // the engine's own
	who    func() control.Peer // the person, by what is known of them now
}

var _ running = served{}

// Snapshot is what the engine shows now.
func (s served) Snapshot(context.Context) (engine.Snapshot, error) {
	return s.Guest.Engine.Snapshot(), nil
}

// Survey is what the background look knows.
func (s served) Survey(context.Context) *engine.Survey { return s.Guest.Engine.Snapshot().Survey }

// Ask gives an order in the person's name. A stop has been said, whether or not they stay to hear the answer.
func (s served) Ask(ctx context.Context, o engine.Order) (run string, err error) {
	if o.Kind == engine.Stop {
		ctx = context.WithoutCancel(ctx)
	}
	s.Guest.Peer = s.who() // what they may do can change while they are inside
	run, err = s.Guest.Ask(ctx, o)
	if errors.Is(err, local.ErrEnded) {
		err = fmt.Errorf("%w (it ended just now)", control.ErrNoEngine)
	}
	return run, err
}

// Order is Ask for who does not need to know which run has begun.
func (s served) Order(ctx context.Context, o engine.Order) error {
	_, err := s.Ask(ctx, o)
	return err
}

// Close has nothing to close.
func (served) Close() {}

// sshHouse is what people find behind the SSH door.
type sshHouse struct {
	world
	engine *local.Engine
	graph  func() *graph                    // what the engine works with now
	who    func(called string) control.Peer // by the name in the people file or in a certificate
	dir    string
	log    *slog.Logger
}

// openSSH opens the SSH door, where the configuration wants one. It closes with its context.
func (h *house) openSSH(ctx context.Context, w world, g *graph, dir string, o opening) error {
	if !o.ssh {
		close(h.ssh)
		return nil
	}
	if err := g.checkPeople(w); err != nil {
		return err
	}
	if g.config.Control.SSHListen == "" {
		close(h.ssh)
		return nil
	}
	key, err := sshdoor.HostKey(dir)
	if err != nil {
		return err
	}
	who := func(called string) control.Peer { return h.graph.Load().who().at(sshDoor, called, nil) }
	inside := sshHouse{world: w, engine: h.engine, graph: h.graph.Load, who: who, dir: dir, log: o.log}
	door, err := sshdoor.Listen(g.config.Control.SSHListen, sshdoor.Options{
		HostKey: key, People: newPeopleFile(w, h.graph.Load).now, Console: inside.console, Command: inside.command, Log: o.log,
	})
	if err != nil {
		return fmt.Errorf("control.ssh_listen: %w", err)
	}
	fingerprint, _ := sshdoor.Fingerprint(dir) // it has just been read
	o.log.Info("serving SSH", "listen", door.Addr().String(), "host_key", fingerprint)
	go func() {
		defer close(h.ssh)
		if err := door.Serve(ctx); err != nil {
			o.log.Error("the SSH door is gone; the socket still works", "error", err)
		}
	}()
	return nil
}

// peopleFile is who is let in, as it is written down now: whoever is taken out comes in no more, without a restart.
type peopleFile struct {
	read func() (*sshdoor.People, error)

	mu      sync.Mutex
	at      time.Time // when the answer below was had
	people  *sshdoor.People
	err     error
	reading chan struct{} // closed when the reading that is under way is over; nil: none is
}

const (
	// peopleFor is how long an answer of the file is believed, so that a flood of logins does not read it each time.
	peopleFor = time.Second
	// peopleWithin is how long a login waits for a disk that does not answer. However many wait, one reads.
	peopleWithin = 5 * time.Second
)

// now is who is let in. An error lets in nobody.
func (p *peopleFile) now() (*sshdoor.People, error) {
	if reading := p.renew(); reading != nil {
		select {
		case <-reading:
		case <-time.After(peopleWithin):
			return nil, fmt.Errorf("the file of people could not be read within %s: is its disk there?", engine.Span(peopleWithin))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.people, p.err
}

// renew sees to it that the file is being read, where the last answer is not believed any more.
func (p *peopleFile) renew() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading == nil && (p.at.IsZero() || time.Since(p.at) >= peopleFor) {
		p.reading = make(chan struct{})
		go p.take(p.reading)
	}
	return p.reading
}

func (p *peopleFile) take(reading chan struct{}) {
	people, err := p.read()
	if err != nil {
		people = nil
	}
	p.mu.Lock()
	p.people, p.err, p.at, p.reading = people, err, time.Now(), nil
	p.mu.Unlock()
	close(reading)
}

// readPeople is who may come in over SSH by the file as it is now.
func (g *graph) readPeople(w world) (*sshdoor.People, []sshdoor.Mistake, error) {
	data, err := config.ReadPeople(g.config.Control.SSHPeople, config.Disk(w.home))
	if err != nil {
		return nil, nil, err
	}
	people, wrong := sshdoor.ReadPeople(data, g.who().calledOverSSH()...)
	return people, wrong, nil
}

// peopleFile is readPeople for logins: with a mistake anywhere in the file nobody is let in.
// The file is that of the configuration that holds now.
func newPeopleFile(w world, now func() *graph) *peopleFile {
	return &peopleFile{read: func() (*sshdoor.People, error) {
		g := now()
		people, wrong, err := g.readPeople(w)
		if len(wrong) > 0 {
			err = fmt.Errorf("nobody is let in while the file of people has mistakes: line %d %s", wrong[0].Line, wrong[0].Text)
		}
		return people, err
	}}
}

// checkPeople says everything that is wrong with who may come in and with who may do what: lines that cannot be
// taken, members whom nobody knows, hosts that are none.
func (g *graph) checkPeople(w world) error {
	_, err := g.people(w)
	return err
}

// people are those who may come in over SSH; nil where the configuration names none.
func (g *graph) people(w world) (*sshdoor.People, error) {
	wrong := g.wrongTeams()
	path := g.config.Control.SSHPeople
	if path == "" {
		return nil, config.Collect(wrong)
	}
	people, mistakes, err := g.readPeople(w)
	if err != nil {
		return nil, config.Collect(append(wrong, g.config.Wrong("control.ssh_people", "%v", err)))
	}
	wrong = append(wrong, g.strangers(people)...)
	for _, m := range mistakes {
		wrong = append(wrong, config.Mistake{File: path, Line: m.Line, Message: m.Text, Hint: m.Hint})
	}
	return people, config.Collect(wrong)
}

// checkDoor says who may come in over SSH, where there is such a door.
func checkDoor(g *graph, people *sshdoor.People) []finding {
	if g.config.Control.SSHListen == "" {
		return nil
	}
	names, authority := people.Names()
	others := authority > 0
	who := strings.Join(names[:min(5, len(names))], ", ")
	if more := len(names) - 5; more > 0 {
		who += fmt.Sprintf(" and %d more", more)
	}
	switch {
	case others && who == "":
		who = "whom an authority names"
	case others:
		who += ", and whom an authority names"
	}
	found := []finding{{schema, "+", "ssh door", g.config.Control.SSHListen + " lets in " + who}}
	if called := g.who().calledOverSSH(); others && len(called) > 0 {
		found = append(found, finding{schema, "!", "ssh door", fmt.Sprintf("the authority on line %d of %s lists no principals, and so names nobody who is written down: %s", authority, g.config.Control.SSHPeople, strings.Join(called[:min(5, len(called))], ", "))})
	}
	return found
}

// app is the program as a person over SSH has it: their streams, their name, the engine of this process, and of its
// files what commands read of any engine's.
func (h sshHouse) app(v sshdoor.Visit) *app {
	w := h.world
	w.args, w.in, w.out, w.err, w.errTerminal = nil, strings.NewReader(""), v.Out, v.Err, false
	who := func() control.Peer { return h.who(v.Person) }
	guest := control.Guest{Engine: h.engine, Peer: who(), Door: string(sshDoor)}
	w.env, w.user = func(name string) string { return v.Env[name] }, guest.Peer.Name
	return &app{world: w, state: h.dir, noInput: true, served: &served{guest, h.graph().config, who}}
}

// console shows the engine to a person until they leave. The end of a session, however it comes, stops no attack.
func (h sshHouse) console(ctx context.Context, v sshdoor.Visit) int {
	a := h.app(v)
	o := a.options(screen{})
	o.Console, o.Attached, o.By, o.NewID, o.Now, o.Wall = *a.served, true, a.user, newID, a.now, time.Now
	o.Remote = &tui.Remote{In: v.In, Out: v.Out, Size: v.Terminal.Size, Sizes: v.Terminal.Sizes}
	o.ReadOnly, o.SaveDir = a.served.Peer.Role < engine.Stopper, tui.NoFiles
	exit, err := tui.Run(ctx, o)
	if undelivered := errors.Is(err, tui.ErrStopNotDelivered); undelivered || exit == tui.StopThenQuit {
		err = a.stopOnLeaving(ctx, *a.served, err, undelivered)
	}
	var crash *tui.Crash
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &crash):
		h.log.Error("a console over SSH broke", "by", v.Person, "error", err, "stack", string(crash.Stack))
	case errors.Is(err, sshdoor.ErrClosed):
		err = fail(exitNoEngine, err)
	}
	a.complain(err)
	return codeOf(err)
}

// command runs one command of those that an engine elsewhere answers.
func (h sshHouse) command(ctx context.Context, v sshdoor.Visit, args []string) int {
	a := h.app(v)
	root := a.servedRoot()
	for i, word := range args {
		if word == cobra.ShellCompRequestCmd || word == cobra.ShellCompNoDescRequestCmd { // cobra's own, there for every root
			args[i] = "completion"
		}
	}
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	a.complain(err)
	return codeOf(err)
}

// servedRoot has the commands that look at an engine and order, and the flags about how they say it. Whatever names a
// file, or another engine, is not there.
func (a *app) servedRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "chaoscat",
		Short: "The commands that are served over SSH",
		Long: `Without a command and with a terminal, the console opens. With one of these commands after the host, its output
and its exit code come back:`,
		Example:           "  ssh -p 2222 chaos@host\n  ssh -p 2222 chaos@host stop\n  ssh -p 2222 chaos@host status --json",
		Args:              servedCommand,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "machine-readable output on stdout")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "say only what went wrong")
	flags.BoolVar(&a.noColor, "no-color", false, "no colour")
	flags.BoolVar(&a.noInput, "no-input", true, "never ask; nothing is asked here")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fail(exitUsage, fmt.Errorf("%w; over SSH, a command takes its own flags, --json and --quiet", err))
	})
	root.SetUsageTemplate(strings.NewReplacer( // by itself it is the console, and ssh keeps a --help for itself
		"{{if .Runnable}}\n  {{.UseLine}}", "{{if and .Runnable .HasParent}}\n  {{.UseLine}}", `"{{.CommandPath}} [command] --help"`, `"help [command]"`,
	).Replace(root.UsageTemplate()))
	root.AddCommand(
		a.statusCommand(), a.whyCommand(), a.runOnceCommand(), a.approveCommand(),
		a.stopCommand(), a.resumeCommand(), a.pauseCommand(), a.skipCommand(), a.excludeCommand(), a.includeCommand(),
		a.hostsCommand(), a.attacksCommand(), a.gatesCommand(), a.windowsCommand(),
		a.historyCommand(), a.explainCommand(), a.versionCommand(),
	)
	for _, c := range append(root.Commands(), root) {
		usageErrors(c)
	}
	return root
}

// servedCommand refuses a word that is no command here.
func servedCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%w; over SSH there are fewer than on the machine itself", unknownCommand(c, args[0], "help"))
}

// sshAbout is what info says of the SSH door: where it is to listen, and the key that it shows, or why that is not
// known.
func (a *app) sshAbout() (listen, key string) {
	cfg, err := a.load()
	if err != nil || cfg.Control.SSHListen == "" {
		return "", ""
	}
	key, err = sshdoor.Fingerprint(a.dir())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		key = "made at the first start"
	case err != nil:
		key = err.Error()
	}
	return cfg.Control.SSHListen, key
}
