package sshdoor

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
)

// People is who is let in: persons by their keys, and authorities that name others. It never changes after it is
// made. Nil lets nobody in.
type People struct {
	keys        map[string]entry // by what the key is on the wire
	authorities map[string]entry
	revoked     map[string]bool
	written     map[string]bool // names of persons, here and elsewhere
}

// entry is one line: whose key it is, or whose certificates an authority may sign, and where and how long it holds.
type entry struct {
	name       string // of an authority it is for people only
	principals []string
	from       []netip.Prefix // none: from anywhere
	until      time.Time      // zero: for ever
	line       int
}

// Mistake is a line of a file of people that cannot be taken as it is. Nothing that is not understood is ignored: an
// option that limits a key elsewhere must not be lost here.
type Mistake struct {
	Line       int
	Text, Hint string
}

const (
	longestName = 64
	leastRSA    = 2048
)

// ReadPeople reads a file in the format of authorized_keys. The comment of a line is the name of its person, who may
// have several. A line that begins with cert-authority lets in whoever has a valid user certificate of that key; one
// that begins with @revoked keeps a key out in every role: as a person's, as a certificate's, as an authority's.
//
// Written are further names of persons, such as members of teams. An authority whose line lists no principals names
// anybody else, but neither those nor the persons of this file: what they may do is not for every authority to give.
//
//	ssh-ed25519 AAAA... ada
//	from="10.0.0.0/8",expiry-time="20270101" ssh-ed25519 AAAA... bob
//	cert-authority,principals="eve,mallory" ssh-ed25519 AAAA... the bastion's authority
//	@revoked ssh-ed25519 AAAA... the laptop that was stolen
func ReadPeople(data []byte, written ...string) (*People, []Mistake) {
	p := &People{keys: map[string]entry{}, authorities: map[string]entry{}, revoked: map[string]bool{}, written: map[string]bool{}}
	for _, name := range written {
		p.written[name] = true
	}
	var wrong []Mistake
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if m := p.take(n, text); m != nil {
			m.Line = n
			wrong = append(wrong, *m)
		}
	}
	if len(p.keys)+len(p.authorities) == 0 && len(wrong) == 0 {
		wrong = append(wrong, Mistake{1, "names nobody, and so nobody could enter", "one line for each key: ssh-ed25519 AAAA... NAME"})
	}
	return p, wrong
}

// take reads one line.
func (p *People) take(n int, text string) *Mistake {
	rest, revoked := strings.CutPrefix(text, "@revoked ")
	if strings.HasPrefix(rest, "@") {
		return &Mistake{Text: "a marker that is not known: " + strings.Fields(rest)[0], Hint: "the only one is @revoked"}
	}
	key, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return &Mistake{Text: "is no public key", Hint: "write it as in authorized_keys: ssh-ed25519 AAAA... NAME"}
	}
	if _, is := key.(*ssh.Certificate); is {
		return &Mistake{Text: "is a certificate, which nobody has to write down", Hint: "write the authority's public key after cert-authority"}
	}
	wire := string(key.Marshal())
	if revoked {
		p.revoked[wire] = true
		return nil
	}
	if why := weak(key); why != "" {
		return &Mistake{Text: why, Hint: "ssh-keygen -t ed25519 makes a good one"}
	}
	e, authority, m := readOptions(options)
	if m != nil {
		return m
	}
	e.line = n
	if authority {
		p.authorities[wire] = e
		return nil
	}
	if e.name = strings.TrimSpace(comment); !ValidName(e.name) {
		return &Mistake{Text: fmt.Sprintf("the comment is to be the person's name, and %q is none", e.name), Hint: fmt.Sprintf("1 to %d characters that can be printed", longestName)}
	}
	if len(e.principals) > 0 {
		return &Mistake{Text: "principals are for an authority, and this is a person's key", Hint: "begin the line with cert-authority, or leave them out"}
	}
	if before, twice := p.keys[wire]; twice {
		return &Mistake{Text: fmt.Sprintf("the key is there already: %s's, on line %d", before.name, before.line), Hint: "one key is one person"}
	}
	p.keys[wire], p.written[e.name] = e, true
	return nil
}

// ValidName tells whether a person can be called so: the name goes into the journal and onto screens.
func ValidName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= longestName && strings.TrimSpace(name) == name &&
		!strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) })
}

func weak(key ssh.PublicKey) string {
	if key.Type() == "ssh-dss" {
		return "DSA keys can be forged and are not taken"
	}
	if crypto, is := key.(ssh.CryptoPublicKey); is {
		if r, is := crypto.CryptoPublicKey().(*rsa.PublicKey); is && r.N.BitLen() < leastRSA {
			return fmt.Sprintf("an RSA key of %d bits can be forged; %d at least", r.N.BitLen(), leastRSA)
		}
	}
	return ""
}

// refusedAnyway are options that forbid what nobody may do here.
var refusedAnyway = []string{"restrict", "no-port-forwarding", "no-agent-forwarding", "no-x11-forwarding", "no-user-rc"}

