package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/chaoscat/chaoscat/engine"
)

// ErrNoReload says that the engine behind the door takes no new configuration while it runs.
var ErrNoReload = errors.New("the engine that runs here reads its configuration only once")

// NotTaken says why a new configuration was not taken: every mistake, on a line each.
type NotTaken struct{ Mistakes string }

func (e *NotTaken) Error() string { return e.Mistakes }

// reload has the configuration read anew. Whoever may do everything may do this.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	peer := s.peer(r)
	if peer.Role < engine.Admin {
		text := fmt.Sprintf("%s may not reload the configuration here: that takes the role %s", peer.Name, engine.Admin)
		reply(w, http.StatusForbidden, orderAnswer{Refusal: &engine.Verdict{Name: engine.NotAllowed, Sentence: text}})
		return
	}
	if s.o.Reload == nil {
		reply(w, http.StatusNotImplemented, orderAnswer{Error: ErrNoReload.Error()})
		return
	}
	switch err := s.o.Reload(r.Context(), peer.Name); {
	case err == nil:
		reply(w, http.StatusOK, orderAnswer{})
	case r.Context().Err() != nil:
		reply(w, http.StatusServiceUnavailable, orderAnswer{Error: "it is shutting down"})
	default:
		reply(w, http.StatusUnprocessableEntity, orderAnswer{Error: err.Error()})
	}
}

// Reload has the engine read its configuration anew, and returns when it steps by it. When it could not be taken the
// old one holds, and the error is a *NotTaken.
func (c *Client) Reload(ctx context.Context) error {
	response, err := c.do(ctx, http.MethodPost, "/v1/reload", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: it is older than this program", ErrNoReload)
	}
	var a orderAnswer
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&a); err != nil {
		return fmt.Errorf("reading the engine's answer: %w", err)
	}
	switch {
	case a.Refusal != nil:
		return &engine.Refusal{Verdict: *a.Refusal}
	case response.StatusCode == http.StatusNotImplemented:
		return ErrNoReload
	case response.StatusCode == http.StatusUnprocessableEntity:
		return &NotTaken{a.Error}
	case a.Error != "":
		return fmt.Errorf("%w (%s)", ErrNoEngine, a.Error)
	}
	return nil
}
