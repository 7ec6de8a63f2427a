package remote

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// keyIndex is the content of the known_hosts files at one moment. It answers what golang.org/x/crypto and
// skeema/knownhosts answer, to the letter, which a test compares; but those walk all lines at each question,
// and for hashed ones compute two digests per line: with ten thousand of them, 7 ms for each login.
//
// Here a plain name is looked up. A hashed line is looked up by its key: the host shows its own, and only the
// lines with that key, one as a rule, need be hashed with its name. All lines are hashed only to say what was
// expected instead of a key that was not.
type keyIndex struct {
	lines   []knownLine
	revoked map[string]*knownhosts.KnownKey
	plain   map[place][]int32  // lines that name the place as it is
	loose   []int32            // lines with wildcards or negations
	hashed  []int32            // lines whose name is hashed
	byKey   map[string][]int32 // of the hashed lines, those with that key
	kinds   []string           // host key algorithms of the hashed lines
	wild    bool               // some pattern with a star names no port
	at      map[fileLine]int32

	mu    sync.Mutex
	found map[place][]int32 // of the hashed lines, those of a place for which all had to be searched
}

type fileLine struct {
	file string
	line int
}

// place is a host name or address, and a port.
type place struct{ host, port string }

// knownLine is one key, and the names that it is good for.
type knownLine struct {
	knownhosts.KnownKey
	cert       bool // the key of an authority
	wild       bool
	patterns   []hostPattern
	salt, hash []byte // instead of patterns
}

type hostPattern struct {
	place
	negate bool
}

// hostKey is what a host shows.
type hostKey = ssh.PublicKey

// readKeys reads the files. They are wrong where the library finds them wrong.
func readKeys(files []string) (*keyIndex, error) {
	x := &keyIndex{revoked: map[string]*knownhosts.KnownKey{}, plain: map[place][]int32{}, byKey: map[string][]int32{}, at: map[fileLine]int32{}, found: map[place][]int32{}}
	for _, name := range files {
		text, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		err = x.read(text, name)
		text.Close()
		if err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (x *keyIndex) read(text io.Reader, file string) error {
	in := bufio.NewScanner(text)
	for number := 1; in.Scan(); number++ {
		wild := wildcard(in.Bytes())
		x.wild = x.wild || wild
		line := bytes.Trim(in.Bytes(), " \t")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err := x.add(string(line), knownLine{KnownKey: knownhosts.KnownKey{Filename: file, Line: number}, wild: wild}); err != nil {
			return fmt.Errorf("knownhosts: %s:%d: %w", file, number, err)
		}
	}
	return in.Err()
}

// wildcard tells whether the names of a line hold a star and no port. It reads as loosely as the library that
// gives such a line its meaning.
func wildcard(line []byte) bool {
	line = bytes.TrimSpace(line)
	if len(line) > 15 && bytes.HasPrefix(line, []byte("@cert-authority")) && (line[15] == ' ' || line[15] == '\t') {
		line = bytes.TrimSpace(line[16:])
	}
	if i := bytes.IndexAny(line, "\t "); i >= 0 {
		line = line[:i]
	}
	i := bytes.IndexByte(line, '*')
	return i >= 0 && !bytes.Contains(line[i:], []byte("]:"))
}

// add understands one line.
func (x *keyIndex) add(text string, l knownLine) (err error) {
	mark, rest := word(text)
	if mark != "@cert-authority" && mark != "@revoked" {
		mark, rest = "", text
	}
	names, rest := word(rest)
	switch {
	case strings.HasPrefix(names, "@"):
		return fmt.Errorf("unexpected marker: %q", names)
	case rest == "":
		return errors.New("missing host pattern")
	}
	kind, rest := word(rest)
	if rest == "" {
		return errors.New("missing key type pattern")
	}
	blob, _ := word(rest)
	if l.Key, err = parseKey(kind, blob); err != nil {
		return err
	}
	if mark == "@revoked" {
		x.revoked[keyBlob(l.Key)] = &l.KnownKey
		return nil
	}
	l.cert = mark == "@cert-authority"
	if names[0] == '|' {
		l.salt, l.hash, err = parseHash(names)
	} else {
		l.patterns, err = parsePatterns(names)
	}
	if err == nil {
		x.file(l)
	}
	return err
}

// word is the first word of a line, and what follows it.
func word(line string) (first, rest string) {
	at := strings.IndexAny(line, "\t ")
	if at < 0 {
		return line, ""
	}
	return line[:at], strings.Trim(line[at:], " \t")
}

func parseKey(kind, blob string) (ssh.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePublicKey(raw)
	if err != nil {
		return nil, err
	}
	if key.Type() != kind {
		return nil, fmt.Errorf("key type mismatch: found %q, want %q", key.Type(), kind)
	}
	return key, nil
}

func parseHash(text string) (salt, hash []byte, err error) {
	parts := strings.Split(text, "|")
	if len(parts) != 4 {
		return nil, nil, fmt.Errorf("got %d components, want 3", len(parts))
	}
	if salt, err = base64.StdEncoding.DecodeString(parts[2]); err != nil {
		return nil, nil, err
	}
	if hash, err = base64.StdEncoding.DecodeString(parts[3]); err != nil {
		return nil, nil, err
	}
	if parts[1] != "1" {
		return nil, nil, fmt.Errorf("got hash type %s, must be '1'", parts[1])
	}
	return salt, hash, nil
}

func parsePatterns(names string) (all []hostPattern, err error) {
	for name := range strings.SplitSeq(names, ",") {
		if name == "" {
			continue
		}
		var p hostPattern
		if name, p.negate = strings.CutPrefix(name, "!"); name == "" {
			return nil, errors.New("negation without following hostname")
		}
		p.host, p.port, err = net.SplitHostPort(name)
		if err != nil {
			if name[0] == '[' {
				return nil, err
			}
			p.place = place{name, "22"}
		}
		all = append(all, p)
	}
	return all, nil
}

// file puts a line where it will be looked for.
func (x *keyIndex) file(l knownLine) {
	at := int32(len(x.lines))
	switch {
	case l.hash != nil || l.salt != nil:
		x.hashed = append(x.hashed, at)
		blob := string(l.Key.Marshal())
		x.byKey[blob] = append(x.byKey[blob], at)
		for _, algo := range keyAlgorithms(l) {
			if !slices.Contains(x.kinds, algo) {
				x.kinds = append(x.kinds, algo)
			}
		}
	case slices.ContainsFunc(l.patterns, hostPattern.special):
		x.loose = append(x.loose, at)
	default:
		for _, p := range l.patterns {
			if list := x.plain[p.place]; len(list) == 0 || list[len(list)-1] != at {
				x.plain[p.place] = append(list, at)
			}
		}
	}
	x.at[fileLine{l.Filename, l.Line}] = at
	x.lines = append(x.lines, l)
}

func (p hostPattern) special() bool { return p.negate || strings.ContainsAny(p.host, "*?") }

func (l *knownLine) match(at place) bool {
	if l.hash != nil || l.salt != nil {
		mac := hmac.New(sha1.New, l.salt)
		mac.Write([]byte(knownhosts.Normalize(at.String())))
		return bytes.Equal(mac.Sum(nil), l.hash)
	}
	matched := false
	for _, p := range l.patterns {
		if p.port != at.port || !like(p.host, at.host) {
			continue
		}
		if p.negate {
			return false
		}
		matched = true
	}
	return matched
}

func (p place) String() string {
	if strings.Contains(p.host, ":") {
		return "[" + p.host + "]:" + p.port
	}
	return p.host + ":" + p.port
}

// like tells whether a text matches a pattern with stars and question marks. A star at the end stands for
// one byte at least, as it does for the library.
func like(pattern, text string) bool {
	star, back := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			back++
			p, t = star+1, back
		default:
			return false
		}
	}
	return p == len(pattern)
}

