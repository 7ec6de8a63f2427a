package inventory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/chaoscat/chaoscat/engine"
)

// Command is a program that prints the hosts as JSON on its standard output and exits with 0. It is
// started directly, without a shell, in a process group of its own, which is killed when the time is up
// or the output too long. It prints either a list
//
//	[{"name": "web-1", "address": "10.0.0.1", "port": 22, "user": "root", "jump": "bastion",
//	  "groups": ["web"], "tags": {"zone": "eu-1"}}]
//
// with all but the name optional, or what ansible-inventory --list prints.
type Command struct {
	Argv     []string
	Timeout  time.Duration // 0 means 30 s
	Dir      string        // working directory; empty means the caller's
	Env      []string      // NAME=VALUE; nil means the caller's environment
	MaxBytes int           // of its output; 0 means 64 MiB
}

var _ Source = Command{}

// Name is the command as it was written.
func (c Command) Name() string { return "command " + show(strings.Join(c.Argv, " ")) }

// Load runs the command.
func (c Command) Load(ctx context.Context) (Listing, error) {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return Listing{}, fmt.Errorf("%s: no command is given", c.Name())
	}
	text, err := c.run(ctx)
	if err != nil {
		return Listing{}, fmt.Errorf("%s: %w", c.Name(), asUnread(err))
	}
	return c.parse(text)
}

func (c Command) parse(text []byte) (Listing, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	switch {
	case !utf8.Valid(text):
		return Listing{}, fmt.Errorf("%s: its output is not UTF-8", c.Name())
	case len(text) == 0:
		return Listing{}, fmt.Errorf("%s: it printed nothing", c.Name())
	case text[0] == '[':
		return parseHostList(c.Name(), text)
	case text[0] == '{':
		return grown(c.Name(), text, parseJSON)
	}
	return Listing{}, fmt.Errorf("%s: its output is neither a JSON list of hosts nor that of ansible-inventory --list: it begins with %s", c.Name(), show(string(text[:min(len(text), 20)])))
}

// parseHostList reads the plain list, one host at a time so that each mistake says which host it is in.
func parseHostList(source string, text []byte) (Listing, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return Listing{}, fmt.Errorf("%s: %w", source, jsonMistake(text, err))
	}
	listing := Listing{Source: source, Entries: make([]Entry, 0, len(items))}
	var wrong tally[error]
	for i, item := range items {
		host, err := parseHost(item)
		if err != nil {
			wrong.add(fmt.Errorf("%s: host %d of the list: %s", source, i+1, harmless(err)))
			continue
		}
		listing.Entries = append(listing.Entries, Entry{Host: host})
	}
	if err := joined(wrong); err != nil {
		return Listing{}, err
	}
	return listing, nil
}

func parseHost(item []byte) (engine.Host, error) {
	var host struct {
		Name    string            `json:"name"`
		Address string            `json:"address"`
		Port    int               `json:"port"`
		User    string            `json:"user"`
		Jump    string            `json:"jump"`
		Groups  []string          `json:"groups"`
		Tags    map[string]string `json:"tags"`
	}
	decoder := json.NewDecoder(bytes.NewReader(item))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&host); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field == "" {
			return engine.Host{}, fmt.Errorf("it must be an object, {\"name\": ...}, not %s", wrong.Value)
		}
		if wrong != nil {
			return engine.Host{}, fmt.Errorf("%s must be of type %s, not %s", show(wrong.Field), wrong.Type, wrong.Value)
		}
		return engine.Host{}, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return engine.Host{
		Name: host.Name, Address: host.Address, Port: host.Port, User: host.User, Jump: host.Jump,
		Groups: host.Groups, Tags: host.Tags,
	}, nil
}

// run collects the output within the bounds of time and size.
func (c Command) run(ctx context.Context) ([]byte, error) {
	limit, most := c.Timeout, c.MaxBytes
	if limit <= 0 {
		limit = 30 * time.Second
	}
	if most <= 0 {
		most = maxText
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, done := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no end within %s", limit))
	defer done()
	out, complaints := &bounded{most: most, full: cancel}, &bounded{most: 2 << 10}
	err := c.command(ctx, out, complaints)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if said := bytes.TrimSpace(complaints.kept.Bytes()); err != nil && len(said) > 0 {
		err = fmt.Errorf("%w; it said %s", err, show(string(said)))
	}
	return out.kept.Bytes(), err
}

// command runs the process until it ends or the context is done, and leaves nothing of its group behind
// that could still write.
func (c Command) command(ctx context.Context, out, complaints io.Writer) error {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.Dir, c.Env, out, complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		// The command has ended, but something that it left behind holds its output open, and thereby
		// keeps the process group's number from being anybody else's.
		_ = cmd.Cancel()
		return errors.New("it left a process behind that held its output open")
	}
	return err
}

// bounded keeps the first bytes. When there are more it says so to full, or drops them if full is nil.
// The buffer is not embedded: its ReadFrom would pass the bound by.
type bounded struct {
	kept bytes.Buffer
	most int
	full context.CancelCauseFunc
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - b.kept.Len()
	if len(p) <= room {
		return b.kept.Write(p)
	}
	if b.full != nil {
		err := fmt.Errorf("its output is longer than %d bytes", b.most)
		b.full(err)
		return 0, err
	}
	b.kept.Write(p[:max(0, room)])
	return len(p), nil
}
