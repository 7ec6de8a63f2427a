// Pictures turns a captured screen into a picture: `tmux capture-pane -e -p` on stdin, SVG on stdout.
//
// The README's pictures are made with it by make.sh, from the real program. Tools that exist for this leave out
// reverse video, and with it the selection, or trust that the reader's font is as wide as their own; here every run
// of text is told how wide it is, and lines, corners and bars are drawn rather than written, so that frames are
// whole in any font.
//
//	tmux capture-pane -e -p | go run ./docs/pictures --theme light --title "armed, 80x24, light"
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	theme := flag.String("theme", "dark", "`NAME`: dark or light")
	title := flag.String("title", "", "`TEXT` that says what the picture shows")
	flag.Parse()
	palette, known := palettes[*theme]
	if !known {
		fail(fmt.Errorf("there is no theme %q: dark or light", *theme))
	}
	rows, err := read(os.Stdin)
	if err != nil {
		fail(err)
	}
	out := bufio.NewWriter(os.Stdout)
	draw(out, rows, palette, *title)
	if err := out.Flush(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "pictures:", err)
	os.Exit(1)
}

// palette is a terminal's: its 16 colours and the two that are meant by none.
type palette struct {
	back, text, faint string
	colours           [16]string
}

var palettes = map[string]palette{
	"dark": {"#0d1117", "#d1d7e0", "#8b949e", [16]string{
		"#0d1117", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#b1bac4",
		"#8b949e", "#ffa198", "#7ee787", "#f2cc60", "#a5d6ff", "#e2c5ff", "#a5f0f5", "#f0f6fc"}},
	"light": {"#ffffff", "#1f2328", "#636c76", [16]string{
		"#1f2328", "#cf222e", "#116329", "#7d4e00", "#0550ae", "#8250df", "#1b7c83", "#57606a",
		"#636c76", "#a40e26", "#1a7f37", "#633c01", "#0969da", "#6639ba", "#136061", "#24292f"}},
}

// none is a colour that is not set.
const none = -1

// style is how a cell is written.
type style struct {
	text, back                        int // of the 16 colours, or none
	bold, faint, underlined, reversed bool
}

var bare = style{text: none, back: none}

type cell struct {
	sign rune
	style
}

// read takes a capture apart. A sequence that it does not know is an error: a picture that leaves something out lies.
func read(in io.Reader) (rows [][]cell, err error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		row, s := []cell{}, bare
		for line = strings.TrimRight(line, "\n"); line != ""; {
			if rest, is := strings.CutPrefix(line, "\x1b["); is {
				codes, after, found := strings.Cut(rest, "m")
				if !found {
					return nil, errors.New("a sequence without an end")
				}
				if s, err = s.with(codes); err != nil {
					return nil, err
				}
				line = after
				continue
			}
			sign := []rune(line)[0]
			if sign < ' ' {
				return nil, fmt.Errorf("a control character %q", sign)
			}
			row, line = append(row, cell{sign, s}), line[len(string(sign)):]
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, errors.New("an empty screen")
	}
	return rows, nil
}

// with is the style after a sequence.
func (s style) with(codes string) (style, error) {
	for _, code := range strings.Split(codes, ";") {
		n, err := strconv.Atoi("0" + code)
		switch {
		case err != nil:
			return s, fmt.Errorf("style %q", codes)
		case n == 0:
			s = bare
		case n == 1:
			s.bold = true
		case n == 2:
			s.faint = true
		case n == 4:
			s.underlined = true
		case n == 7:
			s.reversed = true
		case n == 22:
			s.bold, s.faint = false, false
		case n == 24:
			s.underlined = false
		case n == 27:
			s.reversed = false
		case n >= 30 && n <= 37:
			s.text = n - 30
		case n == 39:
			s.text = none
		case n >= 40 && n <= 47:
			s.back = n - 40
		case n == 49:
			s.back = none
		case n >= 90 && n <= 97:
			s.text = n - 90 + 8
		case n >= 100 && n <= 107:
			s.back = n - 100 + 8
		default:
			return s, fmt.Errorf("style %q: the console uses 16 colours and these words alone", codes)
		}
	}
	return s, nil
}

// colours of a style; back is empty where it is that of the screen.
func (p palette) of(s style) (text, back string) {
	if text = p.text; s.text != none {
		text = p.colours[s.text]
	} else if s.faint {
		text = p.faint
	}
	if s.back != none {
		back = p.colours[s.back]
	}
	if !s.reversed {
		return text, back
	}
	if back == "" {
		back = p.back
	}
	return back, text
}

// The size of a cell, and of what is around the screen, in pixels.
const (
	cellWide, cellHigh = 8.4, 17.0
	baseline           = 13.0
	edge               = 12.0
)