func readOptions(options []string) (e entry, authority bool, wrong *Mistake) {
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		var err error
		switch name = strings.ToLower(name); {
		case name == "cert-authority":
			authority = true
		case name == "principals":
			e.principals = strings.Split(value, ",")
		case name == "from":
			e.from, err = networks(value)
		case name == "expiry-time":
			e.until, err = expiry(value)
		case slices.Contains(refusedAnyway, name):
		default:
			err = fmt.Errorf("the option %s is not understood", name)
		}
		if err != nil {
			return e, false, &Mistake{Text: err.Error(), Hint: `what is: cert-authority, principals="...", from="10.0.0.0/8,...", expiry-time="20270101", restrict and no-...-forwarding`}
		}
	}
	return e, authority, nil
}

// networks reads addresses and networks, as they stand after from= and in certificates. Names of hosts and patterns
// are not taken: whoever answers for the network's names would decide who enters.
func networks(list string) (all []netip.Prefix, err error) {
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if address, err := netip.ParseAddr(item); err == nil {
			all = append(all, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(item)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", item)
		}
		all = append(all, network)
	}
	return all, nil
}

// expiry reads a time as sshd does; one without a zone is the machine's.
func expiry(text string) (time.Time, error) {
	zone := time.Local
	digits, utc := strings.CutSuffix(text, "Z")
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(layout, digits, zone); err == nil && len(layout) == len(digits) {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("expiry-time %q is no time: write 20270101 or 202701011200Z", text)
}

// Names are those of all persons who can come in by their key or by a certificate of an authority that lists them, and
// the line of the first authority that lists nobody, and so may name others; 0 is none.
func (p *People) Names() (names []string, others int) {
	for _, e := range p.keys {
		names = append(names, e.name)
	}
	for _, e := range p.authorities {
		if len(e.principals) == 0 && (others == 0 || e.line < others) {
			others = e.line
		}
		names = append(names, e.principals...)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !ValidName(name) })
	slices.Sort(names)
	return slices.Compact(names), others
}

// Who is the person behind a key or a certificate that somebody at that address shows; the error says why it is
// nobody, for the log.
func (p *People) Who(key ssh.PublicKey, at net.Addr, now time.Time) (string, error) {
	if p == nil {
		return "", errors.New("nobody is let in")
	}
	if certificate, is := key.(*ssh.Certificate); is {
		return p.certified(certificate, at, now)
	}
	wire := string(key.Marshal())
	e, known := p.keys[wire]
	switch {
	case p.revoked[wire]:
		return "", errors.New("the key is revoked")
	case !known:
		return "", errors.New("nobody has this key")
	}
	return e.name, e.holds(at, now)
}

func (e entry) holds(at net.Addr, now time.Time) error {
	switch {
	case !e.until.IsZero() && !now.Before(e.until):
		return fmt.Errorf("line %d has expired", e.line)
	case !within(e.from, at):
		return fmt.Errorf("line %d is not for this address", e.line)
	}
	return nil
}

// within tells whether the address is in one of the networks. No networks are every one.
func within(networks []netip.Prefix, at net.Addr) bool {
	if len(networks) == 0 {
		return true
	}
	tcp, is := at.(*net.TCPAddr)
	if !is {
		return false
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(address) })
}

const sourceAddress = "source-address"

// certified is the person whom a user certificate names: the key id, if that is one of its principals, else the first
// of them. One without principals names nobody.
func (p *People) certified(c *ssh.Certificate, at net.Addr, now time.Time) (string, error) {
	authority, known := p.authorities[string(c.SignatureKey.Marshal())]
	switch {
	case c.CertType != ssh.UserCert:
		return "", errors.New("a certificate, but not of a user")
	case !known:
		return "", errors.New("a certificate of an authority that is not known")
	case p.revoked[string(c.Key.Marshal())] || p.revoked[string(c.SignatureKey.Marshal())]:
		return "", errors.New("a certificate whose key or authority is revoked")
	case weak(c.Key) != "":
		return "", errors.New(weak(c.Key))
	case len(c.ValidPrincipals) == 0:
		return "", errors.New("a certificate without principals, which names nobody")
	}
	name := c.ValidPrincipals[0]
	if slices.Contains(c.ValidPrincipals, c.KeyId) {
		name = c.KeyId
	}
	if !ValidName(name) {
		return "", fmt.Errorf("a certificate whose principal %q is no name", name)
	}
	if len(authority.principals) > 0 && !slices.Contains(authority.principals, name) {
		return "", fmt.Errorf("a certificate for %s, whom its authority (line %d) may not name", name, authority.line)
	}
	if len(authority.principals) == 0 && p.written[name] {
		return "", fmt.Errorf("a certificate for %s, whose authority (line %d) may name them only if its principals=\"...\" lists them", name, authority.line)
	}
	checker := ssh.CertChecker{SupportedCriticalOptions: []string{sourceAddress}, Clock: func() time.Time { return now }}
	if err := checker.CheckCert(name, c); err != nil {
		return "", fmt.Errorf("a certificate for %s: %w", name, err)
	}
	if from, limited := c.CriticalOptions[sourceAddress]; limited {
		if networks, err := networks(from); err != nil || !within(networks, at) {
			return "", fmt.Errorf("a certificate for %s that is not for this address", name)
		}
	}
	return name, authority.holds(at, now)
}
