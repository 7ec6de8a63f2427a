package control

import (
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

func TestAStopIsNeverRefusedForItsForm(t *testing.T) {
	for _, body := range []string{`{"kind":"stop","surprise":1,"reason":"smoke"}`, `{"kind":"stop"}`, `{"kind":"stop","id":"incident #5","reason":"smoke"}`} {
		if o, wrong := readOrder([]byte(body)); wrong != "" || o.Kind != engine.Stop || o.ID == "" {
			t.Errorf("%s: %+v, %q", body, o, wrong)
		}
	}
}
