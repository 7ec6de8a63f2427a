// Package terminal keeps the program silent until it really draws.
//
// Bubble Tea v1 asks the terminal for its background colour while packages are being initialised, in any
// binary that links it: even `--version` writes an escape sequence, and a terminal that does not answer
// holds the program up for five seconds. The question is not asked once the answer is known, so this
// package gives one, and it must be first: Go initialises packages that are ready in the order of their
// import paths, and this one sorts before github.com/charmbracelet/bubbletea. Do not move it to a module
// whose path sorts later.
//
// The answer itself is of no account. The console uses the 16 colours of the terminal's own theme and
// never asks whether the background is dark.
package terminal

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
