package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/vt"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/sshdoor"
	"github.com/chaoscat/chaoscat/tui/person"
)

// party is an engine with the demo's fleet that is served over SSH, and people with keys of their own: one of each
// role, one operator of the databases alone, and a guest whom no team has.
type party struct {
	t       *testing.T
	house   *house
	dir     string
	address string
	door    ssh.PublicKey
	keys    map[string]ed25519.PrivateKey
	log     *lines
	closed  sync.Once
	screens []io.Closer // of those who have opened the console
}

// lines is a log that a test reads.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

var teams = []config.Team{
	{Name: "watch", Members: []string{"vic"}, Role: engine.Viewer, Key: "team[0]"},
	{Name: "desk", Members: []string{"sam"}, Role: engine.Stopper, Key: "team[1]"},
	{Name: "sre", Members: []string{"olga"}, Role: engine.Operator, Key: "team[2]"},
	{Name: "databases", Members: []string{"dan"}, Role: engine.Operator, Hosts: engine.Selector{"group:db"}, Key: "team[3]"},
	{Name: "heads", Members: []string{"ada"}, Role: engine.Admin, Key: "team[4]"},
}

func opensItsDoor(t *testing.T, change ...func(*engine.Plan)) *party {
	t.Helper()
	if testing.Short() {
		t.Skip("runs an engine with a simulated fleet behind an SSH door")
	}
	p := &party{t: t, dir: t.TempDir(), keys: map[string]ed25519.PrivateKey{}, log: &lines{}}
	var file strings.Builder
	for _, name := range []string{"vic", "sam", "olga", "dan", "ada", "guest"} {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p.keys[name] = key
		fmt.Fprintf(&file, "%s %s\n", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p.signer(name).PublicKey()))), name)
	}
	people := filepath.Join(p.dir, "people")
	if err := os.WriteFile(people, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = free.Addr().String()
	free.Close()

	w, g := quietMorning(t, 12, 4)
	g.plan.Schedule.CheckEvery = 12 * time.Hour // nothing happens but what is ordered
	for _, f := range change {
		f(&g.plan)
	}
	if g.plan, err = engine.NewPlan(g.plan); err != nil {
		t.Fatal(err)
	}
	g.config.Schedule = g.plan.Schedule
	g.config.Control, g.config.Teams = config.Control{SSHListen: p.address, SSHPeople: people}, teams
	for _, team := range teams {
		name := team.Members[:1]
		g.config.Persons = append(g.config.Persons, config.Person{Name: name[0], Unix: name, SSH: name})
	}
	state := filepath.Join(p.dir, "state")
	if p.house, err = open(context.Background(), w, g, state, opening{log: slog.New(slog.NewJSONHandler(p.log, nil)), demo: true, ssh: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.ends)
	text, err := os.ReadFile(filepath.Join(state, "ssh_host_ed25519_key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	p.door = key.PublicKey()
	p.eventually("the gates have answered", func() bool {
		s := p.house.engine.Snapshot()
		return s.Verdict.Name != engine.Reconciling && !slices.ContainsFunc(s.Gates, func(g engine.GateView) bool { return !g.Clear })
	})
	return p
}

// ends ends the engine, as the end of its process does.
func (p *party) ends() {
	p.closed.Do(func() {
		for _, s := range p.screens {
			defer s.Close()
		}
		if err := p.house.close(errTerminated); err != nil {
			p.t.Error(err)
		}
	})
}

func (p *party) signer(name string) ssh.Signer {
	p.t.Helper()
	signer, err := ssh.NewSignerFromKey(p.keys[name])
	if err != nil {
		p.t.Fatal(err)
	}
	return signer
}

func (p *party) eventually(what string, holds func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(person.Patience); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("it never came that %s; the log:\n%s", what, p.log)
		}
	}
}

func (p *party) login(name string) *ssh.Client {
	p.t.Helper()
	c, err := ssh.Dial("tcp", p.address, &ssh.ClientConfig{
		User: "chaos", Auth: []ssh.AuthMethod{ssh.PublicKeys(p.signer(name))}, HostKeyCallback: ssh.FixedHostKey(p.door), Timeout: 10 * time.Second,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

// runs is: ssh chaos@host COMMAND.
func (p *party) runs(name, command string) (stdout, stderr string, code int) {
	p.t.Helper()
	c := p.login(name)
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		p.t.Fatal(err)
	}
	var out, said bytes.Buffer
	s.Stdout, s.Stderr = &out, &said
	err = s.Run(command)
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return out.String(), said.String(), exit.ExitStatus()
	}
	if err != nil {
		p.t.Fatalf("%s: %s: %v", name, command, err)
	}
	return out.String(), said.String(), 0
}

// glass is the terminal of somebody who has opened the console.
type glass struct {
	p       *party
	session *ssh.Session
	keys    io.WriteCloser
	over    chan error

	mu     sync.Mutex
	screen *vt.Emulator
}

func (p *party) watches(name string, w, h int) *glass {
	p.t.Helper()
	s, err := p.login(name).NewSession()
	if err != nil {
		p.t.Fatal(err)
	}
	g := &glass{p: p, session: s, over: make(chan error, 1), screen: vt.NewEmulator(min(w, 500), min(h, 200))}
	go io.Copy(io.Discard, g.screen)
	p.screens = append(p.screens, g.screen.InputPipe().(io.Closer))
	s.Stdout = g
	if g.keys, err = s.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if err := errors.Join(s.Setenv("LANG", "C.UTF-8"), s.RequestPty("xterm-256color", h, w, nil), s.Shell()); err != nil {
		p.t.Fatal(err)
	}
	go func() { g.over <- s.Wait() }()
	return g
}

func (g *glass) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.screen.Write(p)
}

func (g *glass) shows() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.screen.String()
}

