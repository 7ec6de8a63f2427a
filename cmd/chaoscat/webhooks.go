package main

import "log/slog"

func (g *graph) webhooks(w world, log *slog.Logger) (*outlet, error) { return nil, nil }
