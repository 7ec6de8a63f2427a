package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestASecretIsNotShownByAnyVerbOrEncoder(t *testing.T) {
	s := struct{ S Secret }{"canary"}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	all := string(text) + fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s.S, s.S, s.S, s.S)
	if strings.Contains(all, "canary") || strings.Contains(all, fmt.Sprintf("%x", "canary")) {
		t.Error(all)
	}
}
