package simulated

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/crypto/ssh"
)

// handshakeTime is real time, as the peer's own time-outs are.
const handshakeTime = 20 * time.Second

// serve is the SSH server of one host for one connection: the host's own key, public keys only, sessions
// only. It ends with the handshake, for which its stack has grown; what then waits for the peer is a goroutine
// of its own with a small one.
func (f *Fleet) serve(l *link) {
	if l.host.quirk == SlowBanner && !pause(f.world.clock.Real(bannerDelay), l.gone) {
		f.dismiss(l)
		return
	}
	l.Conn.SetDeadline(time.Now().Add(handshakeTime))
	_, channels, requests, err := ssh.NewServerConn(l, f.serverConfig(l.host))
	if err != nil { // the peer has been told, or has gone
		f.dismiss(l)
		return
	}
	l.Conn.SetDeadline(time.Time{})
	f.serves.Go(func() {
		defer f.dismiss(l)
		f.converse(l.host, channels, requests)
	})
}

// converse opens sessions and answers signs of life until the connection has ended, in one goroutine: ten
// thousand idle connections are ten thousand of each thing that a connection has.
func (f *Fleet) converse(h *host, channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	for channels != nil || requests != nil {
		select {
		case channel, more := <-channels:
			if !more {
				channels = nil
				continue
			}
			f.welcome(h, channel)
		case r, more := <-requests:
			if !more {
				requests = nil
				continue
			}
			if r.WantReply {
				r.Reply(false, nil)
			}
		}
	}
}

func (f *Fleet) serverConfig(h *host) *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-OpenSSH_9.2p1-chaoscat-simulated",
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !bytes.Equal(key.Marshal(), public(f.keys.client).Marshal()) {
				return nil, errors.New("only the demo's own key is let in")
			}
			return nil, nil
		},
	}
	c.AddHostKey(signer(f.keys.host(h.index)))
	return c
}

func (f *Fleet) welcome(h *host, asked ssh.NewChannel) {
	if asked.ChannelType() != "session" {
		asked.Reject(ssh.UnknownChannelType, "a simulated host has sessions only")
		return
	}
	channel, requests, err := asked.Accept()
	if err != nil {
		return
	}
	s := &session{host: h, channel: channel, signals: make(chan string, 1), over: make(chan struct{}), start: f.serves.Go}
	f.serves.Go(func() { f.obey(s, requests) })
}

// obey answers the requests of a session: environment, exactly one command, signals.
func (f *Fleet) obey(s *session, requests <-chan *ssh.Request) {
	busy := false
	for r := range requests {
		ok := false
		switch r.Type {
		case "env":
			ok = true
		case "exec":
			var exec struct{ Command string }
			if ok = !busy && ssh.Unmarshal(r.Payload, &exec) == nil; ok {
				busy = true
				r.Reply(true, nil)
				f.serves.Go(func() { s.finish(s.run(exec.Command)) })
				continue
			}
		case "signal":
			ok = s.signal(r.Payload)
		}
		if r.WantReply {
			r.Reply(ok, nil)
		}
	}
	if !busy {
		s.channel.Close()
	}
}

// signal hands a signal to the command, which takes every one for an order to end.
func (s *session) signal(payload []byte) bool {
	var name struct{ Name string }
	if ssh.Unmarshal(payload, &name) != nil {
		return false
	}
	select {
	case s.signals <- name.Name:
	default: // one is enough
	}
	return true
}

// finish reports the exit status, which is the acknowledgement of a stop, and ends the session.
func (s *session) finish(status int) {
	s.channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
	s.channel.Close()
	close(s.over)
}

// pause waits, unless the connection goes first.
func pause(d time.Duration, gone <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-gone:
		return false
	}
}
