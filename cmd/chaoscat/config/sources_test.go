package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/inventory"
)

const fromSources = `[schedule]
timezone = "Europe/Paris"
[[attack]]
name = "cpu"
[[health]]
type = "command"
command = ["true"]
[oncall]
type = "command"
command = ["true"]
`

func TestTheHostsOfTheUsersOwnSSHConfigAreTheDefault(t *testing.T) {
	c, err := load(fromSources + "[[inventory]]\ntype = \"ssh_config\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Inventories[0].Source, (inventory.SSHConfig{Path: "/home/me/.ssh/config", Home: "/home/me"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestASourceIsBelievedForThreeTimesItsRefreshAndAtLeastAQuarterOfAnHour(t *testing.T) {
	for written, want := range map[string]time.Duration{
		"":                    15 * time.Minute,
		`refresh = "10m"`:     30 * time.Minute,
		`refresh = "10s"`:     15 * time.Minute,
		`stale_after = "10m"`: 10 * time.Minute,
		`stale_after = "24h"`: 24 * time.Hour,
		"refresh = \"30s\"\nstale_after = \"1m\"": time.Minute,
	} {
		c, err := load(fromSources + "[[inventory]]\ntype = \"consul\"\nurl = \"http://127.0.0.1:8500\"\n" + written + "\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Inventories[0].StaleAfter; got != want {
			t.Errorf("%s: believed for %s, want %s", written, got, want)
		}
	}
}

func TestEveryMistakeInTheSourcesIsReportedAtOnce(t *testing.T) {
	got := mistakes(t, fromSources+`[[inventory]]
type = "ansible"
[[inventory]]
type = "ssh_config"
select = []
files = ["x.json"]
[[inventory]]
type = "consul"
url = "consul:8500"
services = ["web/../../agent"]
datacenter = ""
key_file = "k"
refresh = "10m"
stale_after = "15m"
tags = { a = 1 }
[[inventory]]
type = "consul"
[[inventory]]
type = "file_sd"
files = ["*/x.json", "hosts.txt", "ok.yml"]
groups = [""]
[[inventory]]
type = "static"
hosts = ["a"]
stale_after = "1h"
[[inventory]]
type = "consull"
`)
	want := []string{
		`chaoscat.toml:11: inventory: its path is missing; name the file: path = "/etc/ansible/hosts"`,
		`chaoscat.toml:15: inventory.select: the selection is empty, and nothing never means everything; leave the key out, or name hosts: "web-*", "group:db", "tag:zone=eu-1"`,
		`chaoscat.toml:16: inventory.files: belongs to type "file_sd", and this is type "ssh_config"`,
		`chaoscat.toml:17: inventory: has one of cert_file and key_file; a certificate needs its key: name both, or none`,
		`chaoscat.toml:19: inventory.url: "consul:8500" is asked by "consul"; only http and https are`,
		`chaoscat.toml:20: inventory.services: "web/../../agent" is not a name: letters, digits, ".", "_" and "-", at most 128`,
		`chaoscat.toml:21: inventory.datacenter: "" is not a name: letters, digits, ".", "_" and "-", at most 128`,
		`chaoscat.toml:24: inventory.stale_after: 15m is shorter than two times refresh, which is 10m: one bad reading would bar its hosts`,
		`chaoscat.toml:25: inventory.tags.a: is the whole number 1; it must be a string in quotes`,
		`chaoscat.toml:26: inventory.url: missing; an agent of Consul`,
		`chaoscat.toml:30: inventory.files: "*/x.json" is no file of targets; it must end in .json, .yml or .yaml, and only its last part may have a "*"`,
		`chaoscat.toml:30: inventory.files: "hosts.txt" is no file of targets; it must end in .json, .yml or .yaml, and only its last part may have a "*"`,
		`chaoscat.toml:31: inventory.groups: "" is empty`,
		`chaoscat.toml:35: inventory.stale_after: belongs to type "ansible" or "command" or "ssh_config" or "consul" or "file_sd", and this is type "static"`,
		`chaoscat.toml:37: inventory.type: "consull" is not known; did you mean "consul"?`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
