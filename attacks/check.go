package attacks

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check holds the parameters of one attack against its definition and brings them into the form in which
// they travel: a delay "1.5s" becomes "1500", true becomes "1", lists get single commas, what was not said
// gets its default. All that is wrong is said at once. The map it returns is the caller's own.
func Check(def Definition, params map[string]string) (map[string]string, error) {
	if len(def.Parts) > 0 {
		return checkParts(def, params)
	}
	wire, wrong := map[string]string{}, unknown(def, params)
	chosen, err := oneOf(def, params)
	wrong = append(wrong, err, anyOf(def, params))
	for _, p := range def.Params {
		value := params[p.Name]
		if value == "" && (chosen == "" || !slices.Contains(def.OneOf, p.Name)) {
			value = p.Default
		}
		if value == "" {
			if p.Required {
				wrong = append(wrong, fmt.Errorf("%s: %s is required: %s", def.Name, p.Name, p.Help))
			}
			continue
		}
		sent, err := p.wire(value)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s = %q %w", def.Name, p.Name, value, err))
			continue
		}
		wire[p.Name] = sent
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return wire, nil
}

// oneOf is the parameter that was said of those that exclude each other.
func oneOf(def Definition, params map[string]string) (chosen string, err error) {
	for _, name := range def.OneOf {
		switch {
		case params[name] == "":
		case chosen != "":
			return chosen, fmt.Errorf("%s: %s and %s exclude each other: say one of %s", def.Name, chosen, name, strings.Join(def.OneOf, ", "))
		default:
			chosen = name
		}
	}
	return chosen, nil
}

func anyOf(def Definition, params map[string]string) error {
	if len(def.AnyOf) == 0 || slices.ContainsFunc(def.AnyOf, func(name string) bool { return params[name] != "" }) {
		return nil
	}
	return fmt.Errorf("%s: say at least one of %s", def.Name, strings.Join(def.AnyOf, ", "))
}

// Undoes tells whether the attack can be taken back, with these checked parameters.
func Undoes(def Definition, wire map[string]string) bool {
	return def.Reversible && !slices.ContainsFunc(def.Params, func(p Param) bool { return p.Irreversible && wire[p.Name] == "1" })
}

func unknown(def Definition, params map[string]string) (wrong []error) {
	known := names(def.Params)
	given := make([]string, 0, len(params))
	for name := range params {
		if !slices.Contains(known, name) {
			given = append(given, name)
		}
	}
	slices.Sort(given)
	for _, name := range given {
		hint := "it takes none"
		if near := nearest(name, known); near != "" {
			hint = "did you mean " + near + "?"
		} else if len(known) > 0 {
			hint = "it takes " + strings.Join(known, ", ")
		}
		wrong = append(wrong, fmt.Errorf("%s has no parameter %q: %s", def.Name, name, hint))
	}
	return wrong
}

// HeaderLine is one line of the header of package remote's wire, without its line feed. It refuses what
// the host would refuse, so that nothing that could be taken for program text ever travels.
func HeaderLine(key, value string) (string, error) {
	if !headerKey.MatchString(key) || len(key) > 64 {
		return "", fmt.Errorf("header key %q: it must be made of a-z, 0-9, _ and . and begin with a letter", key)
	}
	if !headerValue.MatchString(value) || len(value) > 4000 {
		return "", fmt.Errorf("the value %q of %s cannot be sent: only letters, digits, spaces and !#%%+,-./:=@[]^_~ may be, 4000 at most", value, key)
	}
	return key + "=" + value, nil
}

var (
	headerKey    = regexp.MustCompile(`^[a-z][a-z0-9_.]*$`)
	headerValue  = regexp.MustCompile(`^[][A-Za-z0-9 !#%+,./:=@^_~-]*$`)
	unitName     = regexp.MustCompile(`^[A-Za-z0-9:_.@][A-Za-z0-9:_.@-]{0,118}\.service$`)
	groupName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)
	looksNumeric = regexp.MustCompile(`^[0-9.:/]*$`) // a mistyped address is never looked up as a name
	plainInt     = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)
)

// wire turns a value as a person writes it into the one that travels.
func (p Param) wire(value string) (string, error) {
	switch p.Kind {
	case Int, Percent:
		return p.number(value)
	case Millis:
		return p.millis(value)
	case Bool:
		return boolean(value)
	case Share:
		return share100(value)
	case Size:
		return p.scaled(value, sizes, `a size like "512MiB" or "1GB"`)
	case Rate:
		return p.scaled(value, rates, `a rate like "1mbit" or "500kbit"`)
	case Peers:
		return list(value, peer)
	case Domains:
		return list(value, domain)
	case Device:
		return device(value)
	case Path:
		return plainFile(value)
	case Process:
		return process(value)
	case Ports:
		return list(value, portRange)
	case Unit:
		return unit(value)
	case Word:
		if slices.Contains(p.Choices, value) {
			return value, nil
		}
		return "", fmt.Errorf("is not one of %s", strings.Join(p.Choices, ", "))
	case Text:
		if len(value) <= 200 && headerValue.MatchString(value) {
			return value, nil
		}
		return "", errors.New("is longer than 200 characters or has one that cannot be sent: only letters, digits, spaces and !#%+,-./:=@[]^_~ can")
	}
	return "", fmt.Errorf("has the unknown kind %q", p.Kind)
}

