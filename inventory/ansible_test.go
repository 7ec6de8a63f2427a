package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

const shop = `bastion.example.net bastion.example.net:22 user=jump
db1.example.net 10.20.0.11:2222 user=postgres jump=jump@bastion.example.net groups=db,eu map[region:eu-1 role:primary tier:back]
db2.example.net 10.20.0.12:2222 user=postgres jump=jump@bastion.example.net groups=cache,db,eu map[region:eu-1 tier:back]
v6 2001:db8::7:22 user=root groups=cache
web01.example.net web01.example.net:22 user=deploy groups=eu,web map[region:eu-1 tier:front]
web02.example.net web02.example.net:22 user=deploy groups=eu,web map[region:eu-1 tier:front]
web03.example.net web03.example.net:22 user=deploy groups=eu,web map[region:eu-1 tier:front]
`

func TestOneFleetInINIYAMLAndJSONIsOneRoster(t *testing.T) {
	for _, name := range []string{"hosts.ini", "hosts.yml", "list.json"} {
		result, err := New(Options{}, AnsibleFile{Path: filepath.Join("testdata", name)}).Load(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Run(name, func(t *testing.T) { wantText(t, table(result.Roster.Hosts()), shop) })
	}
}

func TestTheSyntaxIsFoundWithoutAFileEnding(t *testing.T) {
	for _, name := range []string{"hosts.ini", "hosts.yml", "list.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		// A byte order mark and the line ends of another system change nothing (B8).
		odd := "\ufeff" + strings.ReplaceAll(string(text), "\n", "\r\n")
		found, err := parseAnsible("hosts", []byte(odd))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		result, err := Merge(Options{}, found)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wantText(t, table(result.Roster.Hosts()), shop)
	}
}

func ansibleTable(t *testing.T, path, text string) string {
	t.Helper()
	found, err := parseAnsible(path, []byte(text))
	if err != nil {
		return err.Error()
	}
	var hosts []engine.Host
	refused := ""
	for _, e := range found.Entries {
		hosts = append(hosts, e.Host)
		if e.Refused != "" {
			refused += e.Where + ": " + e.Name + ": " + e.Refused + "\n"
		}
	}
	return refused + table(hosts)
}

func TestVariablesWinAsTheyDoInAnsible(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"the host over its group over the parent over all",
			"h1\nh2\nh3 ansible_user=own\n[a]\nh1\nh2\nh3\n[b:children]\na\n[all:vars]\nansible_user=all\nansible_port=1\n[b:vars]\nansible_user=b\nansible_port=2\n[a:vars]\nansible_port=3\n",
			"h1 :3 user=b groups=a,b\nh2 :3 user=b groups=a,b\nh3 :3 user=own groups=a,b\n"},
		{"the deeper group over the one with the later name",
			"[z]\nh\n[a]\nh\n[p:children]\na\n[z:vars]\nansible_port=1\n[a:vars]\nansible_port=2\n", "h :2 groups=a,p,z\n"},
		{"the later name at the same depth", "[z]\nh\n[a]\nh\n[z:vars]\nansible_port=1\n[a:vars]\nansible_port=2\n", "h :1 groups=a,z\n"},
		{"unless the priority says otherwise", "[z]\nh\n[a]\nh\n[z:vars]\nansible_port=1\n[a:vars]\nansible_port=2\nansible_group_priority=9\n", "h :2 groups=a,z\n"},
		{"a group that is a child of two", "[a]\nh\n[b:children]\na\n[c:children]\na\n", "h :0 groups=a,b,c\n"},
	} {
		t.Run(c.why, func(t *testing.T) { wantText(t, ansibleTable(t, "x.ini", c.text), c.want) })
	}
}

