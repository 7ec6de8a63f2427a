//go:build linux && lab

package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// This file is the gates that ask Prometheus and Alertmanager, with Debian's own of both.

const (
	figuresAt      = "127.0.0.1:9100"
	prometheusAt   = "127.0.0.1:9090"
	alertmanagerAt = "127.0.0.1:9093"

	prometheusConfig = `
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
- {job_name: shop, static_configs: [{targets: ["` + figuresAt + `"]}]}
alerting:
  alertmanagers:
  - static_configs: [{targets: ["` + alertmanagerAt + `"]}]
`
	rules = `
groups:
- name: shop
  rules:
  - {alert: HighLatency, expr: latency_seconds > 0.1, labels: {severity: page}}
  - {alert: QueueTooLong, expr: queue_length > 10, labels: {severity: page}}
  - {alert: Untidy, expr: vector(1), labels: {severity: none}}
`
	alertmanagerConfig = `
route: {receiver: nobody, group_wait: 1s}
receivers: [{name: nobody}]
`
	realGates = `[[health]]
type = "prometheus"
name = "queue"
interval = "1s"
timeout = "3s"
url = "http://` + prometheusAt + `"
query = "queue_length"
healthy = "value < 1000"
[[health]]
type = "alertmanager"
name = "alerts"
interval = "1s"
timeout = "3s"
url = "http://` + alertmanagerAt + `"
matchers = ['severity=~"page|critical"']
watchdog = "Untidy"
`
	commandGate = `[[health]]
type = "command"
name = "on a host"
timeout = "20s"
command = [%s]
host = %q
`
)

// shop is what is watched: two figures, as a service would show them.
type shop struct {
	mu             sync.Mutex
	latency, queue float64
}

func (s *shop) set(latency, queue float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency, s.queue = latency, queue
}

// ServeHTTP shows them to Prometheus.
func (s *shop) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "latency_seconds %g\nqueue_length %g\n", s.latency, s.queue)
}

