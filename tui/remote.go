package tui

import (
	"context"
	"errors"
	"io"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/term"
)

// Size is how many columns and rows a terminal has.
type Size = struct{ Width, Height int }

// Remote is a terminal that is no file of this process: at the other end of a connection. Who sits there has put it
// into raw mode already; its size comes beside its bytes.
type Remote struct {
	In    io.Reader // the keys; any error, the end among them, means that nobody is there any more
	Out   io.Writer // may block for as long as it likes, and then frames are dropped; an error is a terminal that is gone
	Size  Size
	Sizes <-chan Size // each new size, newest wins; nil, and closed, are a size that does not change
}

// usable says what is wrong with the terminal.
func (o Options) usable() error {
	if o.Remote != nil || term.IsTerminal(o.In.Fd()) && term.IsTerminal(o.Out.Fd()) {
		return nil
	}
	return errors.New("the console needs a terminal for input and output; without one use --daemon, status or history")
}

func (o Options) screen() io.Writer {
	if o.Remote != nil {
		return o.Remote.Out
	}
	return o.Out
}

// keyboard is where keys come from. Bubble Tea says nothing when one that is no file ends, so lost does.
func (o Options) keyboard(lost func()) io.Reader {
	if o.Remote != nil {
		return remoteKeys{o.Remote.In, lost}
	}
	return o.In
}

type remoteKeys struct {
	io.Reader
	lost func()
}

func (k remoteKeys) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	if err != nil {
		k.lost()
	}
	return n, err
}

// resizeRest is the least time between two sizes that are drawn: whoever drags a corner needs no more, and whoever
// sends sizes in a storm gets no more.
const resizeRest = 50 * time.Millisecond

// follow passes sizes on until ctx is done.
func (r *Remote) follow(ctx context.Context, p *tea.Program) {
	if r == nil {
		return
	}
	p.Send(tea.WindowSizeMsg(r.Size))
	for rest(ctx, resizeRest) {
		select {
		case <-ctx.Done():
			return
		case size, open := <-r.Sizes:
			if !open {
				return
			}
			p.Send(tea.WindowSizeMsg(size))
		}
	}
}
