package attacks

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Base is where the runner keeps its state on a host: a tmpfs that a reboot empties.
const Base = "/run/chaoscat"

// The parts of the runner, in the order in which they are joined.
var (
	//go:embed library/state.sh
	stateScript string
	//go:embed library/undo.sh
	undoScript string
	//go:embed library/guard.sh
	guardScript string
	//go:embed library/inspect.sh
	inspectScript string
	//go:embed library/network.sh
	networkScript string
	//go:embed library/hogs.sh
	hogsScript string
	//go:embed library/processes.sh
	processesScript string
	//go:embed library/compound.sh
	compoundScript string
)

// Runner is the one program that is carried to every host. It is the same for all of them, so that its
// digest can stand in a sudoers rule; what differs between two runs comes over standard input.
type Runner struct {
	Text   []byte
	Digest string // SHA-256 in hexadecimal; the first 16 digits name the file on the host
}

// BundleOptions is for tests alone; the zero value is what is used.
type BundleOptions struct {
	Base string // an absolute, clean path instead of [Base]
}

// Bundle joins the guard and the attacks into one program. The same definitions give the same bytes in
// whatever order they come. It panics if a definition did not come from [Builtin], [Custom] or [Compound]: those
// have checked it, and what is unchecked must never reach a host.
func Bundle(defs []Definition, o BundleOptions) Runner {
	if err := fit(defs, o); err != nil {
		panic("attacks: " + err.Error())
	}
	base := o.Base
	if base == "" {
		base = Base
	}
	var b bytes.Buffer
	b.WriteString("#!/bin/sh\n# chaoscat's runner: see README.md in attacks/library. It does nothing but read, without a verb.\n\n")
	for _, part := range []string{stateScript, undoScript, guardScript, inspectScript, networkScript, hogsScript, processesScript, compoundScript} {
		b.WriteString(strings.Replace(part, "@BASE@", base, 1))
		b.WriteString("\n")
	}
	writeLoader(&b, defs)
	b.WriteString("\nmain \"$@\"\nexit 0\n")
	sum := sha256.Sum256(b.Bytes())
	return Runner{Text: b.Bytes(), Digest: hex.EncodeToString(sum[:])}
}

// writeLoader writes load_attack, which defines the functions of one attack and of no other.
func writeLoader(b *bytes.Buffer, defs []Definition) {
	sorted := slices.Clone(defs)
	slices.SortFunc(sorted, func(a, b Definition) int { return strings.Compare(a.Name, b.Name) })
	b.WriteString("# load_attack NAME defines the functions of one attack.\nload_attack() {\nPARAMS= RENEWS= CUSTOM=\ncase $1 in\n")
	for _, d := range sorted {
		fmt.Fprintf(b, "%s)\nPARAMS='%s'%s\n%s\n;;\n", d.Name, strings.Join(names(d.Params), " "), flags(d), strings.TrimRight(d.Script, "\n"))
	}
	b.WriteString("*) return 1 ;;\nesac\n}\n")
}

func flags(d Definition) string {
	text := ""
	if defined, _ := functions(d.Name, d.Script); slices.Contains(defined, "renew") {
		text += " RENEWS=1"
	}
	if d.Custom || len(d.Parts) > 0 { // a stop must reach what the body's subshell waits for
		text += " CUSTOM=1"
	}
	return text
}

func names(params []Param) []string {
	out := make([]string, len(params))
	for i, p := range params {
		out[i] = p.Name
	}
	return out
}

var (
	plainName  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	plainParam = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	plainPath  = regexp.MustCompile(`^/[A-Za-z0-9._/-]+$`)
)

// fit tells what keeps the definitions from being joined.
func fit(defs []Definition, o BundleOptions) error {
	var wrong []error
	if o.Base != "" && (!plainPath.MatchString(o.Base) || path.Clean(o.Base) != o.Base) {
		wrong = append(wrong, fmt.Errorf("the base %q is not an absolute, clean path of plain characters", o.Base))
	}
	seen := map[string]bool{}
	for _, d := range defs {
		if seen[d.Name] {
			wrong = append(wrong, fmt.Errorf("the attack %s is there twice", d.Name))
		}
		seen[d.Name] = true
		wrong = append(wrong, wellFormed(d))
	}
	for _, d := range defs {
		for _, p := range d.Parts {
			if !seen[p.Name] {
				wrong = append(wrong, fmt.Errorf("the attack %s has the part %s, which is not there", d.Name, p.Name))
			}
		}
	}
	return errors.Join(wrong...)
}

// required are the functions that every attack has; see library/README.md.
var required = []string{"requires", "layers", "prepare", "inject", "undo", "verify", "measure"}

func wellFormed(d Definition) error {
	if !plainName.MatchString(d.Name) {
		return fmt.Errorf("the attack's name %q is not made of a-z, 0-9 and - (at most 40, beginning with a letter)", d.Name)
	}
	for _, p := range d.Params {
		if !plainParam.MatchString(p.Name) {
			return fmt.Errorf("attack %s: the parameter's name %q is not made of a-z, 0-9 and _", d.Name, p.Name)
		}
	}
	defined, err := functions(d.Name, d.Script)
	if err != nil {
		return err
	}
	for _, f := range required {
		if !slices.Contains(defined, f) {
			return fmt.Errorf("attack %s: the script has no function %s", d.Name, f)
		}
	}
	return nil
}
