package main

import (
	"errors"
	"time"

	"github.com/spf13/pflag"
)

// span is the value of a flag that says how long. What is no time is answered as the console's form answers it.
type span struct{ d *time.Duration }

func spanVar(flags *pflag.FlagSet, d *time.Duration, name string, otherwise time.Duration, usage string) {
	*d = otherwise
	flags.Var(span{d}, name, usage)
}

// Set takes what was typed.
func (s span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("a time like 90s or 5m")
	}
	*s.d = d
	return nil
}

// String is what help shows as the default: nothing for none.
func (s span) String() string {
	if s.d == nil || *s.d == 0 {
		return ""
	}
	return s.d.String()
}

// Type is how cobra calls it where a flag names no value of its own.
func (span) Type() string { return "duration" }
