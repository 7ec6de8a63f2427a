package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// Said is what a plain command on a host had to say.
type Said struct {
	Out, Err string // the beginning of each
	Status   int
}

// Ask runs a program on a host and waits until it has ended. It logs in anew, by a connection of its own that no attack
// uses, and without the runner: nothing is left on the host. No shell takes the arguments apart; there is no terminal,
// and nothing to read. When ctx ends, the program is killed where the host's SSH server does so.
func (c *Carrier) Ask(ctx context.Context, h engine.Host, argv []string) (Said, error) {
	command, err := quoted(argv)
	if err != nil {
		return Said{}, err
	}
	ctx, end := c.begin(ctx)
	defer end()
	l, err := c.dial(ctx, h, forAttack)
	if err != nil {
		return Said{}, err
	}
	defer l.close()
	var out, said beginning
	hear := func(_ *session, line []byte, stdout bool) {
		if stdout {
			out.add(line)
		} else {
			said.add(line)
		}
	}
	s, err := l.start(ctx, c.ConnectTimeout, c.pace.drain, command, hear, func(string) {})
	if err != nil {
		return Said{}, err
	}
	status, err := s.outcome(ctx)
	return Said{Out: out.text.String(), Err: said.text.String(), Status: status}, err
}

// outcome is the exit status of a command that reads nothing.
func (s *session) outcome(ctx context.Context) (int, error) {
	if err := s.finish(nil); err != nil && !isEOF(err) {
		return 0, fmt.Errorf("ending the input on %s: %w", s.link.host, err)
	}
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.kill()
		return 0, context.Cause(ctx)
	}
	switch {
	case s.flooded():
		return 0, errFlood
	case !s.exit.known || s.exit.signal != "":
		return 0, fmt.Errorf("the command on %s %s", s.link.host, s.exit)
	}
	return s.exit.status, nil
}

// quoted is the command for whatever login shell there is: single quotes mean the same in all of them.
func quoted(argv []string) (string, error) {
	words := make([]string, len(argv))
	for i, arg := range argv {
		if strings.ContainsAny(arg, "\x00\r\n!") {
			return "", errors.New(`an argument has a "!", a NUL byte or a second line: not every login shell takes that`)
		}
		words[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	}
	if len(words) == 0 || argv[0] == "" {
		return "", errors.New("the command is empty")
	}
	return strings.Join(words, " "), nil
}

// beginning keeps the first lines of a stream; lines are heard one at a time.
type beginning struct{ text bytes.Buffer }

func (b *beginning) add(line []byte) {
	line = line[:min(len(line), lineBytes-b.text.Len())]
	b.text.Write(line)
	if b.text.Len() < lineBytes {
		b.text.WriteByte('\n')
	}
}
