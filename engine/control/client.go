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
	"strconv"
	"syscall"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// ErrNoEngine says that nobody answers at the socket.
var ErrNoEngine = errors.New("no engine is running here")

// Client speaks to an engine through its socket. It keeps nothing but idle connections and may be used
// from several goroutines.
type Client struct {
	path   string
	http   *http.Client
	silent time.Duration // a stream that says nothing for so long is lost
}

// silence is four heartbeats: an engine that stands still, or a machine that does, must not look alive.
const silence = 4 * heartbeat

// NewClient makes a client; it connects when it is first used.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &Client{path: path, silent: silence, http: &http.Client{Transport: &http.Transport{DialContext: dial, IdleConnTimeout: 10 * time.Second}}}
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// answered is how long an engine may take for anything but an order or a stream.
const answered = 10 * time.Second

// Snapshot asks for one view, with its roster.
func (c *Client) Snapshot(ctx context.Context) (s engine.Snapshot, err error) {
	ctx, cancel := context.WithTimeout(ctx, answered)
	defer cancel()
	if err = c.get(ctx, "/v1/state", &s); err != nil {
		return s, err
	}
	known, err := c.roster(ctx)
	s.Roster, s.Shapes = known.roster, known.shapes
	return s, err
}

// known is what changes seldom, and is fetched when it has.
type known struct {
	id     uint64
	roster *engine.Roster
	shapes []engine.Shape
}

func (c *Client) roster(ctx context.Context) (known, error) {
	var a rosterAnswer
	if err := c.get(ctx, "/v1/roster", &a); err != nil {
		return known{}, err
	}
	return known{a.ID, engine.NewRoster(a.Hosts), a.Shapes}, nil
}

// Watch delivers the newest view until ctx ends or the link is lost; the channel is closed then.
func (c *Client) Watch(ctx context.Context) <-chan engine.Snapshot {
	slot := make(chan engine.Snapshot, 1)
	go func() {
		defer close(slot)
		_ = c.stream(ctx, slot) // the closed channel is the message
	}()
	return slot
}

func (c *Client) stream(ctx context.Context, slot chan engine.Snapshot) error {
	ctx, cancel := context.WithCancel(ctx)
	response, err := c.do(ctx, http.MethodGet, "/v1/watch", nil)
	if err != nil {
		cancel()
		return err
	}
	defer response.Body.Close()
	v := &viewer{client: c, slot: slot}
	defer v.end(cancel)
	tooLong := time.AfterFunc(c.silent, cancel)
	defer tooLong.Stop()
	decoder := json.NewDecoder(alive{response.Body, func() { tooLong.Reset(c.silent) }})
	var seldom known
	for {
		var s engine.Snapshot
		if err := decoder.Decode(&s); err != nil {
			return err
		}
		if seldom.roster == nil || s.RosterID != seldom.id {
			if seldom, err = c.roster(ctx); err != nil {
				return err
			}
		}
		s.Roster, s.Shapes = seldom.roster, seldom.shapes
		v.show(ctx, s)
	}
}

// alive reads, and tells of each sign of life.
type alive struct {
	io.Reader
	sign func()
}

func (a alive) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.sign()
	return n, err
}

func offer(slot chan engine.Snapshot, s engine.Snapshot) {
	select {
	case <-slot:
	default:
	}
	slot <- s
}

// Survey asks what the background look knows of the hosts; nil of an engine that has none, or is too old to say.
func (c *Client) Survey(ctx context.Context) *engine.Survey {
	ctx, cancel := context.WithTimeout(ctx, answered)
	defer cancel()
	a, err := c.survey(ctx, 0)
	if err != nil || a.ID == 0 {
		return nil
	}
	return &engine.Survey{Hosts: a.Hosts}
}

// survey asks for what is news after the survey of that number; 0 asks for everything.
func (c *Client) survey(ctx context.Context, after uint64) (a surveyAnswer, err error) {
	err = c.get(ctx, "/v1/survey?after="+strconv.FormatUint(after, 10), &a)
	return a, err
}

// History lists the records after seq that the engine still has in memory.
func (c *Client) History(ctx context.Context, after uint64) (records []engine.Record, err error) {
	ctx, cancel := context.WithTimeout(ctx, answered)
	defer cancel()
	response, err := c.do(ctx, http.MethodGet, "/v1/history?lines=packed&after="+strconv.FormatUint(after, 10), nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil {
		records, err = readHistory(answer)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the engine's answer: %w", err)
	}
	return records, nil
}

// Order hands over an order; a refusal is an *engine.Refusal.
func (c *Client) Order(ctx context.Context, o engine.Order) error {
	_, err := c.Ask(ctx, o)
	return err
}

// Ask is Order that also says which run has begun.
func (c *Client) Ask(ctx context.Context, o engine.Order) (run string, err error) {
	o.Role = engine.Nobody // the engine asks the kernel; one that is older does not know the word
	body, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	response, err := c.do(ctx, http.MethodPost, "/v1/order", body)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var a orderAnswer
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&a); err != nil {
		return "", fmt.Errorf("reading the engine's answer: %w", err)
	}
	switch {
	case a.Refusal != nil:
		return "", &engine.Refusal{Verdict: *a.Refusal}
	case response.StatusCode == http.StatusServiceUnavailable:
		return "", fmt.Errorf("%w (%s)", ErrNoEngine, a.Error)
	case a.Error != "":
		return "", errors.New(a.Error)
	}
	return a.Run, nil
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	response, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the engine's answer: %w", err)
	}
	_, _ = io.CopyN(io.Discard, response.Body, 1<<10) // read to its end, the connection serves again
	return nil
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://chaoscat"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w (nobody answers at %s)", ErrNoEngine, c.path)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return nil, fmt.Errorf("%w (the one at %s ended just now)", ErrNoEngine, c.path)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("the engine's socket %s may not be opened by this user: ask to be put into the socket's group", c.path)
	case err != nil:
		return nil, fmt.Errorf("speaking to the engine at %s: %w", c.path, err)
	}
	return response, nil
}
