package tui

// motion is a way to move in a pane that scrolls.
type motion int

const (
	lineUp motion = iota
	lineDown
	pageUp
	pageDown
	halfUp
	halfDown
	toTop
	toBottom
)

// apply is where a position between 0 and last goes, in a pane of that height.
func (m motion) apply(position, height, last int) int {
	switch m {
	case lineUp:
		position--
	case lineDown:
		position++
	case pageUp:
		position -= max(1, height)
	case pageDown:
		position += max(1, height)
	case halfUp:
		position -= max(1, height/2)
	case halfDown:
		position += max(1, height/2)
	case toTop:
		position = 0
	case toBottom:
		position = last
	}
	return max(0, min(position, last))
}
