package inventory

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine/web"
	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

// catalogue answers as Consul's documents say, if it is asked as they say.
func catalogue(t *testing.T) (url string, token string) {
	t.Helper()
	mux := http.NewServeMux()
	for path, file := range map[string]string{"/v1/catalog/nodes": "nodes", "/v1/catalog/service/web": "service-web"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Consul-Token") != "b1gs33cr3t" {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, "Permission denied: token with AccessorID '00000000-0000-0000-0000-000000000002' lacks permission 'node:read'")
				return
			}
			if dc := r.URL.Query().Get("dc"); dc != "" && dc != "dc1" {
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprint(w, "No path to datacenter")
				return
			}
			http.ServeFile(w, r, "testdata/consul/"+file+".json")
		})
	}
	mux.HandleFunc("GET /v1/catalog/service/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	token = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("b1gs33cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, token
}

func TestConsulListsNodesWithTheirOwnAddresses(t *testing.T) {
	url, token := catalogue(t)
	options := web.Options{URL: url, HeaderFiles: map[string]string{"X-Consul-Token": token}}
	for _, c := range []struct {
		name   string
		source Consul
		want   string
	}{
		{"all nodes", Consul{Web: options}, `baz 10.1.10.11:22 map[datacenter:dc1 instance_type:t2.medium]
t2.320 10.1.10.12:22 map[consul-network-segment: datacenter:dc1 instance_type:t2.large]
`},
		{"those of a service, each once", Consul{Web: options, Services: []string{"web"}, Datacenter: "dc1"},
			"t2.320 192.168.10.10:22 groups=canary,prod,web map[datacenter:dc1 slot:2 somekey:somevalue web_meta_value:baz]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			result, err := New(Options{}, c.source).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantText(t, table(result.Roster.Hosts()), c.want)
		})
	}
	listing, err := Consul{Web: options}.Load(t.Context())
	if want := "1 labels are left out"; err != nil || !strings.Contains(strings.Join(listing.Notices, "\n"), want) {
		t.Errorf("notices %q, %v; want %s", listing.Notices, err, want)
	}
}

func TestAPartOfConsulsAnswerIsNoAnswer(t *testing.T) {
	url, token := catalogue(t)
	with := web.Options{URL: url, HeaderFiles: map[string]string{"X-Consul-Token": token}}
	at := strings.TrimPrefix(url, "http://")
	for _, c := range []struct {
		source Consul
		want   string
	}{
		{Consul{Web: with, Services: []string{"web", "wbe"}}, `service "wbe": the catalogue has none; is the name right, and may the token see it?`},
		{Consul{Web: with, Datacenter: "dc9"}, "its nodes: " + at + " answers with status 500 (No path to datacenter)"},
		{Consul{Web: web.Options{URL: url}}, "its nodes: " + at + " answers with status 403: check the token file (Permission denied: token with AccessorID '00000000-0000-0000-0000-000000000002' lacks permission 'node:read')"},
		{Consul{Web: web.Options{URL: url, HeaderFiles: map[string]string{"X-Consul-Token": "/no/such/token"}}}, "its nodes: opening the secret file: open /no/such/token: no such file or directory"},
	} {
		_, err := c.source.Load(t.Context())
		wantError(t, err, "consul "+at+": "+c.want)
	}
}

func TestEveryEntryOfConsulWithoutNameOrAddressIsReported(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"Node": "a"}, {"Node": "ok", "Address": "10.0.0.1"}, {"Address": "10.0.0.2"}]`)
	}))
	defer s.Close()
	_, err := Consul{Web: web.Options{URL: s.URL}}.Load(t.Context())
	wantError(t, err, "consul "+strings.TrimPrefix(s.URL, "http://")+": its nodes: entry 1 has no name or no address\nentry 3 has no name or no address")
}

func TestNoServerThatConsulMayTurnIntoIsBelieved(t *testing.T) {
	nodes, err := os.ReadFile("testdata/consul/nodes.json")
	if err != nil {
		t.Fatal(err)
	}
	good := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nodes) })
	hostile.Each(t, hostile.Options{Good: good}, func(t *testing.T, s hostile.Server) (bool, string) {
		listing, err := Consul{Web: web.Options{
			URL: s.URL, CAFile: s.CAFile, Timeout: hostile.Within, MaxBody: 1 << 20, HeaderFiles: map[string]string{"X-Consul-Token": s.TokenFile},
		}}.Load(t.Context())
		if err != nil {
			return false, err.Error()
		}
		return true, strings.Join(listing.Notices, "\n")
	})
}

func FuzzConsul(f *testing.F) {
	for _, name := range []string{"nodes", "service-web"} {
		text, err := os.ReadFile("testdata/consul/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var nodes []consulNode
		if json.Unmarshal(text, &nodes) != nil {
			return // engine/web says so
		}
		g := newGathering("consul")
		if err := takeNodes(nodes, g); err != nil {
			tame(t, err)
			return
		}
		if result, err := Merge(Options{}, g.done()); err == nil {
			sound(t, result)
		} else {
			tame(t, err)
		}
	})
}
