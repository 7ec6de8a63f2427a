package control_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// A survey of ten thousand hosts is megabytes: to read it every other second takes hundredths of a core.
func TestAWatcherFetchesOfASurveyOnlyWhatIsNews(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	mux, views, asked := http.NewServeMux(), make(chan string), make(chan string, 10)
	mux.HandleFunc("GET /v1/roster", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"roster_id":1,"hosts":[]}`)) })
	mux.HandleFunc("GET /v1/watch", func(w http.ResponseWriter, _ *http.Request) {
		for view := range views {
			w.Write([]byte(view + "\n"))
			http.NewResponseController(w).Flush()
		}
	})
	answers := map[string]string{
		"0": `{"survey_id":4,"of":2,"hosts":{"web-1":{"round_trip":1},"web-2":{"round_trip":2}}}`,
		"4": `{"survey_id":5,"of":2,"hosts":{"web-2":{"round_trip":3}}}`,
		"5": `{"survey_id":6,"of":1,"hosts":{}}`, // web-1 has left the roster: the numbers do not agree
	}
	mux.HandleFunc("GET /v1/survey", func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("after")
		w.Write([]byte(answers[after]))
		asked <- after
	})
	server := &http.Server{Handler: mux}
	go server.Serve(l)
	client := control.NewClient(path)
	t.Cleanup(func() { close(views); client.Close(); server.Close() })
	slot := client.Watch(t.Context())
	for i, after := range []string{"0", "4", "5", "0"} {
		views <- fmt.Sprintf(`{"survey_id":%d}`, 4+i)
		if got := <-asked; got != after {
			t.Fatalf("it asked for what is new after survey %s, want %s", got, after)
		}
		for v := range slot {
			if want := map[int]time.Duration{0: 2, 1: 3, 2: 3, 3: 2}[i]; v.Survey != nil && v.Survey.Hosts["web-2"].RoundTrip == want && v.Survey.Len() == 2 {
				break
			}
		}
	}
}

func TestTheEngineTellsOfASurveyWhatIsNewsAfterAnother(t *testing.T) {
	s, _, path := open(t, engine.Viewer)
	s.survey.Store(&engine.Survey{Hosts: map[string]engine.Sighting{"web-1": {Since: 3}, "web-2": {Since: 7}}})
	client := &http.Client{Transport: &http.Transport{Dial: func(string, string) (net.Conn, error) { return net.Dial("unix", path) }}}
	for after, want := range map[string]int{"": 2, "?after=0": 2, "?after=3": 1, "?after=7": 0, "?after=what": 2} {
		response, err := client.Get("http://chaoscat/v1/survey" + after)
		if err != nil {
			t.Fatal(err)
		}
		var a struct {
			Hosts map[string]engine.Sighting
			Of    int
		}
		if err := json.NewDecoder(response.Body).Decode(&a); err != nil || len(a.Hosts) != want || a.Of != 2 {
			t.Errorf("%q: %d hosts of %d, want %d of 2: %v", after, len(a.Hosts), a.Of, want, err)
		}
		response.Body.Close()
	}
}
