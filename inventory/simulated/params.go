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

// rule is one parameter that an attack knows: nil for a good value, else what is wrong with it.
type rule func(value string) error

var (
	unitName  = regexp.MustCompile(`^[A-Za-z0-9:_.@-]{1,128}\.service$`)
	portRange = regexp.MustCompile(`^([0-9]{1,5})(?:-([0-9]{1,5}))?$`)
)

func between(low, high int) rule {
	return func(value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a number from %d to %d", value, low, high)
		}
		return nil
	}
}

func oneOf(words ...string) rule {
	return func(value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("%q is none of %s", value, strings.Join(words, ", "))
		}
		return nil
	}
}

func aUnit(value string) error {
	if !unitName.MatchString(value) {
		return fmt.Errorf("%q is not the name of a service", value)
	}
	return nil
}

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

// check refuses what the rules do not know, as a host does that was handed a parameter by mistake.
func (p params) check(rules map[string]rule, required ...string) error {
	for _, name := range sortedKeys(p) {
		ok, known := rules[name]
		if !known {
			return fmt.Errorf("parameter %s is not known to this attack", name)
		}
		if p[name] == "" {
			continue
		}
		if err := ok(p[name]); err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	for _, name := range required {
		if p[name] == "" {
			return fmt.Errorf("parameter %s is missing", name)
		}
	}
	return nil
}

func sortedKeys(p params) []string {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