// open serves the figures in the controller's place.
func (s *shop) open(t *testing.T, l *Lab) {
	t.Helper()
	var listener net.Listener
	err := inside(l.network.controller, func() (err error) {
		listener, err = net.Listen("tcp", figuresAt)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
}

// watch starts a program in the controller's place, which ends with the test, or when it is killed.
func watch(t *testing.T, l *Lab, folder, program string, args ...string) (kill func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := l.Command(ctx, program, args...)
	c.Dir = folder
	said, err := os.Create(filepath.Join(folder, filepath.Base(program)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		cancel()
		c.Wait()
		said.Close()
		if text, err := os.ReadFile(said.Name()); t.Failed() && err == nil {
			t.Logf("%s:\n%s", program, text)
		}
	})
	t.Cleanup(kill)
	return kill
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// monitored is a bench whose gates are real.
type monitored struct {
	*bench
	shop
	all            *testing.T // an attack may go on when the subtest that ordered it is over
	killPrometheus func()
}

func monitor(t *testing.T) *monitored {
	t.Helper()
	needBinary(t)
	cache, err := cacheFolder("")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := build(within(t, 5*time.Minute), "monitoring.sh", cache, told{t})
	if err != nil {
		t.Skipf("no Prometheus and Alertmanager of Debian: %v", err)
	}
	l := start(t, Options{Hosts: 1})
	m := &monitored{all: t, bench: &bench{t: t, l: l, h: l.Hosts[0], folder: t.TempDir(), ended: make(chan struct{})}}
	m.open(t, l)
	write(t, m.folder, "prometheus.yml", prometheusConfig)
	write(t, m.folder, "rules.yml", rules)
	write(t, m.folder, "alertmanager.yml", alertmanagerConfig)
	// Alertmanager looks for its templates where its package would have put them: so they are, for it alone.
	watch(t, l, m.folder, "unshare", "--mount", "sh", "-c", `mount --bind "$0" /usr/share && exec "$@"`, filepath.Join(programs, "../share"),
		filepath.Join(programs, "prometheus-alertmanager"), "--config.file=alertmanager.yml", "--storage.path=alerts",
		"--web.listen-address="+alertmanagerAt, "--cluster.listen-address=")
	m.killPrometheus = watch(t, l, m.folder, filepath.Join(programs, "prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=figures",
		"--web.listen-address="+prometheusAt, "--rules.alert.resend-delay=2s") // the first alerts are lost: it finds its Alertmanager after 5 s
	m.ask(t, realGates)
	return m
}

// ask configures what is asked before every attack. The one of this bench may make for high latency.
func (m *monitored) ask(t *testing.T, health string) {
	t.Helper()
	config := strings.Replace(m.config(), "[[health]]\ntype = \"command\"\ncommand = [\"true\"]\n", health, 1)
	config = strings.Replace(config, "name = \"latency\"\n", "name = \"latency\"\ntolerate = [\"High*\"]\n", 1)
	write(t, m.folder, "chaoscat.toml", config)
}

// gates is what they say now, and whether all say yes.
func (m *monitored) gates() (string, bool) {
	out, err := m.chaoscat(within(m.t, 30*time.Second), "gates").CombinedOutput()
	return string(out), err == nil
}

// well waits until all gates say yes.
func (m *monitored) well(t *testing.T) {
	t.Helper()
	text := ""
	defer func() { t.Logf("the gates say\n%s", text) }()
	eventually(t, 30*time.Second, "all gates say yes", func() (well bool) { text, well = m.gates(); return well })
}

// attack orders one of a minute and a half, and waits until it is held.
func (m *monitored) attack(t *testing.T) {
	t.Helper()
	m.t, m.ended, m.out = t, make(chan struct{}), transcript{}
	m.process = m.chaoscat(within(m.all, 3*time.Minute), "run-once", "--verbose", "--host", m.h.Name, "--wait", "--json", "--attack", "latency", "--for", "90s")
	m.process.Stdout, m.process.Stderr = &m.out, &m.out
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(m.ended)
		m.process.Wait()
		m.code = m.process.ProcessState.ExitCode()
	}()
	m.awaitHolding()
}

// says waits until the controller has said so.
func (m *monitored) says(t *testing.T, what string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the controller said:\n%s", m.out.String())
		}
	}()
	eventually(t, 30*time.Second, "the controller says "+what, func() bool { return strings.Contains(m.out.String(), what) })
}

func TestARuleThatFiresClosesTheGateAndUndoesTheAttack(t *testing.T) {
	m := monitor(t)
	m.well(t)
	m.login()
	before := residue(t, m.l, m.h)

	t.Run("ACommandIsRunOnAHostAndLeavesNothingThere", func(t *testing.T) {
		m.ask(t, fmt.Sprintf(commandGate, `"sh", "-c", "echo it\\'s well on $(uname -n) as $(id -un)"`, m.h.Name))
		if text, well := m.gates(); !well || !strings.Contains(text, "it's well on "+m.h.Name+" as root") {
			t.Errorf("the gates say\n%s", text)
		}
		m.ask(t, fmt.Sprintf(commandGate, `"sh", "-c", "echo all broken >&2; exit 3"`, m.h.Name))
		if text, well := m.gates(); well || !strings.Contains(text, "sh: exit status 3: all broken") {
			t.Errorf("the gates say\n%s", text)
		}
		m.ask(t, realGates)
		m.compare(before)
	})

	t.Run("AnAlertThatTheAttackMayBringAboutDoesNotUndoIt", func(t *testing.T) {
		m.attack(t)
		m.set(0.25, 0)
		m.says(t, "goes on: gate alerts says no about what is tolerated: HighLatency")
		if text, well := m.gates(); well || !strings.Contains(text, "1 alert fires: HighLatency") {
			t.Errorf("the gates say\n%s", text)
		}
		if m.over() {
			t.Fatalf("the attack is over: %s", m.out.String())
		}
	})

	t.Run("AnotherAlertUndoesItAndIsNamed", func(t *testing.T) {
		m.t = t
		began := time.Now()
		m.set(0.25, 50)
		eventually(t, 40*time.Second, "the attack is over", m.over)
		t.Logf("undone and proven %.1f s after the figure changed", time.Since(began).Seconds())
		if said := m.out.String(); m.code != 7 || !strings.Contains(said, "QueueTooLong") || !strings.Contains(said, `"undo":"restored"`) {
			t.Errorf("exit %d: %s", m.code, said)
		}
		if out := run(t, m.l, m.h, "tc qdisc show dev vec0"); strings.Contains(out, "netem") {
			t.Errorf("the fault is still there: %s", out)
		}
	})

	t.Run("NothingBeginsWhileItFires", func(t *testing.T) {
		m.t = t
		if out, code := m.once("--attack", "cpu", "--for", "5s"); code != 4 || !strings.Contains(out, "QueueTooLong") {
			t.Errorf("exit %d: %s", code, out)
		}
		m.set(0, 0)
		m.well(t)
	})

	t.Run("APrometheusThatDiesUndoesItToo", func(t *testing.T) {
		m.attack(t)
		m.killPrometheus()
		eventually(t, 40*time.Second, "the attack is over", m.over)
		if said := m.out.String(); m.code != 7 || !strings.Contains(said, "connection refused") {
			t.Errorf("exit %d: %s", m.code, said)
		}
	})
	m.t = t
	m.tidied()
	m.compare(before)
}