func (g *glass) expects(words ...string) {
	g.p.t.Helper()
	for deadline := time.Now().Add(person.Patience); ; <-time.After(10 * time.Millisecond) {
		screen := g.shows()
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(screen, w) }) {
			return
		}
		if time.Now().After(deadline) {
			g.p.t.Fatalf("the screen never shows %q; at last:\n%s", words, screen)
		}
	}
}

func (g *glass) presses(keys string) {
	g.p.t.Helper()
	if _, err := io.WriteString(g.keys, keys); err != nil {
		g.p.t.Fatal(err)
	}
}

func (g *glass) ends(code int) {
	g.p.t.Helper()
	select {
	case err := <-g.over:
		got := 0
		var exit *ssh.ExitError
		if errors.As(err, &exit) {
			got, err = exit.ExitStatus(), nil
		}
		if err != nil || got != code {
			g.p.t.Errorf("the session ends with %d, %v; want %d", got, err, code)
		}
	case <-time.After(person.Patience):
		g.p.t.Fatalf("the session does not end; at last:\n%s", g.shows())
	}
}

// orders are the orders of the record, refused ones among them.
func (p *party) orders(kind engine.OrderKind) (found []engine.Record) {
	p.t.Helper()
	records, err := p.house.engine.History(p.t.Context(), 0)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range records {
		if r.Kind == engine.OrderGiven && r.Order != nil && r.Order.Kind == kind {
			found = append(found, r)
		}
	}
	return found
}

func TestTheConsoleOpensOverSSHAndStopsUnderThePersonsName(t *testing.T) {
	p := opensItsDoor(t)
	g := p.watches("sam", 120, 40)
	g.expects("[ARMED]", "s STOP ALL", "db-001", "─") // UTF-8, because the client said so
	g.presses("s")
	g.expects("[STOPPED]")
	stops := p.orders(engine.Stop)
	if len(stops) != 1 || stops[0].By != "sam" || stops[0].Door != "ssh" || stops[0].Order.Role != engine.Stopper {
		t.Errorf("the record has %+v", stops)
	}
	g.presses("\x1a")
	g.expects("not suspended: there is no shell behind this console")
	g.session.WindowChange(30, 90)
	g.mu.Lock()
	g.screen.Resize(90, 30)
	g.mu.Unlock()
	g.presses("?")
	g.expects("EMERGENCY")
	g.presses("?q")
	g.ends(0)
	p.eventually("the log tells of the session", func() bool {
		log := p.log.String()
		return strings.Contains(log, `"msg":"an SSH session ended","by":"sam"`) && strings.Contains(log, `"msg":"serving SSH"`)
	})
}

