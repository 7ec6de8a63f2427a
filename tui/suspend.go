package tui

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	tea "github.com/charmbracelet/bubbletea"
)

// suspension gives the terminal back to the shell until the person returns. Bubble Tea's own would stop the
// process while the outlet still holds what puts the terminal back.
type suspension struct {
	ctx context.Context
	out *outlet
}

func (s suspension) cmd() tea.Cmd {
	return tea.Exec(s, func(error) tea.Msg { return tickOnce{} })
}

// tickOnce is a reason to draw.
type tickOnce struct{}

// Run stops the process group, as the terminal itself would have, and returns when it goes on.
func (s suspension) Run() error {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	s.out.settle(drainFor)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	select {
	case <-goesOn:
	case <-s.ctx.Done():
	}
	return nil
}

// The rest makes it a command in Bubble Tea's eyes.

func (suspension) SetStdin(io.Reader)  {}
func (suspension) SetStdout(io.Writer) {}
func (suspension) SetStderr(io.Writer) {}
