package attacks

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// CustomFiles is an operator's own attack: the texts of three scripts and what must be known of them.
type CustomFiles struct {
	Name         string
	Inject       string        // required; applies the fault
	Undo         string        // takes it back, also half of it, also twice; ends with 0 only if nothing is left
	Measure      string        // prints one number, or the lines of measure() in library/README.md
	InjectFile   string        // where the texts came from, for messages
	UndoFile     string        //
	MeasureFile  string        //
	Irreversible bool          // there is no undo, and the operator has said so
	Params       []string      // names of parameters; the scripts see them as $P_<name>
	Max          time.Duration // 0 means 10 minutes
	Figure       Figure        // what Measure prints
}

// Custom makes an attack from an operator's own files. Each text becomes the body of a function that runs
// in a subshell: exit, exec, cd and variables end with it. All that is wrong is said at once: a text that
// is no POSIX sh, with its file and line; a name that cannot be used; no undo without "irreversible".
func Custom(f CustomFiles) (Definition, error) {
	var wrong []error
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf("attack %s: "+format, append([]any{f.Name}, args...)...))
		}
	}
	_, taken := Find(f.Name)
	say(taken, "the name is that of a built-in attack; choose another")
	say(strings.TrimSpace(f.Inject) == "", "there is no inject script")
	say(strings.TrimSpace(f.Undo) == "" && !f.Irreversible, "there is no undo script: write one, or say irreversible = true if the fault needs none")
	say(strings.TrimSpace(f.Undo) != "" && f.Irreversible, "it has an undo script and says irreversible = true: one of them is wrong")
	say(f.Max < 0, "max is negative")
	wrong = append(wrong, parses(f.InjectFile, "inject", f.Inject), parses(f.UndoFile, "undo", f.Undo), parses(f.MeasureFile, "measure", f.Measure))
	if err := errors.Join(wrong...); err != nil {
		return Definition{}, err
	}
	def := f.definition()
	return def, wellFormed(def)
}

func (f CustomFiles) definition() Definition {
	def := Definition{
		Name: f.Name, Summary: "an attack of your own", Family: "custom",
		Default: min(30*time.Second, orElse(f.Max, time.Minute)), Max: orElse(f.Max, 10*time.Minute), UndoWithin: time.Minute,
		Reversible: !f.Irreversible, Custom: true, Figure: f.Figure, Script: f.script(),
	}
	for _, name := range f.Params {
		def.Params = append(def.Params, Param{Name: name, Kind: Text})
	}
	return def
}

func orElse(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}

// script wraps the texts. The undo of a custom attack is its own proof: verify asks for nothing more than
// that it ended with 0, which the guard does before.
func (f CustomFiles) script() string {
	measure := f.Measure
	if strings.TrimSpace(measure) == "" {
		measure = "echo 'unverifiable this attack has no measure script'"
	}
	var b strings.Builder
	b.WriteString("requires() { can_end; }\nlayers() { :; }\nprepare() { :; }\nverify() { :; }\n")
	for _, part := range []struct{ name, text string }{{"inject", f.Inject}, {"undo", f.Undo}, {"measure", measure}} {
		fmt.Fprintf(&b, "%s() (\n:\n%s\n)\n", part.name, part.text)
	}
	return b.String()
}

// parses checks one text, alone and then as the body it will become: a text that closes the body and goes
// on outside is caught by the second look.
func parses(file, part, text string) error {
	if file == "" {
		file = part
	}
	if i := strings.IndexAny(text, "\x00\r"); i >= 0 {
		return fmt.Errorf("%s:%d: a NUL or a carriage return, which sh does not take; save the file with plain line feeds", file, 1+strings.Count(text[:i], "\n"))
	}
	parser := syntax.NewParser(syntax.Variant(syntax.LangPOSIX))
	if _, err := parser.Parse(strings.NewReader(text), file); err != nil {
		return fmt.Errorf("the %s script is no POSIX sh: %w", part, err)
	}
	body, err := parser.Parse(strings.NewReader("f() (\n:\n"+text+"\n)\n"), file)
	if err != nil || len(body.Stmts) != 1 {
		return fmt.Errorf("%s: the %s script does not end where its file ends", file, part)
	}
	return nil
}
