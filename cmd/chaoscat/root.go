package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/tui"
)

// app is one call of the program: its world, and what the global flags say.
type app struct {
	world
	configFile string
	state      string
	socket     string
	json       bool
	quiet      bool
	verbose    bool
	noColor    bool
	noInput    bool
	daemon     bool
	looks      looks
	day        *tui.GameDay    // what the console carries out; nil: nothing of that kind
	unsure     error           // why it is not known where the engine listens
	broken     context.Context // done when the engine of this process has ended by itself; nil: it runs elsewhere
	level      *slog.LevelVar  // of the log, once there is one
	served     *served         // the engine, for a person who has come in over SSH; nil for everybody else
}

// run is the whole program; it returns the exit code.
func run(w world) int {
	a := &app{world: w}
	root := a.root()
	root.SetArgs(w.args)
	root.SetOut(w.out)
	root.SetErr(w.err)
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	err := root.ExecuteContext(ctx)
	a.complain(err)
	return codeOf(err)
}

// complain puts an error on stderr the way an operator reads it.
func (a *app) complain(err error) {
	if err == nil || err.Error() == "" {
		return
	}
	var mistakes *config.Mistakes
	if errors.As(err, &mistakes) {
		fmt.Fprintln(a.err, err)
		fmt.Fprintf(a.err, "chaoscat: %s in the configuration; nothing was started. Mend that and run: %s\n", counted(len(mistakes.List), "mistake"), a.again("check"))
		return
	}
	for i, line := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			line = "chaoscat: " + line
		}
		fmt.Fprintln(a.err, line)
	}
	if a.unsure != nil && errors.Is(err, control.ErrNoEngine) {
		fmt.Fprintf(a.err, "The engine may listen elsewhere: %v. Name its socket with --socket.\n", a.unsure)
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "chaoscat",
		Short: "Fault injection on hosts reached by SSH, in business hours, always undone",
		Long: `chaoscat attacks a random host with a weighted random attack over SSH, when it is business hours,
somebody is on call and everything is healthy; measures the effect; undoes it; proves that it is
undone; waits; and starts over. Anybody stops it with one key, or with: chaoscat stop

Without a command it opens the console: on the running daemon if there is one, else with an engine
of its own.`,
		Example: `  chaoscat demo          try it now, touching nothing
  chaoscat init          write a first configuration
  chaoscat check         test everything that it names
  chaoscat               the console
  chaoscat stop          end every attack, from anywhere`,
		Args:          knownCommand,
		Version:       versionLine(),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.daemon {
				return a.runDaemon(cmd.Context())
			}
			return a.runConsole(cmd.Context())
		},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.configFile, "config", "c", "", "configuration `FILE` (default: ./chaoscat.toml, then the user's, then /etc/chaoscat/chaoscat.toml)")
	flags.StringVar(&a.state, "state-dir", "", "`DIR` of the journal and the lock")
	flags.StringVar(&a.socket, "socket", "", "`PATH` of the engine's socket")
	flags.BoolVar(&a.json, "json", false, "machine-readable output on stdout")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "say only what went wrong")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say more")
	flags.BoolVar(&a.noColor, "no-color", false, "no colour")
	flags.BoolVar(&a.noInput, "no-input", false, "never ask")
	root.Flags().BoolVar(&a.daemon, "daemon", false, "run headless, logging to stderr")
	a.looks.flags(root)
	root.SetVersionTemplate("chaoscat {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fail(exitUsage, err) })
	root.AddCommand(a.commands()...)
	a.completionCommand(root)
	a.complete(root)
	fitHelp(root)
	for _, c := range append(root.Commands(), root) {
		usageErrors(c)
	}
	return root
}

// usageErrors makes a wrong number of arguments a usage error, wherever the command stands.
func usageErrors(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error { return fail(exitUsage, check(cmd, args)) }
	}
	for _, sub := range c.Commands() {
		usageErrors(sub)
	}
}

func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.demoCommand(), a.initCommand(), a.checkCommand(), a.infoCommand(),
		a.statusCommand(), a.whyCommand(), a.runOnceCommand(), a.approveCommand(), a.reloadCommand(),
		a.stopCommand(), a.resumeCommand(), a.pauseCommand(), a.skipCommand(), a.excludeCommand(), a.includeCommand(),
		a.hostsCommand(), a.attacksCommand(), a.attackCommand(), a.gatesCommand(), a.windowsCommand(),
		a.historyCommand(), a.explainCommand(), a.journalCommand(),
		a.gameDayCommand(), a.sweepCommand(), a.sudoersCommand(), a.manCommand(), a.versionCommand(), a.pagerDutyCommand(),
	}
}

