package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// paths and commands. They are constants but for the digest, which is 16 hex digits, so there is nothing
// to quote. Single quotes mean the same in every login shell, csh and fish included.
const (
	rootRunner = "/run/chaoscat/runner-"
	sudoRunner = "/dev/shm/chaoscat-runner-"
)

// file is where the runner lies on a host.
func (c *Carrier) file() string {
	if c.Sudo {
		return sudoRunner + c.Runner.Digest[:16]
	}
	return rootRunner + c.Runner.Digest[:16]
}

// command is how the runner is run with a verb.
func (c *Carrier) command(verb string) string {
	if c.Sudo {
		return "sudo -n " + c.file() + " " + verb + ` "$SSH_CONNECTION"`
	}
	return "sh " + c.file() + " " + verb + ` "$SSH_CONNECTION"`
}

// uploadCommand writes standard input to the runner's file: under another name first, never through a
// link that somebody has left there, and only if every byte has arrived.
func (c *Carrier) uploadCommand() string {
	before, mode := "mkdir -p /run/chaoscat && chmod 700 /run/chaoscat && ", "600"
	if c.Sudo {
		before, mode = "", "700"
	}
	return fmt.Sprintf(`/bin/sh -c 'umask 077; set -C; f=%s; t=$f.$$; %scat >$t && [ $(wc -c <$t) -eq %d ] && chmod %s $t && mv -f $t $f || { rm -f $t; exit 1; }'`,
		c.file(), before, len(c.Runner.Text), mode)
}

// removeCommand takes a runner away that was never run, unless a run of ours stands on the host.
func (c *Carrier) removeCommand() string {
	return fmt.Sprintf(`/bin/sh -c '[ -e /run/chaoscat ] || rm -f %s'`, c.file())
}

// field is one line of a header.
type field struct{ key, value string }

// header is what a verb reads first: the nonce, the fields, a dot. A value that could mean something to a
// shell is refused here, and again on the host.
func header(nonce string, fields []field) ([]byte, error) {
	var b strings.Builder
	b.WriteString("nonce=" + nonce + "\n")
	for _, f := range fields {
		line, err := attacks.HeaderLine(f.key, f.value)
		if err != nil {
			return nil, err
		}
		b.WriteString(line + "\n")
	}
	b.WriteString(".\n")
	return []byte(b.String()), nil
}

// fields are the parameters of an attack in a fixed order.
func fields(params map[string]string) []field {
	var list []field
	for key, value := range params {
		list = append(list, field{"p." + key, value})
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.key, b.key) })
	return list
}

// control reads a line of the runner: "%NONCE WORD REST". Anything else, and anything with another nonce,
// is mere output. The rest is made harmless.
func control(line []byte, nonce string) (word, rest string, ok bool) {
	text, ok := strings.CutPrefix(string(line), "%"+nonce+" ")
	if !ok || nonce == "" {
		return "", "", false
	}
	word, rest, _ = strings.Cut(text, " ")
	if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return "", "", false
	}
	return word, printable.Printable(strings.TrimSpace(rest)), true
}

// SudoRefused says that the host would not run the runner with sudo without asking for a password.
type SudoRefused struct {
	Host string
	Said string // sudo's own words, harmless
}

func (e *SudoRefused) Error() string {
	return fmt.Sprintf("sudo on %s would not run the runner without a password (%s): install the rule that `chaoscat sudoers` prints", e.Host, e.Said)
}

// NotOurs says that a command ran but the runner did not answer: a forced command, a broken login shell,
// a host without /bin/sh.
type NotOurs struct {
	Host string
	Verb string
	Exit string
	Said string // the last line that was heard, harmless

	status int // of the command; -1 without one
}

// missing tells whether a verb failed as it does when the runner is not where it should be: a shell says 127,
// or 2 in dash, and sudo 1.
func missing(err error) bool {
	not := (*NotOurs)(nil)
	return errors.As(err, &not) && slices.Contains([]int{1, 2, 127}, not.status) || errors.As(err, new(*SudoRefused))
}

func (e *NotOurs) Error() string {
	said := "it said nothing"
	if e.Said != "" {
		said = "it said: " + e.Said
	}
	return fmt.Sprintf("the runner did not answer %s on %s: the command %s and %s; look for a forced command, a restricted shell or a login script that exits", e.Verb, e.Host, e.Exit, said)
}

