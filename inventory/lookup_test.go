package inventory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// phoneBook is a resolver that knows a few names and counts who asks at once.
type phoneBook struct {
	addresses map[string]string // separated by commas
	asked     atomic.Int32
	now, most atomic.Int32
}

func (p *phoneBook) resolve(_ context.Context, name string) ([]netip.Addr, error) {
	p.asked.Add(1)
	p.most.Store(max(p.most.Load(), p.now.Add(1)))
	defer p.now.Add(-1)
	time.Sleep(time.Millisecond) // in a bubble: everybody who may ask at once does
	list, known := p.addresses[name]
	if !known {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	var found []netip.Addr
	for _, a := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		found = append(found, netip.MustParseAddr(a))
	}
	return found, nil
}

func smallTown() *engine.Roster {
	return engine.NewRoster([]engine.Host{
		{Name: "db-001", Address: "10.0.0.1", Groups: []string{"db"}},
		{Name: "db-002", Address: "fd00::2", Groups: []string{"db"}, Barred: "excluded by safety.exclude \"db-002\""},
		{Name: "db-003", Address: "third.db.example", Groups: []string{"db", "far"}},
		{Name: "Web-001", Address: "10.0.1.1", Groups: []string{"web"}},
		{Name: "zoned", Address: "fe80::1%eth0", Groups: []string{"odd"}},
		{Name: "lost-001", Address: "nowhere.example", Groups: []string{"lost"}},
		{Name: "lost-002", Address: "10.0.3.2", Groups: []string{"lost"}},
		{Name: "TWIN", Address: "10.0.4.1"},
		{Name: "Twin", Address: "10.0.4.2"},
	})
}

func TestAPeersNameLeadsToTheHostOrTheGroupOfTheInventoryAndOnlyThenToTheDNS(t *testing.T) {
	book := &phoneBook{addresses: map[string]string{"third.db.example": "10.0.0.3,fd00::3", "api.example": "203.0.113.9", "db-001": "203.0.113.66", "empty.example": ""}}
	lookup := Lookup(smallTown, book.resolve)
	for _, c := range []struct{ name, want string }{
		{"db-001", "[10.0.0.1]"}, // the inventory goes before the DNS, which knows another db-001
		{"db-003", "[10.0.0.3 fd00::3]"},
		{"web-001", "[10.0.1.1]"}, // parameters travel in lower case
		{"group:db", "[10.0.0.1 fd00::2 10.0.0.3 fd00::3]"},
		{"api.example", "[203.0.113.9]"},
		// what leads nowhere is an error that says what to do
		{"db-0001", `it is no host of the inventory, and the DNS knows no "db-0001": write its address; did you mean "db-001"?`},
		{"db", `it is no host of the inventory, and the DNS knows no "db": write its address; did you mean "group:db"?`},
		{"twin", `it is no host of the inventory, and the DNS knows no "twin": write its address; did you mean "TWIN"?`},
		{"empty.example", `it is no host of the inventory, and the DNS has no address for "empty.example": write it`},
		{"zoned", "host zoned: its address fe80::1%eth0 has a zone, which means something else on every host"},
		{"group:wev", `the inventory has no host in it; did you mean "group:web"?`},
		{"group:lost", `host lost-001: the DNS knows no "nowhere.example": write its address`},
	} {
		found, err := lookup(t.Context(), c.name)
		got := fmt.Sprint(found)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n got  %s\n want %s", c.name, got, c.want)
		}
	}
	if found, err := Lookup(func() *engine.Roster { return nil }, book.resolve)(t.Context(), "api.example"); err != nil || len(found) != 1 {
		t.Errorf("before the inventory is read: %v, %v", found, err)
	}
}

func TestALookupIsGivenUpAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(ctx context.Context, name string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, &net.DNSError{Err: "i/o timeout", Name: name, IsTimeout: true}
		}
		began := time.Now()
		for _, name := range []string{"api.example", "group:lost"} {
			_, err := Lookup(smallTown, silent)(t.Context(), name)
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the DNS has not answered for") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if took := time.Since(began); took != 2*lookupTime {
			t.Errorf("took %s", took)
		}
	})
}

func TestALargeGroupAsksTheResolverAFewNamesAtATimeAndStopsAtTheFirstThatIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []engine.Host
		book := &phoneBook{addresses: map[string]string{}}
		for i := range 1000 {
			name := fmt.Sprintf("n%04d.example", i)
			hosts = append(hosts, engine.Host{Name: name, Address: name, Groups: []string{"all"}})
			book.addresses[name] = fmt.Sprintf("10.1.%d.%d", i/250, 1+i%250)
		}
		roster := engine.NewRoster(hosts)
		lookup := Lookup(func() *engine.Roster { return roster }, book.resolve)
		if found, err := lookup(t.Context(), "group:all"); err != nil || len(found) != 1000 || book.most.Load() > lookupsAtOnce {
			t.Errorf("%d addresses, %v, %d at once", len(found), err, book.most.Load())
		}
		delete(book.addresses, "n0020.example")
		book.asked.Store(0)
		_, err := lookup(t.Context(), "group:all")
		if err == nil || err.Error() != `host n0020.example: the DNS knows no "n0020.example": write its address` {
			t.Errorf("%v", err)
		}
		if asked := book.asked.Load(); asked > 100 {
			t.Errorf("%d names were asked for after the first that nobody knows", asked)
		}
	})
}