func draw(out io.Writer, rows [][]cell, p palette, title string) {
	columns := 0
	for _, r := range rows {
		columns = max(columns, len(r))
	}
	wide, high := float64(columns)*cellWide+2*edge, float64(len(rows))*cellHigh+2*edge
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="img">`+"\n", px(wide), px(high), px(wide), px(high))
	fmt.Fprintf(out, "<title>%s</title>\n", html.EscapeString(title))
	fmt.Fprintf(out, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", p.back)
	fmt.Fprintf(out, `<g font-family="ui-monospace,'SF Mono','DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="14" xml:space="preserve">`+"\n")
	for y, row := range rows {
		for x := 0; x < len(row); {
			end := x + 1
			for end < len(row) && row[end].style == row[x].style && drawn(row[end].sign) == drawn(row[x].sign) && (!drawn(row[x].sign) || row[end].sign == row[x].sign) {
				end++
			}
			run(out, row[x:end], float64(x)*cellWide+edge, float64(y)*cellHigh+edge, p)
			x = end
		}
	}
	fmt.Fprintln(out, "</g>\n</svg>")
}

// run draws cells of one style, at the upper left corner of the first.
func run(out io.Writer, cells []cell, x, y float64, p palette) {
	colour, back := p.of(cells[0].style)
	wide := float64(len(cells)) * cellWide
	if back != "" {
		fmt.Fprintf(out, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`+"\n", px(x), px(y), px(wide), px(cellHigh), back)
	}
	if drawn(cells[0].sign) {
		shape(out, cells[0].sign, len(cells), x, y, colour)
		return
	}
	var b strings.Builder
	for _, c := range cells {
		b.WriteRune(c.sign)
	}
	text := strings.TrimRight(b.String(), " ")
	skip := len(text) - len(strings.TrimLeft(text, " "))
	if text = text[skip:]; text == "" {
		return
	}
	more := ""
	if cells[0].bold {
		more += ` font-weight="bold"`
	}
	if cells[0].underlined {
		more += ` text-decoration="underline"`
	}
	fmt.Fprintf(out, `<text x="%s" y="%s" textLength="%s" lengthAdjust="spacingAndGlyphs" fill="%s"%s>%s</text>`+"\n",
		px(x+float64(skip)*cellWide), px(y+baseline), px(float64(len([]rune(text)))*cellWide), colour, more, html.EscapeString(text))
}

// arms are the directions in which a line leaves its cell; the horizontal ones may be double.
type arms struct{ left, right, up, down, double bool }

var lines = map[rune]arms{
	'─': {left: true, right: true}, '│': {up: true, down: true},
	'┌': {right: true, down: true}, '┐': {left: true, down: true}, '└': {right: true, up: true}, '┘': {left: true, up: true},
	'├': {right: true, up: true, down: true}, '┤': {left: true, up: true, down: true},
	'═': {left: true, right: true, double: true},
	'╒': {right: true, down: true, double: true}, '╕': {left: true, down: true, double: true},
	'╘': {right: true, up: true, double: true}, '╛': {left: true, up: true, double: true},
	'╞': {right: true, up: true, down: true, double: true}, '╡': {left: true, up: true, down: true, double: true},
}

// bars are signs that fill their cell from below, in eighths; the shade is a bar that shines through.
var bars = map[rune]int{'▁': 1, '▂': 2, '▃': 3, '▄': 4, '▅': 5, '▆': 6, '▇': 7, '█': 8, '░': 8}

func drawn(sign rune) bool {
	_, line := lines[sign]
	_, bar := bars[sign]
	return line || bar
}

// shape draws a sign that is a shape, so many times in a row.
func shape(out io.Writer, sign rune, times int, x, y float64, colour string) {
	wide := float64(times) * cellWide
	if eighths, bar := bars[sign]; bar {
		opacity := ""
		if sign == '░' {
			opacity = ` opacity="0.25"`
		}
		full := (cellHigh - 3) / 8 * float64(eighths)
		fmt.Fprintf(out, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"%s/>`+"\n", px(x), px(y+cellHigh-1.5-full), px(wide), px(full), colour, opacity)
		return
	}
	a := lines[sign]
	var path strings.Builder
	middle := y + cellHigh/2
	heights := []float64{middle}
	if a.double {
		heights = []float64{middle - 1.5, middle + 1.5}
	}
	for i := range times {
		at := x + float64(i)*cellWide
		center := at + cellWide/2
		if a.up {
			fmt.Fprintf(&path, "M%s %sV%s", px(center), px(y), px(heights[len(heights)-1]))
		}
		if a.down {
			fmt.Fprintf(&path, "M%s %sV%s", px(center), px(heights[0]), px(y+cellHigh))
		}
		if a.left && a.right {
			continue
		}
		for _, h := range heights {
			if a.left {
				fmt.Fprintf(&path, "M%s %sH%s", px(at), px(h), px(center))
			}
			if a.right {
				fmt.Fprintf(&path, "M%s %sH%s", px(center), px(h), px(at+cellWide))
			}
		}
	}
	for _, h := range heights {
		if a.left && a.right { // one stroke for all of them
			fmt.Fprintf(&path, "M%s %sH%s", px(x), px(h), px(x+wide))
		}
	}
	fmt.Fprintf(out, `<path d="%s" stroke="%s" fill="none"/>`+"\n", path.String(), colour)
}

// px writes a length with at most one digit after the point.
func px(v float64) string { return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") }
