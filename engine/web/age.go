package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
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
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		old = c.o.Now().Sub(at)
	}
	if -old > c.o.StaleAfter {
		return fmt.Errorf("the clock of %s is %s ahead of ours: set one of the two right", c.Host(), (-old).Round(time.Second))
	}
	if seconds, err := strconv.ParseInt(h.Get("Age"), 10, 32); err == nil {
		old = max(old, time.Duration(seconds)*time.Second)
	}
	if old > c.o.StaleAfter {
		return fmt.Errorf("the answer of %s is of %s ago, stale after %s", c.Host(), old.Round(time.Second), c.o.StaleAfter)
	}
	return nil
}
