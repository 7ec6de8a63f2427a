package remote

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// someKeys are a few keys of two kinds, always the same.
func someKeys(t testing.TB) (keys []ssh.Signer) {
	for i := range 4 {
		signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, 32)))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, signer)
	}
	return keys
}

// someNames are what may be asked for; somePatterns what a line may say.
var (
	someNames    = []string{"web-1:22", "web-1:2222", "web-2:22", "10.0.0.7:22", "[fd00::7]:22", "[fd00::7]:2022", "db.example:22", "db.example:2222", "nonsense", ":22", "web-1:"}
	somePatterns = []string{
		"web-1", "[web-1]:2222", "web-*", "web-?", "*", "!web-2,web-*", "*.example", "[*.example]:2222", "10.0.0.7", "10.0.0.*", "fd00::7", "[fd00::7]:2022",
		"web-1,web-2,10.0.0.7", "web-2,,web-1", "!*", "**", "w*b-*1", "web-1*", ",", "*web-1", "#*", "WEB-1", "HASH web-1", "HASH [web-1]:2222", "HASH 10.0.0.7", "HASH fd00::7", "HASH db.example",
	}
	someMarks     = []string{"", "", "", "", "", "@cert-authority ", "@revoked ", "@cert-authority\t"}
	wrongPatterns = []string{"[web-1]", "!", "a,!", "|1|", "|2|AAAA|AAAA", "|1|!|AAAA", "@unknown web-1", "@revoked @cert-authority web-1"}
)