func TestTheJumpHostIsFoundInTheArgumentsForSSH(t *testing.T) {
	for arguments, want := range map[string]string{
		"-J ops@a:22,b":                          "h :0 jump=ops@a:22,b\n",
		"-Ja":                                    "h :0 jump=a\n",
		"-C -o ControlMaster=no -o ProxyJump=a":  "h :0 jump=a\n",
		"-oproxyjump=a":                          "h :0 jump=a\n",
		"-o StrictHostKeyChecking=no":            "h :0\n",
		`-o ProxyCommand="ssh -W %h:%p bastion"`: "x.json: h: ansible_ssh_common_args: a ProxyCommand is not supported; name the jump host with -J or -o ProxyJump=HOST\nh :0\n",
	} {
		text := `{"all": {"hosts": {"h": {"ansible_ssh_common_args": ` + show(arguments) + `}}}}`
		wantText(t, ansibleTable(t, "x.json", text), want)
	}
}

func TestAHostThatAnsibleReachesOtherwiseIsRefused(t *testing.T) {
	for _, connection := range []string{"local", "winrm", "docker", "community.docker.docker", "ansible.netcommon.libssh"} {
		found, err := parseAnsible("x.ini", []byte("\nbox ansible_connection="+connection+"\n[all:vars]\nansible_host=10.0.0.1\n"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Merge(Options{}, found)
		wantError(t, err, `x.ini:2: host "box": ansible_connection="`+connection+`": chaoscat attacks over SSH only; remove it, or name it in safety.exclude`)
	}
	for _, connection := range []string{"ssh", "smart", "paramiko", "ansible.builtin.ssh"} {
		wantText(t, ansibleTable(t, "x.ini", "box ansible_connection="+connection), "box :0\n")
	}
}

func TestABadINIInventoryIsRefusedByLine(t *testing.T) {
	const notName = ` is not a host name: letters, digits, ".", "_" and "-" only, beginning with a letter or digit`
	for _, c := range []struct{ text, want string }{
		{"ok\n-oProxyCommand=id\n", `x.ini:2: "-oProxyCommand=id"` + notName},
		{"$(id)\n", `x.ini:1: "$(id)"` + notName},
		{"a|1:3|b\n", `x.ini:1: "a|1:3|b"` + notName},
		{"\"\"\n", `x.ini:1: "\"\""` + notName},
		{"web\x1b1\n", `x.ini:1: a control character in "web\x1b1"`},
		{"web\x001\n", `x.ini: not a text file in UTF-8`},
		{"web\xff\n", `x.ini: not a text file in UTF-8`},
		{"web\u202e1\n", `x.ini:1: "web\u202e1"` + notName},
		{strings.Repeat("w", 300), `x.ini:1: host name "` + strings.Repeat("w", 80) + `"...: 300 characters long; a host name has at most 253`},
		{"ok\n" + strings.Repeat("x", 70000) + "\nlost\n", `x.ini:2: the line has 70000 bytes; at most 61440`},
		{"2001:db8::1\n", `x.ini:1: "2001:db8::1": write an IPv6 host as NAME ansible_host=2001:db8::1`},
		{"web:0\nweb:65536\nweb:x\n", "x.ini:1: port \"0\": a port is a number from 1 to 65535\nx.ini:2: port \"65536\": a port is a number from 1 to 65535\nx.ini:3: port \"x\": a port is a number from 1 to 65535"},
		// ranges that would never end, or end all memory, inside the library
		{"web[1:5:0]\n", `x.ini:1: "web[1:5:0]": range "[1:5:0]": the step must be a positive number`},
		{"web[1:5:-1]\n", `x.ini:1: "web[1:5:-1]": range "[1:5:-1]": the step must be a positive number`},
		{"web[5:1]\n", `x.ini:1: "web[5:1]": range "[5:1]": the first is above the last`},
		{"web[1:99999999999999999999]\n", `x.ini:1: "web[1:99999999999999999999]": range "[1:99999999999999999999]": both ends must be numbers of at most nine digits, or single letters`},
		{"web[1:3]\ndb[1:999999]\n", `x.ini:2: more than 1000000 hosts`},
		// sections, children and variables
		{"[web\nh\n", `x.ini:1: "[web": a section is written [GROUP], [GROUP:children] or [GROUP:vars]`},
		{"[web:host]\nh\n", `x.ini:1: "[web:host]": "host" is not a kind of section; write [GROUP], [GROUP:children] or [GROUP:vars]`},
		{"[we\u202eb]\nh\n", `x.ini:1: group "we\u202eb" has characters that cannot be printed`},
		{"[web]\nh\n[eu:children]\nwbe\n[wbe:vars]\nx=1\n[nowhere:vars]\nx=1\n", "x.ini:7: there is no group \"nowhere\"; add a section [nowhere] or remove the mention\nx.ini:4: there is no group \"wbe\"; did you mean \"web\"?"},
		{"[eu:children]\nweb db\n", `x.ini:2: "web db": one group name on each line`},
		{"[all:vars]\nansible_user\n", `x.ini:2: "ansible_user": a variable is written NAME=VALUE`},
		{"[a:children]\nb\n[b:children]\na\n[a]\nh\n", `x.ini: group "a" contains itself, through its children`},
		// mistakes that only the library finds get their lines all the same
		{"ok\nh ansible_user\n[g]\nx a='b\n", "x.ini:2: \"h ansible_user\": bad key=value pair supplied: ansible_user\nx.ini:4: \"x a='b\": EOF found when expecting closing quote"},
	} {
		wantText(t, ansibleTable(t, "x.ini", c.text), c.want)
	}
}

func TestABadYAMLInventoryIsRefused(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ",") + "]\n"
	}
	for _, c := range []struct{ text, want string }{
		{"", `x.yml: it is empty; an inventory is a mapping of groups, such as all`},
		{"- web1\n", `x.yml: top level: must be a mapping, not a list`},
		{"all:\n\thosts:\n", `x.yml: yaml: line 2: found character that cannot start any token`},
		{bomb, `x.yml: line 1: the aliases stand for more than 1000000 values`},
		{"all:\n  hosts: &a [*a]\n", `x.yml: line 2: the alias "a" contains itself`},
		{"all:\n  <<: &a\n    <<: *a\n", `x.yml: line 3: the alias "a" contains itself`},
		{"all: &a\n  children: *a\n", `x.yml: line 2: the alias "a" contains itself`},
		{"all:\n  hosts:\n    w: {}\n    w: {}\n", "x.yml: line 4: the key \"w\" is there already, in line 3"},
		{"all: {}\n---\nall: {}\n", `x.yml: more than one YAML document; an inventory is one`},
		{"plugin: aws_ec2\nregions: [eu-west-1]\n", `x.yml: this configures an inventory plugin; use a command source with ansible-inventory -i x.yml --list`},
		{"all:\n  hsots:\n    w:\n", `x.yml: all.hsots: a group has hosts, vars and children; did you mean "hosts"?`},
		{"all:\n  hosts: w\n  children: 5\n  vars: [a]\n", "x.yml: all.children: must be a mapping, not the value \"5\"\nx.yml: all.hosts: must be a mapping, not the value \"w\"\nx.yml: all.vars: must be a mapping, not a list"},
		{"all:\n  hosts:\n    010:\n", `x.yml: line 3: the key "010" is not text; put it in quotes`},
		{"all:\n  hosts:\n    $(id):\n    \"a\\u202eb\":\n    w[3:1]:\n", "x.yml: all.hosts: host \"$(id)\": \"$(id)\" is not a host name: letters, digits, \".\", \"_\" and \"-\" only, beginning with a letter or digit\n" +
			"x.yml: all.hosts: host \"a\\u202eb\": \"a\\u202eb\" is not a host name: letters, digits, \".\", \"_\" and \"-\" only, beginning with a letter or digit\n" +
			"x.yml: all.hosts: host \"w[3:1]\": range \"[3:1]\": the first is above the last"},
		{"a:\n  hosts:\n    h: {ansible_host: 10.0.0.1}\nb:\n  hosts:\n    h: {ansible_host: 10.0.0.2}\n", `x.yml: b.hosts: host "h": ansible_host is "10.0.0.2" here and "10.0.0.1" elsewhere`},
		{"all:\n  hosts:\n    h: {ansible_port: ssh}\n", "x.yml:3: h: ansible_port: port \"ssh\": a port is a number from 1 to 65535\nh :0\n"},
		{"all:\n  hosts:\n    w[1:3]:\n    x[1:999999]:\n", `x.yml: cannot be read as an inventory: more than 1000000 hosts`},
	} {
		wantText(t, ansibleTable(t, "x.yml", c.text), c.want)
	}
}

