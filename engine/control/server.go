package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// Engine is what the door opens to.
type Engine interface {
	Snapshot() engine.Snapshot
	Watch(ctx context.Context) <-chan engine.Snapshot
	History(ctx context.Context, after uint64) ([]engine.Record, error)
	Ask(ctx context.Context, o engine.Order) (run string, err error)
}

// Peer is who is at the other end of a door.
type Peer struct {
	UID   int // at the socket
	Name  string
	Role  engine.Role
	Realm []engine.Selector // see [engine.Order]
	// Attacks and Named are those of [engine.Order].
	Attacks []string
	Named   bool
	// Grants, where there are any, stand in the place of Realm and Attacks: different attacks on different hosts.
	Grants []Grant
}

// Options of a server. Who maps a Unix user to a name and a role.
type Options struct {
	Engine Engine
	Who    func(uid int) Peer
	// Reload reads the configuration anew, at the wish of that person; nil: this engine does not.
	Reload func(ctx context.Context, by string) error
}

// Server is the door. Serve ends when its context does.
type Server struct {
	o        Options
	listener net.Listener
	path     string
}

// maxPath is the longest socket path that every supported kernel takes (108 bytes with the final zero on
// Linux, 104 on darwin).
const maxPath = 103

// Listen makes the socket: owner and group may open it, nobody else. The caller holds the lock of the
// state directory, so a socket that is there already was left by an engine that has died.
func Listen(path string, o Options) (*Server, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("control socket %s: the path has %d bytes, a socket takes at most %d; set control.socket to a shorter one", path, len(path), maxPath)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("control socket: making its folder: %w", err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := listenPrivately(dir, path)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return &Server{o: o, listener: l, path: path}, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("control socket %s: there is a file by that name which is no socket; move it away or set control.socket", path)
	}
	return os.Remove(path)
}

// listenPrivately makes the socket where nobody can reach it, sets its mode, and moves it into place:
// there is no moment at which it is open to all.
func listenPrivately(dir, path string) (net.Listener, error) {
	private, err := os.MkdirTemp(dir, ".s")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	l, err := net.Listen("unix", filepath.Join(private, "s"))
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(filepath.Join(private, "s"), 0o660), os.Rename(filepath.Join(private, "s"), path)); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// uidKey is where a connection keeps which user is at its other end; -1 is nobody knows.
type uidKey struct{}

// Serve answers until ctx ends; open streams are cut then.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, uidKey{}, uidOf(c))
		},
	}
	quiet := make(chan struct{})
	context.AfterFunc(ctx, func() { // streams end with the engine; they get a moment for its last word
		defer close(quiet)
		brief, cancel := context.WithTimeout(context.Background(), lastWord)
		defer cancel()
		if server.Shutdown(brief) != nil {
			server.Close()
		}
	})
	defer os.Remove(s.path)
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	<-quiet
	return nil
}

// lastWord is how long an open stream may take to say how everything ended.
const lastWord = 500 * time.Millisecond

// uidOf asks the kernel.
func uidOf(c net.Conn) int {
	uid, err := peerUID(c)
	if err != nil {
		return -1
	}
	return uid
}

// peer is who asks, by what is known of them now: what people may do can change while they are connected. Who cannot be
// told apart may look and stop, no more.
func (s *Server) peer(r *http.Request) Peer {
	uid, known := r.Context().Value(uidKey{}).(int)
	if !known || uid < 0 {
		return Peer{UID: -1, Name: "somebody", Role: engine.Stopper}
	}
	return s.o.Who(uid)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/state", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, s.o.Engine.Snapshot()) })
	mux.HandleFunc("GET /v1/watch", s.watch)
	mux.HandleFunc("GET /v1/roster", s.roster)
	mux.HandleFunc("GET /v1/survey", s.survey)
	mux.HandleFunc("GET /v1/history", s.history)
	mux.HandleFunc("POST /v1/order", s.order)
	mux.HandleFunc("POST /v1/reload", s.reload)
	return mux
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the other side has gone: nobody is left to tell
}

// watchWrite bounds how long a reader may keep a write waiting before its stream is cut.
const watchWrite = 10 * time.Second

// heartbeat is how often a stream without news says, by an empty line, that somebody is there.
const heartbeat = 2 * time.Second

