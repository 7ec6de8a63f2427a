package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Entry is one line of the journal: one step of the engine.
type Entry struct {
	Seq     uint64          `json:"seq"`  // counts entries, from 1, without gaps, over all files
	Prev    string          `json:"prev"` // first 16 bytes of the SHA-256 of the json before, hex
	At      time.Time       `json:"at"`   // UTC
	Boot    string          `json:"boot,omitempty"`
	MonoMS  int64           `json:"mono_ms"`           // since boot where the machine can say, not set back with the clock
	Torn    bool            `json:"torn,omitempty"`    // a tail was lost just before this entry
	Carried *Recovered      `json:"carried,omitempty"` // what the files before this one add up to
	Event   json.RawMessage `json:"event,omitempty"`   // see What
	Records []engine.Record `json:"records,omitempty"`
}

// What is the event behind the entry; nil where the journal itself wrote it.
func (e Entry) What() (*engine.Event, error) {
	if len(e.Event) == 0 {
		return nil, nil
	}
	var event engine.Event
	if err := json.Unmarshal(e.Event, &event); err != nil {
		return nil, fmt.Errorf("reading the event of journal entry %d: %w", e.Seq, err)
	}
	return &event, nil
}

// swept tells whether the entry ends the debt of a torn tail: a host that could not be looked at may still
// carry an attack.
func (e Entry) swept() bool {
	if !bytes.Contains(e.Event, []byte(`"swept-all"`)) {
		return false
	}
	var event struct {
		Kind string
		What struct{ Failed []string }
	}
	return json.Unmarshal(e.Event, &event) == nil && event.Kind == "swept-all" && len(event.What.Failed) == 0
}

// maxLine bounds the memory that one line may take. A carried fold over 100,000 hosts takes a quarter of it.
const maxLine = 64 << 20

const crcLen = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// digest is what an entry is known by in the entry that follows and in the head.
type digest [16]byte

func digestOf(body []byte) digest {
	sum := sha256.Sum256(body)
	return digest(sum[:16])
}

func (d digest) String() string { return hex.EncodeToString(d[:]) }

func encode(e Entry) (line []byte, sum digest, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, digest{}, fmt.Errorf("writing journal entry %d as json: %w", e.Seq, err)
	}
	if len(body)+crcLen+2 > maxLine {
		return nil, digest{}, fmt.Errorf("journal entry %d has %d bytes: at most %d", e.Seq, len(body), maxLine-crcLen-2)
	}
	line = make([]byte, 0, len(body)+crcLen+2)
	line = fmt.Appendf(line, "%08x ", crc32.Checksum(body, castagnoli))
	line = append(append(line, body...), '\n')
	return line, digestOf(body), nil
}

// decode reads a line without its line feed. There is one spelling only: whoever changes a byte is found.
func decode(line []byte) (e Entry, sum digest, err error) {
	if len(line) < crcLen+1 || line[crcLen] != ' ' {
		return e, sum, errors.New("it does not begin with a checksum")
	}
	body := line[crcLen+1:]
	if want := fmt.Appendf(nil, "%08x", crc32.Checksum(body, castagnoli)); !bytes.Equal(want, line[:crcLen]) {
		return e, sum, errors.New("its checksum is wrong")
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return e, sum, fmt.Errorf("it is no entry: %w", err)
	}
	return e, digestOf(body), nil
}