func TestCommandsOverSSHHaveTheirOutputAndTheirExitCode(t *testing.T) {
	p := opensItsDoor(t)
	for _, row := range []struct {
		name, command string
		code          int
		out, said     string // what must be in there
	}{
		{"vic", "status", 0, "demo: armed, DEMO", ""},
		{"vic", "chaoscat status", 0, "demo: armed", ""}, // out of habit
		{"vic", "why", 0, "", ""},
		{"vic", "hosts", 0, "web-001", "12 hosts"},
		{"vic", "hosts -q", 0, "web-001", ""},
		{"vic", "attacks", 0, "latency", ""},
		{"vic", "attacks latency", 0, "round trip", ""},
		{"vic", "gates", 0, "rota", ""},
		{"vic", "windows --days 3", 0, "10:00 - 18:00", ""},
		{"vic", "history", 0, "", ""},
		{"vic", "version", 0, "chaoscat", ""},
		{"vic", "help", 0, "ssh -p 2222 chaos@host stop", ""},
		{"vic", "run-once --help", 0, "--percent", ""},
		{"vic", "explain nothing", 2, "", `no draw "nothing"`},
		{"vic", "run-once --attack cpu", 4, "", "vic may not run-once here: that takes the role operator"},
		{"olga", "run-once --for nonsense", 2, "", "invalid"},
		{"olga", "run-once --attack cpu --host web-001 --for 2s --wait --reason drill", 0, "cpu on web-001: ", "has begun"},
		{"olga", "pause --for 2h --reason 'a long lunch'", 0, "", "paused"},
		{"olga", "exclude web-002", 0, "", "excluded web-002"},
		{"olga", "include web-002", 0, "", "included web-002"},
		{"olga", "stop --reason enough", 0, "", "nothing runs any more"},
		{"olga", "run-once --attack cpu", 4, "", "stopped by olga (enough)"},
		{"olga", "resume", 0, "", "resumed"},
		{"olga", `status "`, 2, "", "is a quotation mark missing?"},
		{"olga", "statsu", 2, "", `did you mean status?`},
	} {
		out, said, code := p.runs(row.name, row.command)
		if code != row.code || !strings.Contains(out, row.out) || !strings.Contains(said, row.said) {
			t.Errorf("%s: %s: exit %d, want %d\n%s\n%s", row.name, row.command, code, row.code, out, said)
		}
	}
	out, _, _ := p.runs("vic", "status --json")
	var status statusShape
	if err := json.Unmarshal([]byte(out), &status); err != nil || status.Name != "demo" {
		t.Errorf("%v of %s", err, out)
	}
	out, _, _ = p.runs("vic", "history --json")
	if !strings.Contains(out, `"attack":"cpu"`) || !strings.Contains(out, `"by":"olga"`) || !strings.Contains(out, `"reason":"drill"`) {
		t.Errorf("history has %s", out)
	}
	if pauses := p.orders(engine.PauseIt); len(pauses) != 1 || pauses[0].By != "olga" || pauses[0].Order.Reason != "a long lunch" {
		t.Errorf("the pause is %+v", pauses)
	}
}

// What names a file of the server's, or another engine, is not there, in whatever spelling.
func TestNothingOverSSHReachesTheServersFiles(t *testing.T) {
	p := opensItsDoor(t)
	for _, command := range []string{
		"init", "check", "info", "demo", "attack new x", "attack test cpu --host web-001", "journal verify", "gameday plan.toml", "sweep", "sudoers", "man",
		"completion bash", "__complete status ''", "__completeNoDesc ''", "--daemon",
		"-c /etc/passwd status", "--config=/etc/passwd windows", "status --state-dir /tmp", "--socket /tmp/s status", "status -c x", "-v status",
	} {
		out, said, code := p.runs("ada", command)
		if code != 2 || out != "" || !strings.HasPrefix(said, "chaoscat: unknown") {
			t.Errorf("%s: exit %d\n%s\n%s", command, code, out, said)
		}
	}
}

