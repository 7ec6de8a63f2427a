package config

import (
	"fmt"
	"regexp"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

// source is an [[inventory]] while it is being read; only one of the six becomes its source.
type source struct {
	Inventory
	static  inventory.Static
	ansible inventory.AnsibleFile
	command inventory.Command
	ssh     inventory.SSHConfig
	consul  inventory.Consul
	fileSD  inventory.FileSD

	path      string // of ansible or ssh
	timeout   time.Duration
	tokenFile string
	chosen    engine.Selector
	groups    []string
	tags      map[string]string
}

func blankSource(i int) source {
	s := source{timeout: 30 * time.Second}
	s.Key, s.Refresh = fmt.Sprintf("inventory[%d]", i), 5*time.Minute
	return s
}

var (
	serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	// As in the documentation of Prometheus, where the last part of a path may have one "*".
	targetFile = regexp.MustCompile(`^[^*]*(\*[^/*]*)?\.(json|yml|yaml|JSON|YML|YAML)$`)
)

func sourceKeys(s *source) []key {
	static, ansible, cmd := string(StaticInventory), string(AnsibleInventory), string(CommandInventory)
	ssh, consul, fileSD := string(SSHConfigInventory), string(ConsulInventory), string(FileSDInventory)
	moving := []string{ansible, cmd, ssh, consul, fileSD}
	service := mustMatch(serviceName, `a name: letters, digits, ".", "_" and "-", at most 128`)
	return []key{
		entry("type", oneOf(&s.Type, StaticInventory, AnsibleInventory, CommandInventory, SSHConfigInventory, ConsulInventory, FileSDInventory),
			`"static", "ansible", "command", "ssh_config", "consul" or "file_sd"`).required(),
		entry("hosts", hosts(&s.static.Hosts), "names, or tables of name, address, port, user, jump, groups, tags").only(static).required(),
		entry("path", file(&s.path, readable), "an Ansible inventory: INI, YAML, or JSON of ansible-inventory --list; or a configuration of OpenSSH, otherwise ~/.ssh/config").only(ansible, ssh),
		entry("command", command(&s.command.Argv), "a program that prints JSON, with its arguments").only(cmd).required(),
		entry("url", web(&s.consul.Web.URL), "an agent of Consul").only(consul).required(),
		entry("services", texts(&s.consul.Services, "services", service), "only the nodes of these; otherwise all nodes").only(consul),
		entry("datacenter", text(&s.consul.Datacenter, service), "otherwise the agent's own").only(consul),
		entry("token_file", file(&s.tokenFile, secret), "an ACL token, readable by its owner alone").only(consul),
		entry("ca_file", file(&s.consul.Web.CAFile, readable), "PEM file of the authorities to trust").only(consul),
		entry("server_name", text(&s.consul.Web.ServerName, empty), "expected in the certificate instead of the URL's host").only(consul),
		entry("cert_file", file(&s.consul.Web.CertFile, readable), "PEM file of the certificate that says who we are").only(consul),
		entry("key_file", file(&s.consul.Web.KeyFile, secret), "its key, readable by its owner alone").only(consul),
		entry("files", paths(&s.fileSD.Files, nil), "files of targets for Prometheus, as in its file_sd_configs: .json, .yml or .yaml; the last part may be a pattern").only(fileSD).required(),
		entry("group_labels", texts(&s.fileSD.Groups, "labels", empty), "labels of targets whose values are groups, too").only(fileSD),
		entry("timeout", span(&s.timeout, time.Second, 10*time.Minute), "for the command, or one question to Consul").only(cmd, consul),
		entry("select", selector(&s.chosen), "which of its hosts, by name, group or tag; otherwise all").only(moving...),
		entry("groups", texts(&s.groups, "groups", empty), "groups of all its hosts, besides their own").only(moving...),
		entry("tags", tags(&s.tags), "tags of all its hosts that do not have them themselves").only(moving...),
		entry("refresh", span(&s.Refresh, 10*time.Second, 24*time.Hour), "how often it is read again").only(moving...),
		entry("stale_after", span(&s.StaleAfter, time.Minute, 7*24*time.Hour), "how long its hosts may still be attacked when it cannot be read any more; otherwise three times refresh, at least 15m").only(moving...),
	}
}

// finished picks the source that each type calls for, and gives it what was said of all of its hosts.
func (r *reading) finished(sources []source) []Inventory {
	var list []Inventory
	for _, s := range sources {
		s.Source = r.picked(&s)
		if len(s.chosen) > 0 || len(s.groups) > 0 || len(s.tags) > 0 {
			s.Source = inventory.Chosen{Source: s.Source, Hosts: s.chosen, Groups: s.groups, Tags: s.tags}
		}
		r.checkStale(&s)
		list = append(list, s.Inventory)
	}
	return list
}

func (r *reading) picked(s *source) inventory.Source {
	switch s.Type {
	case StaticInventory:
		s.static.Label = s.Key
		return s.static
	case AnsibleInventory:
		if r.root.find(s.Key).under["path"] == nil {
			r.wrong(r.at(s.Key), "its path is missing").Hint = "name the file: path = \"/etc/ansible/hosts\""
		}
		s.ansible.Path = s.path
		return s.ansible
	case CommandInventory:
		s.command.Timeout = s.timeout
		return s.command
	case SSHConfigInventory:
		return r.sshConfig(s)
	case ConsulInventory:
		if (s.consul.Web.CertFile == "") != (s.consul.Web.KeyFile == "") {
			r.wrong(r.at(s.Key), "has one of cert_file and key_file").Hint = "a certificate needs its key: name both, or none"
		}
		if s.consul.Web.Timeout = s.timeout; s.tokenFile != "" {
			s.consul.Web.HeaderFiles = map[string]string{"X-Consul-Token": s.tokenFile}
		}
		return s.consul
	case FileSDInventory:
		r.checkTargetFiles(s)
		return s.fileSD
	}
	return nil // its type is a mistake
}

func (r *reading) sshConfig(s *source) inventory.Source {
	s.ssh.Path, s.ssh.Home = s.path, r.files.Home
	if r.root.find(s.Key).under["path"] == nil {
		path, err := r.files.resolve(r.base, "~/.ssh/config")
		if err != nil {
			r.wrong(r.at(s.Key), "~/.ssh/config: %s", err).Hint = "name the file: path = \"/etc/chaoscat/ssh_config\""
		}
		s.ssh.Path = path
	}
	return s.ssh
}

func (r *reading) checkTargetFiles(s *source) {
	for _, path := range s.fileSD.Files {
		if path != "" && !targetFile.MatchString(path) {
			r.wrong(r.at(s.Key+".files"), "%s is no file of targets", show(path)).Hint = `it must end in .json, .yml or .yaml, and only its last part may have a "*"`
		}
	}
}

// checkStale fills in how long a source is believed. One that is stale before it is read again twice would come and go.
func (r *reading) checkStale(s *source) {
	switch {
	case s.Type == StaticInventory:
		s.StaleAfter = 0
	case s.StaleAfter == 0:
		s.StaleAfter = max(3*s.Refresh, 15*time.Minute)
	case s.StaleAfter < 2*s.Refresh:
		r.wrong(r.at(s.Key+".stale_after"), "%s is shorter than two times refresh, which is %s: one bad reading would bar its hosts", engine.Span(s.StaleAfter), engine.Span(s.Refresh))
	}
}
