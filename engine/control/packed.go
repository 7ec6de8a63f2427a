package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// A history in which the output of hosts is packed. A host may say ten thousand lines a second, and every console that
// looks on asks for them: as one text with a list of times they cost it a fraction of what they do as records.

// packed is a history; records and lines together are all of it.
type packed struct {
	Records []engine.Record `json:"records"` // all but output
	Lines   []packedLines   `json:"lines"`
}

// packedLines are lines of one run that follow one another without a gap.
type packedLines struct {
	Seq    uint64  `json:"seq"` // of the first
	Run    string  `json:"run,omitempty"`
	Host   string  `json:"host,omitempty"`
	Attack string  `json:"attack,omitempty"`
	At     []int64 `json:"at"`   // of each, in nanoseconds since 1970
	Text   string  `json:"text"` // one line each
}

// isPlain tells whether a record is nothing but a line of output, so that it survives being packed.
func isPlain(r engine.Record) bool {
	return r.Kind == engine.Line && !strings.Contains(r.Text, "\n") && r.Of == "" && r.By == "" && r.Door == "" && r.Phase == "" &&
		r.Order == nil && r.Draw == nil && r.Intent == nil && r.Outcome == nil && r.Verdict == nil && r.Latch == nil && r.Pause == nil && r.Exclude == nil && r.Pool == nil
}

func (l packedLines) goesOn(r engine.Record) bool {
	return l.Seq+uint64(len(l.At)) == r.Seq && l.Run == r.Run && l.Host == r.Host && l.Attack == r.Attack
}

func pack(history []engine.Record) packed {
	p := packed{Records: []engine.Record{}, Lines: []packedLines{}}
	var text strings.Builder
	end := func() {
		if n := len(p.Lines); n > 0 {
			p.Lines[n-1].Text = text.String()
		}
		text.Reset()
	}
	for _, r := range history {
		if !isPlain(r) {
			p.Records = append(p.Records, r)
			continue
		}
		if n := len(p.Lines); n == 0 || !p.Lines[n-1].goesOn(r) {
			end()
			p.Lines = append(p.Lines, packedLines{Seq: r.Seq, Run: r.Run, Host: r.Host, Attack: r.Attack})
		} else {
			text.WriteByte('\n')
		}
		last := &p.Lines[len(p.Lines)-1]
		last.At = append(last.At, r.At.UnixNano())
		text.WriteString(r.Text)
	}
	end()
	return p
}

// unpack is the history again, in its order.
func (p packed) unpack() ([]engine.Record, error) {
	all := p.Records
	for _, l := range p.Lines {
		texts := strings.Split(l.Text, "\n")
		if len(texts) != len(l.At) {
			return nil, fmt.Errorf("%d lines of output with %d times", len(texts), len(l.At))
		}
		all = slices.Grow(all, len(texts))
		for i, text := range texts {
			all = append(all, engine.Record{Seq: l.Seq + uint64(i), At: time.Unix(0, l.At[i]), Kind: engine.Line, Run: l.Run, Host: l.Host, Attack: l.Attack, Text: text})
		}
	}
	slices.SortStableFunc(all, func(a, b engine.Record) int { return int(int64(a.Seq) - int64(b.Seq)) })
	return all, nil
}

// readHistory takes either form: an engine that is older than its client does not pack.
func readHistory(answer []byte) (records []engine.Record, err error) {
	if !bytes.HasPrefix(bytes.TrimSpace(answer), []byte("{")) {
		err = json.Unmarshal(answer, &records)
		return records, err
	}
	var p packed
	if err := json.Unmarshal(answer, &p); err != nil {
		return nil, err
	}
	return p.unpack()
}