// named are the lines that name the place, without those that are hashed.
func (x *keyIndex) named(at place) []int32 {
	lines := slices.Clone(x.plain[at])
	for _, i := range x.loose {
		if x.lines[i].match(at) {
			lines = append(lines, i)
		}
	}
	return lines
}

// all are all lines for the place, in their order. It is slow once for each place, where lines are hashed.
func (x *keyIndex) all(at place) []int32 {
	lines := x.named(at)
	if len(x.hashed) > 0 {
		lines = append(lines, x.search(at)...)
	}
	slices.Sort(lines)
	return lines
}

func (x *keyIndex) search(at place) []int32 {
	x.mu.Lock()
	lines, known := x.found[at]
	x.mu.Unlock()
	if known {
		return lines
	}
	for _, i := range x.hashed {
		if x.lines[i].match(at) {
			lines = append(lines, i)
		}
	}
	x.mu.Lock()
	x.found[at] = lines
	x.mu.Unlock()
	return lines
}

// searched tells whether all lines for the address are known already.
func (x *keyIndex) searched(addr string) bool {
	if len(x.hashed) == 0 {
		return true
	}
	host, port, err := net.SplitHostPort(addr)
	x.mu.Lock()
	defer x.mu.Unlock()
	_, known := x.found[place{host, port}]
	return known || err != nil
}

// holds tells whether a line for the place has that key; only is for lines of an authority.
func (x *keyIndex) holds(at place, key ssh.PublicKey, only bool) bool {
	blob := key.Marshal()
	fits := func(i int32) bool {
		return (!only || x.lines[i].cert) && bytes.Equal(x.lines[i].Key.Marshal(), blob)
	}
	return slices.ContainsFunc(x.named(at), fits) ||
		slices.ContainsFunc(x.byKey[string(blob)], func(i int32) bool { return fits(i) && x.lines[i].match(at) })
}

// verify is the answer for a key that the host at addr has shown: nil, or an error of the library's types.
func (x *keyIndex) verify(addr string, key ssh.PublicKey) error {
	err := x.verifyAt(addr, key)
	host, port, bad := net.SplitHostPort(addr)
	if err == nil || !x.wild || changed(err) || bad != nil || port == "" || port == "22" {
		return err
	}
	err = x.verifyAt(host+":22", key) // a star without a port means every port
	mismatch := (*knownhosts.KeyError)(nil)
	if errors.As(err, &mismatch) && len(mismatch.Want) > 0 {
		return &knownhosts.KeyError{Want: slices.DeleteFunc(slices.Clone(mismatch.Want), func(k knownhosts.KnownKey) bool { return !x.line(k).wild })}
	}
	return err
}