func (p Param) number(value string) (string, error) {
	if !plainInt.MatchString(value) {
		return "", fmt.Errorf("is not a whole number from %d to %d", p.Min, p.Max)
	}
	n, _ := strconv.ParseInt(value, 10, 64) // nine digits fit
	return p.bounded(n)
}

func (p Param) millis(value string) (string, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		return "", errors.New(`is not a time like "200ms" or "1.5s"`)
	}
	if d%time.Millisecond != 0 {
		return "", errors.New("is finer than a millisecond")
	}
	return p.bounded(d.Milliseconds())
}

func (p Param) bounded(n int64) (string, error) {
	if n < p.Min || n > p.Max {
		return "", fmt.Errorf("is not within %s", p.Bounds())
	}
	return strconv.FormatInt(n, 10), nil
}

func boolean(value string) (string, error) {
	switch value {
	case "true", "1":
		return "1", nil
	case "false", "0":
		return "0", nil
	}
	return "", errors.New("is neither true nor false")
}

func unit(value string) (string, error) {
	if !unitName.MatchString(value) {
		return "", errors.New("is not the name of a service: NAME.service")
	}
	if Vital(value) {
		return "", errors.New("is a service by which the host is reached or run: it is never stopped")
	}
	return value, nil
}

// vital begins the names of the services that must never be stopped. The host has the same list, and asks
// for aliases and dependents, too.
var vital = []string{
	"ssh.", "ssh@", "ssh-", "sshd.", "sshd@", "sshd-", "dropbear", "network", "NetworkManager", "connman", "wicked", "dhcp", "ifup",
	"systemd-", "init.", "dbus", "getty", "serial-getty", "console-", "user@", "user-runtime-dir@", "session-",
	"firewalld", "nftables", "iptables", "ufw", "chaoscat",
}

// Vital tells whether a unit is one by which a host is reached or run.
func Vital(unit string) bool {
	return slices.ContainsFunc(vital, func(v string) bool { return strings.HasPrefix(unit, v) })
}

// list takes the words of a value apart, checks each, and joins them with single commas.
func list(value string, check func(string) (string, error)) (string, error) {
	words := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	if len(words) == 0 {
		return "", errors.New("names nothing, and nothing never means everything: leave it out")
	}
	if len(words) > 64 {
		return "", fmt.Errorf("has %d entries: 64 at most", len(words))
	}
	for i, w := range words {
		sent, err := check(w)
		if err != nil {
			return "", err
		}
		words[i] = sent
	}
	return strings.Join(words, ","), nil
}

func peer(word string) (string, error) {
	if prefix, err := netip.ParsePrefix(word); err == nil {
		if prefix.Masked().Addr() != prefix.Addr() {
			return "", fmt.Errorf("names %s, which has host bits: did you mean %s?", word, prefix.Masked())
		}
		return prefix.String(), usable(prefix.Addr(), prefix.Bits() == 0)
	}
	addr, err := netip.ParseAddr(word)
	if err != nil {
		return peerName(word)
	}
	return addr.String(), usable(addr, false)
}

// peerName is a host name, or a group of the inventory.
func peerName(word string) (string, error) {
	if group, ok := strings.CutPrefix(word, "group:"); ok && groupName.MatchString(group) {
		return word, nil
	}
	if looksNumeric.MatchString(word) || len(word) > 253 || !domainShape.MatchString(strings.ToLower(word)) {
		return "", fmt.Errorf("names %q, which is no IP address, network, host name or group:NAME", word)
	}
	return strings.ToLower(word), nil
}

func usable(a netip.Addr, everything bool) error {
	switch {
	case everything:
		return nil
	case a.Zone() != "":
		return fmt.Errorf("names %s: an address with a zone means something else on every host", a)
	case a.Is4In6():
		return fmt.Errorf("names %s: write %s", a, a.Unmap())
	case a.IsLoopback() || a.IsUnspecified():
		return fmt.Errorf("names %s, which is the host itself", a)
	}
	return nil
}

func portRange(word string) (string, error) {
	first, last, isRange := strings.Cut(word, "-")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if errA != nil || errB != nil || a == 0 || b < a || first[0] == '+' || last[0] == '+' {
		return "", fmt.Errorf("names %q, which is no port (1 to 65535) or range of ports (8000-8100)", word)
	}
	if !isRange {
		return strconv.FormatUint(a, 10), nil
	}
	return fmt.Sprintf("%d-%d", a, b), nil
}

// nearest is the known name within two typing mistakes, or "".
func nearest(name string, known []string) string {
	best, at := "", 3
	for _, k := range known {
		if d := distance(name, k); d < at {
			best, at = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
