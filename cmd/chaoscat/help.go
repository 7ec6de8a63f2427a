package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is the least that every terminal has.
const helpWidth = 80

// fitHelp breaks the help of every command for a terminal: its paragraphs, and what is said about flags.
func fitHelp(root *cobra.Command) {
	root.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages", ".LocalFlags.FlagUsagesWrapped 80", ".InheritedFlags.FlagUsages", ".InheritedFlags.FlagUsagesWrapped 80",
	).Replace(root.UsageTemplate()))
	fitParagraphs(root)
}

// fitParagraphs leaves alone what is set in lines on purpose: it is indented.
func fitParagraphs(c *cobra.Command) {
	parts := strings.Split(c.Long, "\n\n")
	for i, p := range parts {
		if !strings.Contains(p, "\n ") && !strings.Contains(p, "\n\t") && !strings.HasPrefix(p, "\t") {
			parts[i] = strings.Join(wrapped(strings.Join(strings.Fields(p), " "), helpWidth), "\n")
		}
	}
	c.Long = strings.Join(parts, "\n\n")
	for _, sub := range c.Commands() {
		fitParagraphs(sub)
	}
}
