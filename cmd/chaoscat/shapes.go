package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

// shapes is what whoever orders an attack of the plan by hand must know of it, at whichever door.
func (g *graph) shapes() []engine.Shape {
	var shapes []engine.Shape
	for _, planned := range g.plan.Attacks {
		i := slices.IndexFunc(g.catalogue, func(d attacks.Definition) bool { return d.Name == planned.Kind })
		if i < 0 {
			continue
		}
		shapes = append(shapes, attackToOrder(planned, g.catalogue[i], g.plan.Safety.Lease))
	}
	return shapes
}

func attackToOrder(planned engine.Attack, d attacks.Definition, lease time.Duration) engine.Shape {
	s := engine.Shape{
		Attack: planned.Name, Kind: planned.Kind, Family: planned.Family, Summary: d.Summary, Max: d.Max,
		Figure: d.Figure.Name, Runs: d.Reading("inject"), Layers: layers(planned, d, lease),
	}
	if planned.Reversible {
		s.Undoes = d.Undone()
	}
	for _, p := range d.Parts {
		s.Parts = append(s.Parts, p.Name)
	}
	for _, p := range d.Params {
		s.Params = append(s.Params, engine.ShapeParam{
			Name: p.Name, Value: orElse(planned.Params[p.Name], p.Default), Bounds: p.Bounds(), Choices: p.Choices, Required: p.Required, Help: p.Help,
		})
	}
	return s
}

// layers are those that end the fault when chaoscat, its machine or the network between has died, as DESIGN.md,
// section 5 has them.
func layers(planned engine.Attack, d attacks.Definition, lease time.Duration) (all []string) {
	switch {
	case !planned.Reversible:
		return nil
	case d.Supervised:
		return []string{"the host: it has gone down by then, and comes up without the fault"}
	}
	if d.EndsAlone() {
		all = append(all, "the kernel: it ends the fault with no process of ours alive")
	}
	return append(all,
		fmt.Sprintf("a guard on the host: it undoes when the connection ends, or after %s without a word", engine.Span(lease)),
		"a second guard: it undoes when the first is gone or late; under systemd where there is one")
}
