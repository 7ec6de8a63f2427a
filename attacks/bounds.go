package attacks

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Bounds is what the parameter may be, in a few words and in the units in which people write it.
func (p Param) Bounds() string {
	between := func(say func(int64) string) string { return say(p.Min) + " to " + say(p.Max) }
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	switch p.Kind {
	case Int:
		return between(number)
	case Percent:
		return between(number) + " %"
	case Share:
		return "0.01 to 100 %"
	case Millis:
		return between(func(n int64) string { return engine.Span(time.Duration(n) * time.Millisecond) })
	case Size:
		return between(sizeText)
	case Rate:
		return between(rateText)
	case Bool:
		return "true or false"
	case Word:
		return strings.Join(p.Choices, ", ")
	}
	return map[Kind]string{
		Peers: "addresses, networks, host names, group:NAME", Ports: "ports and ranges: 80,8000-8100",
		Unit: "NAME.service", Device: "an interface, not lo", Path: "an absolute path",
		Domains: "DNS names", Process: "part of a command line", Text: "plain text",
	}[p.Kind]
}

// sizeText writes KiB as people do.
func sizeText(kib int64) string { return inUnits(kib, 1024, "KiB", "MiB", "GiB", "TiB") }

// rateText writes kbit per second as people do.
func rateText(kbit int64) string { return inUnits(kbit, 1000, "kbit", "mbit", "gbit") }

func inUnits(n, by int64, units ...string) string {
	value, i := float64(n), 0
	for value >= float64(by) && i < len(units)-1 {
		value, i = value/float64(by), i+1
	}
	return strconv.FormatFloat(math.Round(value*10)/10, 'f', -1, 64) + units[i]
}
