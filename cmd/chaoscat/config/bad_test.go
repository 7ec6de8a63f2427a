package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/inventory"
)

// with is the small configuration with one text replaced.
func with(old, new string) string {
	if !strings.Contains(small, old) {
		panic("small has no " + old)
	}
	return strings.Replace(small, old, new, 1)
}

const (
	zoneLine   = "timezone = \"Europe/Paris\"\n"
	attackLine = "name = \"cpu\"\n"
)

// The numbers are those of the project's list of bad inputs, as far as they are about configuration.
func TestBadInputIsRefusedWithItsPlace(t *testing.T) {
	for _, c := range []struct{ name, conf, want string }{
		{"B1 empty file", "", "chaoscat.toml:1: the file is empty; chaoscat init writes a first configuration"},
		{"B1 only white space", "\n \n\t\n", "chaoscat.toml:1: the file is empty; chaoscat init writes a first configuration"},
		{"B2 binary", "a = 1\n\x7fELF\x00\x01", "chaoscat.toml:2: the file is not text: it has a NUL byte; a configuration is TOML in UTF-8; UTF-16 has to be converted"},
		{"B2 latin-1", "a = 1\nb = 2\nname = \"caf\xe9\"", "chaoscat.toml:3: the file is not UTF-8 text; is this the right file?"},
		{"B2 UTF-16", "\xff\xfen\x00a\x00m\x00e\x00", "chaoscat.toml:1: the file is not text: it has a NUL byte; a configuration is TOML in UTF-8; UTF-16 has to be converted"},
		{"B3 10 MB", strings.Repeat("# remark\n", 1<<20), "chaoscat.toml:1: the file is larger than 1 MiB; a long list of hosts belongs into an [[inventory]] of type ansible or command"},
		{"B4 a bomb of brackets", "a = 1\nx = " + strings.Repeat("[", 1<<19), "chaoscat.toml:2: nested more than 64 deep"},
		{"B5 duplicate key", with(zoneLine, zoneLine+"\n"+zoneLine),
			`chaoscat.toml:4: schedule.timezone: not TOML: Key 'schedule.timezone' has already been defined; a key or table may be written only once; it is first on line 2`},
		{"B5 duplicate table", small + "[schedule]\n",
			`chaoscat.toml:14: schedule: not TOML: Key 'schedule' has already been defined; a key or table may be written only once; it is first on line 1`},
		{"B5 duplicate key in one of several tables", small + "[[attack]]\nname = \"a\"\nweight = 1\nweight = 2\n[[attack]]\nname = \"b\"\n",
			`chaoscat.toml:17: attack.weight: not TOML: Key 'attack.weight' has already been defined; a key or table may be written only once; it is first on line 16`},
		{"B6 unknown key", with(zoneLine, zoneLine+"timezon = 1\n"), `chaoscat.toml:3: schedule.timezon: unknown key; did you mean "timezone"?`},
		{"B6 unknown table", small + "[atack]\n", `chaoscat.toml:14: atack: unknown key; did you mean "attack"?`},
		{"B8 line ends of the last century", "a = 1\n# b\rc = 2\n", "chaoscat.toml:2: a carriage return without a line feed: the file does not mean what it looks like; save it with ordinary line ends"},
		{"B9 swapped window", with(zoneLine, zoneLine+"hours = [\"17:00-09:00\"]\n"),
			`chaoscat.toml:3: schedule.hours: "17:00-09:00" goes over midnight and lasts 16h; write "09:00-17:00" for the day; a night as long as that is "17:00-24:00" and "00:00-09:00"`},
		{"B10 zero-length window", with(zoneLine, zoneLine+"hours = [\"09:00-09:00\"]\n"),
			`chaoscat.toml:3: schedule.hours: "09:00-09:00" is empty: it ends when it starts; a whole day is "00:00-24:00"`},
		{"B11 24:00", with(zoneLine, zoneLine+"hours = [\"24:00-02:00\"]\n"),
			`chaoscat.toml:3: schedule.hours: "24:00-02:00" starts at 24:00, when the day is over; write "00:00" for the start of a day`},
		{"B11 24:01", with(zoneLine, zoneLine+"hours = [\n\"10:00-11:00\",\n\"12:00-24:01\"]\n"),
			`chaoscat.toml:5: schedule.hours: "12:00-24:01" has a time that does not exist; write "HH:MM-HH:MM", like "10:00-16:00"; a day ends at 24:00`},
		{"B12 zone empty", with("Europe/Paris", ""),
			`chaoscat.toml:2: schedule.timezone: "" is whatever this machine is set to; the zone must be named; write an IANA name: "Europe/Paris", "America/New_York", "UTC"`},
		{"B13 zone Local", with("Europe/Paris", "Local"),
			`chaoscat.toml:2: schedule.timezone: "Local" is whatever this machine is set to; the zone must be named; write an IANA name: "Europe/Paris", "America/New_York", "UTC"`},
		{"B14 zone that is a path", with("Europe/Paris", "../../etc/passwd"),
			`chaoscat.toml:2: schedule.timezone: "../../etc/passwd" is not a known time zone; write an IANA name: "Europe/Paris", "America/New_York", "UTC"`},
		{"B14 zone with leap seconds", with("Europe/Paris", "right/Europe/Paris"),
			`chaoscat.toml:2: schedule.timezone: "right/Europe/Paris" is not a known time zone; did you mean "Europe/Paris"?`},
		{"no zone", with(zoneLine, ""), `chaoscat.toml:1: schedule.timezone: missing; the IANA zone of everything below: "Europe/Paris"`},
		{"B16 weight -1", with(attackLine, attackLine+"weight = -1\n"), `chaoscat.toml:8: attack.weight: is -1; it must not be negative`},
		{"B17 all weights 0", with(attackLine, attackLine+"weight = 0\n"), `chaoscat.toml:8: attack.weight: every attack has weight 0: nothing could ever be drawn; give one a weight of 1`},
		{"B18 weight 2^63", with(attackLine, attackLine+"weight = 9223372036854775808\n"),
			`chaoscat.toml:8: attack.weight: not TOML: 9223372036854775808 is out of range for int64; a whole number has at most 18 digits`},
		{"B18 weight 2^62", with(attackLine, attackLine+"weight = 4611686018427387904\n"), `chaoscat.toml:8: attack.weight: is 4611686018427387904; it must be from 0 to 1000000`},
		{"B19 NaN", with(attackLine, attackLine+"weight = nan\n"), `chaoscat.toml:8: attack.weight: is nan, not a number; it must be a whole number, without quotes`},
		{"weight with a point", with(attackLine, attackLine+"weight = 1.5\n"), `chaoscat.toml:8: attack.weight: is the decimal number 1.5; it must be a whole number, without quotes`},
		{"B20 0.5 s", with(attackLine, attackLine+"for = \"0.5s\"\n"), `chaoscat.toml:8: attack.for: "0.5s" is too short; at least 1s`},
		{"B21 300 h", with(attackLine, attackLine+"for = \"300h\"\n"), `chaoscat.toml:8: attack.for: "300h" is too long; at most 24h`},
		{"B21 longer than allowed", with(attackLine, attackLine+"for = \"11m\"\n"), `chaoscat.toml:8: attack.for: 11m is longer than safety.max_duration, which is 10m`},
		{"B22 -5 s", with(attackLine, attackLine+"for = \"-5s\"\n"), `chaoscat.toml:8: attack.for: "-5s" is negative`},
		{"B23 no unit", with(attackLine, attackLine+"for = \"10\"\n"), `chaoscat.toml:8: attack.for: "10" has no unit; write "10s" or "10m" (units: ms, s, m, h)`},
		{"B23 no quotes", with(attackLine, attackLine+"for = 10m\n"),
			`chaoscat.toml:8: attack: not TOML: expected a top-level item to end with a newline, comment, or EOF, but got 'm' instead; a duration is written in quotes: "10m"`},
		{"no quotes around a word", with("\"cpu\"", "cpu"), `chaoscat.toml:7: attack.name: not TOML: expected value but found "cpu" instead; text is written in quotes: "..."`},
		{"B25 no health checks", with("[[health]]\ntype = \"http\"\nurl = \"https://status.example.com/\"\n", ""),
			`chaoscat.toml:1: health: missing; write a [[health]]: without one, health is unknown and nothing is ever attacked`},
		{"B25 an empty list of health checks", "health = []\n" + with("[[health]]\ntype = \"http\"\nurl = \"https://status.example.com/\"\n", ""), `chaoscat.toml:1: health: the list is empty`},
		{"no on-call check", with("[oncall]\ntype = \"command\"\ncommand = [\"true\"]\n", ""),
			`chaoscat.toml:1: oncall: missing; write an [oncall]: without one, nobody is known to be there and nothing is ever attacked`},
		{"B26 file://", with("https://status.example.com/", "file:///etc/passwd"), `chaoscat.toml:10: health.url: "file:///etc/passwd" is asked by "file"; only http and https are`},
		{"password in a URL", with("https://", "https://me:secret@"),
			`chaoscat.toml:10: health.url: has a user name or password in it; put a token into a file and name it as token_file`},
		{"empty selection", with(attackLine, attackLine+"hosts = \"\"\n"), `chaoscat.toml:8: attack.hosts: "" is empty, and nothing never means everything`},
		{"two terms in one string", with(attackLine, attackLine+"hosts = \"web-1, web-2\"\n"), `chaoscat.toml:8: attack.hosts: "web-1, web-2" is more than one term; write a list: ["...", "..."]`},
		{"no hosts", with("[\"web-1\"]", "[]"), `chaoscat.toml:5: inventory.hosts: the list is empty, and nothing never means everything`},
		{"port 0", with("[\"web-1\"]", "[{ name = \"web-1\", port = 0 }]"), `chaoscat.toml:5: inventory.hosts.port: is 0; it must be from 1 to 65535`},
		{"newline in a name", with("\"web-1\"", "{ name = \"a\\nb\" }"), `chaoscat.toml:5: inventory.hosts.name: "a\nb" has a character that cannot be printed`},
		{"misspelt day", with(zoneLine, zoneLine+"days = [\"mon\", \"teusday\"]\n"), `chaoscat.toml:3: schedule.days: "teusday" is not a day; did you mean "tuesday"?`},
		{"a day twice", with(zoneLine, zoneLine+"days = [\"mon\", \"Monday\"]\n"), `chaoscat.toml:3: schedule.days: "mon" is there twice`},
		{"one bracket for an array of tables", with("[[attack]]", "[attack]"), `chaoscat.toml:6: attack: is a table; it must be an array of tables; write [[attack]] with two brackets`},
		{"an SSH door through which nobody could come", small + "[control]\nssh_listen = \":2222\"\n",
			`chaoscat.toml:15: control.ssh_listen: opens a door through which nobody could come; name a file with the public keys of who may: ssh_people = "people"`},
		{"an SSH door without a port", small + "[control]\nssh_listen = \"0.0.0.0\"\nssh_people = \"p\"\n",
			`chaoscat.toml:15: control.ssh_listen: "0.0.0.0" is no address to listen at; write it like "0.0.0.0:2222", ":2222" or "[::1]:2222"`},
		{"an SSH door at a port that there is none of", small + "[control]\nssh_listen = \":0\"\nssh_people = \"p\"\n",
			`chaoscat.toml:15: control.ssh_listen: ":0" has the port "0", which is not from 1 to 65535`},
		{"an SSH door at a name", small + "[control]\nssh_listen = \"eth0:22\"\nssh_people = \"p\"\n",
			`chaoscat.toml:15: control.ssh_listen: "eth0:22" listens at "eth0", which is no IP address of this machine`},
		{"a team without members", small + "[[team]]\nname = \"sre\"\nrole = \"admin\"\n",
			`chaoscat.toml:14: team: has nobody in it; name people as members, or user groups as slack_groups`},
		{"a team of nobody", small + "[[team]]\nname = \"sre\"\nrole = \"admin\"\nmembers = []\n",
			`chaoscat.toml:17: team.members: the list is empty; leave the key out, or name people`},
		{"a role that there is none of", small + "[[team]]\nname = \"sre\"\nrole = \"admins\"\nmembers = [\"ada\"]\n",
			`chaoscat.toml:16: team.role: "admins" is not known; did you mean "admin"?`},
		{"two teams of a name", small + "[[team]]\nname = \"sre\"\nrole = \"admin\"\nmembers = [\"ada\"]\n[[team]]\nname = \"sre\"\nrole = \"viewer\"\nmembers = [\"bob\"]\n",
			`chaoscat.toml:19: team.name: "sre" is there twice; it is first on line 15`},
		{"a person twice in a team", small + "[[team]]\nname = \"sre\"\nrole = \"admin\"\nmembers = [\"ada\", \"ada\"]\n",
			`chaoscat.toml:17: team.members: "ada" is there twice`},
		{"hosts of who attacks none", small + "[[team]]\nname = \"sre\"\nrole = \"stopper\"\nmembers = [\"ada\"]\nhosts = \"group:db\"\n",
			`chaoscat.toml:18: team.hosts: is for a team of operators, and the role of this one is stopper; remove hosts, or say role = "operator"`},
		{"hosts that cannot be understood", small + "[[team]]\nname = \"sre\"\nrole = \"operator\"\nmembers = [\"ada\"]\nhosts = []\n",
			`chaoscat.toml:18: team.hosts: the selection is empty, and nothing never means everything; leave the key out, or name hosts: "web-*", "group:db", "tag:zone=eu-1"`},
		{"custom without undo", with(attackLine, attackLine+"inject = \"i.sh\"\n"), `chaoscat.toml:8: attack.inject: has no undo; name an undo script, or say irreversible = true if there cannot be one`},
		{"undo without inject", with(attackLine, attackLine+"undo = \"i.sh\"\n"),
			`chaoscat.toml:6: attack: has the keys of a custom attack but no inject; name the script that applies the fault, or remove undo, measure, irreversible, figure and unit`},
		{"two attacks of a name", small + "[[attack]]\nname = \"cpu\"\n", `chaoscat.toml:15: attack.name: "cpu" is there twice; it is first on line 7; give this one a name of its own and say kind = "cpu"`},
		{"two gates of a name", small + "name = \"health\"\n[[health]]\nname = \"health\"\ntype = \"command\"\ncommand = [\"x\"]\n",
			`chaoscat.toml:14: oncall.name: "health" is the name of two gates; the other is on line 15`},
		{"custom with a kind", with(attackLine, attackLine+"kind = \"cpu\"\ninject = \"i.sh\"\nundo = \"u.sh\"\n"), `chaoscat.toml:8: attack.kind: a custom attack has no kind; remove kind, or remove inject`},
		{"undo of what is irreversible", with(attackLine, attackLine+"inject = \"i.sh\"\nundo = \"u.sh\"\nirreversible = true\n"), `chaoscat.toml:10: attack.irreversible: is true, and there is an undo; remove one of the two`},
		{"a figure that nothing prints", with(attackLine, attackLine+"inject = \"i.sh\"\nundo = \"u.sh\"\nfigure = \"x\"\n"), `chaoscat.toml:6: attack: names a figure but has no measure; name the script that prints it`},
		{"a gap of what has no parts", with(attackLine, attackLine+"gap = \"5s\"\n"), `chaoscat.toml:8: attack.gap: is for a compound attack, and this is none; name its parts: compound = ["cpu", "latency"]`},
		{"parts named twice", with(attackLine, "name = \"storm\"\ncompound = [\"cpu\", \"latency\"]\n[[attack.part]]\nkind = \"cpu\"\n"), `chaoscat.toml:8: attack.compound: names the parts, and so does [[attack.part]]; remove one of the two`},
		{"a compound with a kind", with(attackLine, attackLine+"kind = \"cpu\"\ncompound = [\"cpu\", \"latency\"]\n"), `chaoscat.toml:8: attack.kind: a compound attack has no kind; remove kind, or remove its parts`},
		{"a compound with an inject", with(attackLine, attackLine+"inject = \"i.sh\"\nundo = \"u.sh\"\ncompound = [\"cpu\", \"latency\"]\n"),
			`chaoscat.toml:8: attack.inject: makes a custom attack, and its parts a compound one; write the custom one as an [[attack]] of its own, and name it as a part`},
		{"a gap of half a second", with(attackLine, attackLine+"compound = [\"cpu\", \"latency\"]\ngap = \"500ms\"\n"), `chaoscat.toml:9: attack.gap: 500ms is not in whole seconds`},
		{"a part without a kind", with(attackLine, attackLine+"[[attack.part]]\n"), `chaoscat.toml:8: attack.part.kind: missing; an attack of the catalogue, or a custom one of this file`},
		{"home of somebody else", small + "[ssh]\nidentity_files = \"~root/.ssh/id\"\n", `chaoscat.toml:15: ssh.identity_files: "~root/.ssh/id": only ~/ is understood, not another user's home`},
		{"jump that is an option", small + "[ssh]\njump = \"bastion,-oProxyCommand=id\"\n",
			`chaoscat.toml:15: ssh.jump: "bastion,-oProxyCommand=id" is not a way over other hosts: "-oProxyCommand=id": begins with "-", which would be read as an option; write [user@]host[:port]`},
		{"jump with an open bracket", small + "[ssh]\njump = \"[::1\"\n", `chaoscat.toml:15: ssh.jump: "[::1" is not a way over other hosts: the bracket is not closed; write [user@]host[:port]`},
		{"jump with a shell in the name", small + "[ssh]\njump = \"$(id)@b\"\n", `chaoscat.toml:15: ssh.jump: "$(id)@b" is not a way over other hosts: the user name "$(id)" is not one; write [user@]host[:port]`},
		{"no URL", with("https://status.example.com/", "status.example.com"), `chaoscat.toml:10: health.url: "status.example.com" is not a URL; write it like "https://status.example.com/health"`},
		{"an empty program", with("[\"true\"]", "[\"\"]"), `chaoscat.toml:13: oncall.command: "" is empty`},
		{"a number in a command", with("[\"true\"]", "[\"sleep\", 5]"), `chaoscat.toml:13: oncall.command: is the whole number 5; it must be a string in quotes`},
		{"a name that is too long", "name = \"" + strings.Repeat("x", 65) + "\"\n" + small, `chaoscat.toml:1: name: "` + strings.Repeat("x", 60) + `"... is longer than 64 characters`},
		{"a time without a date", with(zoneLine, zoneLine+"[[schedule.freeze]]\nfrom = 10:00\nto = \"2026-12-20\"\n"), `chaoscat.toml:4: schedule.freeze.from: is a time without a date; ` + momentHint},
		{"a freeze that is over before it begins", with(zoneLine, zoneLine+"[[schedule.freeze]]\nfrom = \"2026-12-20\"\nto = \"2026-12-19\"\n"), `chaoscat.toml:5: schedule.freeze.to: is not after from: the freeze would never be`},
		{"hours that overlap, on lines of their own", with(zoneLine, zoneLine+"hours = [\n\"bad\",\n\"10:00-12:00\",\n\"11:00-13:00\",\n]\n"),
			"chaoscat.toml:4: schedule.hours: \"bad\" is not a range of hours; write \"HH:MM-HH:MM\", like \"10:00-16:00\"\n" +
				`chaoscat.toml:6: schedule.hours: "11:00-13:00" overlaps "10:00-12:00"; write one range, or two that do not meet`},
		{"a list of lists as a parameter", with(attackLine, attackLine+"params = { x = [[1]] }\n"), `chaoscat.toml:8: attack.params.x: is a list of lists; it must be a plain value or a list of them`},
		{"a socket that no system takes", small + "[control]\nsocket = \"/" + strings.Repeat("x", 110) + "\"\n",
			`chaoscat.toml:15: control.socket: "/` + strings.Repeat("x", 59) + `"... is longer than the 103 bytes that a socket's path may have`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := mistakes(t, c.conf); strings.Join(got, "\n") != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), c.want)
			}
		})
	}
}

