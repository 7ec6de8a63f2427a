// Package health asks the outside world the two questions that come before every attack: is every system
// well, and is somebody surely there? It answers both with an [engine.GateAnswer] and nothing else: an
// error means "not healthy". A server that is down, slow, half there, too talkative or talking garbage, a
// command that hangs, a panic in a gate, a token file that others can read: each is an answer that says
// no, with a sentence an operator can act on, within the time-out.
//
//	gate, err := health.HTTP(health.HTTPOptions{URL: "https://status.example/api", JSON: `error_rate < 0.5`})
//	oncall, err := health.Command(health.CommandOptions{Argv: []string{"/usr/local/bin/who-is-on-call"}, OnCall: true})
//	runner, err := health.NewRunner(gates, clock, deliver)
//	go runner.Run(ctx)                  // asks each gate at its interval, until ctx ends
//	answer := runner.AskNow(ctx, "api") // the last-moment round
//
// What the answers add up to (passes in a row, aborts) is the core's business. A further kind of gate is a
// type with one method, [Gate]; nothing else here changes for it.
//
// No text leaves this package that a terminal or a log could not show, and no secret leaves it at all.
package health

import (
	"context"
	"fmt"
	"slices"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// Gate is one outside system that can be asked. Ask returns soon after ctx ends, may be called by several
// goroutines at once, and puts into the text the value with its limit, who is on call, or what went wrong.
type Gate interface {
	Ask(ctx context.Context) engine.GateAnswer
}

// Yes is an answer, and so is [No].
func Yes(format string, args ...any) engine.GateAnswer {
	return engine.GateAnswer{OK: true, Text: fmt.Sprintf(format, args...)}
}

// No is an answer about everything; set Causes where the gate can tell what it is about.
func No(format string, args ...any) engine.GateAnswer {
	return engine.GateAnswer{Text: fmt.Sprintf(format, args...)}
}

// Hidden makes an answer of what another system says fit to be shown. hide takes out of it what must not be.
func Hidden(a engine.GateAnswer, hide func(string) string) engine.GateAnswer {
	a.Text = hide(a.Text)
	for i := range a.Causes {
		a.Causes[i] = hide(a.Causes[i])
	}
	for i := range a.Who {
		a.Who[i] = hide(a.Who[i])
	}
	return shown(a)
}

// shown makes the answer fit for terminals and logs.
func shown(a engine.GateAnswer) engine.GateAnswer {
	a.Text = printable.Printable(a.Text)
	a.Causes, a.Who = printed(a.Causes), printed(a.Who)
	if a.Text == "" && !a.OK {
		a.Text = "the gate said no and gave no reason"
	}
	return a
}

func printed(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	clean := make([]string, len(list))
	for i, s := range list {
		clean[i] = printable.Printable(s)
	}
	return clean
}

// MaxCauses is how many things one answer tells apart.
const MaxCauses = 100

// Blame is a no about these things, each named once. More than can be told apart, or one without a name, make it a no
// about everything.
func Blame(causes []string, format string, args ...any) engine.GateAnswer {
	a := No(format, args...)
	causes = slices.Compact(slices.Sorted(slices.Values(causes)))
	if len(causes) <= MaxCauses && !slices.Contains(causes, "") {
		a.Causes = causes
	}
	return a
}

// short keeps a value of the other side from filling the sentence.
func short(s string) string { return printable.Short(s, 80) }