// The same table for commands; a console gives the same orders through the same engine.
func TestEachRoleMayOverSSHWhatItMayAndNothingElse(t *testing.T) {
	p := opensItsDoor(t)
	viewer, stopper, operator, admin := "vic", "sam", "olga", "ada"
	for _, row := range []struct {
		command string
		may     []string
	}{
		{"status", []string{viewer, stopper, operator, admin, "dan", "guest"}},
		{"pause", []string{operator, admin, "dan"}},
		{"exclude db-001", []string{operator, admin, "dan"}},
		{"include db-001", []string{operator, admin, "dan"}},
		{"exclude web-001", []string{operator, admin}},
		{"include web-001", []string{operator, admin}},
		{"run-once --dry-run --attack cpu --host db-001", []string{operator, admin, "dan"}},
		{"run-once --dry-run --attack cpu --host web-001", []string{operator, admin}},
		{"run-once --dry-run --attack cpu --group web", []string{operator, admin}},
		{"run-once --dry-run --attack cpu --group db --group web --count 2", []string{operator, admin, "dan"}}, // of those, dan's are drawn
		{"run-once --dry-run", []string{operator, admin, "dan"}},
		{"run-once --dry-run --attack cpu --count 5 --force", []string{admin}},
		{"stop", []string{viewer, stopper, operator, admin, "dan", "guest"}},
		{"resume", []string{operator, admin, "dan"}},
	} {
		for _, name := range []string{viewer, stopper, operator, admin, "dan", "guest"} {
			_, said, code := p.runs(name, row.command)
			want := 4
			if slices.Contains(row.may, name) {
				want = 0
			}
			if code != want {
				t.Errorf("%s: %s: exit %d, want %d: %s", name, row.command, code, want, said)
			}
		}
	}
	for _, o := range p.orders(engine.RunOnce) {
		if o.By == "dan" && o.Verdict == nil && o.Host != "" && !strings.HasPrefix(o.Host, "db-") {
			t.Errorf("dan's order hit %s", o.Host)
		}
	}
	_, said, _ := p.runs("dan", "run-once --attack cpu --host web-001")
	if !strings.Contains(said, "web-001 is none of the hosts that dan may order attacks on (group:db)") {
		t.Errorf("the refusal says %s", said)
	}
}

func TestAViewersConsoleIsReadOnlyAndStopsAllTheSame(t *testing.T) {
	p := opensItsDoor(t)
	g := p.watches("vic", 120, 40)
	g.expects("[ARMED]")
	g.presses("p")
	g.expects("read-only")
	g.presses("s")
	g.expects("[STOPPED]")
	if len(p.orders(engine.PauseIt)) > 0 || p.orders(engine.Stop)[0].By != "vic" {
		t.Errorf("the record has %+v", p.orders(engine.PauseIt))
	}
}

func TestAConsoleThatHangsUpLetsTheAttackRunOn(t *testing.T) {
	p := opensItsDoor(t)
	g := p.watches("olga", 120, 40)
	g.expects("[ARMED]")
	if _, said, code := p.runs("olga", "run-once --attack cpu --host web-001 --for 2m"); code != 0 {
		t.Fatal(said)
	}
	g.expects("[ATTACKING]")
	g.session.Close()
	h := p.watches("sam", 80, 24)
	h.expects("[ATTACKING]")
	if n := len(p.orders(engine.Stop)); n != 0 {
		t.Errorf("the hang-up ordered %d stops", n)
	}
	h.presses("q")
	h.expects("Leave it to the daemon and quit")
	h.presses("\x1b[B\x1b[B\r")
	h.ends(0)
	if len(p.house.engine.Snapshot().Running) != 1 {
		t.Error("the attack has ended with the console")
	}
}

