package simulated

import (
	"cmp"
	"fmt"
	"time"
)

// inspect says what the host is, what could be done to it with these parameters, and what is on it now.
// It changes nothing.
func (s *session) inspect(h header) int {
	now := s.host.world.clock.Now()
	for _, fact := range s.host.facts(now) {
		s.say("fact %s", fact)
	}
	if id, age, _, sentence, busy := s.host.holding(now); busy {
		s.say("busy %s %d %s", id, int(age.Seconds()), sentence)
	}
	for _, b := range h.labelled() {
		label := b.fields["label"]
		if why := s.host.unfit(b.fields["kind"], b.params); why != "" {
			s.say("infeasible %s %s", label, why)
		} else {
			s.say("feasible %s", label)
		}
	}
	return s.done()
}

// facts are for people, and the boot id for telling one boot from the next.
func (h *host) facts(now time.Time) []string {
	return []string{
		"kernel 6.1.0-simulated",
		"arch x86_64",
		"init " + h.init(),
		"boot_id " + h.bootID(),
		fmt.Sprintf("machine_id %016x%016x", h.world.hash(uint64(h.index), traitMachine), h.world.hash(uint64(h.index), traitMachine, 1)),
		fmt.Sprintf("cores %d", h.cores),
		fmt.Sprintf("uptime %d", int(h.uptime(now).Seconds())),
		"root yes",
		"tc yes",
		"nft yes",
		"netem " + yesNo(h.quirk != NoNetem),
		"setpriv " + yesNo(h.quirk != NoSystemd),
	}
}

func (h *host) init() string {
	if h.quirk == NoSystemd {
		return "busybox"
	}
	return "systemd"
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// unfit is why an attack cannot be done here, or "".
func (h *host) unfit(kind string, p params) string {
	f, known := h.world.faults[kind]
	if !known {
		return fmt.Sprintf("a simulated host does not know the attack %q", kind)
	}
	return f.unfit(h, p)
}

// measure prints the figure of an attack as it is now.
func (s *session) measure(h header) int {
	b := h.only()
	f, known := s.host.world.faults[b.fields["kind"]]
	if !known {
		s.say("unverifiable a simulated host does not know the attack %q", b.fields["kind"])
		return s.done()
	}
	s.tell(f, b.params, s.host.world.clock.Now())
	return s.done()
}

// tell says what a measurement found, of a compound attack part by part.
func (s *session) tell(f fault, p params, now time.Time) {
	for i, part := range f.parts {
		s.say("part %d", i+1)
		s.tell(part, p.of(i+1), now)
	}
	if len(f.parts) > 0 {
		return
	}
	r := f.measure(s.host, p, now)
	if r.why != "" {
		s.say("unverifiable %s", r.why)
		return
	}
	if r.about != "" {
		s.say("about %s", r.about)
	}
	s.say("figure %v", rounded(r.figure))
	s.say("expect %s", r.expect)
}

// undo takes back what a run has done, whoever guards it or nobody any more.
func (s *session) undo(h header) int {
	switch u := s.host.undo(h.only().fields["id"]); {
	case !u.found:
		s.say("clean")
	case u.trouble != "":
		s.show(u.lines...)
		s.say("residue %s", u.trouble)
		s.done()
		return exitResidue
	default:
		s.show(u.lines...)
		s.say("restored")
	}
	return s.done()
}

// sweep clears what nobody guards any more; with force also what somebody does.
func (s *session) sweep(h header) int {
	id, _, guarded, sentence, busy := s.host.holding(s.host.world.clock.Now())
	switch force := h.only().fields["force"] == "1"; {
	case !busy:
	case guarded && !force:
		s.say("kept %s %s", id, sentence)
	default:
		u := s.host.undo(id)
		s.show(u.lines...)
		s.say("%s", cmp.Or(keptFor(id, u.trouble), "cleared "+id))
	}
	return s.done()
}

func keptFor(id, trouble string) string {
	if trouble == "" {
		return ""
	}
	return "kept " + id + " " + trouble
}
