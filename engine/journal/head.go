package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

const headName = "journal.head"

// headLine has always the same length, so that it is written over in place: one sector, old or new.
func headLine(p place) []byte {
	text := fmt.Appendf(nil, "%020d:%s", p.seq, p.sum)
	return fmt.Appendf(text, " %08x\n", crc32.Checksum(text, castagnoli))
}

// vouched is what a head file says.
type vouched struct {
	place         // only seq and sum
	missing bool  // there is no head file
	bad     error // there is one, and it cannot be used
}

func readHead(d Disk, path string) vouched {
	f, err := d.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return vouched{missing: true}
	}
	if err != nil {
		return vouched{bad: err}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return vouched{bad: err}
	}
	return parseHead(text)
}

func parseHead(text []byte) vouched {
	var v vouched
	var sum []byte
	if _, err := fmt.Sscanf(string(text), "%d:%x", &v.seq, &sum); err != nil || len(sum) != len(v.sum) {
		return vouched{bad: errors.New("it is not SEQ:HASH")}
	}
	v.sum = digest(sum)
	if !bytes.Equal(text, headLine(v.place)) {
		return vouched{bad: errors.New("its checksum is wrong")}
	}
	return v
}

// misses says what of the journal the head vouches for and the sound part does not hold: how many entries
// are gone for certain, and a sentence; an empty sentence means that nothing is known to be missing.
// at is the digest, in hex, of the entry that the head names; empty if the sound part has no such entry.
func (v vouched) misses(end place, empty bool, at string) (lost uint64, why string) {
	switch {
	case v.bad != nil:
		return 0, "the head file cannot be used: " + v.bad.Error()
	case v.missing && empty:
		return 0, "" // a new directory
	case v.missing:
		return 0, "the head file is missing"
	case v.seq > end.seq:
		return v.seq - end.seq, fmt.Sprintf("the journal ends at entry %d, but entry %d had been written", end.seq, v.seq)
	case v.seq > 0 && at != "" && at != v.sum.String():
		return 0, fmt.Sprintf("entry %d is not the one that the head file vouches for", v.seq)
	}
	return 0, ""
}
