package calendar

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/chaoscat/chaoscat/engine/web"
)

// Options say where a calendar is, and how long it is trusted.
type Options struct {
	Name       string        // what people call it; "": the name of the file or of the host
	Path       string        // a file; "": it is asked for as Web says
	Web        web.Options   // its MaxBody is set here
	Refresh    time.Duration // how often it is read again
	StaleAfter time.Duration // how long its last good copy counts while it cannot be read
	Free       bool          // events that are marked as free time count too
	Keep       string        // folder with the last good copy of what was asked for over the network; "": none is kept
	Key        string        // where it is configured, for people: "schedule.calendars"
}

// Source is one calendar, read again and again. It may be used by several goroutines at once.
type Source struct {
	o      Options
	client *web.Client // nil: a file

	mu      sync.Mutex
	good    *Calendar // the last that could be read; nil: none yet
	at      time.Time // when it was read
	wrong   error     // why the last reading failed
	keeps   bool      // the folder is ours to write: an engine's, not that of who only looks
	garbled bool      // what came last could not be understood: the copy before it is out of date, nobody knows by what
}

// New makes a source of what was kept of it, if anything. It contacts nobody; see [Source.Refresh].
func New(o Options) (*Source, error) {
	s := &Source{o: o}
	if o.Path != "" {
		s.o.Name = cmp.Or(o.Name, filepath.Base(o.Path))
		return s, nil
	}
	o.Web.MaxBody = maxBody
	client, err := web.New(o.Web)
	if err != nil {
		return nil, fmt.Errorf("the calendar %s: %w", o.Name, err)
	}
	s.client, s.o.Name = client, cmp.Or(o.Name, client.Host())
	s.recall()
	return s, nil
}

// Refresh reads the calendar anew. An error says why its last good copy stays, or why there is none.
func (s *Source) Refresh(ctx context.Context, now func() time.Time) error {
	text, err := s.read(ctx)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.wrong == nil || wordsOf(s.wrong) != wordsOf(err) {
			s.wrong = err
		}
		return fmt.Errorf("the calendar %s could not be read: %w", s.o.Name, err)
	}
	c, err := Parse(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong, s.garbled = err, err != nil; err != nil {
		s.forget()
		return fmt.Errorf("the calendar %s cannot be understood: %w", s.o.Name, err)
	}
	s.good, s.at = c, now()
	return s.keep(text)
}

// wordsOf are an error's words without its numbers, of which some differ from one attempt to the next: a reason that
// changes all the time would be news all the time.
func wordsOf(err error) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, err.Error())
}

// read gets the text; of a file only, if there is no client.
func (s *Source) read(ctx context.Context) ([]byte, error) {
	if s.client == nil {
		return readFile(s.o.Path)
	}
	a, err := s.client.Do(ctx, web.Request{Header: map[string]string{"Accept": "text/calendar"}})
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, &web.StatusError{Host: s.client.Host(), Status: a.Status}
	}
	return []byte(a.Hide(string(a.Body))), nil // what it says is shown, and it may say what it was told
}

// readFile reads a file, and nothing that could keep it waiting or have no end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBody+1)) // Parse refuses one byte too many
}

// kept is the last good copy as it lies on disk.
type kept struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// place is the file of the copy. The address is in it only as a digest: private calendars have theirs for a secret.
func (s *Source) place() string {
	digest := sha256.Sum256([]byte(s.o.Web.URL))
	return filepath.Join(s.o.Keep, hex.EncodeToString(digest[:8])+".json")
}

// recall reads what was kept. A copy that cannot be read is none.
func (s *Source) recall() {
	if s.o.Keep == "" {
		return
	}
	var k kept
	text, err := os.ReadFile(s.place())
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err == nil {
		s.good, err = Parse([]byte(k.Text))
		s.at = k.At
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.wrong = fmt.Errorf("reading its last copy: %w", err)
	}
}

