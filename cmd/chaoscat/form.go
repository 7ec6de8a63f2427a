package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/charmbracelet/huh"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/tui"
)

// fillIn asks all questions in a form. What is in a line is what will be written; a line is left only when the
// configuration that it makes is right there.
func (a *app) fillIn(_ context.Context, path string, o *config.StarterOptions, questions []question) error {
	fields := make([]huh.Field, len(questions))
	for i, q := range questions {
		answer := q.otherwise
		fields[i] = huh.NewInput().Title(q.text).Prompt("> ").Value(&answer).
			Validate(func(s string) error { return a.wrong(path, o, q, s) })
	}
	page := huh.NewGroup(fields...).Title("A first configuration, in dry run: " + shownPath(path)).
		Description("Enter goes on, ctrl+u empties a line, ctrl+c leaves without writing.\n")
	form := huh.NewForm(page).WithTheme(a.formTheme()).
		WithProgramOptions(tui.LeavesInOrder()).WithInput(a.in).WithOutput(a.out) // in this order: the first forgets the others
	err := form.Run() // it hears signals by itself, as keys and as an end
	switch {
	case errors.Is(err, huh.ErrUserAborted), err == nil && form.State != huh.StateCompleted:
		return unwritten()
	case err != nil:
		return fmt.Errorf("asking: %w; the flags can answer, too: chaoscat init --help", err)
	}
	return nil
}

func shownPath(path string) string {
	if path == "-" {
		return "to be printed"
	}
	return path
}

// formTheme is of the terminal's own 16 colours, or of none.
func (a *app) formTheme() *huh.Theme {
	if a.colourless(screen{}) {
		return huh.ThemeBase()
	}
	return huh.ThemeBase16()
}
