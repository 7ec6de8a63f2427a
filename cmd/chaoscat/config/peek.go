package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Peek reads where an engine lives, also from a configuration with mistakes in other places: a typo must not
// keep anybody from stopping what runs. What is not set is empty; a file that is no TOML at all is an error.
func Peek(path string, files Files) (stateDir, socket string, err error) {
	data, _, err := files.Read(path)
	if err != nil {
		return "", "", fmt.Errorf("reading the configuration: %w", err)
	}
	var places struct {
		StateDir string `toml:"state_dir"`
		Control  struct {
			Socket string `toml:"socket"`
		} `toml:"control"`
	}
	if _, err := toml.Decode(string(data), &places); err != nil {
		return "", "", fmt.Errorf("%s is no TOML: %w", path, err)
	}
	for _, p := range []*string{&places.StateDir, &places.Control.Socket} {
		if *p == "" {
			continue
		}
		if *p, err = files.resolve(filepath.Dir(path), *p); err != nil {
			return "", "", fmt.Errorf("%s: %w", path, err)
		}
	}
	return places.StateDir, places.Control.Socket, nil
}

// PeekPagerDuty reads whom to page about a dead engine, also from a configuration with mistakes in other places: they
// may be what it died of. The rest of the configuration is empty. What is no TOML at all is searched for the lines of
// the table.
func PeekPagerDuty(path string, files Files) (*Config, error) {
	data, _, err := files.Read(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	p := defaultPagerDuty()
	var found struct {
		Name      string `toml:"name"`
		PagerDuty struct {
			KeyFile *string `toml:"routing_key_file"`
			CAFile  *string `toml:"ca_file"`
			Events  *string `toml:"events_url"`
			Alerts  *bool   `toml:"alerts"`
		} `toml:"pagerduty"`
	}
	found.Name = defaults(files).Name
	t := &found.PagerDuty
	t.KeyFile, t.CAFile, t.Events, t.Alerts = &p.KeyFile, &p.CAFile, &p.Events, &p.Alerts
	if _, err := toml.Decode(string(data), &found); err != nil {
		if _, err := toml.Decode(tableAlone(string(data), "pagerduty"), &found); err != nil {
			return nil, fmt.Errorf("%s: [pagerduty] cannot be read: %w", path, err)
		}
	}
	for _, file := range []*string{&p.KeyFile, &p.CAFile} {
		if *file == "" {
			continue
		}
		if *file, err = files.resolve(files.folder(path), *file); err != nil {
			return nil, fmt.Errorf("%s: [pagerduty]: %w", path, err)
		}
	}
	return &Config{Name: found.Name, File: path, PagerDuty: p}, nil
}

// tableAlone is the lines of one table, and the name of the whole from above all tables.
func tableAlone(text, table string) string {
	var kept []string
	at := ""
	for line := range strings.SplitSeq(text, "\n") {
		bare := strings.TrimSpace(line)
		if strings.HasPrefix(bare, "[") {
			at, _, _ = strings.Cut(strings.TrimLeft(bare, "[ \t"), "]")
			at = strings.TrimSpace(at)
		}
		if word, _, _ := strings.Cut(bare, "="); at == table || at == "" && strings.TrimSpace(word) == "name" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