func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	control, encoder := http.NewResponseController(w), json.NewEncoder(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	views := s.o.Engine.Watch(r.Context())
	for {
		var err error
		select {
		case snapshot, open := <-views:
			if !open {
				return
			}
			_ = control.SetWriteDeadline(time.Now().Add(watchWrite))
			err = encoder.Encode(snapshot)
		case <-beat.C:
			_ = control.SetWriteDeadline(time.Now().Add(watchWrite))
			_, err = io.WriteString(w, "\n")
		}
		if err != nil || control.Flush() != nil {
			return
		}
	}
}

type rosterAnswer struct {
	ID    uint64        `json:"roster_id"`
	Hosts []engine.Host `json:"hosts"`
	// Shapes change with the plan only, as the roster does, and so travel with it.
	Shapes []engine.Shape `json:"shapes,omitempty"`
}

func (s *Server) roster(w http.ResponseWriter, _ *http.Request) {
	snapshot := s.o.Engine.Snapshot()
	reply(w, http.StatusOK, rosterAnswer{snapshot.RosterID, snapshot.Roster.Hosts(), snapshot.Shapes})
}

type surveyAnswer struct {
	ID    uint64                     `json:"survey_id"`
	Hosts map[string]engine.Sighting `json:"hosts"`        // those that are news after the survey that was asked about
	Of    int                        `json:"of,omitempty"` // how many hosts the survey has in all
}

func (s *Server) survey(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64) // what is no number is as good as none
	snapshot := s.o.Engine.Snapshot()
	a := surveyAnswer{ID: snapshot.SurveyID, Hosts: map[string]engine.Sighting{}, Of: snapshot.Survey.Len()}
	if snapshot.Survey != nil {
		for name, found := range snapshot.Survey.Hosts {
			if after == 0 || found.Since > after {
				a.Hosts[name] = found
			}
		}
	}
	reply(w, http.StatusOK, a)
}

func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
	if err != nil && r.URL.Query().Get("after") != "" {
		reply(w, http.StatusBadRequest, orderAnswer{Error: "after must be a number"})
		return
	}
	records, err := s.o.Engine.History(r.Context(), after)
	if err != nil {
		reply(w, http.StatusInternalServerError, orderAnswer{Error: err.Error()})
		return
	}
	if r.URL.Query().Get("lines") == "packed" {
		reply(w, http.StatusOK, pack(records))
		return
	}
	reply(w, http.StatusOK, records)
}

type orderAnswer struct {
	Run     string          `json:"run,omitempty"`
	Refusal *engine.Verdict `json:"refusal,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// plainID is an id that a person can copy from a screen into a shell: sentences tell them to.
var plainID = regexp.MustCompile(`^[A-Za-z0-9._:@-]{1,128}$`)

// maxOrder bounds the body of an order.
const maxOrder = 64 << 10

// readOrder is the order in a body, or what is wrong with it. A stop is never refused for its form.
func readOrder(body []byte) (o engine.Order, wrong string) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	switch err := decoder.Decode(&o); {
	case err != nil:
		wrong = "the order cannot be read: " + err.Error()
	case o.ID == "":
		wrong = "an order needs an id, so that it is carried out once however often it arrives"
	case !plainID.MatchString(o.ID):
		wrong = "the id of an order is at most 128 letters, digits and . _ : @ -, because people type it after chaoscat approve"
	default:
		return o, ""
	}
	var stop struct {
		Kind   engine.OrderKind
		Reason string
	}
	_ = json.Unmarshal(body, &stop) // what else is wrong with it does not matter
	if stop.Kind != engine.Stop {
		return o, wrong
	}
	return engine.Order{ID: "stop", Kind: engine.Stop, Reason: printable.Printable(stop.Reason)}, ""
}

func (s *Server) order(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil {
		reply(w, http.StatusBadRequest, orderAnswer{Error: "the order cannot be read: " + err.Error()})
		return
	}
	o, wrong := readOrder(body)
	if wrong != "" {
		reply(w, http.StatusBadRequest, orderAnswer{Error: wrong})
		return
	}
	run, err := Guest{s.o.Engine, s.peer(r), "socket"}.Ask(r.Context(), o)
	var refusal *engine.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Name == engine.NotAllowed:
		reply(w, http.StatusForbidden, orderAnswer{Refusal: &refusal.Verdict})
	case errors.As(err, &refusal):
		reply(w, http.StatusConflict, orderAnswer{Refusal: &refusal.Verdict})
	case err != nil:
		reply(w, http.StatusServiceUnavailable, orderAnswer{Error: err.Error()})
	default:
		reply(w, http.StatusOK, orderAnswer{Run: run})
	}
}
