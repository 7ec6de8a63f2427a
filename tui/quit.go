package tui

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// twice is how quickly the second ctrl+c must follow the first.
const twice = 2 * time.Second

// choice is one way to leave, or not to.
type choice struct {
	text string
	exit Exit
	stay bool
}

// choices are the ways to leave just now. None means that nothing needs to be asked. Staying comes first
// and has the focus.
func choices(s *scene) (title string, all []choice) {
	stay := choice{text: "Stay", stay: true}
	stopFirst := choice{text: "Stop the attack, undo it, then quit", exit: StopThenQuit}
	switch {
	case s.attacking() && s.attached:
		return "An attack is running", []choice{stay, stopFirst, {text: "Leave it to the daemon and quit", exit: Quit}}
	case s.attacking():
		return "An attack is running", []choice{stay, stopFirst}
	case !s.attached && s.known && s.Mood != engine.MoodStopped:
		return "The engine runs in this console", []choice{stay, {text: "Quit; nothing is attacked until chaoscat runs again", exit: Quit}}
	}
	return "", nil
}

// quit leaves, or asks how.
func (m *root) quit() tea.Cmd {
	if _, all := choices(&m.scene); all == nil {
		return m.leave(Quit)
	}
	m.mode, m.choice = leaving, 0
	return nil
}

func (m *root) choiceUp() tea.Cmd { return m.turn(-1) }

func (m *root) choiceDown() tea.Cmd { return m.turn(+1) }

func (m *root) turn(by int) tea.Cmd {
	if _, all := choices(&m.scene); len(all) > 0 {
		m.choice = (m.choice + by + len(all)) % len(all)
	}
	return nil
}

func (m *root) choose() tea.Cmd {
	_, all := choices(&m.scene)
	if m.choice >= len(all) || all[m.choice].stay {
		return m.dismiss()
	}
	return m.leave(all[m.choice].exit)
}

// leave ends the program. A stop that was asked for is ordered first, so that the undo does not wait for
// the terminal; its answer, or a second ctrl+c, ends the program. A stop that has not been confirmed is
// left to the caller: it is not forgotten because the person goes.
func (m *root) leave(exit Exit) tea.Cmd {
	m.exit = exit
	if exit == Quit && m.delivery.underway {
		m.exit = StopThenQuit
	}
	if exit != StopThenQuit {
		return tea.Quit
	}
	m.mode = leaving
	return m.stop()
}

// interrupt is ctrl+c: it stops what runs, then quits; with nothing running, twice quits.
func (m *root) interrupt() tea.Cmd {
	again := !m.interrupted.IsZero() && m.options.Wall().Sub(m.interrupted) < twice
	m.interrupted = m.options.Wall()
	switch {
	case m.exit == StopThenQuit, again && m.scene.attacking():
		m.exit = StopThenQuit
		if m.delivery.underway {
			return tea.Quit
		}
		return m.leave(StopThenQuit)
	case m.scene.attacking():
		return m.stop()
	case again:
		return m.leave(Quit)
	}
	m.say(m.look.strong, "ctrl+c once more quits; s stops everything")
	return nil
}

// LeavesInOrder is for a program of Bubble Tea's that is not the console, such as a form: an interrupt from outside
// ends it as a person does who quits, and not while somebody still reads the keyboard.
func LeavesInOrder() tea.ProgramOption {
	return tea.WithFilter(func(_ tea.Model, msg tea.Msg) tea.Msg {
		if _, interrupted := msg.(tea.InterruptMsg); interrupted {
			return tea.QuitMsg{}
		}
		return msg
	})
}
