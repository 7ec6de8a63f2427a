package attacks

import (
	"errors"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The spellings of the kinds of parameters that need more than a line; see [Kind] for what each is.

var (
	shareShape   = regexp.MustCompile(`^(100(\.00?)?|[0-9]{1,2}(\.[0-9]{1,2})?)$`)
	scaledShape  = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([A-Za-z]+)$`)
	domainShape  = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	deviceShape  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$`)
	fileShape    = regexp.MustCompile(`^(/[A-Za-z0-9._@+,:=-]+)+$`)
	processShape = regexp.MustCompile(`^[A-Za-z0-9 !#%+,./:=@_~-]{2,100}$`)
)

// Sizes in KiB and rates in kbit per second, by unit in lower case.
var (
	sizes = map[string]float64{
		"kib": 1, "k": 1, "mib": 1 << 10, "m": 1 << 10, "gib": 1 << 20, "g": 1 << 20, "tib": 1 << 30, "t": 1 << 30,
		"kb": 1e3 / 1024, "mb": 1e6 / 1024, "gb": 1e9 / 1024, "tb": 1e12 / 1024,
	}
	rates = map[string]float64{"kbit": 1, "mbit": 1e3, "gbit": 1e6}
)

func share100(value string) (string, error) {
	if n, err := strconv.ParseFloat(value, 64); err != nil || n <= 0 || !shareShape.MatchString(value) {
		return "", errors.New("is not a percentage above 0 and at most 100, with two decimals at most and without a sign")
	}
	return value, nil
}

// scaled reads a number with its unit and rounds it up to a whole number of the wire's unit.
func (p Param) scaled(value string, units map[string]float64, like string) (string, error) {
	m := scaledShape.FindStringSubmatch(value)
	if m == nil {
		return "", errors.New("is not " + like)
	}
	factor, known := units[strings.ToLower(m[2])]
	n, err := strconv.ParseFloat(m[1], 64)
	if !known || err != nil {
		return "", errors.New("is not " + like)
	}
	scaled := math.Ceil(n * factor)
	if scaled > 999_999_999 { // nine digits are what the host takes
		return "", fmt.Errorf("is not within %s", p.Bounds())
	}
	return p.bounded(int64(scaled))
}

func domain(word string) (string, error) {
	name := strings.TrimSuffix(strings.ToLower(word), ".")
	if len(name) > 253 || !domainShape.MatchString(name) {
		return "", fmt.Errorf("names %q, which is no DNS name", word)
	}
	return name, nil
}

func device(value string) (string, error) {
	if !deviceShape.MatchString(value) {
		return "", errors.New("is not the name of a network interface")
	}
	if value == "lo" {
		return "", errors.New("is the loopback interface, which is never touched")
	}
	return value, nil
}

// kernels are the trees that are no storage: nothing is ever written or filled there.
var kernels = []string{"/proc", "/sys", "/dev", "/run/chaoscat", "/boot/efi"}

func plainFile(value string) (string, error) {
	if len(value) > 200 || !fileShape.MatchString(value) || path.Clean(value) != value {
		return "", errors.New("is not an absolute path without dots, links or special characters, and never / itself")
	}
	if slices.ContainsFunc(kernels, func(k string) bool { return value == k || strings.HasPrefix(value, k+"/") }) {
		return "", errors.New("lies in a tree that must not be touched")
	}
	return value, nil
}

func process(value string) (string, error) {
	if !processShape.MatchString(value) || strings.TrimSpace(value) != value {
		return "", errors.New("is not 2 to 100 plain characters of a command line; it is taken literally, not as a pattern")
	}
	if strings.Trim(value, " ./-") == "" {
		return "", errors.New("would match nearly every process")
	}
	return value, nil
}
