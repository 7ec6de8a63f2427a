package inventory

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sshFiles writes files into a home and is the source of its .ssh/config.
func sshFiles(t *testing.T, files map[string]string) SSHConfig {
	t.Helper()
	home := t.TempDir()
	for name, text := range files {
		path := filepath.Join(home, ".ssh", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return SSHConfig{Path: filepath.Join(home, ".ssh", "config"), Home: home}
}

// fleetOfAnOperator has what is found in real files.
var fleetOfAnOperator = map[string]string{
	"config": `# my hosts
Include conf.d/*.conf

Host web-1 web-2
    HostName %h.prod.example.com
    IdentityFile ~/.ssh/id_prod
	User=deploy	# not root

Host db-1
  hostname = 10.0.1.1
  Port 2222
  ProxyJump bastion
  User "postgres"

Host !web-2 web-* far
  Port 2022

Host far
  ProxyJump ops@relay:2200,inner
Host inner
  HostName 10.9.9.9
Host relay
  ProxyJump none

Host bastion
  HostName bastion.example.com
  User jump
  ProxyJump gate
Host gate
  HostName 203.0.113.1
  Port 443

Host alone
Host web?
  User nobody

Match host *.prod.example.com
  ProxyJump gate
Match all
  ForwardAgent no
Host *
  User me
  Port 22
`,
	"conf.d/10-lab.conf": "Host lab-1\n HostName 10.0.2.1\nHost lab-*\n ProxyJump none\n",
	"conf.d/20-v6.conf":  "Host v6\r\n  HostName 2001:db8::1\r\n  ProxyJump ops@[2001:db8::2]:2200\r\n",
	"conf.d/ignored":     "Host ignored\n",
}

func TestSSHConfigListsTheNamesOfHostLinesAsSSHWouldReachThem(t *testing.T) {
	result, err := New(Options{}, sshFiles(t, fleetOfAnOperator)).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), `alone alone:22 user=me
bastion bastion.example.com:22 user=jump jump=me@203.0.113.1:443
db-1 10.0.1.1:2222 user=postgres jump=me@203.0.113.1:443,jump@bastion.example.com:22
far far:2022 user=me jump=ops@relay:2200,me@10.9.9.9:22
gate 203.0.113.1:443 user=me
inner 10.9.9.9:22 user=me
lab-1 10.0.2.1:22 user=me
relay relay:22 user=me
v6 2001:db8::1:22 user=me jump=ops@[2001:db8::2]:2200
web-1 web-1.prod.example.com:2022 user=deploy jump=me@203.0.113.1:443
web-2 web-2.prod.example.com:22 user=deploy jump=me@203.0.113.1:443
`)
}

func TestAHostThatSSHReachesDirectlyDoesNotGoOverTheJumpHostOfTheOthers(t *testing.T) {
	source := sshFiles(t, map[string]string{"config": "Host direct\n HostName 10.0.0.1\nHost over\n HostName 10.0.0.2\n ProxyJump gate\n"})
	other := Static{Hosts: []StaticHost{{Name: "elsewhere", Address: "10.0.0.1"}, {Name: "same", Address: "10.0.0.2", Jump: "gate"}}}
	result, err := New(Options{DefaultJump: "bastion"}, source, other).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), "direct 10.0.0.1:22 jump=none\nelsewhere 10.0.0.1:22\nover 10.0.0.2:22 jump=gate\n")
	if result, err = New(Options{}, source, other).Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), "direct 10.0.0.1:22\nover 10.0.0.2:22 jump=gate\n")
}