// load finds and reads the configuration. Without one, the error carries the three next steps.
func (a *app) load() (*config.Config, error) {
	if a.served != nil {
		return a.served.config, nil
	}
	path, err := a.configPath()
	if err != nil {
		return nil, a.firstSteps(err)
	}
	cfg, err := config.Load(path, config.Disk(a.home))
	if err != nil {
		return nil, a.andMore(path, fail(exitConfig, err))
	}
	cfg.StateDir = a.dir() // also where a flag or nothing names it
	return cfg, nil
}

func (a *app) firstSteps(err error) error {
	if !errors.Is(err, config.ErrNotFound) {
		return fail(exitConfig, err)
	}
	return fail(exitConfig, fmt.Errorf(`%w.
  looked for: %s
  try it now, touching nothing:   chaoscat demo
  write a first configuration:    chaoscat init
  then test it:                   chaoscat check`, config.ErrNotFound, strings.Join(a.lookedFor(), "\n              ")))
}

// lookedFor is where a configuration may be, as people write it.
func (a *app) lookedFor() []string {
	candidates := config.Candidates(a.configHome())
	for i, path := range candidates {
		if rest, below := strings.CutPrefix(path, a.home+"/"); below && a.home != "" {
			path = "~/" + rest
		}
		if !strings.ContainsRune("/~", rune(path[0])) {
			path = "./" + path
		}
		candidates[i] = path
	}
	return candidates
}

// loadGraph is load, and everything behind it.
func (a *app) loadGraph(ctx context.Context) (*graph, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	return build(ctx, a.world, cfg)
}

// loadAndConnect is loadGraph for commands that reach hosts.
func (a *app) loadAndConnect(ctx context.Context) (*graph, error) {
	g, err := a.loadGraph(ctx)
	if err != nil {
		return nil, err
	}
	return g, g.connect(a.world)
}

// dir is the state directory: the flag, the configuration, the usual place.
func (a *app) dir() string {
	if a.state != "" {
		return a.state
	}
	if state, _ := a.places(); state != "" {
		return state
	}
	return a.stateDir()
}

func (a *app) socketPath() string {
	if a.socket != "" {
		return a.socket
	}
	if _, socket := a.places(); socket != "" && a.state == "" {
		return socket
	}
	return filepath.Join(a.dir(), "chaoscat.sock")
}

// places is where the configuration puts the engine. Mistakes elsewhere in it do not matter here: they must
// not keep a stop from finding its engine. What cannot be read at all is said beside "no engine".
func (a *app) places() (state, socket string) {
	path, err := a.configPath()
	if err != nil {
		return "", ""
	}
	state, socket, a.unsure = config.Peek(path, config.Disk(a.home))
	return state, socket
}

func (a *app) configPath() (string, error) {
	if a.configFile != "" {
		return a.configFile, nil
	}
	return config.Find(config.Candidates(a.configHome()), config.Disk(a.home))
}

// running is an engine that runs already, and outlives the call.
type running interface {
	asker
	Order(ctx context.Context, o engine.Order) error
	Snapshot(ctx context.Context) (engine.Snapshot, error)
	Survey(ctx context.Context) *engine.Survey
	Close()
}

var _ running = (*control.Client)(nil)

// client is the engine that the call is about: behind the socket, or, over SSH, that of this process.
func (a *app) client() running {
	if a.served != nil {
		return *a.served
	}
	return control.NewClient(a.socketPath())
}

// say tells a person something that is not data.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

// logLevel is the least important line that is written. Another configuration may change it while the process runs.
func (a *app) logLevel(level string) *slog.LevelVar {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil || a.verbose {
		l = slog.LevelDebug
	}
	if a.quiet {
		l = slog.LevelWarn
	}
	if a.level == nil {
		a.level = new(slog.LevelVar)
	}
	a.level.Set(l)
	return a.level
}

func logPath(dir string) string { return filepath.Join(dir, "chaoscat.log") }

// logFile is where an engine logs whose terminal shows the console.
func logFile(dir string) (*slog.Logger, func() error, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("making the state directory: %w", err)
	}
	f, err := os.OpenFile(logPath(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	return slog.New(slog.NewJSONHandler(f, nil)), f.Close, nil
}
