package calendar

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/web"
	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

var (
	now    = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	freeze = ics("UID:1\nSUMMARY:Summer freeze\nDTSTART;VALUE=DATE:20260701\nDTEND;VALUE=DATE:20260703")
)

func fixed(t time.Time) func() time.Time { return func() time.Time { return t } }

// shared is a calendar on a server that a test may change.
type shared struct {
	text   atomic.Pointer[[]byte]
	status atomic.Int32
	url    string
}

func share(t *testing.T, text []byte) *shared {
	t.Helper()
	s := &shared{}
	s.text.Store(&text)
	s.status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
		w.WriteHeader(int(s.status.Load()))
		w.Write(*s.text.Load())
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/private-4f2e/freeze.ics"
	return s
}

func source(t *testing.T, o Options) *Source {
	t.Helper()
	o.Refresh, o.StaleAfter, o.Key = 5*time.Minute, 24*time.Hour, "schedule.calendars"
	if o.Name == "" {
		o.Name = "company"
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.keeps = true
	return s
}

// closures are those of the source, each as "from - to reason".
func closures(s *Source, now time.Time) (lines []string) {
	for _, c := range s.Closures(now, now.AddDate(0, -1, 0), now.AddDate(0, 1, 0), time.UTC) {
		lines = append(lines, fmt.Sprintf("%s - %s %s", c.From.Format("2006-01-02"), c.To.Format("2006-01-02"), c.Reason))
	}
	return lines
}

const always = "1970-01-01 - 9999-12-31 "

func TestEventsClose(t *testing.T) {
	s := source(t, Options{Web: web.Options{URL: share(t, freeze).url}})
	if err := s.Refresh(t.Context(), fixed(now)); err != nil {
		t.Fatal(err)
	}
	equal(t, closures(s, now), "2026-07-01 - 2026-07-03 Summer freeze, by the calendar company")
}

func TestACalendarThatWasNeverReadClosesEverything(t *testing.T) {
	s := source(t, Options{Web: web.Options{URL: "http://127.0.0.1:1/"}})
	equal(t, closures(s, now), always+"the calendar company has not been read yet")
	if err := s.Refresh(t.Context(), fixed(now)); err == nil {
		t.Fatal("it was read")
	}
	got := closures(s, now)
	if len(got) != 1 || !strings.HasPrefix(got[0], always+"the calendar company could not be read yet: asking 127.0.0.1:1: ") || !strings.HasSuffix(got[0], "; fix it or remove it from schedule.calendars") {
		t.Errorf("%q", got)
	}
}

func TestTheLastGoodCopyCountsUntilItIsStale(t *testing.T) {
	server := share(t, freeze)
	s := source(t, Options{Web: web.Options{URL: server.url}})
	if err := s.Refresh(t.Context(), fixed(now)); err != nil {
		t.Fatal(err)
	}
	server.status.Store(http.StatusBadGateway)
	if err := s.Refresh(t.Context(), fixed(now.Add(time.Hour))); err == nil {
		t.Fatal("it was read")
	}
	open := "2026-07-01 - 2026-07-03 Summer freeze, by the calendar company"
	equal(t, closures(s, now.Add(24*time.Hour)), open)
	host := strings.TrimPrefix(server.url, "http://")
	host = host[:strings.Index(host, "/")]
	stale := always + "the calendar company has not been readable since Wed 1 Jul 10:00 UTC: " + host + " answers with status 502; fix it or remove it from schedule.calendars"
	equal(t, closures(s, now.Add(24*time.Hour+1)), stale)
	equal(t, closures(s, now.Add(-25*time.Hour)), stale) // a copy from the future
	server.status.Store(http.StatusOK)
	if err := s.Refresh(t.Context(), fixed(now.Add(25*time.Hour))); err != nil {
		t.Fatal(err)
	}
	equal(t, closures(s, now.Add(25*time.Hour)), open)
}

func TestACalendarThatCannotBeUnderstoodClosesAtOnceAlsoAfterTheNextStart(t *testing.T) {
	server, folder := share(t, freeze), t.TempDir()
	o := Options{Keep: folder, Web: web.Options{URL: server.url}}
	s := source(t, o)
	if err := s.Refresh(t.Context(), fixed(now)); err != nil {
		t.Fatal(err)
	}
	page := []byte("<html>Sign in\x1b[2J</html>")
	server.text.Store(&page)
	if err := s.Refresh(t.Context(), fixed(now)); err == nil {
		t.Fatal("it was read")
	}
	closed := always + "the calendar company cannot be understood: line 1: it is no iCalendar: BEGIN:VCALENDAR is missing; fix it or remove it from schedule.calendars"
	equal(t, closures(s, now), closed)
	server.status.Store(http.StatusBadGateway) // what came last has not become better by that
	s.Refresh(t.Context(), fixed(now))
	if got := closures(s, now); !strings.HasPrefix(got[0], always+"the calendar company cannot be understood") {
		t.Errorf("%q", got)
	}
	equal(t, closures(source(t, o), now), always+"the calendar company has not been read yet")
}

func TestTheCopyOutlivesTheProcessWithItsAge(t *testing.T) {
	o := Options{Keep: filepath.Join(t.TempDir(), "calendars"), Web: web.Options{URL: share(t, freeze).url}}
	s := source(t, o)
	if err := s.Refresh(t.Context(), fixed(now)); err != nil {
		t.Fatal(err)
	}
	again := source(t, o)
	equal(t, closures(again, now.Add(time.Hour)), "2026-07-01 - 2026-07-03 Summer freeze, by the calendar company")
	if got := closures(again, now.Add(25*time.Hour)); !strings.HasPrefix(got[0], always+"the calendar company has not been readable since Wed 1 Jul 10:00 UTC") {
		t.Errorf("%q", got)
	}
	files, err := os.ReadDir(o.Keep)
	if err != nil || len(files) != 1 || strings.Contains(files[0].Name(), "private") {
		t.Errorf("%v, %v", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(o.Keep, files[0].Name()), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := closures(source(t, o), now); !strings.HasPrefix(got[0], always+"the calendar company could not be read yet: reading its last copy: ") {
		t.Errorf("%q", got)
	}
}

func TestWhoOnlyLooksWritesNothing(t *testing.T) {
	o := Options{Keep: filepath.Join(t.TempDir(), "calendars"), Web: web.Options{URL: share(t, freeze).url}}
	s := source(t, o)
	s.keeps = false
	if err := s.Refresh(t.Context(), fixed(now)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(o.Keep); err == nil {
		t.Error("a folder was made")
	}
}

func TestAFileIsReadAndAnythingElseIsNot(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "freeze.ics")
	s := source(t, Options{Path: path})
	if err := s.Refresh(t.Context(), fixed(now)); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, freeze, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(t.Context(), fixed(now)); err != nil {
		t.Fatal(err)
	}
	equal(t, closures(s, now), "2026-07-01 - 2026-07-03 Summer freeze, by the calendar company")
	for what, path := range map[string]string{"a folder": folder, "without end": "/dev/zero"} {
		if err := source(t, Options{Path: path}).Refresh(t.Context(), fixed(now)); err == nil || !strings.Contains(err.Error(), "is not a file") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.Truncate(path, maxBody+1); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(t.Context(), fixed(now)); err == nil || !strings.Contains(err.Error(), "larger than 4 MiB") {
		t.Errorf("%v", err)
	}
}

func TestFreeTimeClosesOnlyWhereItIsWantedAndIsSaid(t *testing.T) {
	text := ics("UID:1\nSUMMARY:maybe\nTRANSP:TRANSPARENT\nDTSTART;VALUE=DATE:20260701", "UID:2\nSUMMARY:off\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20260701")
	path := filepath.Join(t.TempDir(), "x.ics")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, free := source(t, Options{Path: path}), source(t, Options{Path: path, Free: true})
	for _, s := range []*Source{s, free} {
		if err := s.Refresh(t.Context(), fixed(now)); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, closures(s, now))
	equal(t, closures(free, now), "2026-07-01 - 2026-07-02 maybe, by the calendar company")
	if text, usable := s.Describe(now, time.UTC); !usable || text != "2 events, read Wed 1 Jul 10:00 UTC; 1 event marked as free time and not counted, free = true counts them" {
		t.Errorf("%q", text)
	}
}

func TestASummaryIsFitToShow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.ics")
	if err := os.WriteFile(path, ics("UID:1\nSUMMARY:red \x1b[31m"+strings.Repeat("long ", 100)+"\nDTSTART;VALUE=DATE:20260701", "UID:2\nDTSTART;VALUE=DATE:20260702"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := source(t, Options{Path: path})
	if err := s.Refresh(t.Context(), fixed(now)); err != nil {
		t.Fatal(err)
	}
	got := closures(s, now)
	if len(got) != 2 || len(got[0]) > 250 || !strings.Contains(got[0], `red \x1b[31mlong`) || !strings.HasSuffix(got[1], "an event without a summary, by the calendar company") {
		t.Errorf("%q", got)
	}
}

func TestNoServerHurtsACalendar(t *testing.T) {
	good := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(freeze) })
	hostile.Each(t, hostile.Options{Good: good}, func(t *testing.T, s hostile.Server) (bool, string) {
		c := source(t, Options{Web: web.Options{URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within}})
		err := c.Refresh(t.Context(), fixed(now))
		said := strings.Join(closures(c, now), "\n")
		return err == nil && strings.Contains(said, "Summer freeze"), said
	})
}

func rota(t *testing.T, text []byte, o Options) *OnCall {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "rota.ics")
	if err := os.WriteFile(o.Path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Refresh, o.StaleAfter, o.Key = time.Minute, time.Hour, "oncall.calendar"
	g, err := NewOnCall(o, time.UTC, fixed(now))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestOnCallIsWhoeverAnEventNamesNow(t *testing.T) {
	shift := "\nDTSTART:20260701T080000Z\nDTEND:20260701T160000Z"
	g := rota(t, ics("UID:1\nTRANSP:TRANSPARENT\nSUMMARY:Ada"+shift, "UID:2\nSUMMARY:Bob"+shift, "UID:3\nSUMMARY:Ada"+shift,
		"UID:4\nSUMMARY:Eve\nDTSTART:20260701T100001Z\nDTEND:20260701T160000Z"), Options{})
	a := g.Ask(t.Context())
	if !a.OK || a.Text != "on call: Ada, Bob" || strings.Join(a.Who, "+") != "Ada+Bob" {
		t.Errorf("%+v", a)
	}
}

func TestNobodyIsOnCallByAnEventThatIsNotSure(t *testing.T) {
	g := rota(t, ics("UID:1\nSTATUS:TENTATIVE\nSUMMARY:Ada\nDTSTART:20260701T080000Z\nDTEND:20260701T160000Z", "UID:2\nDTSTART:20260701T080000Z\nDTEND:20260701T160000Z",
		"UID:3\nSUMMARY:Bob\nDTSTART:20260701T080000Z", "UID:4\nSUMMARY:Eve\nSTATUS:CANCELLED\nDTSTART:20260701T080000Z\nDTEND:20260701T160000Z",
		"UID:5\nSUMMARY:Dan\nDTSTART:20260701T080000Z\nDTEND:20260701T100000Z"), Options{})
	if a := g.Ask(t.Context()); a.OK || len(a.Who) > 0 || a.Text != "nobody is on call now by the calendar rota.ics" {
		t.Errorf("%+v", a)
	}
}

// Where a shift that recurs may be meant to end sooner or later, closings hold until the later end, and who is on call is
// sure until the sooner one.
func TestNobodyIsOnCallBetweenTheTwoEndsThatAShiftMayHave(t *testing.T) {
	berlin := place(t, "Europe/Berlin")
	shifts := ics("UID:1\nSUMMARY:Ada\nDTSTART;TZID=Europe/Berlin:20260320T180000\nDTEND;TZID=Europe/Berlin:20260323T120000\nRRULE:FREQ=WEEKLY",
		"UID:2\nSUMMARY:Bob\nDTSTART:20260329T023000\nDTEND:20260329T030000")
	ask := func(at time.Time) engine.GateAnswer {
		g := rota(t, shifts, Options{})
		g.home, g.now = berlin, fixed(at)
		return g.Ask(t.Context())
	}
	for at, want := range map[time.Time]bool{
		time.Date(2026, 3, 23, 11, 59, 0, 0, berlin):  true,
		time.Date(2026, 3, 23, 12, 0, 0, 0, berlin):   false,
		time.Date(2026, 3, 30, 11, 59, 0, 0, berlin):  true,
		time.Date(2026, 3, 30, 12, 0, 0, 0, berlin):   false, // until 13:00 it would be as long as the first
		time.Date(2026, 10, 26, 10, 59, 0, 0, berlin): true,
		time.Date(2026, 10, 26, 11, 0, 0, 0, berlin):  false, // until 12:00 the clocks would show the hours of the first
	} {
		if a := ask(at); a.OK != want || slices.Contains(a.Who, "Bob") {
			t.Errorf("%v: %+v", at, a)
		}
	}
	if a := ask(time.Date(2026, 3, 29, 4, 0, 0, 0, berlin)); strings.Join(a.Who, "+") != "Ada" {
		t.Errorf("in a day whose clocks skipped Bob's shift: %+v", a)
	}
}

func TestARotaIsReadAgainWhenItIsTimeAndNobodyIsOnCallWhereItIsStale(t *testing.T) {
	shift := "UID:1\nSUMMARY:Ada\nDTSTART;VALUE=DATE:20260701"
	g := rota(t, ics(shift), Options{})
	moment := now
	g.now = func() time.Time { return moment }
	var heard []string
	g.Hear(func(err error) { heard = append(heard, strconv.FormatBool(err == nil)) })
	if a := g.Ask(t.Context()); !a.OK {
		t.Fatalf("%+v", a)
	}
	if err := os.Remove(g.source.o.Path); err != nil {
		t.Fatal(err)
	}
	moment = now.Add(time.Hour)
	if a := g.Ask(t.Context()); !a.OK || a.Text != "on call: Ada, by a copy of 10:00" {
		t.Errorf("%+v", a)
	}
	moment = now.Add(time.Hour + time.Second)
	want := "the calendar rota.ics has not been readable since Wed 1 Jul 10:00 UTC: "
	if a := g.Ask(t.Context()); a.OK || !strings.HasPrefix(a.Text, want) || !strings.HasSuffix(a.Text, "; fix it or remove it from oncall.calendar") {
		t.Errorf("%+v", a)
	}
	if err := os.WriteFile(g.source.o.Path, ics(shift), 0o600); err != nil {
		t.Fatal(err)
	}
	moment = now.Add(2 * time.Hour)
	if a := g.Ask(t.Context()); !a.OK || a.Text != "on call: Ada" {
		t.Errorf("%+v", a)
	}
	equal(t, heard, "false", "true") // once each
}

func TestTheNextLifeAndWhoAsksBesidesKnowTheCopyOfTheRota(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(ics("UID:1\nSUMMARY:Ada\nDTSTART;VALUE=DATE:20260701"))
	}))
	o := Options{Web: web.Options{URL: s.URL, Timeout: 5 * time.Second}, Refresh: time.Minute, StaleAfter: time.Hour, Keep: t.TempDir(), Key: "oncall.calendar"}
	ask := func(engines bool) engine.GateAnswer {
		g, err := NewOnCall(o, time.UTC, fixed(now))
		if err != nil {
			t.Fatal(err)
		}
		if engines {
			g.Hear(func(error) {})
		}
		return g.Ask(t.Context())
	}
	if a := ask(true); !a.OK {
		t.Fatalf("%+v", a)
	}
	s.Close()
	for _, engines := range []bool{true, false} {
		if a := ask(engines); a.Text != "on call: Ada, by a copy of 10:00" {
			t.Errorf("%+v", a)
		}
	}
}

func TestARotaThatHangsIsNotWaitedFor(t *testing.T) {
	hung := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung }))
	defer server.Close()
	defer close(hung)
	g, err := NewOnCall(Options{Web: web.Options{URL: server.URL}, Refresh: time.Minute, StaleAfter: time.Hour}, time.UTC, fixed(now))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	answers := make(chan engine.GateAnswer)
	for range 3 {
		go func() { answers <- g.Ask(ctx) }()
	}
	for range 3 {
		if a := <-answers; a.OK || a.Text == "" {
			t.Errorf("%+v", a)
		}
	}
}
