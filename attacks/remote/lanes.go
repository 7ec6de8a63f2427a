package remote

import (
	"context"
	"errors"
	"syscall"
)

// lane is who dials. What is urgent never waits for what is not.
type lane int

// The lanes. The zero value is the one that waits for nobody.
const (
	forUndo   lane = iota // a stop, an undo, a look for what a run has left
	forAttack             // an attack on its way, or a look at a host that the draw needs
	forSurvey             // the background look at the whole roster
)

// lanes bound how many connections are being made at once: by the descriptors of this process and not by
// some small number, because on a wide network each one waits for eight round trips and hardly computes.
// A thousand at once cost 75 MB and a second or two of one core.
type lanes struct{ attack, survey chan struct{} }

func newLanes(descriptors int) lanes {
	return lanes{
		attack: make(chan struct{}, min(max(descriptors/4, 8), 1000)),
		survey: make(chan struct{}, min(max(descriptors/16, 4), 256)),
	}
}

// enter waits for room in the lane. Whoever has entered leaves when connected, or when it has failed.
func (l *lanes) enter(ctx context.Context, as lane) (leave func(), err error) {
	room := map[lane]chan struct{}{forAttack: l.attack, forSurvey: l.survey}[as]
	if room == nil {
		return func() {}, nil
	}
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// descriptors is how many this process may have open.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what a process gets that nobody has thought about
	}
	return int(min(uint64(limit.Cur), 1<<20))
}

// crowded tells whether a connection failed only because this process, or this machine, has too many.
func crowded(err error) bool { return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) }
