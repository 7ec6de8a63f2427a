package attacks

import (
	"maps"
	"os/exec"
	"path/filepath"
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
		{"latency", nil, map[string]string{"delay": "200"}}, // what has no default is left out
		{"latency", map[string]string{"delay": "1.5s", "jitter": "10ms"}, map[string]string{"delay": "1500", "jitter": "10"}},
		{"latency", map[string]string{"targets": " 10.0.0.1, 10.1.0.0/16 fd00::1", "ports": "80 443,8000-8100"},
			map[string]string{"delay": "200", "targets": "10.0.0.1,10.1.0.0/16,fd00::1", "ports": "80,443,8000-8100"}},
		{"blackhole", map[string]string{"lifeline": "false", "direction": "in"}, map[string]string{"lifeline": "0", "direction": "in"}},
		{"blackhole", map[string]string{"targets": "0.0.0.0/0"}, map[string]string{"targets": "0.0.0.0/0", "lifeline": "1", "direction": "both"}},
		{"service-stop", map[string]string{"unit": "nginx@a.service"}, map[string]string{"unit": "nginx@a.service"}},
		{"reboot", nil, map[string]string{}},
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
		{"cpu", "colour", "red", "it takes load, workers"},
		{"reboot", "x", "1", "it takes none"},
		{"cpu", "load", "0", "within 1 and 100"},
		{"cpu", "load", "101", "within 1 and 100"},
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
		{"blackhole", "lifeline", "maybe", "neither true nor false"},
		{"service-stop", "unit", "", "unit is required"},
		{"service-stop", "unit", "nginx", "NAME.service"},
		{"service-stop", "unit", "sshd.service", "never stopped"},
		{"service-stop", "unit", "systemd-journald.service", "never stopped"},
		{"service-stop", "unit", "-oops.service", "NAME.service"},
		{"service-stop", "unit", "a b;id.service", "NAME.service"},
		{"service-stop", "unit", "a\nb.service", "NAME.service"},
	} {
		def, _ := Find(row.attack)
		got, err := Check(def, map[string]string{row.name: row.value})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s %s=%q: %v, %v; want %q", row.attack, row.name, row.value, got, err, row.want)
		}
	}
	def, _ := Find("latency")
	_, err := Check(def, map[string]string{"delay": "x", "jitter": "y", "zzz": "1", "aaa": "2"})
	if err == nil || strings.Count(err.Error(), "\n") != 3 || strings.Index(err.Error(), "aaa") > strings.Index(err.Error(), "zzz") {
		t.Errorf("four mistakes came out as: %v", err)
	}
}

func TestEveryBuiltinAcceptsItsOwnDefaultsAndStaysWithinItsBounds(t *testing.T) {
	for _, def := range Builtin() {
		params := map[string]string{}
		if def.Name == "service-stop" {
			params["unit"] = "cron.service"
		}
		if _, err := Check(def, params); err != nil {
			t.Error(err)
		}
		if def.Default <= 0 || def.Default > def.Max || def.UndoWithin <= 0 || def.Summary == "" || def.Family == "" || def.Figure.Name == "" || !def.Reversible {
			t.Errorf("%s: %+v", def.Name, def)
		}
	}
	if _, ok := Find("nonesuch"); ok {
		t.Error("an attack was found that does not exist")
	}
}

func TestTheHostRefusesTheSameUnitsAsTheController(t *testing.T) {
	def, _ := Find("service-stop")
	for _, prefix := range vital {
		if !strings.Contains(def.Script, prefix+"*") {
			t.Errorf("the controller never stops %s*, but the script knows nothing of it", prefix)
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
		if v, ok := wire[name]; ok && name != "delay" && name != "jitter" {
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
