package attacks

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParametersAreBroughtIntoTheFormThatTravels(t *testing.T) {
	for _, row := range []struct {
		attack string
		params map[string]string
		want   map[string]string
	}{
		{"cpu", nil, map[string]string{"load": "80", "workers": "0"}}, // defaults travel, too
		{"cpu", map[string]string{"load": "5", "workers": "1024"}, map[string]string{"load": "5", "workers": "1024"}},
		{"cpu", map[string]string{"ramp": "30s"}, map[string]string{"load": "80", "workers": "0", "ramp": "30000"}},
		{"memory", nil, map[string]string{"percent": "75"}},
		{"memory", map[string]string{"size": "1.5GiB", "ramp": "1m"}, map[string]string{"size": "1572864", "ramp": "60000"}}, // and the default of percent is gone
		{"memory", map[string]string{"leave": "512MiB"}, map[string]string{"leave": "524288"}},
		{"disk-fill", nil, map[string]string{"path": "/var/tmp", "percent": "90"}},
		{"disk-fill", map[string]string{"path": "/srv/data", "size": "1GB"}, map[string]string{"path": "/srv/data", "size": "976563"}},
		{"disk-io", map[string]string{"mode": "read", "block": "4KiB"}, map[string]string{"path": "/var/tmp", "mode": "read", "workers": "2", "block": "4", "size": "65536"}},
		{"inodes", map[string]string{"leave": "100"}, map[string]string{"path": "/var/tmp", "leave": "100"}},
		{"pids", map[string]string{"count": "500"}, map[string]string{"count": "500"}},
		{"fds", nil, map[string]string{"percent": "80"}},
		{"latency", nil, map[string]string{"delay": "200", "direction": "out", "protocol": "any"}}, // what has no default is left out
		{"latency", map[string]string{"delay": "1.5s", "jitter": "10ms"}, map[string]string{"delay": "1500", "jitter": "10", "direction": "out", "protocol": "any"}},
		{"latency", map[string]string{"targets": " 10.0.0.1, 10.1.0.0/16 fd00::1", "ports": "80 443,8000-8100"},
			map[string]string{"delay": "200", "targets": "10.0.0.1,10.1.0.0/16,fd00::1", "ports": "80,443,8000-8100", "direction": "out", "protocol": "any"}},
		{"blackhole", map[string]string{"lifeline": "false", "direction": "in"}, map[string]string{"lifeline": "0", "direction": "in", "protocol": "any"}},
		{"blackhole", map[string]string{"targets": "0.0.0.0/0"}, map[string]string{"targets": "0.0.0.0/0", "lifeline": "1", "direction": "both", "protocol": "any"}},
		{"loss", map[string]string{"percent": "0.5", "except": "10.0.0.1"}, map[string]string{"percent": "0.5", "except": "10.0.0.1", "direction": "out", "protocol": "any"}},
		{"bandwidth", map[string]string{"rate": "2gbit", "direction": "both"}, map[string]string{"rate": "2000000", "direction": "both", "protocol": "any"}},
		{"reorder", nil, map[string]string{"percent": "25", "delay": "50", "direction": "out", "protocol": "any"}},
		{"partition", map[string]string{"targets": "group:db DB-1"}, map[string]string{"targets": "group:db,db-1", "direction": "both", "protocol": "any"}}, // names are looked up later
		{"dns", map[string]string{"domains": "Example.COM. lan"}, map[string]string{"domains": "example.com,lan", "answer": "timeout"}},
		{"link-down", map[string]string{"interface": "eth1.20"}, map[string]string{"interface": "eth1.20"}},
		{"service-stop", map[string]string{"unit": "nginx@a.service"}, map[string]string{"unit": "nginx@a.service"}},
		{"reboot", nil, map[string]string{}},
		{"panic", nil, map[string]string{"sync": "1"}},
		{"process-kill", map[string]string{"process": "java -jar shop.jar", "every": "10s"},
			map[string]string{"process": "java -jar shop.jar", "every": "10000", "signal": "KILL", "count": "1", "which": "oldest", "orphans": "0"}},
		{"process-pause", map[string]string{"port": "8080", "which": "random", "count": "3"}, map[string]string{"port": "8080", "which": "random", "count": "3"}},
		{"clock", map[string]string{"offset": "-1h30m"}, map[string]string{"offset": "-5400000"}},
		{"clock", map[string]string{"offset": "8760h", "drift": "-100ms"}, map[string]string{"offset": "31536000000", "drift": "-100"}},
		{"port-hog", map[string]string{"port": "443", "address": "::1"}, map[string]string{"port": "443", "address": "::1"}},
	} {
		def, _ := Find(row.attack)
		got, err := Check(def, row.params)
		if err != nil || !maps.Equal(got, row.want) {
			t.Errorf("%s %v: %v, %v; want %v", row.attack, row.params, got, err, row.want)
		}
	}
}

