package chat

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// word is what somebody wants.
type word string

// The words. The first row changes nothing.
const (
	help, status, why, next, history                  word = "help", "status", "why", "next", "history"
	stop, runOnce, skip, pause, resume, approve, note word = "stop", "run-once", "skip", "pause", "resume", "approve", "note"
)

// orders are the words that ask the engine for something.
var orders = map[word]engine.OrderKind{
	stop: engine.Stop, runOnce: engine.RunOnce, skip: engine.Skip, pause: engine.PauseIt, resume: engine.Resume,
	approve: engine.Approve, note: engine.Remark,
}

// command is what a text asks for. The zero command asks for nothing.
type command struct {
	word   word
	attack string        // run-once
	host   string        // run-once
	length time.Duration // run-once, pause; 0: what the plan says, until resumed
	order  string        // approve
	reason string
}

const (
	longestCommand = 4000 // more than anybody types, and less than a pasted log
	longestReason  = 500
)

// parse reads what stands after the mention, or in a direct message or slash command. Only the first word counts as
// what is wanted, so that nothing further down, in a quotation or in a block of code, is a command. An error is a
// sentence for whoever wrote it.
func parse(text string) (command, error) {
	first, rest := cutWord(text)
	if isStop(first) { // however it is written and however much comes after it
		return command{word: stop, reason: words(rest)}, nil
	}
	if len(text) > longestCommand {
		return command{}, fmt.Errorf("that is longer than %d characters, and no command is", longestCommand)
	}
	c := command{word: word(strings.ToLower(first))}
	switch c.word {
	case help, status, why, next, history:
		return c, nothingMore(c.word, rest)
	case skip, resume:
		c.reason = words(rest)
	case note:
		if c.reason = words(rest); c.reason == "" {
			return command{}, errors.New("a note needs words: note TEXT")
		}
	case pause:
		return c.pause(rest)
	case approve:
		return c.approve(rest)
	case runOnce:
		return c.runOnce(rest)
	case "":
		return command{word: help}, nil
	default:
		return command{}, fmt.Errorf("I do not know %q; try: help", printable.Printable(shorten(plain(first), 40)))
	}
	return c, nil
}

// cutWord cuts the first word off, which ends at white space.
func cutWord(text string) (first, rest string) {
	text = strings.TrimSpace(text)
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

// isStop takes a stop in capitals, in bold and with exclamation marks; in a quotation or as code it is somebody
// else's.
func isStop(first string) bool {
	return strings.EqualFold(strings.Trim(first, "*_~!.,:;"), string(stop))
}

func nothingMore(w word, rest string) error {
	if rest == "" || strings.EqualFold(rest, "please") {
		return nil
	}
	return fmt.Errorf("%s stands by itself; what was meant by what comes after it?", w)
}

func (c command) pause(rest string) (command, error) {
	first, more := cutWord(rest)
	if first == "" || first[0] < '0' || first[0] > '9' {
		c.reason = words(rest)
		return c, nil
	}
	var err error
	c.length, err = span(first)
	c.reason = words(more)
	return c, err
}

// longestPause is more than any; who wants longer says no time at all, or takes the schedule out.
const longestPause = 90 * 24 * time.Hour

func span(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > longestPause {
		return 0, fmt.Errorf("%q is no time; write it like 90s, 15m or 2h", printable.Printable(shorten(s, 20)))
	}
	return d, nil
}

// orderID is how the ids of orders look, whichever door they come through; see engine/control.
var orderID = regexp.MustCompile(`^[A-Za-z0-9._:@-]{1,128}$`)

// somebody is a mention of a person, a channel or a group, which is no id.
var somebody = regexp.MustCompile(`<[@#!]`)

func (c command) approve(rest string) (command, error) {
	id, more := cutWord(plain(rest))
	if id != "" && !orderID.MatchString(id) || more != "" || somebody.MatchString(rest) {
		return command{}, errors.New("approve takes the id of an order, or nothing where only one waits")
	}
	c.order = id
	return c, nil
}

// plainWords has no quotation, no code, nobody's name and no second line; a host may have become a link.
var plainWords = regexp.MustCompile("^(<https?://|[^\n`<&])*$")

// runOnce reads: [ATTACK] [[on] HOST] [for TIME].
func (c command) runOnce(rest string) (command, error) {
	if !plainWords.MatchString(rest) {
		return command{}, errors.New("run-once is one line of plain words: run-once [ATTACK] [on HOST] [for TIME]")
	}
	fields := strings.Fields(plain(rest))
	if i := slices.Index(fields, "for"); i >= 0 {
		if i+2 != len(fields) {
			return command{}, errors.New("for is followed by a time, and nothing comes after that: for 2m")
		}
		var err error
		if c.length, err = span(fields[i+1]); err != nil {
			return command{}, err
		}
		fields = fields[:i]
	}
	if i := slices.Index(fields, "on"); i >= 0 && i <= 1 && i+2 == len(fields) {
		c.host, fields = fields[i+1], fields[:i]
	} else if len(fields) == 2 {
		c.host, fields = fields[1], fields[:1]
	}
	switch {
	case len(fields) > 1 || slices.Contains(fields, "on"):
		return command{}, errors.New("I do not understand that: run-once [ATTACK] [on HOST] [for TIME]")
	case len(fields) == 1:
		c.attack = fields[0]
	}
	return c, named(c.attack, c.host)
}

// named refuses what is no name, such as a mention of somebody.
func named(names ...string) error {
	for _, name := range names {
		if len(name) > 253 || strings.ContainsAny(name, "<>@`*\"'$;|&") || printable.Printable(name) != name {
			return fmt.Errorf("%q is no name", printable.Printable(shorten(name, 40)))
		}
	}
	return nil
}

// words are a reason: plain, printable, and not too long.
func words(text string) string {
	const enough = 4 * longestReason // before the markup goes, so that a flood of it costs little
	return shorten(printable.Printable(strings.Join(strings.Fields(plain(shorten(text, enough))), " ")), longestReason)
}

// shorten cuts at so many bytes, never within a character.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// link is Slack's markup: <URL|label>, <@U024BE7LH>, <#C024BE7LR|general>, <!here>.
var link = regexp.MustCompile(`<([^<>]*)>`)

// plain is a text as its writer saw it: host names that Slack took for links are names again.
func plain(text string) string {
	text = link.ReplaceAllStringFunc(text, func(m string) string {
		target, label, labelled := strings.Cut(m[1:len(m)-1], "|")
		switch {
		case strings.HasPrefix(target, "#") && labelled:
			return "#" + label
		case labelled:
			return strings.TrimPrefix(label, "@")
		case strings.HasPrefix(target, "!"):
			return strings.TrimPrefix(target, "!")
		}
		for _, scheme := range []string{"http://", "https://", "mailto:"} {
			target = strings.TrimPrefix(target, scheme)
		}
		return target
	})
	return entities.Replace(text)
}

// entities are the three characters that Slack escapes; "&amp;" last in a row of its own makes no second pass.
var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// escape is a text that Slack shows as it is: no mention, no link, no channel is called. Formatting marks stay.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// addressed is what follows the mention, if the text begins with it.
func addressed(text, me string) (rest string, yes bool) {
	rest, yes = strings.CutPrefix(strings.TrimSpace(text), "<@"+me)
	if !yes || me == "" {
		return "", false
	}
	if label, after, named := strings.Cut(rest, ">"); named && (label == "" || label[0] == '|') {
		return strings.TrimSpace(strings.TrimLeft(after, ":,")), true
	}
	return "", false
}
