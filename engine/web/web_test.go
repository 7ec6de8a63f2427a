package web

import (
	"io"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func well(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"state":"well"}`)
}

func TestNoHostileServerIsTakenForAGoodOneOrCostsMuchOrMakesUsTellASecret(t *testing.T) {
	hostile.Each(t, hostile.Options{Good: http.HandlerFunc(well)}, func(t *testing.T, s hostile.Server) (bool, string) {
		c, err := New(Options{URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ State string }
		err = c.JSON(t.Context(), Request{Path: "/api"}, &answer)
		t.Logf("%v", err)
		switch {
		case err != nil:
			return false, err.Error()
		case answer.State != "well":
			return false, "not well"
		}
		return true, ""
	})
}