// keep writes the copy, in one piece.
func (s *Source) keep(text []byte) error {
	if s.o.Keep == "" || s.client == nil || !s.keeps {
		return nil
	}
	all, err := json.Marshal(kept{At: s.at, Text: string(text)})
	part := s.place() + ".new"
	if err = errors.Join(err, os.MkdirAll(s.o.Keep, 0o700)); err == nil {
		if err = os.WriteFile(part, all, 0o600); err == nil {
			err = os.Rename(part, s.place())
		}
	}
	if err != nil {
		return fmt.Errorf("the calendar %s was read, and no copy of it could be kept: %w", s.o.Name, err)
	}
	return nil
}

// forget takes the copy away: after the next start, too, what came last must not be taken for what came before it.
func (s *Source) forget() {
	if s.o.Keep != "" && s.client != nil && s.keeps {
		os.Remove(s.place()) // where it cannot be removed it gets stale
	}
}

// copy is the calendar as it counts now; nil with the reason where none does.
func (s *Source) copy(now time.Time, home *time.Location) (c *Calendar, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.at).Abs() // a copy from the future is no better than an old one
	because := ""
	if s.wrong != nil {
		because = ": " + printable.Printable(s.wrong.Error())
	}
	switch {
	case s.garbled:
		why = "cannot be understood" + because
	case s.good == nil && s.wrong == nil:
		return nil, fmt.Sprintf("the calendar %s has not been read yet", s.o.Name)
	case s.good == nil:
		why = "could not be read yet" + because
	case age > s.o.StaleAfter:
		why = "has not been readable since " + s.at.In(home).Format("Mon 2 Jan 15:04 MST") + because
	default:
		return s.good, ""
	}
	return nil, fmt.Sprintf("the calendar %s %s; fix it or remove it from %s", s.o.Name, why, s.o.Key)
}

// copied says of what time the copy is, where it stands in for a calendar that cannot be read.
func (s *Source) copied(now time.Time, home *time.Location) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong == nil {
		return ""
	}
	at, layout := s.at.In(home), "15:04"
	if at.Format(time.DateOnly) != now.In(home).Format(time.DateOnly) {
		layout = "Mon 2 Jan 15:04"
	}
	return ", by a copy of " + at.Format(layout)
}

// Closures close while the events of the calendar take place, and always where nobody knows which those are.
func (s *Source) Closures(now, from, to time.Time, home *time.Location) []engine.Closure {
	c, why := s.copy(now, home)
	if c == nil {
		return []engine.Closure{everything(engine.Frozen, why)}
	}
	found, err := c.Between(from, to, home)
	if err != nil {
		why := printable.Printable(fmt.Sprintf("the calendar %s cannot be followed: %v; fix it or remove it from %s", s.o.Name, err, s.o.Key))
		return []engine.Closure{everything(engine.Frozen, why)}
	}
	var closures []engine.Closure
	for _, o := range found {
		if o.Free && !s.o.Free {
			continue
		}
		closures = append(closures, engine.Closure{From: o.From, To: o.To, Name: engine.Frozen, Reason: s.reason(o.Summary)})
	}
	return closures
}

const longestSummary = 120

// reason is why an event closes, as people read it.
func (s *Source) reason(summary string) string {
	return cmp.Or(printable.Short(summary, longestSummary), "an event without a summary") + byCalendar + s.o.Name
}

// Describe is the state of the calendar in one sentence, and whether it can be used.
func (s *Source) Describe(now time.Time, home *time.Location) (text string, usable bool) {
	c, why := s.copy(now, home)
	if c == nil {
		return why, false
	}
	s.mu.Lock()
	text = fmt.Sprintf("%s, read %s", counted(len(c.events), "event"), s.at.In(home).Format("Mon 2 Jan 15:04 MST"))
	if s.wrong != nil {
		text += "; it cannot be read now: " + printable.Printable(s.wrong.Error())
	}
	s.mu.Unlock()
	free := 0
	for _, e := range c.events {
		if e.free {
			free++
		}
	}
	if free > 0 && !s.o.Free {
		text += fmt.Sprintf("; %s marked as free time and not counted, free = true counts them", counted(free, "event"))
	}
	return text, true
}

// Local tells whether the calendar is a file, which is read without a network.
func (s *Source) Local() bool { return s.client == nil }

// Name is what people call the calendar.
func (s *Source) Name() string { return s.o.Name }

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