// B7 and B8 are no mistakes: TOML takes tabs, and editors write byte-order marks and CRLF.
func TestTabsByteOrderMarkAndCRLFAreAccepted(t *testing.T) {
	for name, conf := range map[string]string{
		"tabs": strings.ReplaceAll(small, " = ", "\t=\t"),
		"BOM":  "\ufeff" + small,
		"CRLF": strings.ReplaceAll(small, "\n", "\r\n"),
	} {
		c, err := load(conf)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, line := c.At("oncall.command"); line != 13 {
			t.Errorf("%s: the last key is on line %d", name, line)
		}
	}
}

// B15: the window exists on all other days, so it is right here; the engine skips it on that day.
func TestAWindowInsideTheGapOfSummerTimeLoads(t *testing.T) {
	if _, err := load(with(zoneLine, zoneLine+"days = [\"sun\"]\nhours = [\"02:00-03:00\"]\n")); err != nil {
		t.Error(err)
	}
}

// B24: what a parameter may be is the catalogue's to say, at the line that is kept for it.
func TestAParameterKeepsItsLineForTheCatalogue(t *testing.T) {
	c, err := load(with(attackLine, attackLine+"params = {\n  share = 101,\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Wrong(c.Attacks[0].Key+".params.share", "is 101; from 1 to 100").Error(); got != "chaoscat.toml:9: attack.params.share: is 101; from 1 to 100" {
		t.Errorf("got %s", got)
	}
}

func TestFilesThatOthersCanReadOrWriteAreRefused(t *testing.T) {
	custom := with(attackLine, attackLine+"inject = \"i.sh\"\nundo = \"u.sh\"\n") + "[ssh]\nidentity_files = [\"~/.ssh/id\"]\n"
	secret := strings.Replace(small, "[oncall]", "token_file = \"/t\"\nca_file = \"/ca\"\n[oncall]", 1)
	for _, c := range []struct {
		name, conf, file string
		mode             fs.FileMode
		want             string
	}{
		{"B27 token that the group can read", secret, "/t", 0o640, "chaoscat.toml:11: health.token_file: /t is a secret that others can read (mode 0640); chmod 600 /t"},
		{"private key that anybody can read", custom, "/home/me/.ssh/id", 0o644, "chaoscat.toml:17: ssh.identity_files: /home/me/.ssh/id is a secret that others can read (mode 0644); chmod 600 /home/me/.ssh/id"},
		{"script that the group can write", custom, "u.sh", 0o664, "chaoscat.toml:9: attack.undo: u.sh can be written by others (mode 0664), and it is run on hosts; chmod go-w u.sh"},
		{"script that is a folder", custom, "i.sh", fs.ModeDir | 0o755, "chaoscat.toml:8: attack.inject: i.sh is a folder, not a file"},
		{"file that is not there", secret, "/ca", gone, "chaoscat.toml:12: health.ca_file: stat /ca: file does not exist"},
		{"authorities may be read by all", secret, "/ca", 0o644, ""},
		{"people may be read by all", small + "[control]\nssh_people = \"/p\"\n", "/p", 0o644, ""},
		{"people that the group can write", small + "[control]\nssh_people = \"/p\"\n", "/p", 0o664,
			"chaoscat.toml:15: control.ssh_people: /p can be written by others (mode 0664), and it decides who may give orders; chmod go-w /p"},
		{"people that are a folder", small + "[control]\nssh_people = \"/p\"\n", "/p", fs.ModeDir | 0o755, "chaoscat.toml:15: control.ssh_people: /p is a folder, not a file"},
		{"people who are not there", small + "[control]\nssh_people = \"/p\"\n", "/p", gone, "chaoscat.toml:15: control.ssh_people: stat /p: file does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if _, err := Load("chaoscat.toml", memory(c.conf, map[string]Stat{c.file: {Mode: c.mode}})); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAFileOfPeopleOfSomebodyElseIsRefused(t *testing.T) {
	for owner, trusted := range map[int]bool{0: true, 1000: true, 1001: false} {
		files := memory(small+"[control]\nssh_people = \"/p\"\n", map[string]Stat{"/p": {Mode: 0o644, Owner: owner}})
		files.UID = 1000
		_, err := Load("chaoscat.toml", files)
		if (err == nil) != trusted || !trusted && !strings.Contains(err.Error(), "/p belongs to another user (uid 1001), and it decides who may give orders; chown 1000 /p") {
			t.Errorf("owner %d: %v", owner, err)
		}
	}
}

func TestAConfigurationThatOthersCanWriteIsRefused(t *testing.T) {
	for mode, refused := range map[fs.FileMode]bool{0o600: false, 0o644: false, 0o620: true, 0o602: true, 0o666: true} {
		path := filepath.Join(t.TempDir(), "chaoscat.toml")
		if err := os.WriteFile(path, []byte(small), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, Disk(""))
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), ":1: the file can be written by others") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

// B29.
func TestALoopOfLinksIsAnErrorWithTheName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chaoscat.toml")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, Disk("")); !errors.Is(err, syscall.ELOOP) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := Find([]string{path}, Disk("")); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("got %v", err)
	}
}

func TestAMissingFileAndAFolderAreErrorsWithTheName(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.toml"), Disk("")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.toml") {
		t.Errorf("got %v", err)
	}
	if _, err := Load(dir, Disk("")); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}

