package health

import (
	"fmt"
	"math"
)

// Limit is what one number is held against: value < 0.01
type Limit struct {
	op    string
	bound float64
	text  string
}

// ParseLimit reads "value OP NUMBER".
func ParseLimit(s string) (Limit, error) {
	c, err := parseCheck(s)
	bound, number := c.limit.(float64)
	if err != nil || !number || c.path != "value" {
		return Limit{}, fmt.Errorf("%q is no comparison of a value with a number: write it like value < 0.01", s)
	}
	return Limit{op: c.op, bound: bound, text: c.op + " " + c.text}, nil
}

// Holds tells whether the number is within the limit. What is no number never is.
func (l Limit) Holds(v float64) bool { return !math.IsNaN(v) && ordered(v, l.op, l.bound) }

// Excess is larger the worse a number is, and largest for what is no number.
func (l Limit) Excess(v float64) float64 {
	switch {
	case math.IsNaN(v):
		return math.Inf(1)
	case l.op == "<" || l.op == "<=":
		return v - l.bound
	case l.op == ">" || l.op == ">=":
		return l.bound - v
	case l.op == "!=":
		return -math.Abs(v - l.bound)
	}
	return math.Abs(v - l.bound)
}

// String is the comparison without the value: < 0.01
func (l Limit) String() string { return l.text }