// changed tells whether something is known of the host, and it is not this key.
func changed(err error) bool {
	mismatch := (*knownhosts.KeyError)(nil)
	return errors.As(err, &mismatch) && len(mismatch.Want) > 0
}

func (x *keyIndex) line(k knownhosts.KnownKey) knownLine {
	return x.lines[x.at[fileLine{k.Filename, k.Line}]]
}

func (x *keyIndex) verifyAt(addr string, key ssh.PublicKey) error {
	checker := ssh.CertChecker{
		IsHostAuthority: func(authority ssh.PublicKey, addr string) bool {
			host, port, err := net.SplitHostPort(addr)
			return err == nil && x.holds(place{host, port}, authority, true)
		},
		IsRevoked: func(cert *ssh.Certificate) bool {
			return x.revoked[keyBlob(cert)] != nil || x.revoked[keyBlob(cert.SignatureKey)] != nil
		},
		HostKeyFallback: func(addr string, _ net.Addr, key ssh.PublicKey) error { return x.verifyKey(addr, key) },
	}
	return checker.CheckHostKey(addr, &net.TCPAddr{IP: net.IPv4zero}, key)
}

func (x *keyIndex) verifyKey(addr string, key ssh.PublicKey) error {
	if revoked := x.revoked[keyBlob(key)]; revoked != nil {
		return &knownhosts.RevokedError{Revoked: *revoked}
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("knownhosts: SplitHostPort(%s): %v", addr, err)
	}
	at := place{host, port}
	if x.holds(at, key, false) {
		return nil
	}
	mismatch := &knownhosts.KeyError{}
	for _, i := range x.all(at) {
		mismatch.Want = append(mismatch.Want, x.lines[i].KnownKey)
	}
	return mismatch
}

// keyBlob is a key as a revocation names it: of a certificate, the key that is certified.
func keyBlob(key ssh.PublicKey) string {
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	return string(key.Marshal())
}

// algorithms are the host key algorithms that known lines call for. Where lines are hashed and this place
// has not been searched for among them, theirs are all called for: exact is false then.
func (x *keyIndex) algorithms(addr string) (list []string, exact bool) {
	if x.searched(addr) {
		return x.exactly(addr), true
	}
	host, port, _ := net.SplitHostPort(addr)
	for _, i := range x.named(place{host, port}) {
		list = append(list, keyAlgorithms(x.lines[i])...)
	}
	list = append(list, x.kinds...)
	if x.wild {
		for _, i := range x.named(place{host, "22"}) {
			if x.lines[i].wild {
				list = append(list, keyAlgorithms(x.lines[i])...)
			}
		}
	}
	return unique(list), false
}

// exactly is algorithms after every line has been looked at.
func (x *keyIndex) exactly(addr string) (list []string) {
	mismatch := (*knownhosts.KeyError)(nil)
	if !errors.As(x.verify(addr, noKey{}), &mismatch) {
		return nil
	}
	want := slices.Clone(mismatch.Want)
	slices.SortStableFunc(want, func(a, b knownhosts.KnownKey) int {
		return cmp.Or(strings.Compare(a.Filename, b.Filename), cmp.Compare(a.Line, b.Line))
	})
	for _, k := range want {
		list = append(list, keyAlgorithms(x.line(k))...)
	}
	return unique(list)
}

func unique(list []string) []string {
	var once []string
	for _, s := range list {
		if !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	return once
}

// certified is the algorithm of a certificate for a key that has that one.
var certified = map[string]string{
	ssh.KeyAlgoRSA:        ssh.CertAlgoRSAv01,
	ssh.KeyAlgoRSASHA256:  ssh.CertAlgoRSASHA256v01,
	ssh.KeyAlgoRSASHA512:  ssh.CertAlgoRSASHA512v01,
	ssh.KeyAlgoECDSA256:   ssh.CertAlgoECDSA256v01,
	ssh.KeyAlgoECDSA384:   ssh.CertAlgoECDSA384v01,
	ssh.KeyAlgoECDSA521:   ssh.CertAlgoECDSA521v01,
	ssh.KeyAlgoSKECDSA256: ssh.CertAlgoSKECDSA256v01,
	ssh.KeyAlgoED25519:    ssh.CertAlgoED25519v01,
	ssh.KeyAlgoSKED25519:  ssh.CertAlgoSKED25519v01,
}

// keyAlgorithms are those by which the key of a line can be shown: an RSA key by three.
func keyAlgorithms(l knownLine) []string {
	kinds := []string{l.Key.Type()}
	if kinds[0] == ssh.KeyAlgoRSA {
		kinds = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	if l.cert {
		for i, kind := range kinds {
			kinds[i] = certified[kind]
		}
	}
	return kinds
}

// noKey is nobody's key: what is wanted instead of it is all that is known.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