// B30. A file put in the place of another is never mixed with it: whichever was opened is read whole.
func TestAConfigurationReplacedWhileItIsReadIsOneOrTheOther(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chaoscat.toml")
	versions := []string{small, small + "[ui]\nascii = true\n"}
	write := func(n int) {
		next := filepath.Join(dir, "next")
		if err := os.WriteFile(next, []byte(versions[n%2]), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Error(err)
		}
	}
	write(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				write(n)
			}
		}
	}()
	defer func() { close(stop); <-done }()
	files := Disk("")
	for range 200 {
		data, _, err := files.Read(path)
		if err != nil || !slices.Contains(versions, string(data)) {
			t.Fatalf("%v: %q", err, data)
		}
	}
}

func TestTheFirstConfigurationInThePathWins(t *testing.T) {
	home := t.TempDir()
	mine := filepath.Join(home, "chaoscat", "chaoscat.toml")
	candidates := Candidates(home)
	if want := []string{"chaoscat.toml", mine, "/etc/chaoscat/chaoscat.toml"}; !slices.Equal(candidates, want) {
		t.Fatalf("got %v", candidates)
	}
	if got := Candidates("relative"); len(got) != 2 {
		t.Errorf("a relative home of configurations is used: %v", got)
	}
	candidates = []string{filepath.Join(home, "none", "chaoscat.toml"), mine, filepath.Join(home, "other")}
	if _, err := Find(candidates, Disk("")); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), mine) {
		t.Errorf("got %v", err)
	}
	for _, path := range candidates[1:] {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(small), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Find(candidates, Disk("")); got != mine || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAConfigurationOfSomebodyElseIsNotTakenBecauseItLiesThere(t *testing.T) {
	for owner, trusted := range map[int]bool{0: true, 1000: true, 1001: false} {
		files := memory(small, map[string]Stat{"chaoscat.toml": {Mode: 0o644, Owner: owner}})
		files.UID = 1000
		_, err := Find([]string{"chaoscat.toml"}, files)
		if (err == nil) != trusted || !trusted && !strings.Contains(err.Error(), "--config") {
			t.Errorf("owner %d: %v", owner, err)
		}
	}
}

func TestHoursThatOverlapAreRefused(t *testing.T) {
	for hours, refused := range map[string]bool{
		`"10:00-12:00", "12:00-13:00"`: false,
		`"10:00-12:00", "11:59-13:00"`: true,
		`"10:00-16:00", "11:00-12:00"`: true,
		`"22:00-02:00", "00:00-01:00"`: true, // on the following day
		`"00:00-01:00", "22:00-02:00"`: true,
		`"22:00-02:00", "02:00-03:00"`: false,
		`"20:00-24:00", "00:00-04:00"`: false,
		`"00:00-24:00", "05:00-06:00"`: true,
		`"00:00-24:00"`:                false,
	} {
		_, err := load(with(zoneLine, zoneLine+"hours = ["+hours+"]\n"))
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "overlap") {
			t.Errorf("%s: %v", hours, err)
		}
	}
	alone := with(zoneLine, zoneLine+"days = [\"sun\", \"wed\"]\nhours = [\"22:00-02:00\", \"00:00-01:00\"]\n")
	if _, err := load(alone); err != nil {
		t.Errorf("no day follows another, so nothing overlaps: %v", err)
	}
}

