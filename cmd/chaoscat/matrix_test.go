package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/sshdoor"
)

// matrix is who may give which order at which door: v is a viewer, s a stopper, o an operator, a an admin, and u is
// somebody whom the configuration does not know. The read-only console of a viewer gives stop alone; in package tui,
// TestAReadOnlyConsoleGivesStopAloneWhateverIsPressed proves that of every key.
var matrix = []struct {
	order              engine.OrderKind
	socket, ssh, slack string
}{
	{engine.Stop, "vsoau", "vsoau", "vsoau"},
	{engine.Remark, "vsoau", "soau", "soa"}, // who can open the socket is a stopper at least
	{engine.Resume, "oa", "oa", "oa"},
	{engine.PauseIt, "oa", "oa", "oa"},
	{engine.Skip, "oa", "oa", "oa"},
	{engine.RunOnce, "oa", "oa", "oa"},
	{engine.Approve, "oa", "oa", "oa"},
	{engine.Exclude, "oa", "oa", "oa"},
	{engine.Include, "oa", "oa", "oa"},
	{engine.Clear, "oa", "oa", "oa"},
	{"nonsense", "oa", "oa", "oa"}, // and is refused by the engine
}

// The people of these tests. guest has a name at each door, and nobody knows it.
var (
	cast = map[rune]string{'v': "vic", 's': "sam", 'o': "olga", 'a': "ada", 'u': "guest"}

	castPersons = []config.Person{
		{Name: "vic", Unix: []string{"u-vic"}, SSH: []string{"k-vic"}, Slack: "UVIC"},
		{Name: "sam", Unix: []string{"u-sam"}, SSH: []string{"k-sam"}, Slack: "USAM"},
		{Name: "olga", Unix: []string{"u-olga"}, SSH: []string{"k-olga"}, Slack: "UOLGA"},
		{Name: "ada", Unix: []string{"u-ada"}, SSH: []string{"k-ada"}, Slack: "UADA"},
		{Name: "dan", Unix: []string{"u-dan"}, SSH: []string{"k-dan"}, Slack: "UDAN"},
		{Name: "eve", Unix: []string{"u-eve"}, SSH: []string{"k-eve"}, Slack: "UEVE"},
	}
	castTeams = append(slices.Clone(teams),
		config.Team{Name: "processors", Members: []string{"eve"}, Role: engine.Operator, Hosts: engine.Selector{"group:web"}, Attacks: []string{"cpu"}},
		config.Team{Name: "networks", Members: []string{"eve"}, Role: engine.Operator, Hosts: engine.Selector{"group:db"}, Attacks: []string{"latency"}},
		config.Team{Name: "loose", Members: []string{"k-pat"}, Role: engine.Operator},
		config.Team{Name: "chat", SlackGroups: []string{"SOPS"}, Role: engine.Operator},
	)
)

// doors are those of a real engine, each of which lets in whom the test names.
type doors struct {
	*party
	known  *people
	now    string // who is at the socket
	socket *control.Client
}

func (p *party) opensAll() *doors {
	p.t.Helper()
	d := &doors{party: p, known: newPeople(castPersons, castTeams)}
	path := filepath.Join(p.t.TempDir(), "s")
	server, err := control.Listen(path, control.Options{Engine: p.house.engine, Who: func(int) control.Peer { return d.known.at(socketDoor, d.now, nil) }})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- server.Serve(ctx) }()
	d.socket = control.NewClient(path)
	p.t.Cleanup(func() {
		d.socket.Close()
		end()
		if err := <-over; err != nil {
			p.t.Error(err)
		}
	})
	return d
}

// called is what the door calls them.
func called(at door, name string) string {
	switch {
	case at == socketDoor:
		return "u-" + name
	case at == sshDoor:
		return "k-" + name
	case name == "guest":
		return "UGUEST"
	}
	return "U" + strings.ToUpper(name)
}

