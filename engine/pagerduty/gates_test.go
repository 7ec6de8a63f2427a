package pagerduty_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/pagerduty"
	"github.com/chaoscat/chaoscat/engine/pagerduty/fake"
	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ health.Gate = (*pagerduty.OnCall)(nil)
	_ health.Gate = (*pagerduty.Incidents)(nil)
)

var (
	ada   = fake.Ref{ID: "PADA", Summary: "ada"}
	bob   = fake.Ref{ID: "PBOB", Summary: "bob"}
	rota  = fake.Ref{ID: "PI7DH85", Summary: "Daily Engineering Rotation"}
	other = fake.Ref{ID: "POTHER1", Summary: "Other Rotation"}
	pol   = fake.Ref{ID: "PT20YPA", Summary: "Engineering Escalation Policy"}
	mail  = fake.Ref{ID: "PIJ90N7", Summary: "My Mail Service"}
)

func account(s *fake.Server) pagerduty.Account {
	return pagerduty.Account{API: s.URL, Events: s.URL, TokenFile: s.TokenFile, KeyFile: s.KeyFile, Timeout: 5 * time.Second}
}

func onCall(t *testing.T, o pagerduty.OnCallOptions) engine.GateAnswer {
	t.Helper()
	g, err := pagerduty.NewOnCall(o)
	if err != nil {
		t.Fatal(err)
	}
	return g.Ask(t.Context())
}

func incidents(t *testing.T, o pagerduty.IncidentOptions) engine.GateAnswer {
	t.Helper()
	g, err := pagerduty.NewIncidents(o)
	if err != nil {
		t.Fatal(err)
	}
	return g.Ask(t.Context())
}