func TestAFreezeIsReadInTheZoneOfTheSchedule(t *testing.T) {
	for _, c := range []struct{ from, to, wantFrom, wantTo string }{
		{`"2026-12-20"`, `"2026-12-20"`, "2026-12-20T00:00:00+01:00", "2026-12-21T00:00:00+01:00"},
		{`2026-07-01`, `2026-07-02`, "2026-07-01T00:00:00+02:00", "2026-07-03T00:00:00+02:00"},
		{`"2026-12-20 18:00"`, `2026-12-20T19:30:00`, "2026-12-20T18:00:00+01:00", "2026-12-20T19:30:00+01:00"},
		{`"2026-12-20T18:00:00Z"`, `2026-12-20 22:00:00-05:00`, "2026-12-20T19:00:00+01:00", "2026-12-21T04:00:00+01:00"},
		// The clocks of Paris show 02:30 twice that night; the freeze has both.
		{`"2026-10-25 02:30"`, `"2026-10-25 02:30"`, "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"},
	} {
		conf, err := load(with(zoneLine, zoneLine+"[[schedule.freeze]]\nfrom = "+c.from+"\nto = "+c.to+"\n"))
		if err != nil {
			t.Errorf("%s: %v", c.from, err)
			continue
		}
		f := conf.Schedule.Closures[0]
		if from, to := f.From.Format(time.RFC3339), f.To.Format(time.RFC3339); from != c.wantFrom || to != c.wantTo {
			t.Errorf("%s to %s is %s to %s", c.from, c.to, from, to)
		}
	}
}

