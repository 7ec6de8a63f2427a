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

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// Gate is one outside system that can be asked. Ask returns soon after ctx ends, may be called by several
// goroutines at once, and puts into the text the value with its limit, who is on call, or what went wrong.
type Gate interface {
	Ask(ctx context.Context) engine.GateAnswer
}

func yes(format string, args ...any) engine.GateAnswer {
	return engine.GateAnswer{OK: true, Text: fmt.Sprintf(format, args...)}
}

func no(format string, args ...any) engine.GateAnswer {
	return engine.GateAnswer{Text: fmt.Sprintf(format, args...)}
}

// shown makes the answer fit for terminals and logs.
func shown(a engine.GateAnswer) engine.GateAnswer {
	a.Text = printable.Printable(a.Text)
	if a.Text == "" && !a.OK {
		a.Text = "the gate said no and gave no reason"
	}
	return a
}

// short keeps a value of the other side from filling the sentence.
func short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