func TestSomebodyIsOnCallIfEveryScheduleAndEveryLevelIsFilled(t *testing.T) {
	two := func(user fake.Ref, level int) fake.Entry {
		return fake.Entry{User: user, Schedule: rota, Policy: pol, Levels: 2, Level: level}
	}
	policy := pagerduty.OnCallOptions{Policies: []string{pol.ID}}
	for name, c := range map[string]struct {
		entries []fake.Entry
		o       pagerduty.OnCallOptions
		want    engine.GateAnswer
	}{
		"both levels": {
			[]fake.Entry{two(ada, 1), two(bob, 2)}, policy,
			engine.GateAnswer{OK: true, Text: "ada (level 1), bob (level 2)", Who: []string{"ada", "bob"}},
		},
		"one person at both": {
			[]fake.Entry{two(ada, 1), two(ada, 2)}, policy,
			engine.GateAnswer{OK: true, Text: "ada (level 1), ada (level 2)", Who: []string{"ada"}},
		},
		"the second is empty": {
			[]fake.Entry{two(ada, 1)}, policy,
			engine.GateAnswer{Text: "nobody is on call for level 2 of escalation policy Engineering Escalation Policy (there is ada (level 1))"},
		},
		"the second is empty and not needed": {
			[]fake.Entry{two(ada, 1)}, pagerduty.OnCallOptions{Policies: []string{pol.ID}, Levels: []int{1}},
			engine.GateAnswer{OK: true, Text: "ada (level 1)", Who: []string{"ada"}},
		},
		"a level that the policy does not have": {
			[]fake.Entry{two(ada, 1), two(bob, 2)}, pagerduty.OnCallOptions{Policies: []string{pol.ID}, Levels: []int{1, 3}},
			engine.GateAnswer{Text: "nobody is on call for level 3 of escalation policy Engineering Escalation Policy (there is ada (level 1))"},
		},
		"nobody at all": {
			nil, policy, engine.GateAnswer{Text: "nobody is on call for any level of escalation policy PT20YPA"},
		},
		"a policy that does not tell its levels": {
			[]fake.Entry{{User: ada, Policy: pol, Level: 1}}, policy,
			engine.GateAnswer{Text: "nobody is on call for every level of escalation policy Engineering Escalation Policy, for PagerDuty does not say how many it has: name them as levels"},
		},
		"an entry without a person": {
			[]fake.Entry{two(fake.Ref{}, 1), two(bob, 2)}, policy,
			engine.GateAnswer{Text: "nobody is on call for level 1 of escalation policy Engineering Escalation Policy (there is bob (level 2))"},
		},
		"two policies": {
			[]fake.Entry{two(ada, 1), {User: bob, Policy: fake.Ref{ID: "PX", Summary: "Database"}, Levels: 1, Level: 1}}, pagerduty.OnCallOptions{Policies: []string{pol.ID, "PX"}, Levels: []int{1}},
			engine.GateAnswer{OK: true, Text: "ada (level 1 of Engineering Escalation Policy), bob (level 1 of Database)", Who: []string{"ada", "bob"}},
		},
		"a schedule in two policies": {
			[]fake.Entry{{User: ada, Schedule: rota, Policy: pol, Levels: 1, Level: 1}, {User: ada, Schedule: rota, Policy: fake.Ref{ID: "PX", Summary: "x"}, Levels: 1, Level: 1}},
			pagerduty.OnCallOptions{Schedules: []string{rota.ID}},
			engine.GateAnswer{OK: true, Text: "ada (schedule Daily Engineering Rotation)", Who: []string{"ada"}},
		},
		"one of two schedules is empty": {
			[]fake.Entry{two(ada, 1)}, pagerduty.OnCallOptions{Schedules: []string{rota.ID, other.ID}},
			engine.GateAnswer{Text: "nobody is on call for schedule POTHER1 (there is ada (schedule Daily Engineering Rotation))"},
		},
		"a name that is out to harm the terminal": {
			[]fake.Entry{{User: fake.Ref{ID: "P1", Summary: "eve\x1b]52;c;aGk=\x07"}, Policy: pol, Levels: 1, Level: 1}}, policy,
			engine.GateAnswer{OK: true, Text: `eve\x1b]52;c;aGk=\x07 (level 1)`, Who: []string{`eve\x1b]52;c;aGk=\x07`}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := fake.New(t)
			s.PageSize(1)
			s.OnCall(c.entries...)
			c.o.Account = account(s)
			if got := onCall(t, c.o); !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestWhoHasAnIncidentAlreadyIsNotThereForAnother(t *testing.T) {
	s := fake.New(t)
	s.OnCall(fake.Entry{User: ada, Policy: pol, Levels: 1, Level: 1})
	o := pagerduty.OnCallOptions{Account: account(s), Policies: []string{pol.ID}, Free: true}
	s.Open(mail, "somebody else's", time.Now(), bob)
	if a := onCall(t, o); !a.OK {
		t.Errorf("another person's incident counts: %+v", a)
	}
	id := s.Open(mail, "The server is on fire.", time.Now().AddDate(0, -2, 0), ada) // older than what the API gives by default
	want := engine.GateAnswer{Text: "ada is in an incident already: 1 open incident: #1002 My Mail Service: The server is on fire. (triggered)", Causes: []string{"My Mail Service: The server is on fire."}}
	if a := onCall(t, o); !reflect.DeepEqual(a, want) {
		t.Errorf("\n got %+v\nwant %+v", a, want)
	}
	s.Resolve(id, time.Now())
	if a := onCall(t, o); !a.OK {
		t.Errorf("a resolved incident counts: %+v", a)
	}
	s.Fail("/incidents", 1, http.StatusInternalServerError, "")
	if a := onCall(t, o); a.OK || !strings.Contains(a.Text, "whether they are free is not known") {
		t.Errorf("it is not known whether ada is free: %+v", a)
	}
}

func TestAllIsWellIfNoIncidentIsOpenOfThoseThatCount(t *testing.T) {
	s := fake.New(t)
	s.PageSize(2)
	all := pagerduty.IncidentOptions{Account: account(s)}
	ask := func(o pagerduty.IncidentOptions, want engine.GateAnswer) {
		t.Helper()
		o.Account = account(s)
		if a := incidents(t, o); !reflect.DeepEqual(a, want) {
			t.Errorf("\n got %+v\nwant %+v", a, want)
		}
	}
	well := engine.GateAnswer{OK: true, Text: "no open incident"}
	ask(all, well)
	first := s.Open(mail, "The server is on fire.", time.Now().AddDate(0, -3, 0))
	s.Acknowledge(first, time.Now())
	ask(all, engine.GateAnswer{Text: "1 open incident: #1001 My Mail Service: The server is on fire. (acknowledged)", Causes: []string{"My Mail Service: The server is on fire."}})
	for range 4 {
		s.Open(fake.Ref{ID: "PCHECK", Summary: "checkout"}, "High\nlatency", time.Now())
	}
	ask(all, engine.GateAnswer{Text: "5 open incidents, the first: #1001 My Mail Service: The server is on fire. (acknowledged)",
		Causes: []string{"My Mail Service: The server is on fire.", "checkout: High latency"}})
	ask(pagerduty.IncidentOptions{Services: []string{"PELSE"}}, well)
	ask(pagerduty.IncidentOptions{Urgencies: []string{"low"}}, well)
	ask(pagerduty.IncidentOptions{Teams: []string{"PNOT"}}, well)
	for range 40 { // more pages of two than are read
		s.Open(mail, "more", time.Now())
	}
	ask(all, engine.GateAnswer{Text: "more than 10 open incidents, the first: #1001 My Mail Service: The server is on fire. (acknowledged)"}) // and no cause may be tolerated
	s.Resolve(first, time.Now())
	if a := incidents(t, all); a.OK {
		t.Error("the others are not seen")
	}
}

func TestAnErrorOfPagerDutysIsANoThatSaysWhatToDo(t *testing.T) {
	s := fake.New(t)
	o := pagerduty.IncidentOptions{Account: account(s)}
	host := strings.TrimPrefix(s.URL, "http://")
	s.Fail("/incidents", 1, http.StatusTooManyRequests, "20")
	if a := incidents(t, o); a.OK || a.Text != host+" answers with status 429: it is asked too often, choose a longer interval (Rate Limit Exceeded)" {
		t.Errorf("limited: %+v", a)
	}
	s.Fail("/incidents", 1, http.StatusInternalServerError, "")
	if a := incidents(t, o); a.OK || !strings.Contains(a.Text, "status 500") {
		t.Errorf("failing: %+v", a)
	}
	o.TokenFile = filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(o.TokenFile, []byte("wrong-canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := incidents(t, o); a.OK || a.Text != host+" answers with status 401: check the token file (Authentication failed)" {
		t.Errorf("wrong token: %+v", a)
	}
}

func TestNoHostileServerGetsAYesFromAnyGate(t *testing.T) {
	to := func(s hostile.Server) pagerduty.Account {
		return pagerduty.Account{API: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within, Now: time.Now}
	}
	page := func(body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) })
	}
	t.Run("incidents", func(t *testing.T) {
		hostile.Each(t, hostile.Options{Ages: true, Good: page(`{"incidents": [], "limit": 100, "offset": 0, "more": false}`)}, func(t *testing.T, s hostile.Server) (bool, string) {
			a := incidents(t, pagerduty.IncidentOptions{Account: to(s)})
			return a.OK, a.Text
		})
	})
	t.Run("on call", func(t *testing.T) {
		doc, err := os.ReadFile("testdata/oncalls.json")
		if err != nil {
			t.Fatal(err)
		}
		hostile.Each(t, hostile.Options{Ages: true, Good: page(string(doc))}, func(t *testing.T, s hostile.Server) (bool, string) {
			a := onCall(t, pagerduty.OnCallOptions{Account: to(s), Policies: []string{"PT20YPA"}, Levels: []int{2}})
			return a.OK, a.Text
		})
	})
}

func TestNoHostileServerIsTakenToHaveTakenAnEventAndNoneLearnsWhatToLeak(t *testing.T) {
	good := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		w.Write([]byte(`{"status": "success", "message": "Event processed", "dedup_key": "k"}`))
	})
	hostile.Each(t, hostile.Options{Good: good}, func(t *testing.T, s hostile.Server) (bool, string) {
		err := pagerduty.CheckKey(t.Context(), pagerduty.Account{Events: s.URL, KeyFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within}, "prod")
		if err != nil {
			return false, err.Error()
		}
		return true, ""
	})
}