// call runs one verb to its end. each gets the runner's words in order; other output goes to show. It is
// an error if the runner does not say done and exit with 0.
func (c *Carrier) call(ctx context.Context, l *link, limit time.Duration, verb string, head []field, show func(string), each func(word, rest string)) error {
	nonce, err := c.nonce()
	if err != nil {
		return err
	}
	text, err := header(nonce, head)
	if err != nil {
		return err
	}
	h := &hearing{nonce: nonce, show: show}
	h.each = func(word, rest string) {
		switch word {
		case "done":
			h.done = true
		case "refused":
			h.refused = rest
		}
		each(word, rest)
	}
	e, err := c.exec(ctx, l, limit, c.command(verb), text, h)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", verb, l.host, err)
	}
	return h.verdict(l.host, verb, e)
}

// hearing sorts what a session says into the runner's words and the rest.
type hearing struct {
	nonce   string
	show    func(string)
	each    func(word, rest string)
	spoke   bool // the runner has said anything at all
	done    bool
	last    string
	sudo    string
	refused string // the runner's sentence
}

func (h *hearing) hear(s *session, line []byte, stdout bool) {
	if stdout {
		noise, said := h.first(line)
		if word, rest, ok := control(said, h.nonce); ok {
			h.spoke = true
			h.each(word, rest)
			line = noise
		}
	}
	text := printable.Printable(string(line))
	if len(line) >= lineBytes {
		text = printable.Printable(text + "…")
	}
	if text == "" {
		return
	}
	h.last = text
	if h.sudo == "" && sudoSays(text) {
		h.sudo = text
	}
	if s.display(len(line)) {
		h.show(text)
	}
}

// first parts the runner's first word from what a login script has printed before it without ending the
// line. Later lines are taken as they are.
func (h *hearing) first(line []byte) (noise, said []byte) {
	if at := bytes.Index(line, []byte("%"+h.nonce+" ")); at > 0 && !h.spoke && h.nonce != "" {
		return line[:at], line[at:]
	}
	return nil, line
}

// sudoSays recognises a refusal of sudo, whatever else the login machinery says around it.
func sudoSays(text string) bool {
	for _, words := range []string{
		"sudo: a password is required", "sudo: a terminal is required", "sudo: no tty present",
		"you must have a tty to run sudo", "sudo: interactive authentication is required",
		"is not in the sudoers file", "may not run sudo", "is not allowed to execute", "is not allowed to run sudo",
		"sudo: not found", "sudo: command not found", "sudo: no new privileges",
	} {
		if strings.Contains(strings.ToLower(text), words) {
			return true
		}
	}
	return false
}

func (h *hearing) verdict(host, verb string, e exit) error {
	switch {
	case h.spoke && h.done && e.known && e.status == 0:
		return nil
	case h.refused != "":
		return fmt.Errorf("%s on %s: the runner refuses: %s", verb, host, h.refused)
	case h.spoke && !e.known:
		return fmt.Errorf("%s on %s: the session broke off", verb, host)
	case h.spoke:
		return fmt.Errorf("%s on %s %s before it was done; last heard: %s", verb, host, e, first(h.last, "nothing"))
	case h.sudo != "":
		return &SudoRefused{Host: host, Said: h.sudo}
	}
	status := -1
	if e.known {
		status = e.status
	}
	return &NotOurs{Host: host, Verb: verb, Exit: e.String(), Said: h.last, status: status}
}

// exec runs a command with that input to its end.
func (c *Carrier) exec(ctx context.Context, l *link, limit time.Duration, command string, input []byte, h *hearing) (exit, error) {
	s, err := l.start(ctx, c.ConnectTimeout, c.pace.drain, command, h.hear, h.show)
	if err != nil {
		return exit{}, err
	}
	send := func() (struct{}, error) { return struct{}{}, s.finish(input) }
	if _, err := bounded(ctx, l, limit, "sending", send, nil); err != nil && !isEOF(err) {
		s.close()
		return exit{}, err
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		l.run(s.kill)
		return exit{}, fmt.Errorf("not done within %s", limit)
	case <-ctx.Done():
		l.run(s.kill)
		return exit{}, context.Cause(ctx)
	}
	if s.flooded() {
		return exit{}, errFlood
	}
	if !s.exit.known {
		select {
		case <-l.gone:
			return exit{}, l.lost()
		default:
		}
	}
	return s.exit, nil
}