func TestWrongParametersAreNamedAllAtOnce(t *testing.T) {
	for _, row := range []struct {
		attack, name, value string
		want                string // part of the message
	}{
		{"cpu", "laod", "80", "did you mean load?"},
		{"cpu", "colour", "red", "it takes load, workers, ramp"},
		{"cpu", "ramp", "11m", "within 0s to 10m"},
		{"memory", "size", "512", "is not a size"},
		{"memory", "size", "1KiB", "within 1MiB to"},
		{"memory", "size", "2000TiB", "within 1MiB to 953.7GiB"},
		{"memory", "percent", "91", "within 1 to 90"},
		{"disk-fill", "path", "/", "never / itself"},
		{"disk-fill", "path", "/etc/../../dev/sda", "without dots"},
		{"disk-fill", "path", "/proc/sys", "must not be touched"},
		{"disk-fill", "path", "/run/chaoscat", "must not be touched"},
		{"disk-fill", "path", "/srv;id", "special characters"},
		{"disk-fill", "percent", "100", "within 1 to 95"},
		{"disk-io", "mode", "append", "not one of read, write, both"},
		{"disk-io", "block", "1KiB", "within 4KiB"},
		{"disk-io", "workers", "0", "within 1 to 64"},
		{"inodes", "leave", "0", "within 1 to"},
		{"pids", "count", "4194304", "within 1 to 500000"},
		{"fds", "percent", "99", "within 1 to 95"},
		{"reboot", "x", "1", "it takes none"},
		{"cpu", "load", "0", "within 1 to 100"},
		{"cpu", "load", "101", "within 1 to 100"},
		{"cpu", "load", "80%", "whole number"},
		{"cpu", "load", "080", "whole number"},
		{"cpu", "load", "1e2", "whole number"},
		{"cpu", "load", "NaN", "whole number"},
		{"cpu", "workers", "-1", "whole number"},
		{"cpu", "workers", "9223372036854775808", "whole number"},
		{"latency", "delay", "10", "is not a time"},
		{"latency", "delay", "0ms", "within 1ms"},
		{"latency", "delay", "-5s", "within 1ms"},
		{"latency", "delay", "300h", "within 1ms"},
		{"latency", "delay", "1us", "finer than a millisecond"},
		{"latency", "targets", "db_internal!", "no IP address, network, host name or group:NAME"},
		{"latency", "targets", "10.0.0.256", "no IP address"},
		{"latency", "targets", "10.0.0.1/8", "did you mean 10.0.0.0/8?"},
		{"latency", "targets", "fe80::1%eth0", "zone"},
		{"latency", "targets", "::ffff:10.0.0.1", "write 10.0.0.1"},
		{"latency", "targets", "127.0.0.1", "the host itself"},
		{"latency", "targets", " , ", "never means everything"},
		{"latency", "targets", "10.0.0.1;id", "no IP address"},
		{"latency", "targets", strings.Repeat("10.0.0.1,", 65), "64 at most"},
		{"latency", "ports", "0", "no port"},
		{"latency", "ports", "65536", "no port"},
		{"latency", "ports", "20-10", "no port"},
		{"latency", "ports", "+80", "no port"},
		{"latency", "ports", "1-2-3", "no port"},
		{"blackhole", "direction", "sideways", "not one of in, out, both"},
		{"loss", "percent", "0", "percentage above 0"},
		{"loss", "percent", "100.1", "percentage above 0"},
		{"loss", "percent", "30%", "percentage above 0"},
		{"loss", "lifeline", "false", "has no parameter"}, // SSH stays, always
		{"partition", "targets", "", "targets is required"},
		{"partition", "lifeline", "false", "has no parameter"},
		{"bandwidth", "rate", "1", "is not a rate"},
		{"bandwidth", "rate", "7kbit", "within 8kbit"},
		{"bandwidth", "rate", "20gbit", "within 8kbit"},
		{"latency", "protocol", "sctp", "not one of any, tcp, udp, icmp"},
		{"latency", "interface", "lo", "never touched"},
		{"latency", "interface", "eth0;reboot", "name of a network interface"},
		{"latency", "distribution", "/etc/passwd", "not one of normal"},
		{"latency", "except", " , ", "never means everything"},
		{"reject", "with", "nxdomain", "not one of reset"},
		{"dns", "domains", "*.example.com", "no DNS name"},
		{"dns", "ports", "53", "has no parameter"},
		{"link-down", "interface", "", "interface is required"},
		{"link-down", "interface", "lo", "never touched"},
		{"blackhole", "lifeline", "maybe", "neither true nor false"},
		{"service-stop", "unit", "", "unit is required"},
		{"service-stop", "unit", "nginx", "NAME.service"},
		{"service-stop", "unit", "sshd.service", "never stopped"},
		{"service-stop", "unit", "systemd-journald.service", "never stopped"},
		{"service-stop", "unit", "-oops.service", "NAME.service"},
		{"service-stop", "unit", "a b;id.service", "NAME.service"},
		{"service-stop", "unit", "a\nb.service", "NAME.service"},
		{"service-crash", "unit", "ssh.service", "never stopped"},
		{"freeze", "unit", "dbus.service", "never stopped"},
		{"process-kill", "count", "2", "say at least one of process, pid_file, port, unit"},
		{"clock", "offset", "", "say at least one of offset, drift"},
		{"process-kill", "process", "/", "2 to 100 plain characters"},
		{"process-kill", "process", "./", "nearly every process"},
		{"process-kill", "process", ".*", "2 to 100 plain characters"},
		{"process-kill", "signal", "STOP", "not one of KILL"},
		{"process-kill", "count", "0", "within 1 to 100"},
		{"process-kill", "count", "101", "within 1 to 100"},
		{"process-kill", "every", "100ms", "within 1s"},
		{"process-kill", "pid_file", "/proc/1/stat", "must not be touched"},
		{"process-kill", "port", "65536", "within 1 to 65535"},
		{"process-pause", "which", "all", "not one of oldest"},
		{"process-pause", "unit", "systemd-journald.service", "never stopped"},
		{"port-hog", "port", "", "port is required"},
		{"clock", "offset", "1y", "is not a time"},
		{"clock", "offset", "9000h", "is not within"},
		{"clock", "drift", "31s", "is not within"},
	} {
		def, _ := Find(row.attack)
		got, err := Check(def, map[string]string{row.name: row.value})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s %s=%q: %v, %v; want %q", row.attack, row.name, row.value, got, err, row.want)
		}
	}
	for attack, params := range map[string]map[string]string{
		"memory":    {"size": "1GiB", "percent": "50"},
		"disk-fill": {"leave": "1GiB", "percent": "50"},
		"inodes":    {"leave": "100", "percent": "50"},
		"pids":      {"count": "100", "percent": "50"},
		"fds":       {"count": "100", "percent": "50"},
	} {
		def, _ := Find(attack)
		if got, err := Check(def, params); err == nil || !strings.Contains(err.Error(), "exclude each other") {
			t.Errorf("%s %v: %v, %v", attack, params, got, err)
		}
	}
	def, _ := Find("latency")
	_, err := Check(def, map[string]string{"delay": "x", "jitter": "y", "zzz": "1", "aaa": "2"})
	if err == nil || strings.Count(err.Error(), "\n") != 3 || strings.Index(err.Error(), "aaa") > strings.Index(err.Error(), "zzz") {
		t.Errorf("four mistakes came out as: %v", err)
	}
}