func TestTheEndOfTheEngineEndsSessionsCleanlyAndSoon(t *testing.T) {
	p := opensItsDoor(t)
	g := p.watches("olga", 120, 40)
	g.expects("[ARMED]")
	silent := p.watches("sam", 120, 40) // does not read any more
	silent.expects("[ARMED]")
	silent.mu.Lock()
	defer silent.mu.Unlock()
	follow := make(chan int, 1)
	began := make(chan struct{})
	go func() {
		c := p.login("vic")
		s, _ := c.NewSession()
		out, _ := s.StdoutPipe()
		s.Start("status --watch --json")
		io.ReadFull(out, make([]byte, 1))
		close(began)
		go io.Copy(io.Discard, out)
		var exit *ssh.ExitError
		switch err := s.Wait(); {
		case err == nil:
			follow <- exitDone
		case errors.As(err, &exit):
			follow <- exit.ExitStatus()
		default:
			follow <- -1
		}
	}()
	<-began
	start := time.Now()
	p.ends()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the end took %v", took)
	}
	g.ends(exitNoEngine)
	if code := <-follow; code != exitNoEngine && code != exitDone {
		t.Errorf("the command that followed ends with %d", code)
	}
	if _, err := net.DialTimeout("tcp", p.address, time.Second); err == nil {
		t.Error("somebody still listens")
	}
}

