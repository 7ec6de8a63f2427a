package main

import (
	"slices"

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
		shapes = append(shapes, attackToOrder(planned, g.catalogue[i]))
	}
	return shapes
}

func attackToOrder(planned engine.Attack, d attacks.Definition) engine.Shape {
	s := engine.Shape{
		Attack: planned.Name, Kind: planned.Kind, Family: planned.Family, Summary: d.Summary, Max: d.Max,
		Figure: d.Figure.Name, Runs: d.Source("inject"),
	}
	if planned.Reversible {
		s.Undoes = d.Source("undo")
	}
	for _, p := range d.Params {
		s.Params = append(s.Params, engine.ShapeParam{
			Name: p.Name, Value: orElse(planned.Params[p.Name], p.Default), Bounds: bounds(p), Choices: p.Choices, Required: p.Required, Help: p.Help,
		})
	}
	return s
}
