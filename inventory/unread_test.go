package inventory

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine/web"
)

func TestWhatIsDownIsToldFromWhatIsWrong(t *testing.T) {
	answers := func(status int, body string) Source {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return Consul{Web: web.Options{URL: s.URL}}
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	slow := sh(t, "sleep 600")
	slow.Timeout = 50 * time.Millisecond
	nowhere := Consul{Web: web.Options{URL: gone.URL}}
	good, bad := Static{Hosts: []StaticHost{{Name: "a", Address: "10.0.0.1"}}}, Static{Hosts: []StaticHost{{Name: "a", Address: "127.0.0.1"}}}
	for _, c := range []struct {
		name    string
		sources []Source
		unread  bool
	}{
		{"nobody listens", []Source{nowhere}, true},
		{"an answer of 500", []Source{answers(500, "No cluster leader")}, true},
		{"an answer of 429", []Source{answers(429, "")}, true},
		{"an answer of 403", []Source{answers(403, "Permission denied")}, false},
		{"an answer that lists nothing fit", []Source{answers(200, `[{"Node": "a"}]`)}, false},
		{"a command that fails", []Source{sh(t, "exit 1")}, true},
		{"a command that does not end", []Source{slow}, true},
		{"a command that is not there", []Source{Command{Argv: []string{"/no/such/program"}}}, false},
		{"no command", []Source{Command{}}, false},
		{"a command that prints nonsense", []Source{sh(t, "echo Login:")}, false},
		{"a file that is not there", []Source{AnsibleFile{Path: "/no/such/file"}}, false},
		{"all chosen of what is down", []Source{Chosen{Source: nowhere, Groups: []string{"x"}}}, true},
		{"two are down, one is well", []Source{good, nowhere, sh(t, "exit 1")}, true},
		{"one is down, one is wrong", []Source{bad, nowhere}, false},
		{"one is down, another is not there", []Source{nowhere, AnsibleFile{Path: "/no/such/file"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := New(Options{}, c.sources...).Load(t.Context()); err == nil || Unread(err) != c.unread {
				t.Errorf("unread is %v: %v", Unread(err), err)
			}
		})
	}
	if Unread(nil) {
		t.Error("nothing is wrong, and it is unread")
	}
}

// down is a source that fails as one does behind which something is down.
func down(text string) func() (Listing, error) {
	return func() (Listing, error) { return Listing{}, &unread{errors.New(text)} }
}

func TestASourceThatIsDownKeepsInTheNextInventoryWhatItListedInTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		moving := each(time.Hour, "moving", lists("moving", host("one", "10.0.0.1")), down("no answer\nat all"))
		steady := each(time.Hour, "steady", lists("steady", host("two", "10.0.0.2")))
		first := New(Options{}, moving, steady)
		if _, err := first.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		next := func(before *Inventory) (*Inventory, Result) {
			v := New(Options{Before: before}, steady, moving)
			result, err := v.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return v, result
		}
		second, result := next(first)
		wantText(t, table(result.Roster.Hosts()), "one 10.0.0.1:22\ntwo 10.0.0.2:22\n")
		if notices := strings.Join(result.Notices, "; "); notices != "its 1 hosts of Sat 1 Jan 00:00 are kept: no answer\nat all" {
			t.Errorf("it is said %q", notices)
		}

		time.Sleep(30 * time.Minute) // an hour after the only good reading, whoever did it
		third, result := next(second)
		reason := "its source moving has not been readable since Sat 1 Jan 00:00: no answer"
		wantText(t, table(result.Roster.Hosts()), "one 10.0.0.1:22 barred="+reason+"\ntwo 10.0.0.2:22\n")

		other := each(time.Hour, "another", down("no answer"))
		_, err := New(Options{Before: third}, steady, moving, other).Load(t.Context())
		if wantError(t, err, "no answer"); !Unread(err) {
			t.Error("it is taken for a mistake")
		}
	})
}