// Somebody with the client that everybody has.
func TestOpenSSHOpensTheConsoleAndRunsCommands(t *testing.T) {
	client, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("no OpenSSH client on this machine")
	}
	p := opensItsDoor(t)
	block, err := ssh.MarshalPrivateKey(p.keys["olga"], "")
	if err != nil {
		t.Fatal(err)
	}
	key, known := filepath.Join(p.dir, "key"), filepath.Join(p.dir, "known")
	host, port, _ := net.SplitHostPort(p.address)
	line := fmt.Sprintf("[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(p.door))
	if err := errors.Join(os.WriteFile(key, pem.EncodeToMemory(block), 0o600), os.WriteFile(known, []byte(line), 0o600)); err != nil {
		t.Fatal(err)
	}
	dials := func(args ...string) *exec.Cmd {
		return exec.Command(client, append([]string{"-F", "none", "-p", port, "-i", key, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
			"-o", "UserKnownHostsFile=" + known, "-o", "StrictHostKeyChecking=yes", "-o", "SendEnv=LANG"}, args...)...)
	}
	out, err := dials("chaos@"+host, "status", "--json").Output()
	if err != nil || !json.Valid(out) {
		t.Errorf("%v of %s", err, out)
	}
	var exit *exec.ExitError
	if out, err := dials("chaos@"+host, "exclude", "nobody").CombinedOutput(); !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
		t.Errorf("%v of %s", err, out)
	}
	for what, args := range map[string][]string{
		"a shell without a terminal": {"-T", "chaos@" + host},
		"a subsystem":                {"-s", "chaos@" + host, "sftp"},
		"a tunnel":                   {"-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", "-N", "chaos@" + host},
		"a way through":              {"-W", "127.0.0.1:22", "chaos@" + host},
	} {
		cmd := dials(args...)
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%s is granted: %s", what, out)
		}
	}
	// A key that is shown first, and that its holder cannot sign with, makes nobody its person.
	if err := os.WriteFile(filepath.Join(p.dir, "adas.pub"), ssh.MarshalAuthorizedKey(p.signer("ada").PublicKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := dials("chaos@"+host, "pause")
	shown.Args = append([]string{client, "-i", filepath.Join(p.dir, "adas")}, shown.Args[1:]...)
	if out, err := shown.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if pauses := p.orders(engine.PauseIt); len(pauses) != 1 || pauses[0].By != "olga" {
		t.Errorf("the pause is %+v", pauses)
	}
	if _, said, code := p.runs("olga", "resume"); code != 0 {
		t.Fatal(said)
	}
	somebody := person.Starts(t, dials("-t", "chaos@"+host), 100, 30)
	somebody.Expects("[ARMED]", "s STOP ALL")
	somebody.Resizes(120, 40)
	somebody.Expects("[ARMED]")
	somebody.Presses("sssss")
	somebody.Expects("[STOPPED]")
	somebody.Presses("q")
	somebody.Ends(0)
	somebody.FindsTheTerminalAsBefore()
	if stops := p.orders(engine.Stop); len(stops) == 0 || stops[0].By != "olga" {
		t.Errorf("the record has %+v", stops)
	}
}

func TestThePersonsTeamsDecideWhatTheyMay(t *testing.T) {
	teams := []config.Team{
		{Members: []string{"ada", "bob"}, Role: engine.Viewer},
		{Members: []string{"bob", "eve"}, Role: engine.Operator, Hosts: engine.Selector{"group:db"}},
		{Members: []string{"eve"}, Role: engine.Operator, Hosts: engine.Selector{"web-*"}},
		{Members: []string{"kim", "leo"}, Role: engine.Operator, Hosts: engine.Selector{"web-*"}},
		{Members: []string{"kim"}, Role: engine.Operator},
		{Members: []string{"leo"}, Role: engine.Admin},
	}
	for name, want := range map[string]string{
		"ada": "viewer []", "bob": "operator [[group:db]]", "eve": "operator [[group:db] [web-*]]",
		"kim": "operator []", "leo": "admin []", "nobody knows": "stopper []",
	} {
		p := newPeople(nil, teams).at(sshDoor, name, nil)
		if got := fmt.Sprint(p.Role, " ", p.Realm); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// Consoles of somebody who floods the keyboard, drags the window all the time, pastes without end and reads nothing:
// the engine beats on, somebody else's console lives, and a stop comes through. Afterwards nothing of them is left.
func TestHostileConsolesCostNobodyElseAnything(t *testing.T) {
	p := opensItsDoor(t)
	p.eventually("everybody is inside who was to be", func() bool { return p.house.engine.Snapshot().Survey.Len() == 12 })
	before := goleak.IgnoreCurrent()
	over := make(chan struct{})
	var hostile sync.WaitGroup
	repeats := func(do func() error) {
		hostile.Go(func() {
			for do() == nil {
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	floods := p.watches("vic", 500, 200)
	floods.expects("[ARMED]")
	repeats(func() error { _, err := io.WriteString(floods.keys, strings.Repeat("jk?/x\x1bO", 500)); return err })
	pastes := p.watches("vic", 80, 24)
	pastes.expects("[ARMED]")
	repeats(func() error {
		_, err := io.WriteString(pastes.keys, "\x1b[200~"+strings.Repeat("s", 10_000))
		return err
	})
	drags := p.watches("vic", 1_000_000, 1_000_000) // a giant; the emulator shows a part of it
	size := 0
	repeats(func() error { size++; return drags.session.WindowChange(5+size%4000, 5+size%9000) })
	deaf := p.watches("vic", 200, 60)
	deaf.expects("[ARMED]")
	deaf.mu.Lock() // and reads no more

	g := p.watches("sam", 120, 40)
	g.expects("[ARMED]")
	start := time.Now()
	views := p.house.engine.Watch(t.Context())
	longest, last := time.Duration(0), time.Now()
	for time.Since(start) < 3*time.Second { // the engine is asked, and answers, all the time
		if _, err := p.house.engine.Ask(t.Context(), engine.Order{ID: newID(), Kind: engine.Remark, By: "test", Reason: "still there", Role: engine.Admin}); err != nil {
			t.Fatal(err)
		}
		<-views
		longest, last = max(longest, time.Since(last)), time.Now()
	}
	t.Logf("the engine's longest breath was %v", longest)
	if longest > 2*time.Second {
		t.Errorf("the engine was held up for %v", longest)
	}
	g.presses("s")
	g.expects("[STOPPED]")
	if stops := p.orders(engine.Stop); len(stops) != 1 || stops[0].By != "sam" {
		t.Errorf("the record has %+v", stops)
	}
	if _, said, code := p.runs("vic", "stop"); code != 0 { // whose own consoles keep them busy
		t.Errorf("exit %d: %s", code, said)
	}
	close(over)
	start = time.Now()
	p.ends()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the end took %v", took)
	}
	deaf.mu.Unlock()
	hostile.Wait()
	p.eventually("nothing of them is left", func() bool { return goleak.Find(before) == nil }) // a clock ticks on for a second
}

func TestAFileOfPeopleThatHasMistakesLetsNobodyInAndIsReadAgain(t *testing.T) {
	text, calls := "nonsense", 0
	file := filepath.Join(t.TempDir(), "people")
	g := &graph{config: &config.Config{Control: config.Control{SSHPeople: file}}}
	p := newPeopleFile(thisWorld(), func() *graph { return g })
	read := p.read
	p.read = func() (*sshdoor.People, error) {
		calls++
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
		return read()
	}
	if people, err := p.now(); err == nil || !strings.Contains(err.Error(), "line 1 is no public key") {
		t.Errorf("%v %v", people, err)
	}
	if _, err := p.now(); err == nil || calls != 1 {
		t.Errorf("%v after %d readings: a flood of logins reads it each time", err, calls)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, p.at = string(ssh.MarshalAuthorizedKey(signer.PublicKey()))[:80]+" ada", time.Now().Add(-peopleFor)
	people, err := p.now()
	if err != nil {
		t.Fatal(err)
	}
	if name, err := people.Who(signer.PublicKey(), nil, time.Now()); name != "ada" {
		t.Errorf("%s, %v", name, err)
	}
	p.read, p.at = func() (*sshdoor.People, error) { return nil, errors.New("gone") }, time.Now().Add(-peopleFor)
	if people, err := p.now(); err == nil || people != nil {
		t.Errorf("a file that cannot be read lets in who was in it: %v", people)
	}
}

func TestADiskThatHangsKeepsALoginWaitingForAWhileAndIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		var calls atomic.Int32
		p := &peopleFile{read: func() (*sshdoor.People, error) { calls.Add(1); <-hangs; return &sshdoor.People{}, nil }}
		began := time.Now()
		var logins sync.WaitGroup
		for range 100 {
			logins.Go(func() {
				if people, err := p.now(); people != nil || err == nil || !strings.Contains(err.Error(), "within 5s") {
					t.Errorf("%v %v", people, err)
				}
			})
		}
		logins.Wait()
		if waited := time.Since(began); waited != peopleWithin || calls.Load() != 1 {
			t.Errorf("they waited %v, and the disk was asked %d times", waited, calls.Load())
		}
		close(hangs)
		synctest.Wait()
		if people, err := p.now(); people == nil || err != nil || calls.Load() != 1 {
			t.Errorf("after it came back: %v %v, asked %d times", people, err, calls.Load())
		}
	})
}

// The same realm in the console: what its keys order, and what its dialog for an attack by hand does.
func TestARealmHoldsInTheConsoleToo(t *testing.T) {
	p := opensItsDoor(t)
	g := p.watches("dan", 120, 40)
	g.expects("[ARMED]", "> api-001")
	g.presses("x")
	g.expects("api-001 is none of the hosts that dan may order attacks on (group:db)")
	who := func(called string) control.Peer { return newPeople(nil, teams).at(sshDoor, called, nil) }
	inside := sshHouse{world: thisWorld(), engine: p.house.engine, graph: func() *graph { return &graph{config: &config.Config{Teams: teams}} }, who: who}
	engineOf := inside.app(sshdoor.Visit{Person: "dan"}).client()
	for _, row := range []struct {
		order engine.Order
		says  string
	}{
		{engine.Order{Attack: "cpu", Host: "api-001"}, "api-001 is none of the hosts"},
		{engine.Order{Attack: "cpu", Hosts: []string{"db-001", "api-001"}}, "api-001 is none of the hosts"},
		{engine.Order{Attack: "cpu", Within: []engine.Selector{{"group:api"}}, Percent: 50}, "none of these hosts"},
		{engine.Order{Attack: "cpu", Host: "db-001"}, ""},
	} {
		o := row.order
		o.ID, o.Kind, o.By, o.Door, o.Role, o.DryRun = newID(), engine.RunOnce, "ada", "console", engine.Admin, true
		err := engineOf.Order(t.Context(), o)
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%+v: %v", row.order, err)
		}
	}
	for _, r := range p.orders(engine.RunOnce) {
		if r.By != "dan" || r.Door != "ssh" {
			t.Errorf("the record has %s at %s", r.By, r.Door)
		}
	}
}