func TestTheFirstConfigurationLoadsAndLetsNothingThrough(t *testing.T) {
	for _, o := range []StarterOptions{
		{},
		{Name: `we"ird\ nämé`, Zone: "Asia/Tokyo", Hours: []string{"09:00-12:00", "13:00-17:00"}, User: "chaos", Sudo: true,
			Hosts: []string{"web-1", "10.0.0.7"}, HealthURL: "https://x/y?z", OnCall: []string{"/bin/on call", "--now"}},
		{Ansible: "/etc/ansible/hosts"},
	} {
		c, err := load(Starter(o))
		if err != nil {
			t.Errorf("%+v: %v", o, err)
			continue
		}
		if !c.DryRun || len(c.Attacks) != 1 {
			t.Errorf("%+v attacks", c)
		}
		if o.Name != "" && (c.Name != o.Name || c.SSH.User != o.User || c.Inventories[0].Source.(inventory.Static).Hosts[1].Name != "10.0.0.7" || c.OnCall.Command.Argv[0] != o.OnCall[0]) {
			t.Errorf("%+v is not %+v", c, o)
		}
		if o.HealthURL == "" && (!strings.HasSuffix(c.Health[0].Command.Argv[2], "exit 1") || !strings.HasSuffix(c.OnCall.Command.Argv[2], "exit 1")) {
			t.Errorf("gates that nobody has filled in let attacks through: %+v", c.Health)
		}
	}
	golden(t, "starter.golden", Starter(StarterOptions{Name: "prod", Zone: "Europe/Paris", User: "chaos", Sudo: true, Hosts: []string{"web-1.example.com", "web-2.example.com"}}))
}
