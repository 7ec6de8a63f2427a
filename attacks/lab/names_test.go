//go:build linux

package lab

import (
	"bytes"
	"strings"
	"testing"
)

// query asks for a name, as a resolver does.
func query(name string, kind byte) []byte {
	q := []byte{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		q = append(append(q, byte(len(label))), label...)
	}
	return append(q, 0, 0, kind, 0, 1)
}

func TestNamesBelowLabExistAndNoOthers(t *testing.T) {
	for name, want := range map[string][]byte{
		"lab-2.lab": {10, 77, 0, 12}, "LAB-2.lab": {10, 77, 0, 12}, "probe.lab": {10, 77, 0, 1}, "example.org": nil, "collab": nil,
	} {
		q := query(name, typeA)
		reply := answerTo(q)
		if len(reply) < len(q) || !bytes.Equal(reply[:2], q[:2]) || reply[2]&0x80 == 0 {
			t.Fatalf("%s: %x", name, reply)
		}
		if exists := reply[3]&0x0f == 0; exists != (want != nil) || !bytes.HasSuffix(reply, want) {
			t.Errorf("%s: %x, want %v", name, reply, want)
		}
	}
	if reply := answerTo(query("probe.lab", 28)); reply[3]&0x0f != 0 || reply[7] != 0 {
		t.Errorf("an IPv6 address of a name that has none: %x", reply)
	}
}

func TestWhatIsNoQuestionIsNotAnswered(t *testing.T) {
	q := query("probe.lab", typeA)
	for end := range len(q) {
		if reply := answerTo(q[:end]); reply != nil {
			t.Errorf("%d bytes of a question are answered: %x", end, reply)
		}
	}
	q[2] |= 0x80
	if answerTo(q) != nil {
		t.Error("an answer is answered")
	}
}
