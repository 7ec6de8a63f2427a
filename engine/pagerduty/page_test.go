package pagerduty

import (
	"encoding/json"
	"testing"
)

func TestNullIsNoListOfIncidents(t *testing.T) {
	for _, page := range []string{`{"incidents":null,"more":false}`, `{"incidents":[],"more":null}`, `{"incidents":null,"more":null}`} {
		var raw map[string]json.RawMessage
		if err := json.Unmarshal([]byte(page), &raw); err != nil {
			t.Fatal(err)
		}
		if items, _, err := onePage[ref](raw, "incidents"); err == nil {
			t.Errorf("%s is taken for %v", page, items)
		}
	}
}
