package config

import (
	"fmt"
	"path/filepath"

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
