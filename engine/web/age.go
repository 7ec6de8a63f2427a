package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/chaoscat/chaoscat/engine/printable"
)

func (o Options) timeless() error {
	if o.StaleAfter > 0 && o.Now == nil {
		return errors.New("to tell whether an answer is stale needs a clock")
	}
	return nil
}

// stale refuses what is too old to say how things are, and whoever lives in another time. What says nothing of its age
// is taken for fresh.
func (c *Client) stale(h http.Header) error {
	if c.o.StaleAfter <= 0 {
		return nil
	}
	old := time.Duration(0)
	if date := h.Get("Date"); date != "" {
		at, err := http.ParseTime(date)
		if err != nil {
			return fmt.Errorf("%s says that its answer is of %q, which is no time", c.Host(), printable.Printable(date))
		}
		old = c.o.Now().Sub(at)
	}
	if -old > c.o.StaleAfter {
		return fmt.Errorf("the clock of %s is %s ahead of ours: set one of the two right", c.Host(), (-old).Round(time.Second))
	}
	for _, age := range h.Values("Age") {
		if age == "" {
			continue
		}
		seconds, err := strconv.ParseUint(age, 10, 31)
		if err != nil { // too large is very old, and what cannot be read is not known to be fresh
			return fmt.Errorf("the answer of %s has an age that cannot be read or is very large (%q)", c.Host(), printable.Printable(age))
		}
		old = max(old, time.Duration(seconds)*time.Second)
	}
	if old > c.o.StaleAfter {
		return fmt.Errorf("the answer of %s is of %s ago, stale after %s", c.Host(), old.Round(time.Second), c.o.StaleAfter)
	}
	return nil
}