// gives is the door's answer to an order that says everything of itself that could help it.
func (d *doors) gives(at door, name string, groups []string, o engine.Order) (id string, err error) {
	o.ID, o.By, o.Door, o.Role, o.Named = newID(), "root", "console", engine.Admin, true
	o.Realm, o.Attacks, o.Approved = nil, nil, []string{"ada", "olga"}
	switch as := called(at, name); at {
	case socketDoor:
		d.now = as
		_, err = d.socket.Ask(d.t.Context(), o)
	case sshDoor:
		who := func(called string) control.Peer { return d.known.at(sshDoor, called, nil) }
		inside := sshHouse{world: thisWorld(), engine: d.house.engine, graph: d.house.graph.Load, who: who}
		_, err = inside.app(sshdoor.Visit{Person: as}).client().Ask(d.t.Context(), o)
	default:
		peer := d.known.inSlack(as, groups)
		if o.Kind == engine.Stop { // which engine/chat takes from everybody
			peer.Role = max(peer.Role, engine.Viewer)
		}
		_, err = control.Guest{Engine: d.house.engine, Peer: peer, Door: string(slackDoor)}.Ask(d.t.Context(), o)
	}
	return o.ID, err
}

// recorded is what the engine has put down about the order since; nil if it has not heard of it. That a host was cleared
// is a record without the order.
func (d *doors) recorded(id string, since uint64) *engine.Record {
	d.t.Helper()
	records, err := d.house.engine.History(d.t.Context(), since)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range records {
		if r.Kind == engine.Cleared || r.Kind == engine.OrderGiven && r.Order.ID == id {
			return &r
		}
	}
	return nil
}

func TestEveryOrderOfEveryRoleAtEveryDoor(t *testing.T) {
	d := opensItsDoor(t).opensAll()
	orders := map[engine.OrderKind]engine.Order{
		engine.Remark: {Reason: "here"}, engine.RunOnce: {Attack: "cpu", Host: "web-001", DryRun: true},
		engine.Exclude: {Host: "web-001"}, engine.Include: {Host: "web-001"}, engine.Clear: {Host: "web-001"},
	}
	for _, row := range matrix {
		for _, at := range []struct {
			door
			may string
		}{{socketDoor, row.socket}, {sshDoor, row.ssh}, {slackDoor, row.slack}} {
			for letter, name := range cast {
				o := orders[row.order]
				o.Kind = row.order
				since := d.newest()
				id, err := d.gives(at.door, name, nil, o)
				var refusal *engine.Refusal
				refused := errors.As(err, &refusal) && refusal.Name == engine.NotAllowed
				what := fmt.Sprintf("%s by %s at the door %s", row.order, name, at.door)
				if may := strings.ContainsRune(at.may, letter); may == refused || err != nil && refusal == nil {
					t.Errorf("%s: may %t, and the answer is %v", what, may, err)
				}
				record := d.recorded(id, since)
				switch {
				case refused && record != nil:
					t.Errorf("%s: the engine heard of it: %+v", what, record)
				case !refused && record == nil:
					t.Errorf("%s: it is not in the record", what)
				case record != nil:
					d.isTheirs(what, record, at.door, name)
				}
				if row.order == engine.Stop {
					d.resumes()
				}
			}
		}
	}
}

// newest is the last record so far.
func (d *doors) newest() (seq uint64) {
	d.t.Helper()
	records, err := d.house.engine.History(d.t.Context(), 0)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range records {
		seq = r.Seq
	}
	return seq
}

// isTheirs holds a record against who gave the order, whatever the order said of itself.
func (d *doors) isTheirs(what string, r *engine.Record, at door, name string) {
	d.t.Helper()
	by, named := name, name != "guest"
	if !named {
		by = map[door]string{socketDoor: "u-guest", sshDoor: "k-guest", slackDoor: "UGUEST (slack)"}[at]
	}
	if r.By != by || r.Door != string(at) {
		d.t.Errorf("%s: the record has %s at %s", what, r.By, r.Door)
	}
	if o := r.Order; o != nil && (o.By != by || o.Door != string(at) || o.Named != named || len(o.Approved) > 0) {
		d.t.Errorf("%s: the record has the order as %+v", what, o)
	}
}