// plausible is what a required parameter without a default may be.
var plausible = map[Kind]string{
	Int: "8080", Peers: "10.0.0.7", Device: "eth1", Unit: "cron.service", Path: "/var/tmp", Process: "some program", Millis: "1s", Ports: "8080", Domains: "example.com",
}

func TestEveryBuiltinAcceptsItsOwnDefaultsAndStaysWithinItsBounds(t *testing.T) {
	for _, def := range Builtin() {
		params := map[string]string{}
		for _, p := range def.Params {
			if p.Default == "" && (p.Required || len(def.AnyOf) > 0 && p.Name == def.AnyOf[0]) {
				params[p.Name] = plausible[p.Kind]
			}
		}
		if _, err := Check(def, params); err != nil {
			t.Error(err)
		}
		if def.Default <= 0 || def.Default > def.Max || def.UndoWithin <= 0 || def.Summary == "" || def.Family == "" || def.Figure.Name == "" || !def.Reversible && !def.Supervised {
			t.Errorf("%s: %+v", def.Name, def)
		}
	}
	if _, ok := Find("nonesuch"); ok {
		t.Error("an attack was found that does not exist")
	}
}

func TestTheHostRefusesTheSameUnitsAsTheController(t *testing.T) {
	for _, prefix := range vital {
		if !strings.Contains(processesScript, prefix+"*") {
			t.Errorf("the controller never stops %s*, but the host knows nothing of it", prefix)
		}
	}
}