func TestTheTokenAndTheRoutingKeyAreCheckedWithoutEffect(t *testing.T) {
	s := fake.New(t)
	ctx := context.Background()
	if text, err := pagerduty.CheckToken(ctx, account(s), []string{mail.ID}); err != nil || !strings.Contains(text, "My Mail Service") {
		t.Error(text, err)
	}
	if _, err := pagerduty.CheckToken(ctx, account(s), nil); err != nil {
		t.Error(err)
	}
	s.Gone("/services/PNOBODY")
	if _, err := pagerduty.CheckToken(ctx, account(s), []string{"PNOBODY"}); err == nil || !strings.HasPrefix(err.Error(), "PagerDuty has no service PNOBODY: ") {
		t.Error(err)
	}
	if err := pagerduty.CheckKey(ctx, account(s), "prod"); err != nil {
		t.Error(err)
	}
	if e := s.Events(); len(e) != 1 || e[0].Action != "resolve" {
		t.Errorf("the check had an effect: %+v", e)
	}
	a := account(s)
	a.KeyFile = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(a.KeyFile, []byte("00000000000000000000000000canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := pagerduty.CheckKey(ctx, a, "prod"); err == nil || !strings.Contains(err.Error(), "Invalid routing key") || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestWhatIsNotThereIsNamedAndLetsNothingBegin(t *testing.T) {
	s := fake.New(t)
	s.OnCall(fake.Entry{User: ada, Schedule: rota, Policy: pol, Levels: 1, Level: 1})
	a := account(s)
	for path, c := range map[string]struct {
		ask  func() engine.GateAnswer
		want string
	}{
		"/services/PX": {func() engine.GateAnswer {
			return incidents(t, pagerduty.IncidentOptions{Account: a, Services: []string{mail.ID, "PX"}})
		}, "PagerDuty has no service PX: "},
		"/teams/PX": {func() engine.GateAnswer {
			return incidents(t, pagerduty.IncidentOptions{Account: a, Teams: []string{"PX"}})
		}, "PagerDuty has no team PX: "},
		"/schedules/" + rota.ID: {func() engine.GateAnswer {
			return onCall(t, pagerduty.OnCallOptions{Account: a, Schedules: []string{rota.ID}})
		}, "PagerDuty has no schedule PI7DH85: "},
		"/escalation_policies/" + pol.ID: {func() engine.GateAnswer {
			return onCall(t, pagerduty.OnCallOptions{Account: a, Policies: []string{pol.ID}})
		}, "PagerDuty has no escalation policy PT20YPA: "},
	} {
		s.Gone()
		if got := c.ask(); !got.OK {
			t.Errorf("%s is there: %+v", path, got)
		}
		s.Gone(path)
		if got := c.ask(); got.OK || !strings.HasPrefix(got.Text, c.want) {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestWhetherAllIsThereIsAskedOnceAnHourAndAgainAfterAFailure(t *testing.T) {
	s, now := fake.New(t), time.Now()
	a := account(s)
	a.Now = func() time.Time { return now }
	g, err := pagerduty.NewIncidents(pagerduty.IncidentOptions{Account: a, Services: []string{mail.ID}})
	if err != nil {
		t.Fatal(err)
	}
	asked := func() (n int) {
		for _, path := range s.Asked() {
			if path == "/services/"+mail.ID {
				n++
			}
		}
		return n
	}
	s.Fail("/services/", 1, http.StatusInternalServerError, "")
	if got := g.Ask(t.Context()); got.OK || !strings.HasPrefix(got.Text, "whether there is a service PIJ90N7 is not known: ") {
		t.Errorf("%+v", got)
	}
	for range 3 {
		if got := g.Ask(t.Context()); !got.OK {
			t.Errorf("%+v", got)
		}
	}
	if asked() != 2 {
		t.Errorf("asked %d times, want twice", asked())
	}
	now = now.Add(time.Hour)
	s.Ahead(time.Hour)
	s.Gone("/services/" + mail.ID)
	if got := g.Ask(t.Context()); got.OK || asked() != 3 {
		t.Errorf("%+v after %d times", got, asked())
	}
}
