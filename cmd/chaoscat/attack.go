package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/attacks"
)

// The skeleton of an attack of one's own: a working one, in which NAME stands for its name.
var (
	//go:embed skeleton/inject.sh
	skeletonInject string
	//go:embed skeleton/undo.sh
	skeletonUndo string
	//go:embed skeleton/measure.sh
	skeletonMeasure string
)

func (a *app) attackCommand() *cobra.Command {
	c := &cobra.Command{Use: "attack", Short: "Write an attack of your own, and try any attack step by step"}
	c.AddCommand(a.attackNewCommand(), a.attackTestCommand())
	return c
}

func (a *app) attackNewCommand() *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use: "new NAME", Short: "Write the commented skeleton of an attack of your own", Args: oneArgument("a name for the attack"),
		Long: `new writes three shell files into a directory: inject.sh, undo.sh and measure.sh, which are a small harmless
attack that works, with all that there is to know beside each line. It prints the [[attack]] that makes them
part of a plan, and overwrites nothing.`,
		Example: "  chaoscat attack new stale-cache\n  chaoscat attack test stale-cache --host web-1",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.newAttack(args[0], orElse(dir, args[0]))
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "`D` to write into (default: a directory called like the attack)")
	return c
}

func (a *app) newAttack(name, dir string) error {
	files := map[string]string{"inject.sh": skeletonInject, "undo.sh": skeletonUndo, "measure.sh": skeletonMeasure}
	for file, text := range files {
		files[file] = strings.ReplaceAll(text, "NAME", name)
	}
	if _, err := attacks.Custom(attacks.CustomFiles{
		Name: name, Params: []string{"word"}, Inject: files["inject.sh"], Undo: files["undo.sh"], Measure: files["measure.sh"],
	}); err != nil {
		return fail(exitUsage, err)
	}
	for _, file := range sortedKeys(files) {
		if _, err := os.Lstat(filepath.Join(dir, file)); err == nil {
			return keptAsIs(filepath.Join(dir, file))
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing the attack: %w", err)
	}
	for _, file := range sortedKeys(files) {
		if err := writeNew(filepath.Join(dir, file), files[file]); err != nil {
			return err
		}
	}
	return a.printNew(name, dir, sortedKeys(files))
}

func keptAsIs(path string) error {
	return fail(exitConfig, fmt.Errorf("%s is there already and is not overwritten; choose another name, or another directory with --dir", path))
}

// writeNew writes a file that is not there yet, for its owner to change and for nobody else.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return keptAsIs(path)
	}
	if err != nil {
		return fmt.Errorf("writing the attack: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// snippet is what makes the files part of a plan.
func snippet(name, dir string) string {
	return fmt.Sprintf(`[[attack]]
name = %[1]q
weight = 0                  # by order only, until you trust it; then its chance relative to the others
for = "30s"
params = { word = "hello" } # the scripts see it as $P_word
inject = %[2]q
undo = %[3]q
measure = %[4]q
figure = "markers"          # what measure prints
#unit = "ms"
#hosts = "group:staging"    # hosts that it may hit; default: all
`, name, filepath.Join(dir, "inject.sh"), filepath.Join(dir, "undo.sh"), filepath.Join(dir, "measure.sh"))
}

func (a *app) printNew(name, dir string, files []string) error {
	path, err := a.configPath()
	if err != nil {
		path = "chaoscat.toml"
	}
	from := fromConfig(path, dir)
	if a.json {
		return a.lines(struct {
			Schema  int      `json:"schema"`
			Name    string   `json:"name"`
			Dir     string   `json:"dir"`
			Files   []string `json:"files"`
			Snippet string   `json:"snippet"`
		}{schema, name, dir, files, snippet(name, from)})
	}
	fmt.Fprint(a.out, snippet(name, from))
	a.say("wrote %s in %s\nnext: put the lines above into %s, then run: chaoscat attack test %s --host HOST", strings.Join(files, ", "), dir, path, name)
	return nil
}

// fromConfig is the directory as the configuration must name it: relative to its own folder where it lies below.
func fromConfig(config, dir string) string {
	file, err := filepath.Abs(config)
	full, err2 := filepath.Abs(dir)
	if err != nil || err2 != nil {
		return dir
	}
	if below, err := filepath.Rel(filepath.Dir(file), full); err == nil && filepath.IsLocal(below) {
		return below
	}
	return full
}

func (a *app) attackTestCommand() *cobra.Command {
	x, params := rehearsal{app: a}, []string{}
	c := &cobra.Command{
		Use: "test NAME --host H", Short: "Run one attack on one host, and show every step and figure", Args: oneArgument("the name of an attack"),
		Long: `test runs an attack of the plan, or of the catalogue, on one host in the foreground: the whole cycle with every
phase and its time, what the host says, every figure with what was expected of it, the undo and its proof, and
one more look at the host afterwards. It is a real attack: the same lock, gates, limits and journal hold as for
any other, and dry_run holds, too. No engine may be running; with one, use run-once.`,
		Example: "  chaoscat attack test stale-cache --host web-1\n  chaoscat attack test latency --host web-1 --param delay=300ms --for 20s",
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if x.params, err = splitParams(params); err != nil {
				return fail(exitUsage, err)
			}
			if x.host == "" {
				return fail(exitUsage, errors.New("name the host to test on: --host"))
			}
			x.attack, x.asked = args[0], cmd.Flags().Changed("for")
			return x.run(cmd.Context())
		},
	}
	c.Flags().StringVar(&x.host, "host", "", "`NAME` of the host")
	c.Flags().StringArrayVar(&params, "param", nil, "`K=V` instead of the plan's parameter; may be repeated")
	spanVar(c.Flags(), &x.hold, "for", 10*time.Second, "how long `D` the fault is held; a compound attack has its gaps besides, a host that reboots what the catalogue says")
	c.Flags().StringVar(&x.reason, "reason", "", "`WHY`, for the record")
	return c
}
