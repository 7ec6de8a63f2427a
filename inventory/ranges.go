package inventory

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxHosts bounds what one source may list, so that a slip in a range (web[1:1000000000]) is a message
// and not an end of memory.
const maxHosts = 1_000_000

// expand writes out the ranges of a pattern as Ansible does: web[01:20], rack[a:c]-[1:9:2]. A pattern
// without a range is itself. Padding is kept: [01:10] is 01, 02, ... 10.
func expand(pattern string) ([]string, error) {
	head, rest, found := strings.Cut(pattern, "[")
	if !found {
		if strings.Contains(pattern, "]") {
			return nil, errors.New("a \"]\" without its \"[\"")
		}
		return []string{pattern}, nil
	}
	inside, tail, found := strings.Cut(rest, "]")
	if !found {
		return nil, errors.New("a \"[\" without its \"]\"")
	}
	steps, err := rangeOf(inside)
	if err != nil {
		return nil, fmt.Errorf("range %s: %w", show("["+inside+"]"), err)
	}
	tails, err := expand(tail)
	if err != nil {
		return nil, err
	}
	if len(steps)*len(tails) > maxHosts {
		return nil, fmt.Errorf("more than %d hosts", maxHosts)
	}
	names := make([]string, 0, len(steps)*len(tails))
	for _, step := range steps {
		for _, tail := range tails {
			names = append(names, head+step+tail)
		}
	}
	return names, nil
}

func rangeOf(text string) ([]string, error) {
	bounds := strings.Split(text, ":")
	if len(bounds) != 2 && len(bounds) != 3 {
		return nil, errors.New("a range is written [FIRST:LAST] or [FIRST:LAST:STEP]")
	}
	step := 1
	if len(bounds) == 3 {
		var err error
		if step, err = strconv.Atoi(bounds[2]); err != nil || step < 1 || step > maxHosts {
			return nil, errors.New("the step must be a positive number")
		}
	}
	first, last := bounds[0], bounds[1]
	if len(first) == 1 && len(last) == 1 && !isDigit(first[0]) && !isDigit(last[0]) {
		return letters(first[0], last[0], step)
	}
	return numbers(first, last, step)
}

func letters(first, last byte, step int) ([]string, error) {
	if !isAlnum(first) || !isAlnum(last) || isLower(first) != isLower(last) || first > last {
		return nil, errors.New("letters go up from a to z or from A to Z")
	}
	var out []string
	for c := int(first); c <= int(last); c += step {
		out = append(out, string(rune(c)))
	}
	return out, nil
}

func numbers(first, last string, step int) ([]string, error) {
	if first == "" {
		first = strings.Repeat("0", len(last))
	}
	if last == "" || !all(first, isDigit) || !all(last, isDigit) || len(last) > 9 || len(first) > 9 {
		return nil, errors.New("both ends must be numbers of at most nine digits, or single letters")
	}
	if first[0] == '0' && len(first) > 1 && len(first) != len(last) {
		return nil, errors.New("with leading zeros both ends must have the same length")
	}
	from, _ := strconv.Atoi(first)
	to, _ := strconv.Atoi(last)
	if from > to {
		return nil, errors.New("the first is above the last")
	}
	if (to-from)/step >= maxHosts {
		return nil, fmt.Errorf("more than %d hosts", maxHosts)
	}
	out := make([]string, 0, (to-from)/step+1)
	for n := from; n <= to; n += step {
		out = append(out, fmt.Sprintf("%0*d", len(first), n))
	}
	return out, nil
}
