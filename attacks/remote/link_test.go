package remote

import (
	"net"
	"slices"
	"testing"
	"testing/synctest"
)

// told is the other end of a brittle connection: what arrives there, piece by piece.
func told(t *testing.T) (*brittle, <-chan string) {
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	pieces := make(chan string, 10)
	go func() {
		defer close(pieces)
		for buf := make([]byte, 64); ; {
			n, err := there.Read(buf)
			if err != nil {
				return
			}
			pieces <- string(buf[:n])
		}
	}()
	return &brittle{Conn: here}, pieces
}

// arrived are the pieces so far.
func arrived(pieces <-chan string) (all []string) {
	for synctest.Wait(); len(pieces) > 0; {
		all = append(all, <-pieces)
	}
	return all
}

func TestWhatIsWrittenTogetherGoesOutAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, pieces := told(t)
		b.together(func() error { b.Write([]byte("sta")); b.Write([]byte("tus")); return nil })
		b.Write([]byte("next"))
		if got := arrived(pieces); !slices.Equal(got, []string{"status", "next"}) {
			t.Errorf("what arrived: %q", got)
		}
	})
}

// The answer to a question that was held back would be waited for in vain, and the connection given up.
func TestWhatWasHeldBackGoesOutWhenTheHushEndsThoughNothingElseIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, pieces := told(t)
		b.last(func() error { b.Write([]byte("stop")); return nil })
		b.Write([]byte("are you there?"))
		if got := arrived(pieces); !slices.Equal(got, []string{"stop"}) {
			t.Errorf("what arrived during the hush: %q", got)
		}
		b.speak()
		if got := arrived(pieces); !slices.Equal(got, []string{"are you there?"}) {
			t.Errorf("what arrived after it: %q", got)
		}
	})
}

// Who speaks has a host to stop: a peer that takes nothing may not hold them up.
func TestTheEndOfAHushWaitsForNoWriteThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		b := &brittle{Conn: here}
		go b.Write([]byte("stuck"))
		synctest.Wait()
		b.hush()
		b.held = []byte("held back behind it")
		b.speak() // would never return
		there.Close()
		here.Close()
	})
}
