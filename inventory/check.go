package inventory

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chaoscat/chaoscat/engine"
)

const maxLabel = 63 // runes in a group name or a tag's value

// direct stands for no jump host where there is one by default.
const direct = "none"

// CheckName tells whether a host may be called so: letters, digits, ".", "_" and "-", beginning and
// ending with a letter or a digit, at most 253 characters; or an IP literal. Such a name means nothing
// to a shell, an option parser, a terminal or a log file.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("empty")
	case name[0] == '-':
		return errors.New("begins with \"-\", which would be read as an option")
	case len(name) > 253:
		return fmt.Errorf("%d characters long; a host name has at most 253", len(name))
	case all(name, isWordByte) && isAlnum(name[0]) && isAlnum(name[len(name)-1]):
		return nil
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.Zone() == "" {
		return nil
	}
	return errors.New("a host name has letters, digits, \".\", \"_\" and \"-\" only, and begins and ends with a letter or digit")
}

func checkUser(user string) error {
	body := strings.TrimSuffix(user, "$")
	if body == "" || len(body) > 32 || isDigit(body[0]) || body[0] == '-' || !all(body, isUserByte) {
		return errors.New("a user name has lower-case letters, digits, \"_\" and \"-\" only, begins with a letter or \"_\", and is at most 32 characters long")
	}
	return nil
}

func checkLabel(text string) error {
	if utf8.RuneCountInString(text) > maxLabel {
		return fmt.Errorf("longer than %d characters", maxLabel)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("has characters that cannot be printed")
	}
	if strings.TrimSpace(text) != text {
		return errors.New("begins or ends with a space")
	}
	return nil
}

func checkTag(key, value string) error {
	if key == "" || len(key) > maxLabel || !all(key, isWordByte) {
		return fmt.Errorf("tag %s: a tag's name has letters, digits, \".\", \"_\" and \"-\" only, at most %d of them", show(key), maxLabel)
	}
	if err := checkLabel(value); err != nil {
		return fmt.Errorf("tag %s: its value %s %w", show(key), show(value), err)
	}
	return nil
}

// settle checks everything about the entry that can be checked without knowing the others and brings
// it into its one spelling. The key is equal for two entries that reach the same machine.
func settle(e *Entry, defaultPort int, defaultJump string) (key string, wrong []error) {
	say := func(what, value string, err error) {
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s %s: %w", what, show(value), err))
		}
	}
	say("name", e.Name, CheckName(e.Name))
	if e.Address == "" {
		e.Address = e.Name
	}
	address, err := canonical(e.Address)
	if e.Address != e.Name || len(wrong) == 0 { // a bad name that is the address, too, is one mistake
		say("address", e.Address, err)
	}
	if e.Port == 0 {
		e.Port = defaultPort
	}
	if e.Port < 1 || e.Port > 65535 {
		wrong = append(wrong, fmt.Errorf("port %d: a port is a number from 1 to 65535", e.Port))
	}
	if e.User != "" {
		say("user", e.User, checkUser(e.User))
	}
	jump, jumpKey, err := wayTo(e.Jump, defaultJump)
	say("jump", e.Jump, err)
	wrong = append(wrong, unfitLabels(e.Host)...)
	e.Address, e.Jump = address, jump
	return address + " " + strconv.Itoa(e.Port) + " " + jumpKey, wrong
}

// wayTo is the jump hosts of an entry in their one spelling. The key is that of the way which is gone in the end:
// an entry that names no jump host goes over those that are the default, unless it wants to go direct.
func wayTo(jump, byDefault string) (spelling, key string, err error) {
	switch {
	case jump == "":
		_, key, _ = canonicalJump(byDefault) // whoever has the default has checked it
		return "", key, nil
	case jump != direct:
		return canonicalJump(jump)
	case byDefault == "":
		return "", "", nil
	}
	return direct, "", nil
}

func unfitLabels(h engine.Host) []error {
	var wrong []error
	for _, group := range h.Groups {
		if group == "" {
			wrong = append(wrong, errors.New("a group without a name"))
		} else if err := checkLabel(group); err != nil {
			wrong = append(wrong, fmt.Errorf("group %s %w", show(group), err))
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(h.Tags)) {
		if err := checkTag(tag, h.Tags[tag]); err != nil {
			wrong = append(wrong, err)
		}
	}
	return wrong
}

func all(text string, is func(byte) bool) bool {
	for i := range len(text) {
		if !is(text[i]) {
			return false
		}
	}
	return true
}

func isDigit(b byte) bool     { return b >= '0' && b <= '9' }
func isLower(b byte) bool     { return b >= 'a' && b <= 'z' }
func isAlnum(b byte) bool     { return isDigit(b) || isLower(b) || b >= 'A' && b <= 'Z' }
func isUserByte(b byte) bool  { return isDigit(b) || isLower(b) || b == '_' || b == '-' }
func isLabelByte(b byte) bool { return isUserByte(b) }
func isPatternByte(b byte) bool {
	return isWordByte(b) || b == '[' || b == ']' || b == ':'
}
func isWordByte(b byte) bool { return isAlnum(b) || b == '.' || b == '_' || b == '-' }

// show quotes text from outside for a message: nothing in it can move a cursor or forge a line, and it
// is never long.
func show(text string) string {
	const most = 80
	if len(text) <= most {
		return strconv.Quote(text)
	}
	return strconv.Quote(text[:most]) + "..."
}

// harmless makes a foreign error message fit to be printed on one line.
func harmless(err error) string { return plain(err.Error()) }

// plain writes text from outside without quotes: what cannot be printed is escaped, and what is long is
// cut.
func plain(text string) string {
	const most = 400
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "?") {
		if b.Len() > most {
			return b.String() + "..."
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
