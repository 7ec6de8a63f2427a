package simulated

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// params are the parameters of one attack as they came over the wire, without the "p.".
type params map[string]string

// number is the value as an integer, or the default where it is not set. It is asked only after the
// parameters have been checked.
func (p params) number(name string, unset int) int {
	n, err := strconv.Atoi(p[name])
	if err != nil {
		return unset
	}
	return n
}

// decimal is the value as a number, 0 where it is none.
func (p params) decimal(name string) float64 {
	n, err := strconv.ParseFloat(p[name], 64)
	if err != nil {
		return 0
	}
	return n
}

// words are the values as a script would print them, "count=3 signal=KILL".
func (p params) words() string {
	var said []string
	for _, name := range sortedKeys(p) {
		if p[name] != "" {
			said = append(said, name+"="+p[name])
		}
	}
	return strings.Join(said, " ")
}

var (
	unitName  = regexp.MustCompile(`^[A-Za-z0-9:_.@-]{1,128}\.service$`)
	portRange = regexp.MustCompile(`^([0-9]{1,5})(?:-([0-9]{1,5}))?$`)
)

func (p Param) number(value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil && p.Min == 0 && p.Max == 0:
		return fmt.Errorf("%q is not a number", value)
	case err != nil || (p.Min != 0 || p.Max != 0) && (n < p.Min || n > p.Max):
		return fmt.Errorf("%q is not a number from %d to %d", value, p.Min, p.Max)
	}
	return nil
}

func share(value string) error {
	if n, err := strconv.ParseFloat(value, 64); err != nil || !(n > 0 && n <= 100) {
		return fmt.Errorf("%q is not a percentage above 0 and at most 100", value)
	}
	return nil
}

func oneOf(value string, words ...string) error {
	if !slices.Contains(words, value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(words, ", "))
	}
	return nil
}

func aUnit(value string) error {
	if !unitName.MatchString(value) {
		return fmt.Errorf("%q is not the name of a service", value)
	}
	return nil
}

// peers takes addresses and networks. Names never travel: whoever still sends one is refused.
func peers(value string) error {
	for _, peer := range strings.FieldsFunc(value, isSeparator) {
		_, alone := netip.ParseAddr(peer)
		_, ranged := netip.ParsePrefix(peer)
		if alone != nil && ranged != nil {
			return fmt.Errorf("%q is neither an address nor a network", peer)
		}
	}
	return nil
}

func ports(value string) error {
	for _, port := range strings.FieldsFunc(value, isSeparator) {
		if low, high := bounds(port); low < 1 || high > 65535 || low > high {
			return fmt.Errorf("%q is neither a port nor a range of ports", port)
		}
	}
	return nil
}

// bounds are the ends of a port or a range; zeroes where it is neither.
func bounds(port string) (low, high int) {
	m := portRange.FindStringSubmatch(port)
	if m == nil {
		return 0, 0
	}
	low, _ = strconv.Atoi(m[1])
	if high = low; m[2] != "" {
		high, _ = strconv.Atoi(m[2])
	}
	return low, high
}

func isSeparator(r rune) bool { return r == ',' || r == ' ' }

func sortedKeys(p params) []string {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