// The real ssh is asked about the same file.
func TestSSHConfigAgreesWithSSHItself(t *testing.T) {
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("there is no ssh here to compare with")
	}
	source := sshFiles(t, fleetOfAnOperator)
	text := strings.ReplaceAll(fleetOfAnOperator["config"], "conf.d", filepath.Join(source.Home, ".ssh", "conf.d")) // ssh asks the user database for its home
	if err := os.WriteFile(source.Path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	listing, err := source.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range listing.Entries {
		out, err := exec.Command(ssh, "-G", "-F", source.Path, e.Name).Output()
		if err != nil {
			t.Fatalf("ssh -G %s: %v", e.Name, err)
		}
		said := map[string]string{}
		for line := range strings.Lines(string(out)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			said[key] = value
		}
		if e.Address != said["hostname"] || fmt.Sprint(e.Port) != said["port"] || e.User != said["user"] || (e.Jump == direct) != (said["proxyjump"] == "") {
			t.Errorf("%s: we reach %s@%s:%d over %q, ssh %s@%s:%s over %q", e.Name, e.User, e.Address, e.Port, e.Jump, said["user"], said["hostname"], said["port"], said["proxyjump"])
		}
	}
}

func TestSSHConfigRefusesAHostWhereItIsNotCertainWhatSSHWouldDo(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{"Host a\n ProxyCommand nc -x proxy %h %p", "config:2: a ProxyCommand is not supported; name the jump host with ProxyJump"},
		{"Host a\n HostName %n.example.com", `config:2: HostName "%n.example.com": of the tokens only %h is supported`},
		{"Host a\n ProxyJump %h-gate", `config:2: ProxyJump "%h-gate": tokens are not supported`},
		{"Host a\nHost *\n CanonicalizeHostname yes", `config:3: CanonicalizeHostname may make another name of "a"; give it a HostName that is an address`},
		{"Host a\nMatch exec \"test -f /tmp/x\"\n HostName 10.0.0.2", "config:3: this may set its HostName, but stands in a Match block that chaoscat cannot judge"},
		{"Host a\nMatch host a user root\n Port 23", "config:3: this may set its Port, but stands in a Match block that chaoscat cannot judge"},
		{"Host a\n Port 0", `config:2: port "0": a port is a number from 1 to 65535`},
		{"Host a\n ProxyJump b\nHost b\n ProxyCommand x", `ProxyJump "b": config:4: a ProxyCommand is not supported; name the jump host with ProxyJump`},
		{"Host a\n ProxyJump a", `ProxyJump "a": jumps over jumps, more than 8 deep or in a circle`},
		{"Host a\n ProxyJump b\nHost b\n ProxyJump a", `ProxyJump "a": jumps over jumps, more than 8 deep or in a circle`},
	} {
		source := sshFiles(t, map[string]string{"config": c.config})
		_, err := New(Options{}, source).Load(t.Context())
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), filepath.Dir(source.Path)+"/", ""), c.want+"; remove it, or name it in safety.exclude") {
			t.Errorf("%s\ngot  %v\nwant %s", c.config, err, c.want)
		}
	}
}

func TestSSHConfigTakesAHostForWhichWhatCannotBeJudgedDoesNotMatter(t *testing.T) {
	for _, config := range []string{
		"Host a\n HostName 10.0.0.1\nMatch exec \"x\"\n HostName 10.0.0.2",          // the first value counts
		"Host a\n HostName 10.0.0.1\nMatch host 10.0.0.9 exec x\n ForwardAgent yes", // and what does not count does not matter
		"Host a\n HostName 10.0.0.1\n CanonicalizeHostname yes",
		"Host a\n HostName 10.0.0.1\n ProxyCommand none\nHost *\n ProxyJump gate",
		"Host b?\n HostName 10.0.0.2\nHost a b\n HostName 10.0.0.1\n", // ? is one character, not none
	} {
		source := sshFiles(t, map[string]string{"config": config})
		found, err := source.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found.Entries {
			if e.Address != "10.0.0.1" || e.Refused != "" || e.Jump != direct {
				t.Errorf("%s\n%+v", config, e)
			}
		}
	}
}

