package main

import "strings"

// again is a command to be typed next, with the flags of this call that say which engine is meant: without them it
// would ask another one. Over SSH there are none.
func (a *app) again(words string) string {
	typed := []string{"chaoscat"}
	if a.served == nil {
		for _, f := range [][2]string{{"-c", a.configFile}, {"--state-dir", a.state}, {"--socket", a.socket}} {
			if f[1] != "" {
				typed = append(typed, f[0], shellWord(f[1]))
			}
		}
	}
	if words != "" {
		typed = append(typed, words)
	}
	return strings.Join(typed, " ")
}

// shellWord is text as one word of a shell.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@%,=", r)
	}
	if strings.TrimFunc(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