// FuzzCheck: whatever a person writes, what comes out can travel, and comes out the same a second time for
// everything but a time, whose two forms differ.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{"80", "200ms", "10.0.0.1,fd00::/8", "8000-8100", "nginx.service", "true", "in", "\x00", "a\nb", "$(id)", "é", "0.0.0.0/0"} {
		f.Add("cpu", "load", seed)
		f.Add("latency", "targets", seed)
		f.Add("latency", "ports", seed)
		f.Add("blackhole", "direction", seed)
		f.Add("service-stop", "unit", seed)
	}
	f.Fuzz(func(t *testing.T, attack, name, value string) {
		def, ok := Find(attack)
		if !ok {
			def = Builtin()[0]
		}
		wire, err := Check(def, map[string]string{name: value})
		if err != nil {
			if wire != nil {
				t.Error("an error came with a result")
			}
			return
		}
		for k, v := range wire {
			if _, err := HeaderLine("p."+k, v); err != nil {
				t.Error(err)
			}
		}
		if v, ok := wire[name]; ok && !slices.ContainsFunc(def.Params, func(p Param) bool { return p.Name == name && p.Kind == Millis }) {
			again, err := Check(def, map[string]string{name: v})
			if err != nil || again[name] != v {
				t.Errorf("%q became %q, which became %q, %v", value, v, again[name], err)
			}
		}
	})
}

// FuzzHeader: through a real sh, what HeaderLine lets pass arrives byte for byte, and what it refuses the
// host's own check refuses, too (but for NUL and line feed, which never arrive as part of a line).
func FuzzHeader(f *testing.F) {
	for _, seed := range []string{"", "plain", "a b  c ", "-n", "-e x", "%s%n", "a=b", "[a-z]", "~root", "!!", "#x", "]", "'", `"`, `\`, "$HOME", "`id`", "*", "é", "\x1b[2J", "\t", "\r", "a;b"} {
		f.Add(seed)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("needs sh")
	}
	program := strings.Replace(stateScript, "@BASE@", Base, 1) + `
forget
IFS= read -r LINE
WHY=
if split "$LINE" && once && accept; then printf 'taken <%s>' "$P_v"; else printf 'refused %s' "$WHY"; fi`
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\x00\n") {
			if _, err := HeaderLine("p.v", value); err == nil {
				t.Errorf("%q may not travel", value)
			}
			return
		}
		line, refusal := HeaderLine("p.v", value)
		if refusal != nil {
			line = "p.v=" + value
		}
		cmd := exec.Command(sh, "-c", program)
		cmd.Stdin = strings.NewReader(line + "\n")
		out, err := cmd.CombinedOutput()
		switch {
		case err != nil:
			t.Errorf("%q: %v: %s", value, err, out)
		case refusal == nil && string(out) != "taken <"+value+">":
			t.Errorf("%q arrived as %q", value, out)
		case refusal != nil && !strings.HasPrefix(string(out), "refused "):
			t.Errorf("%q is refused here and taken there: %q", value, out)
		}
	})
}

func TestTheHeaderIsReadTheSameUnderEveryShell(t *testing.T) {
	program := strings.Replace(stateScript, "@BASE@", Base, 1) + `
forget
IFS= read -r LINE
WHY=
if split "$LINE" && once && accept; then printf 'taken <%s>' "$P_v"; else printf 'refused'; fi`
	for name, path := range shells(t) {
		argv := []string{path}
		if filepath.Base(path) == "busybox" {
			argv = append(argv, "sh")
		}
		for b := range 256 {
			if b == 0 || b == '\n' {
				continue
			}
			value := "x" + string([]byte{byte(b)}) + "y"
			_, refusal := HeaderLine("p.v", value)
			cmd := exec.Command(argv[0], append(argv[1:], "-c", program)...)
			cmd.Stdin = strings.NewReader("p.v=" + value + "\n")
			out, _ := cmd.CombinedOutput()
			want := "taken <" + value + ">"
			if refusal != nil {
				want = "refused"
			}
			if string(out) != want {
				t.Errorf("%s: byte %#x: %q, want %q", name, b, out, want)
			}
		}
	}
}

func TestAParameterMayMakeAnAttackOneWithoutUndo(t *testing.T) {
	kill, _ := Find("process-kill")
	for orphans, undoes := range map[string]bool{"": true, "false": true, "true": false} {
		wire, err := Check(kill, map[string]string{"process": "worker", "orphans": orphans})
		if err != nil || Undoes(kill, wire) != undoes {
			t.Errorf("orphans=%q: undoes %v, %v", orphans, Undoes(kill, wire), err)
		}
	}
	if halt, _ := Find("halt"); Undoes(halt, nil) {
		t.Error("a halt is undone")
	}
}
