package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	mostConnections = 32 // more wait until one ends
	mostScrapes     = 4  // more are told to come back
	readWithin      = 5 * time.Second
	writeWithin     = 10 * time.Second
	endWithin       = time.Second
	maxHeader       = 8 << 10
	listenEvery     = 5 * time.Second
)

// handler serves /metrics, /healthz and /readyz, and nothing else.
func (m *Metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: mostScrapes, Timeout: writeWithin / 2}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		say(w, healthOf(m.known().alive(m.o.Now(), m.o.Quiet)))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		say(w, m.known().ready(m.o.Now(), m.o.Quiet))
	})
	return mux
}

func say(w http.ResponseWriter, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !h.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(h)
}

// Serve answers at that address until ctx ends. An address that is taken is tried again: figures are not worth an engine
// that does not start.
func (m *Metrics) Serve(ctx context.Context, address string, log *slog.Logger) {
	for failures := 0; ctx.Err() == nil; failures++ {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil {
			log.Info("serving figures and health", "address", listener.Addr().String())
			err = m.serve(ctx, listener, log)
			failures = 0
		}
		if err != nil && ctx.Err() == nil && failures == 0 {
			log.Error("figures and health cannot be served; it is tried again", "address", address, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenEvery):
		}
	}
}

func (m *Metrics) serve(ctx context.Context, listener net.Listener, log *slog.Logger) error {
	server := &http.Server{Handler: m.handler(), ReadTimeout: readWithin, WriteTimeout: writeWithin,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	server.SetKeepAlivesEnabled(false) // nobody holds a place who has nothing to ask
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	err := server.Serve(&few{Listener: listener, room: make(chan struct{}, mostConnections), closed: make(chan struct{})})
	if !stop() {
		<-over
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving figures: %w", err)
}

// few is a listener with room for so many connections at once.
type few struct {
	net.Listener
	room   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// Accept waits for room first, so that whoever comes too many waits in the kernel.
func (f *few) Accept() (net.Conn, error) {
	select {
	case f.room <- struct{}{}:
	case <-f.closed:
		return nil, net.ErrClosed
	}
	conn, err := f.Listener.Accept()
	if err != nil {
		<-f.room
		return nil, err
	}
	return &guestConn{Conn: conn, leave: sync.OnceFunc(func() { <-f.room })}, nil
}

// Close ends also an Accept that waits for room.
func (f *few) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Listener.Close()
}

// guestConn makes room when it is closed.
type guestConn struct {
	net.Conn
	leave func()
}

func (c *guestConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
