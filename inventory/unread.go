package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os/exec"
	"reflect"
	"slices"

	"github.com/chaoscat/chaoscat/engine/web"
)

// unread is the failure of a source behind which something is down just now. Nothing need be wrong with what was
// written about it: the next reading may find it well.
type unread struct{ error }

// Unwrap is what failed.
func (u *unread) Unwrap() error { return u.error }

// Unread tells whether all that is wrong is that sources cannot be read now: no network, no answer in time, a command
// that failed. A file or program that is not there, and whatever is wrong with a list that was read, is a mistake.
func Unread(err error) bool {
	switch e := err.(type) {
	case *unread:
		return true
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(one error) bool { return !Unread(one) })
	case interface{ Unwrap() error }:
		return Unread(e.Unwrap())
	}
	return false
}

// asUnread marks what is wrong as passing, unless it is what somebody wrote that is wrong.
func asUnread(err error) error {
	var answer *web.StatusError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, exec.ErrNotFound):
		return err
	case errors.As(err, &answer) && answer.Status < http.StatusInternalServerError &&
		answer.Status != http.StatusRequestTimeout && answer.Status != http.StatusTooManyRequests:
		return err
	}
	return &unread{err}
}

// inherit has each source that cannot be read now keep what the inventory before listed of it, as long as that may be
// believed. A source that is written otherwise than before has nothing to keep.
func (v *Inventory) inherit(listings []Listing, failures []error) (held []holding, notices []string) {
	now := v.options.Clock.Now()
	held = make([]holding, len(v.sources))
	for i := range v.sources {
		held[i] = holding{taken: listings[i], latest: listings[i], read: now, well: now}
		if failures[i] == nil || !Unread(failures[i]) {
			continue
		}
		old, found := v.options.Before.holds(v.sources[i].Source)
		if !found {
			continue
		}
		old.fail(failures[i])
		held[i], listings[i] = old, old.taken
		notices = append(notices, fmt.Sprintf("its %d hosts of %s are kept: %v",
			len(old.taken.Entries), old.well.In(v.options.Zone).Format("Mon 2 Jan 15:04"), failures[i]))
		failures[i] = nil
	}
	return held, notices
}

// holds is what is held of a source that is written like this one.
func (v *Inventory) holds(source Source) (holding, bool) {
	if v == nil {
		return holding{}, false
	}
	v.turn.Lock()
	defer v.turn.Unlock()
	i := slices.IndexFunc(v.sources, func(p Paced) bool { return reflect.DeepEqual(p.Source, source) })
	if i < 0 {
		return holding{}, false
	}
	h := v.held[i]
	h.latest, h.waits = h.taken, false // what waits was refused with the others of then
	return h, !h.well.IsZero()
}