func TestSSHConfigReportsEveryLineThatItCannotRead(t *testing.T) {
	source := sshFiles(t, map[string]string{"config": `Host # nobody
"HostName" 10.0.0.1
HostName foo#bar
HostName
HostName a b
User "a b
Port \x
Include ~other/x ok
Include $HOME/x
Include missing-*
IdentityFile "whatever \ this
Match
Include broken
` + "User a\x1b[2J\n" + "Host " + strings.Repeat("x", 9000) + "\n", "broken": "Port 'x'\n"})
	_, err := source.Load(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	wantText(t, strings.ReplaceAll(err.Error(), filepath.Dir(source.Path)+"/", ""), `config:1: Host without a name
config:2: does not begin with a keyword and its value: "\"HostName\" 10.0.0.1"
config:3: HostName: "foo#bar" is empty or has quotes, escapes or a remark in it, which OpenSSH does not always read in the same way
config:4: does not begin with a keyword and its value: "HostName"
config:5: HostName has 2 values, not one
config:6: User: the quotes in "\"a b" do not enclose a value
config:7: Port: "\\x" is empty or has quotes, escapes or a remark in it, which OpenSSH does not always read in the same way
config:8: Include "~other/x": variables, tokens and homes of others are not supported
config:9: Include "$HOME/x": variables, tokens and homes of others are not supported
config:12: does not begin with a keyword and its value: "Match"
broken:1: Port: "'x'" is empty or has quotes, escapes or a remark in it, which OpenSSH does not always read in the same way
config:14: has a control character
config:15: a line of more than 8192 bytes`)
}

func TestIncludesOfSSHConfigAreBounded(t *testing.T) {
	for what, files := range map[string]map[string]string{
		"a circle":     {"config": "Include config\n"},
		"an explosion": {"config": "Include a*\n", "a1": "Include a*\n", "a2": "Include a*\n", "a3": "Include a*\n"},
	} {
		if _, err := sshFiles(t, files).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "too much is included") {
			t.Errorf("%s: %v", what, err)
		}
	}
	source := sshFiles(t, map[string]string{"config": "Include sub\n", "sub/x": ""})
	if _, err := source.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "it is a directory") {
		t.Errorf("a directory: %v", err)
	}
}

func TestWhatIsIncludedInABlockAppliesWhereTheBlockDoes(t *testing.T) {
	found, err := sshFiles(t, map[string]string{
		"config": "Host a b\n Include more\n User after\nHost c\n",
		"more":   "Port 2222\nHost b\n User inside\nHost c\n HostName 10.0.0.9\n",
	}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, e := range found.Entries {
		fmt.Fprintf(&got, "%s %s:%d %s\n", e.Name, e.Address, e.Port, e.User)
	}
	wantText(t, got.String(), "a a:2222 after\nb b:2222 inside\nc c:22 \n")
}

func FuzzSSHConfig(f *testing.F) {
	f.Add([]byte(fleetOfAnOperator["config"]))
	f.Add([]byte("Host a*b*c !d\nMatch final\nPort 1\nInclude x\nHost \"a\"\nHostName=%h%%\nProxyJump a,b@c:1,[::1]:2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &sshReader{home: "/nowhere", read: func(string) ([]byte, error) { return nil, errors.New("nothing is read here") }}
		r.file("config", text, sshBlock{})
		if err := joined(r.wrong); err != nil {
			tame(t, err)
			return
		}
		found, err := newSSHResolver(r.blocks).listing("config")
		if err != nil {
			tame(t, err)
			return
		}
		if result, err := Merge(Options{}, found); err == nil {
			sound(t, result)
		} else {
			tame(t, err)
		}
	})
}

// matchesPattern is held against the plain way to say the same.
func FuzzSSHPattern(f *testing.F) {
	f.Add("web-*-?.*", "web-1-2.example")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 12 {
			return
		}
		if got, want := matchesPattern(pattern, name), plainlyMatches(pattern, name); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, name, got, want)
		}
	})
}

func plainlyMatches(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		return plainlyMatches(pattern[1:], name) || (name != "" && plainlyMatches(pattern, name[1:]))
	}
	return name != "" && (pattern[0] == '?' || pattern[0] == name[0]) && plainlyMatches(pattern[1:], name[1:])
}
