package inventory

import (
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

func TestChosenHostsGetWhatIsSaidOfAllAndKeepTheirOwn(t *testing.T) {
	source := &scripted{name: "a", script: []func() (Listing, error){lists("a",
		engine.Host{Name: "web-1", Address: "10.0.0.1", Groups: []string{"web"}, Tags: map[string]string{"zone": "eu-1"}},
		host("web-2", "10.0.0.2"), host("github.com", ""))}}
	result, err := New(Options{}, Chosen{Source: source, Hosts: engine.Selector{"web-*"}, Groups: []string{"web", "lab"}, Tags: map[string]string{"zone": "eu-9", "from": "ssh"}}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), `web-1 10.0.0.1:22 groups=web,lab map[from:ssh zone:eu-1]
web-2 10.0.0.2:22 groups=web,lab map[from:ssh zone:eu-9]
`)
}

func TestAChoiceThatMatchesNothingIsAMistake(t *testing.T) {
	source := &scripted{name: "a", script: []func() (Listing, error){lists("a", host("web-1", "10.0.0.1"), host("db-1", "10.0.0.2"))}}
	_, err := New(Options{}, Chosen{Source: source, Hosts: engine.Selector{"wbe-*", "!bd-*"}}).Load(t.Context())
	wantError(t, err, `a: selector "wbe-*" matches no host; did you mean "web-*"?
selector "!bd-*" matches no host; did you mean "db-*"?`)
}
