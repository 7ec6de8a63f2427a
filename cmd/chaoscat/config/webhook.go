package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

// Webhook is one system that is told over HTTP what is recorded.
type Webhook struct {
	Name       string // unique
	URL        string
	SecretFile string              // what messages are signed with; exists, and only its owner can read it
	TokenFile  string              // a bearer token; "" is none
	Events     []engine.RecordKind // at least one
	CAFile     string
	ServerName string
	Timeout    time.Duration
	Queue      int    // records that may wait
	Key        string // webhook[0]

	events []string
}

// tellable are the kinds of records that a webhook may be told of: all but the output of hosts.
var tellable = kinds(engine.Lifecycle, engine.VerdictNew, engine.Drawn, engine.Intent, engine.PhaseNew, engine.Closed,
	engine.OrderGiven, engine.GateTurned, engine.ResidueNew, engine.Cleared)

func kinds(all ...engine.RecordKind) (words []string) {
	for _, kind := range all {
		words = append(words, string(kind))
	}
	return words
}

func blankWebhook(i int) Webhook {
	return Webhook{Timeout: 10 * time.Second, Queue: 1000, Key: fmt.Sprintf("webhook[%d]", i),
		events: kinds(engine.Intent, engine.Closed, engine.OrderGiven, engine.ResidueNew, engine.Cleared)}
}

func webhookKeys(h *Webhook) []key {
	return []key{
		entry("name", text(&h.Name, empty, longerThan(64)), "unique among webhooks; otherwise webhook, webhook-2, ..."),
		entry("url", web(&h.URL), "records are posted there").required(),
		entry("secret_file", file(&h.SecretFile, secret), "a file with what signs each message, readable by its owner alone").required(),
		entry("events", texts(&h.events, "kinds of records", unknownEvent), "what is told: "+strings.Join(tellable, ", ")),
		entry("token_file", file(&h.TokenFile, secret), "a bearer token besides, readable by its owner alone"),
		entry("ca_file", file(&h.CAFile, readable), "PEM file of the authorities to trust"),
		entry("server_name", text(&h.ServerName, empty), "expected in the certificate instead of the URL's host"),
		entry("timeout", span(&h.Timeout, 100*time.Millisecond, time.Minute), "no answer by then is a failure, and it is tried again"),
		entry("queue", whole(&h.Queue, 10, 100_000), "records that wait while the other side does not listen; residue is dropped last"),
	}
}

func unknownEvent(s string) string {
	if slices.Contains(tellable, s) {
		return ""
	}
	if nearest := inventory.Nearest(s, tellable); nearest != "" {
		return fmt.Sprintf("is no kind of record; did you mean %q?", nearest)
	}
	return "is no kind of record; there are: " + strings.Join(tellable, ", ")
}

// checkWebhooks names those that have no name, and refuses two of the same.
func (r *reading) checkWebhooks(c *Config) {
	taken := map[string]string{}
	for i := range c.Webhooks {
		h := &c.Webhooks[i]
		for _, kind := range h.events {
			h.Events = append(h.Events, engine.RecordKind(kind))
		}
		r.twice(h.Key+".events", h.events)
		h.events = nil
		if first, twice := taken[h.Name]; twice && h.Name != "" {
			r.wrong(r.at(h.Key+".name"), "%q is the name of two webhooks", h.Name).Hint = fmt.Sprintf("the other is on line %d", r.root.find(first).line)
		}
		taken[h.Name] = h.Key
	}
	for i := range c.Webhooks {
		h := &c.Webhooks[i]
		for n := 1; h.Name == ""; n++ {
			if name := numbered("webhook", n); taken[name] == "" {
				h.Name, taken[name] = name, h.Key
			}
		}
	}
}
