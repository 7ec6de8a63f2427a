package sshdoor

import (
	"bytes"
	"context"
	"io"
	"time"
)

const (
	// keysAtOnce reads are made as they come, and then keysPerSecond: a key that is held down repeats 30 times.
	keysAtOnce    = 50
	keysPerSecond = 100
	// pasteRoom is how much of one paste is let through. The console ignores pastes, but holds each until its end.
	pasteRoom = 4 << 10
)

const pasteBegins, pasteEnds = "\x1b[200~", "\x1b[201~"

// keyboard is what a client types, at the pace of a person. The rest waits at the client, whose connection is full
// then, and nowhere else.
type keyboard struct {
	from io.Reader
	ctx  context.Context
	pace *pace

	paste int    // bytes of the paste that is under way, its mark included; 0 between pastes
	tail  []byte // the last bytes, which may be the beginning of a mark
}

func newKeyboard(ctx context.Context, from io.Reader) *keyboard {
	return &keyboard{from: from, ctx: ctx, pace: &pace{every: time.Second / keysPerSecond, most: keysAtOnce}}
}

// Read never fills p: Bubble Tea takes a full buffer for half of something, and keeps it while more comes.
func (k *keyboard) Read(p []byte) (int, error) {
	room := max(1, len(p)-1-len(pasteEnds))
	for {
		if !k.pace.turn(k.ctx) {
			return 0, io.EOF
		}
		n, err := k.from.Read(p[:min(room, len(p))])
		if n = copy(p, k.shorten(p[:n])); n > 0 || err != nil {
			return n, err
		}
	}
}

// shorten ends a paste that has more than there is room for, and leaves out the rest of it.
func (k *keyboard) shorten(read []byte) []byte {
	out := make([]byte, 0, len(read)+len(pasteEnds))
	for _, b := range read {
		k.tail = append(k.tail, b)
		k.tail = k.tail[max(0, len(k.tail)-len(pasteEnds)):]
		switch {
		case k.paste == 0 && bytes.Equal(k.tail, []byte(pasteBegins)):
			k.paste = 1
		case k.paste > 0:
			k.paste++
		}
		if k.paste <= pasteRoom {
			out = append(out, b)
		}
		if k.paste == pasteRoom {
			out = append(out, pasteEnds...)
			k.paste++
		}
		if k.paste > 0 && bytes.Equal(k.tail, []byte(pasteEnds)) {
			k.paste = 0
		}
	}
	return out
}