func TestYAMLAnchorsAndMergeKeysWork(t *testing.T) {
	wantText(t, ansibleTable(t, "x.yml", `
base: &base
  vars: &vars {ansible_user: base, ansible_port: 1}
web:
  hosts:
    w1: {<<: *vars, ansible_user: own}
    w2: {<<: [{ansible_port: 2}, *vars]}
    ? &name w3
    : *vars
db:
  <<: *base
  hosts: {*name : }
`), `w1 :1 user=own groups=web
w2 :2 user=base groups=web
w3 :1 user=base groups=db,web
`)
}

func TestABadJSONInventoryIsRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `x.json: not JSON: EOF`},
		{"{\n\"all\": {,}}", `x.json: line 2: not JSON: invalid character ',' looking for beginning of object key string`},
		{`{"all": {}} {}`, `x.json: something follows the JSON value`},
		{`[]`, `x.json: top level: must be a mapping, not a list`},
		{`{"web": {"hosts": [1, null, "ok"], "children": [{}]}}`, "x.json: web.children: must list names of groups, not a mapping\nx.json: web.hosts: must list names of hosts, not the value \"1\"\nx.json: web.hosts: must list names of hosts, not nothing"},
		{`{"_meta": {"hostvars": []}, "web": ["a"]}`, `x.json: _meta.hostvars: must be a mapping, not a list`},
		{`{"a": {"children": ["b"]}, "b": {"children": ["a"], "hosts": ["h"]}}`, `x.json: group "a" contains itself, through its children`},
		{strings.Repeat(`{"a":`, 20000), `x.json: line 1: not JSON: invalid character '{' exceeded max depth`},
	} {
		wantText(t, ansibleTable(t, "x.json", c.text), c.want)
	}
}

