package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// staleAfter is how old a sighting may be without its age being said.
const staleAfter = 5 * time.Minute

// reachCell is how a host was last found from here: "ssh 12 ms", "no answer", "key changed"; with its age where it
// is old. A host that nobody has looked at yet is a dash.
func reachCell(k *look, s *scene, h shownHost) (string, ink) {
	if !h.looked {
		return "-", k.dim
	}
	age := s.now.Sub(h.seen.At)
	if s.lost {
		age += s.age
	}
	text, in := reached(k, h.seen)
	if age < staleAfter {
		return text, in
	}
	if h.seen.Unreachable == "" {
		return "ssh " + span(age) + " ago", k.dim
	}
	if aged := text + " " + span(age); len(aged) <= h.room {
		text = aged
	}
	return text, in
}

func reached(k *look, seen engine.Sighting) (string, ink) {
	switch why := strings.ToLower(seen.Unreachable); {
	case why == "" && seen.RoundTrip <= 0:
		return "ssh ok", ink{}
	case why == "":
		return "ssh " + millis(seen.RoundTrip), ink{}
	case strings.Contains(why, "key") && strings.Contains(why, "changed"), strings.Contains(why, "revoked"):
		return "key changed", k.alarm
	case strings.Contains(why, "host key") && strings.Contains(why, "not known"):
		return "key unknown", k.bad
	case strings.Contains(why, "refuses user"), strings.Contains(why, "sudo"):
		return "no login", k.bad
	}
	return "no answer", k.bad
}

// millis is a round trip: finer below ten milliseconds, where a network cable ends and a country begins.
func millis(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case ms < 9.95:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// factsCell is what a host has, as far as somebody has looked, what is missing first.
func factsCell(k *look, _ *scene, h shownHost) (string, ink) {
	if h.seen.Facts == nil {
		return "", k.dim
	}
	return brieflyHas(h.seen.Facts.Summary), k.dim
}

// brieflyHas picks from the words about a host those that decide what can be done there: "tc no" before what is
// there, then the kernel and the cores.
func brieflyHas(summary string) string {
	var missing, there, machine []string
	for fact := range strings.SplitSeq(summary, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(fact), " ")
		switch {
		case value == "no" && slices.Contains(deciding, key):
			missing = append(missing, key+" no")
		case value == "yes" && (key == "tc" || key == "nft"):
			there = append(there, key+" yes")
		case key == "kernel":
			machine = append([]string{shortKernel(value)}, machine...)
		case key == "cores":
			machine = append(machine, value+" cores")
		case key == "init" && value != "systemd":
			missing = append(missing, "init "+value)
		}
	}
	return strings.Join(append(append(missing, there...), machine...), ", ")
}

// deciding are the facts without which some attack cannot be carried out, of those that hosts report.
var deciding = []string{"root", "tc", "nft", "ip", "netem", "cgroup2"}

// shortKernel is the number of a kernel's release without what its builder put behind it.
func shortKernel(release string) string {
	number, _, _ := strings.Cut(release, "-")
	return number
}