func (d *doors) resumes() {
	d.t.Helper()
	if err := (inHouse{Engine: d.house.engine}).Order(d.t.Context(), engine.Order{ID: newID(), Kind: engine.Resume, By: "test", Door: "console"}); err != nil {
		d.t.Fatal(err)
	}
}

// Hosts and attacks hold at every door, and so does who counts where two must want it.
func TestHostsAttacksAndNamesHoldAtEveryDoor(t *testing.T) {
	d := opensItsDoor(t).opensAll()
	run := func(attack, host string) engine.Order {
		return engine.Order{Kind: engine.RunOnce, Attack: attack, Host: host, DryRun: true}
	}
	for _, row := range []struct {
		who   string
		order engine.Order
		says  string // "": it is carried out
	}{
		{"dan", run("cpu", "db-001"), ""},
		{"dan", run("cpu", "web-001"), "web-001 is none of the hosts that dan may order attacks on (group:db)"},
		{"dan", engine.Order{Kind: engine.Exclude, Host: "web-001"}, "web-001 is none of the hosts that dan may order attacks on (group:db)"},
		{"dan", engine.Order{Kind: engine.Exclude, Host: "db-002"}, ""},
		{"dan", engine.Order{Kind: engine.Include, Host: "db-002"}, ""},
		// eve has cpu on web and latency on db, and neither on the other.
		{"eve", run("cpu", "web-001"), ""},
		{"eve", run("latency", "db-001"), ""},
		{"eve", run("cpu", "db-001"), "db-001 is none of the hosts that eve may order attacks on (group:web)"},
		{"eve", run("latency", "web-001"), "web-001 is none of the hosts that eve may order attacks on (group:db)"},
		{"eve", run("memory", "db-001"), "memory is none of the attacks that eve may order"},
		{"eve", run("", "db-001"), "eve may order different attacks on different hosts, and so must name the attack"},
		{"eve", engine.Order{Kind: engine.RunOnce, DryRun: true}, "eve may order different attacks on different hosts, and so must name the attack"},
		{"eve", engine.Order{Kind: engine.Exclude, Host: "api-001"}, "api-001 is none of the hosts that eve may order attacks on (group:web or group:db)"},
		{"olga", engine.Order{Kind: engine.RunOnce, Attack: "cpu", Count: 5, Force: true, DryRun: true}, "going beyond the limits of the blast radius takes the role admin"},
		{"ada", engine.Order{Kind: engine.RunOnce, Attack: "cpu", Count: 5, Force: true, DryRun: true}, ""},
	} {
		for _, at := range []door{socketDoor, sshDoor, slackDoor} {
			_, err := d.gives(at, row.who, nil, row.order)
			if row.says == "" && err != nil || row.says != "" && (err == nil || err.Error() != row.says) {
				t.Errorf("%s %s %s on %q at the door %s: %v, want %q", row.who, row.order.Kind, row.order.Attack, row.order.Host, at, err, row.says)
			}
		}
	}
}

