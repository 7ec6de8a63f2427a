package pagerduty

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// alert is something that a person must know now.
type alert struct {
	summary string
	source  string
	class   string
	at      time.Time // since when
	details map[string]string
}

// mostHosts is how many hosts get an alert each; further ones share one, so that a bad day is no storm of calls.
const mostHosts = 10

// missedAfter is how long a host may be looked for of which it is not known by when it undoes by itself.
const missedAfter = 2 * time.Minute

// needing are the alerts about hosts that follow from a view: residue, and hosts that did not come back although by
// now they must have undone by themselves.
func needing(prefix string, s engine.Snapshot, now time.Time) map[string]alert {
	hosts := map[string]alert{}
	for _, r := range s.Running {
		end := r.Until
		if end.Before(r.Since) {
			end = r.Since.Add(missedAfter)
		}
		if r.Phase == engine.Lost && now.After(end) {
			hosts[r.Host.Name] = alert{
				summary: fmt.Sprintf("%s did not come back: no contact since %s, during %s", r.Host.Name, r.Since.UTC().Format("15:04:05 MST"), r.Attack.Name),
				source:  r.Host.Name, class: "lost", at: r.Since, details: aboutRun(r),
			}
		}
	}
	for host, left := range s.Hosts.Residue {
		hosts[host] = alert{
			summary: fmt.Sprintf("RESIDUE on %s: %s", host, left.Text), source: host, class: "residue", at: left.Since,
			details: map[string]string{"run": left.Run, "what to do": "look at the host, then run: chaoscat sweep --host " + host},
		}
	}
	return shared(prefix, hosts)
}

// shared gives each host a key of its own, the oldest first, and those beyond a limit one together.
func shared(prefix string, hosts map[string]alert) map[string]alert {
	order := slices.SortedFunc(maps.Keys(hosts), func(a, b string) int {
		return cmp.Or(hosts[a].at.Compare(hosts[b].at), cmp.Compare(a, b))
	})
	alerts := map[string]alert{}
	for i, host := range order {
		if i == mostHosts {
			rest := order[i:]
			alerts[dedup(prefix, "hosts")] = alert{
				summary: fmt.Sprintf("%d more hosts need a person: %s", len(rest), some(rest)), source: prefix, class: "residue", at: hosts[host].at,
				details: map[string]string{"what to do": "chaoscat status lists them"},
			}
			break
		}
		alerts[dedup(prefix, "host", host)] = hosts[host]
	}
	return alerts
}

// some is the first names of a list.
func some(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// dedup is the key by which PagerDuty knows an alert again, in at most the 255 characters that it takes.
func dedup(parts ...string) string {
	key := "chaoscat/" + strings.Join(parts, "/")
	if len(key) <= 255 {
		return key
	}
	return fmt.Sprintf("chaoscat/%x", sha256.Sum256([]byte(key)))
}

// ours tells an incident that chaoscat's own alert has opened.
func ours(i incident) bool { return strings.HasPrefix(i.Key, "chaoscat/") }

// deadKey is that of the alert about the scheduler itself.
func deadKey(name string) string { return dedup(name, "engine") }

// dead is the alert about a scheduler that gives no sign of life.
func dead(name, machine, why string, since time.Time) alert {
	return alert{
		summary: fmt.Sprintf("chaoscat %s on %s %s", name, machine, why), source: machine, class: "scheduler", at: since,
		details: map[string]string{
			"meaning":    "nothing is attacked any more; hosts under attack undo by themselves when their lease runs out",
			"what to do": "look at its log and start it again: it then looks for whatever an attack may have left",
		},
	}
}

// trigger and resolve are the two events of an alert's life.
func (a alert) trigger(key string) event {
	return event{Action: "trigger", Key: key, Client: "chaoscat", Payload: &payload{
		Summary: clip(a.summary), Source: a.source, Severity: "critical", Timestamp: timestamp(a.at), Class: a.class, Details: a.details,
	}}
}

func resolve(key string) event { return event{Action: "resolve", Key: key} }
