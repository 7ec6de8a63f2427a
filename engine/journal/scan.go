package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// CorruptError says where a journal is damaged in its middle, so that what it says can no longer be
// taken for all that happened.
type CorruptError struct {
	Path   string
	Offset int64 // byte at which the first bad line begins
	Line   int   // its number, from 1
	Why    string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the journal %s is damaged at line %d (byte %d): %s", e.Path, e.Line, e.Offset, e.Why)
}

// place is the end of the sound part of a chain.
type place struct {
	size int64  // bytes up to and with the last sound line
	seq  uint64 // its entry; 0 before the first
	sum  digest
	line int64 // bytes of that line
}

// survey is what one pass over a journal finds.
type survey struct {
	end     place // of the sound prefix
	size    int64 // of everything
	bad     *CorruptError
	corrupt bool // there is a sound line at or after the bad place; otherwise bad is a torn tail
}

// scan reads a journal once. It calls take for every entry of the sound prefix, in order; after the first
// bad line it calls stray for every line that still checks by itself (nil: not wanted). An error of either
// ends the scan and is returned; so is an error of reading, but never one of the content.
func scan(r io.Reader, path string, take, stray func(Entry) error) (survey, error) {
	var s survey
	lines := lineReader{r: bufio.NewReaderSize(r, 256<<10)}
	for {
		begin := s.size
		line, n, err := lines.next()
		s.size += n
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return s, fmt.Errorf("reading the journal %s at byte %d: %w", path, s.size, err)
		}
		e, sum, why := line.entry()
		sound := why == nil
		if s.bad == nil && sound {
			why = s.end.admits(e)
		}
		switch {
		case s.bad == nil && why == nil:
			s.end = place{size: s.size, seq: e.Seq, sum: sum, line: n}
			err = call(take, e)
		case s.bad == nil:
			s.bad = &CorruptError{Path: path, Offset: begin, Line: lines.count, Why: why.Error()}
		}
		if s.bad != nil && sound {
			s.corrupt = true
			err = call(stray, e)
		}
		if err != nil {
			return s, err
		}
	}
}

func call(f func(Entry) error, e Entry) error {
	if f == nil {
		return nil
	}
	return f(e)
}

// admits says why the entry cannot stand after the place. The first entry of a file either begins the
// whole chain or carries what came before.
func (p place) admits(e Entry) error {
	if p.seq == 0 && e.Carried != nil {
		return nil
	}
	if e.Seq != p.seq+1 {
		return fmt.Errorf("it is entry %d where %d was due", e.Seq, p.seq+1)
	}
	if e.Prev != p.sum.String() {
		return errors.New("it does not follow the entry before it")
	}
	return nil
}

// textLine is one line, or what stands in the place of one.
type textLine struct {
	text  []byte
	whole bool // ended by a line feed and not too long
}

func (l textLine) entry() (Entry, digest, error) {
	if !l.whole {
		return Entry{}, digest{}, errors.New("it is no whole line")
	}
	return decode(l.text)
}

type lineReader struct {
	r     *bufio.Reader
	long  []byte // a line that did not fit into the buffer
	count int
}

// next reads a line and says how many bytes it took. The text is valid until the next call.
func (l *lineReader) next() (textLine, int64, error) {
	l.long = l.long[:0]
	var n int64
	for {
		part, err := l.r.ReadSlice('\n')
		n += int64(len(part))
		if err == bufio.ErrBufferFull {
			l.keep(part)
			continue
		}
		if n == 0 || (err != nil && err != io.EOF) {
			return textLine{}, n, err
		}
		l.count++
		if n > maxLine {
			return textLine{}, n, nil
		}
		if len(l.long) > 0 {
			l.keep(part)
			part = l.long
		}
		text, whole := bytes.CutSuffix(part, []byte{'\n'})
		return textLine{text, whole}, n, nil
	}
}

func (l *lineReader) keep(part []byte) {
	if len(l.long)+len(part) <= maxLine {
		l.long = append(l.long, part...)
	}
}