func TestTwoDoorsAreOnePersonWhereTwoMustWantAnAttack(t *testing.T) {
	d := opensItsDoor(t, twoWantCPU).opensAll()
	wants := func(at door, who string, groups ...string) {
		t.Helper()
		d.resumes()
		_, err := d.gives(at, who, groups, engine.Order{Kind: engine.RunOnce, Attack: "cpu", Host: "db-001"})
		if !waits(err) {
			t.Fatalf("%s at %s: %v", who, at, err)
		}
		d.eventually("the order is to be seen", func() bool { return len(d.pending()) == 1 })
	}
	approves := func(at door, who string, groups ...string) string {
		_, err := d.gives(at, who, groups, engine.Order{Kind: engine.Approve})
		if err != nil {
			return err.Error()
		}
		return ""
	}
	gives := func(name, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	const stranger = " is not known by name here, so nobody can tell that this is another person; see [[person]] in the configuration"
	wants(socketDoor, "olga")
	gives("herself over SSH", approves(sshDoor, "olga"), "olga wants it already; another person must want it too")
	gives("herself in Slack", approves(slackDoor, "olga", "SOPS"), "olga wants it already; another person must want it too")
	gives("who stands among members alone", approves(sshDoor, "pat"), "k-pat"+stranger)
	gives("somebody of a Slack group", approves(slackDoor, "guest", "SOPS"), "UGUEST (slack)"+stranger)
	gives("an operator of other hosts and attacks", approves(sshDoor, "eve"), "db-001 is none of the hosts that eve may order attacks on (group:web)")
	gives("an operator of these hosts, in Slack", approves(slackDoor, "dan"), "")
	d.stopsAll()

	wants(slackDoor, "guest", "SOPS") // who counts for nobody: two others must want it
	gives("the first", approves(socketDoor, "olga"), "")
	gives("the first once more", approves(slackDoor, "olga"), "olga wants it already; another person must want it too")
	d.eventually("one of two has approved", func() bool { p := d.pending(); return len(p) == 1 && p[0].Missing() == 1 })
	gives("the second", approves(sshDoor, "ada"), "")
	d.eventually("nothing waits", func() bool { return len(d.pending()) == 0 })
	d.stopsAll()

	wants(sshDoor, "dan")
	own := inHouse{Engine: d.house.engine, owner: control.Peer{Name: "root"}}
	err := own.Order(t.Context(), engine.Order{ID: newID(), Kind: engine.Approve, By: "root", Door: "console", Named: true})
	gives("root in the engine's own console", fmt.Sprint(err), "root"+stranger)
	own.owner = control.Peer{Name: "ada", Named: true}
	if err := own.Order(t.Context(), engine.Order{ID: newID(), Kind: engine.Approve, By: "alovelace", Door: "console"}); err != nil {
		t.Errorf("a person in the engine's own console: %v", err)
	}
	if runs := d.intents(); !slices.Equal(runs[len(runs)-1].Approved, []string{"ada"}) {
		t.Errorf("the record has %+v", runs[len(runs)-1])
	}
}

// stopsAll ends what has begun, so that the same host can be meant again.
func (d *doors) stopsAll() {
	d.t.Helper()
	if _, err := d.gives(slackDoor, "guest", nil, engine.Order{Kind: engine.Stop}); err != nil {
		d.t.Fatal(err)
	}
	d.eventually("nothing runs", func() bool { return d.house.engine.Snapshot().Mood == engine.MoodStopped })
}

// Whoever loses a role loses it in the session that is open, too.
func TestARoleThatIsTakenAwayIsTakenFromWhoIsInsideAlready(t *testing.T) {
	d := opensItsDoor(t).opensAll()
	who := func(called string) control.Peer { return d.known.at(sshDoor, called, nil) }
	inside := sshHouse{world: thisWorld(), engine: d.house.engine, graph: d.house.graph.Load, who: who}
	session := inside.app(sshdoor.Visit{Person: "k-olga"}).client()
	pause := func() (refused []bool) {
		d.now = "u-olga"
		for _, at := range []running{session, d.socket} {
			err := at.Order(t.Context(), engine.Order{ID: newID(), Kind: engine.PauseIt})
			var refusal *engine.Refusal
			refused = append(refused, errors.As(err, &refusal) && refusal.Name == engine.NotAllowed)
		}
		return refused
	}
	if refused := pause(); slices.Contains(refused, true) {
		t.Fatalf("an operator is refused: %v", refused)
	}
	d.known = newPeople(castPersons, nil) // as after a reload
	if refused := pause(); slices.Contains(refused, false) {
		t.Errorf("somebody who is no operator any more is obeyed: %v", refused)
	}
}

// An interrupt ends what a command runs in its own engine.
func TestAStopBySignalIsInTheRecordAsOne(t *testing.T) {
	p := opensItsDoor(t)
	a := &app{world: thisWorld(), quiet: true}
	a.stopBecause(inHouse{Engine: p.house.engine})
	if stops := p.orders(engine.Stop); len(stops) != 1 || stops[0].Door != "signal" || stops[0].By != a.user {
		t.Errorf("the record has %+v", stops)
	}
}