// someFile is a known_hosts file that the dice have written.
func someFile(dice *rand.Rand, keys []ssh.Signer) string {
	var b strings.Builder
	for range dice.IntN(8) {
		pattern := somePatterns[dice.IntN(len(somePatterns))]
		if name, hash := strings.CutPrefix(pattern, "HASH "); hash {
			pattern = xknownhosts.HashHostname(name)
		}
		key := keys[dice.IntN(len(keys))].PublicKey()
		line := someMarks[dice.IntN(len(someMarks))] + pattern + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
		switch dice.IntN(60) {
		case 4:
			line = wrongPatterns[dice.IntN(len(wrongPatterns))] + line[len(pattern):]
		case 0:
			line = strings.Replace(line, "ssh-ed25519", "ssh-rsa", 1)
		case 1:
			line = line[:dice.IntN(len(line))]
		case 2:
			line = "# " + line
		case 3:
			line = " \t" + line + " a comment\r"
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// sameAnswers fails if the index and the library differ in anything that either of them says.
func sameAnswers(t *testing.T, keys []ssh.Signer, files ...string) {
	t.Helper()
	ours, wrong := readKeys(files)
	theirs, err := knownhosts.NewDB(files...)
	if (wrong == nil) != (err == nil) {
		t.Fatalf("ours: %v, theirs: %v", wrong, err)
	}
	if err != nil {
		return
	}
	check := theirs.HostKeyCallback()
	for _, name := range someNames {
		for _, key := range shownKeys(t, keys, name) {
			got, want := ours.verify(name, key), check(name, &net.TCPAddr{IP: net.IPv4zero}, key)
			if !reflect.DeepEqual(got, want) && (got == nil || want == nil || got.Error() != want.Error() || typed(got) != typed(want)) {
				t.Fatalf("%s with %s: ours %#v, theirs %#v", name, key.Type(), got, want)
			}
			if g, w := wanted(got), wanted(want); !slices.Equal(g, w) {
				t.Fatalf("%s with %s: ours expects %v, theirs %v", name, key.Type(), g, w)
			}
		}
		if got, want := ours.exactly(name), theirs.HostKeyAlgorithms(name); !slices.Equal(got, want) {
			t.Fatalf("%s: ours asks for %v, theirs for %v", name, got, want)
		}
	}
}

func typed(err error) string {
	switch {
	case errors.As(err, new(*xknownhosts.KeyError)):
		return "key"
	case errors.As(err, new(*xknownhosts.RevokedError)):
		return "revoked"
	}
	return "other"
}

func wanted(err error) (lines []string) {
	mismatch := (*xknownhosts.KeyError)(nil)
	if errors.As(err, &mismatch) {
		for _, k := range mismatch.Want {
			lines = append(lines, k.String())
		}
	}
	return lines
}

// shownKeys are the keys themselves, and a certificate of the first for the name by each of the others.
func shownKeys(t *testing.T, keys []ssh.Signer, name string) (all []ssh.PublicKey) {
	host, _, _ := net.SplitHostPort(name)
	for _, k := range keys {
		all = append(all, k.PublicKey())
		cert := &ssh.Certificate{Key: keys[0].PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{host}, ValidBefore: ssh.CertTimeInfinity}
		if err := cert.SignCert(zeroes{}, k); err != nil {
			t.Fatal(err)
		}
		all = append(all, cert)
	}
	return all
}

// zeroes is chance without any.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestTheIndexOfKnownHostsAnswersWhatTheLibraryAnswers(t *testing.T) {
	keys, dice, dir := someKeys(t), rand.New(rand.NewPCG(5, 5)), t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	for range 400 {
		write(t, dir, "one", []byte(someFile(dice, keys)))
		write(t, dir, "two", []byte(someFile(dice, keys)))
		sameAnswers(t, keys, one, two)
	}
}

func FuzzKnownHosts(f *testing.F) {
	keys, dice := someKeys(f), rand.New(rand.NewPCG(1, 2))
	for range 32 {
		f.Add(someFile(dice, keys))
	}
	f.Fuzz(func(t *testing.T, text string) {
		sameAnswers(t, keys, write(t, t.TempDir(), "known_hosts", []byte(text)))
	})
}

func TestAHashedKnownHostIsFoundByItsKeyWhateverKindsAreKnown(t *testing.T) {
	f := newFakeHost(t, newRSAKey(t), newKey(t))
	hash := func(addr string) string { return xknownhosts.HashHostname(xknownhosts.Normalize(addr)) }
	entry := func(addr string, key ssh.PublicKey) string {
		return hash(addr) + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	}
	others := entry("10.0.0.9:22", newKey(t).PublicKey()) + "\n" + entry("10.0.0.9:22", newRSAKey(t).PublicKey()) + "\n"
	for kind, key := range map[string]ssh.PublicKey{"RSA": f.keys[0].PublicKey(), "ed25519": f.keys[1].PublicKey()} {
		c := newCarrier(t, nil, knowing(t, others+entry(f.addr, key)))
		if err := reach(t, c, f.host("web-1")); err != nil {
			t.Errorf("only its %s key is known: %v", kind, err)
		}
	}
	c := newCarrier(t, nil, knowing(t, others+entry(f.addr, newKey(t).PublicKey())))
	if err := reach(t, c, f.host("web-1")); !errors.As(err, new(*ChangedHostKey)) {
		t.Errorf("another key is known: %v", err)
	}
	c = newCarrier(t, nil, knowing(t, others))
	if err := reach(t, c, f.host("web-1")); !errors.As(err, new(*UnknownHostKey)) {
		t.Errorf("no key is known: %v", err)
	}
}

func TestTenThousandHashedHostsAreVerifiedInLessTimeThanTheirHandshakesTake(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand keys; not with -short")
	}
	const n = 10_000
	var b strings.Builder
	names, keys := make([]string, n), make([]ssh.PublicKey, n)
	for i := range n {
		seed := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 16)
		public, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed).Public())
		if err != nil {
			t.Fatal(err)
		}
		names[i], keys[i] = fmt.Sprintf("10.9.%d.%d:22", i>>8, i&255), public
		fmt.Fprintf(&b, "%s %s", xknownhosts.HashHostname(xknownhosts.Normalize(names[i])), ssh.MarshalAuthorizedKey(public))
	}
	file := write(t, t.TempDir(), "known_hosts", []byte(b.String()))
	began := time.Now()
	x, err := readKeys([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	read := time.Since(began)
	began = time.Now()
	for i := range n {
		if list, _ := x.algorithms(names[i]); len(list) != 1 {
			t.Fatalf("%q", list)
		}
		if err := x.verify(names[i], keys[i]); err != nil {
			t.Fatal(err)
		}
	}
	each := time.Since(began) / n
	slow, err := knownhosts.NewDB(file)
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := slow.HostKeyCallback()(names[n/2], &net.TCPAddr{IP: net.IPv4zero}, keys[n/2]); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d hashed lines: read in %s, each host verified in %s; the library needs %s", n, read.Round(time.Millisecond), each, time.Since(began))
	if each > time.Since(began)/10 {
		t.Errorf("no more than ten times faster than the library")
	}
}
