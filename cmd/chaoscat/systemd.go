package main

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// What systemd is told, where systemd has started us; elsewhere all of it does nothing.

// notify tells systemd.
func (a *app) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		a.say("systemd could not be told %q: %v", state, err)
	}
}

// notifyReloading begins a reload, as Type=notify-reload wants it: with the moment, so that a READY of before is not
// taken for its end.
func (a *app) notifyReloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return // then systemd cannot tell either
	}
	a.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

// watchdog is fed by the engine's loop: each of its beats is passed on, and nothing else is. When the loop hangs systemd
// hears nothing any more and starts chaoscat anew, however alive the rest of the process may look.
type watchdog struct {
	every time.Duration // 0: nobody watches
	beats chan struct{}
}

// beatsPerWatch is how many beats there are in the time after which systemd gives up.
const beatsPerWatch = 4

func (a *app) watchdog() watchdog {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.say("systemd's watchdog is not fed: %v", err)
	}
	return watchdog{every: limit / beatsPerWatch, beats: make(chan struct{}, 1)}
}

// beat is called by the loop. It waits for nobody: one beat that was not passed on yet is as good as two.
func (d watchdog) beat() {
	select {
	case d.beats <- struct{}{}:
	default:
	}
}

// report passes the beats on until ctx ends, and what systemctl status shows: the mood, and why nothing is attacked.
func (d watchdog) report(ctx context.Context, views <-chan engine.Snapshot, tell func(state string)) {
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.beats:
			tell(daemon.SdNotifyWatchdog)
		case s, open := <-views:
			if !open {
				views = nil // the engine has ended: its loop beats no more either
				continue
			}
			if now := statusLine(s); now != said {
				tell("STATUS=" + now)
				said = now
			}
		}
	}
}

// statusLine is an engine in one line.
func statusLine(s engine.Snapshot) string {
	line := string(s.Mood)
	if s.Verdict.Sentence != "" {
		line += ": " + s.Verdict.Sentence
	}
	if s.Warning != "" {
		line += " (" + s.Warning + ")"
	}
	return printable.Printable(line)
}
