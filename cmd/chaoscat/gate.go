package main

import (
	"fmt"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine/health"
)

// gate makes the gate that a [[health]] or the [oncall] describes.
func gate(g config.Gate) (health.Gate, error) {
	switch g.Type {
	case config.HTTPGate:
		return health.HTTP(g.HTTP)
	case config.CommandGate:
		return health.Command(g.Command)
	}
	panic(fmt.Sprintf("a gate of type %q got past the configuration", g.Type))
}
