package main

import "log/slog"

func (g *graph) pagerduty(w world, log *slog.Logger) (*outlet, error) { return nil, nil }
