package simulated

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// header is what a verb is told before it begins: the nonce, then key=value lines. Labels open blocks of
// their own, which the inspect verb uses; everything else lands in the first block.
type header struct {
	nonce  string
	blocks []block
}

// block is a run of header lines.
type block struct {
	fields map[string]string
	params params
}

const mostHeaderLines = 2000

var (
	nonceForm = regexp.MustCompile(`^[0-9a-f]{16}$`)
	keyForm   = regexp.MustCompile(`^[a-z][a-z0-9_.]*$`)
	valueForm = regexp.MustCompile("^[ -~]*$")
)

const forbidden = "'\"\\$`;&|<>(){}*?"

// readHeader reads up to the line with the dot. After an error the nonce is there all the same, if it was
// understood.
func readHeader(lines <-chan string) (header, error) {
	h := header{blocks: []block{newBlock()}}
	for n := 0; ; n++ {
		line, more := <-lines
		if !more {
			return h, errors.New("the input ended within the header")
		}
		if line == "." && h.nonce != "" {
			return h, nil
		}
		if n == mostHeaderLines {
			return h, fmt.Errorf("the header has more than %d lines", mostHeaderLines)
		}
		if err := h.add(line); err != nil {
			return h, err
		}
	}
}

func (h *header) add(line string) error {
	key, value, ok := strings.Cut(line, "=")
	switch {
	case h.nonce == "":
		if key != "nonce" || !nonceForm.MatchString(value) {
			return errors.New("the header does not begin with nonce=<16 hex>")
		}
		h.nonce = value
		return nil
	case !ok || !keyForm.MatchString(key):
		return fmt.Errorf("header line %.60q is not key=value", line)
	case !valueForm.MatchString(value) || strings.ContainsAny(value, forbidden):
		return fmt.Errorf("the value of %s has characters that are not allowed", key)
	}
	if key == "label" {
		h.blocks = append(h.blocks, newBlock())
	}
	return h.blocks[len(h.blocks)-1].set(key, value)
}

// headerKeys are the keys beside the parameters.
var headerKeys = []string{"id", "kind", "label", "ttl", "hold", "lease", "supervised", "force"}

func (b block) set(key, value string) error {
	into := b.fields
	name, isParam := strings.CutPrefix(key, "p.")
	if isParam {
		into = b.params
	} else if !slices.Contains(headerKeys, key) {
		return fmt.Errorf("the header has an unknown key %s", key)
	}
	if _, twice := into[name]; twice {
		return fmt.Errorf("the header has %s twice", key)
	}
	into[name] = value
	return nil
}

func newBlock() block { return block{fields: map[string]string{}, params: params{}} }

// labelled are the blocks of an inspect header.
func (h header) labelled() []block { return h.blocks[1:] }

// only is the block of a header without labels.
func (h header) only() block { return h.blocks[0] }

// seconds reads a duration that is written as whole seconds.
func (b block) seconds(key string) (time.Duration, error) {
	n, err := strconv.Atoi(b.fields[key])
	if err != nil || n < 0 || n > 90_000 {
		return 0, fmt.Errorf("%s is %q, not a number of seconds up to a day and an hour", key, b.fields[key])
	}
	return time.Duration(n) * time.Second, nil
}