func TestTagsThatCannotBeOursAndStrayVariablesAreLeftOutAndCounted(t *testing.T) {
	found, err := parseAnsible("x.json", []byte(`{"_meta": {"hostvars": {
		"h": {"tags": {"aws:cloudformation:stack": "s", "Name": "h one", "list": [1]}, "chaoscat_tag_Name": "wins"},
		"stray": {"ansible_host": "10.0.0.1"}}}, "web": ["h"]}`))
	if err != nil {
		t.Fatal(err)
	}
	result, err := Merge(Options{}, found)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), "h h:22 groups=web map[Name:wins]\n")
	wantText(t, strings.Join(result.Notices, "\n"), `x.json: 1 hosts of _meta.hostvars belong to no group and are left out
x.json: 2 tags are left out: their names or values do not fit`)
}

func TestAnAnsibleFileMustBeAReadableFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip("no FIFOs here: ", err)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                         "it is a directory; name the inventory file in it",
		fifo:                        "it is not a regular file",
		filepath.Join(dir, "gone"):  "stat " + filepath.Join(dir, "gone") + ": no such file or directory",
		filepath.Join(dir, "gone/"): "stat " + filepath.Join(dir, "gone") + ": no such file or directory",
		loop:                        "stat " + loop + ": too many levels of symbolic links",
	} {
		_, err := AnsibleFile{Path: path}.Load(t.Context())
		wantError(t, err, "read inventory "+path+": "+want)
	}
}

func TestVariableDirectoriesBesideTheFileAreMentioned(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "hosts")
	if err := os.WriteFile(path, []byte("h\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "host_vars"), 0o700); err != nil {
		t.Fatal(err)
	}
	found, err := AnsibleFile{Path: path}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, strings.Join(found.Notices, "\n"), path+": the directory host_vars beside it is not read; if addresses, ports or users are set there, use a command source with ansible-inventory --list")
}
