package remote

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/chaoscat/chaoscat/engine/printable"
)

// UnknownHostKey says that known_hosts has no key for the host. Nothing was sent to it but the key exchange.
type UnknownHostKey struct {
	Addr        string // host:port as it was looked up
	Type        string // ssh-ed25519, ...
	Fingerprint string // SHA256:...
	File        string // where the key belongs
}

func (e *UnknownHostKey) Error() string {
	host, port := splitAddr(e.Addr)
	return fmt.Sprintf("the host key of %s is not known: it shows %s %s; compare that with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), then: ssh-keyscan -p %s %s >> %s",
		e.Addr, e.Type, e.Fingerprint, port, host, e.File)
}

// ChangedHostKey says that the host shows another key than known_hosts has, or one that is revoked there.
// Somebody may be between us and the host.
type ChangedHostKey struct {
	Addr        string
	Type        string
	Fingerprint string   // of the key that was shown
	Known       []string // "ssh-ed25519 SHA256:... (FILE:LINE)" of those that were expected
	File        string   // the file of the first expected key
	Revoked     bool
}

func (e *ChangedHostKey) Error() string {
	if e.Revoked {
		return fmt.Sprintf("the host key of %s is revoked: it shows %s %s, which %s marks @revoked; do not connect until the host has a new key", e.Addr, e.Type, e.Fingerprint, e.File)
	}
	return fmt.Sprintf("the host key of %s has changed: it shows %s %s, known is %s; somebody may be in between, or the host was installed anew; if you know that it was: ssh-keygen -R '%s' -f %s, and then trust the new key",
		e.Addr, e.Type, e.Fingerprint, strings.Join(e.Known, ", "), xknownhosts.Normalize(e.Addr), e.File)
}

// knownHosts answers from the known_hosts files, and reads them again when they have changed on disk.
type knownHosts struct {
	files []string

	mu   sync.Mutex
	db   *keyIndex
	seen []stamp
}

type stamp struct {
	size int64
	at   time.Time
}

func openKnownHosts(files []string) (*knownHosts, error) {
	if len(files) == 0 {
		return nil, errors.New("no known_hosts file is named: host keys are always verified; set ssh.known_hosts")
	}
	k := &knownHosts{files: files}
	_, err := k.current()
	return k, err
}

// current is the database of what the files say now. A file that cannot be read or understood refuses
// every host, not only its own.
func (k *knownHosts) current() (*keyIndex, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen, err := stamps(k.files)
	if err != nil {
		return nil, err
	}
	if k.db != nil && slices.Equal(seen, k.seen) {
		return k.db, nil
	}
	db, err := readKeys(k.files)
	if err != nil {
		return nil, fmt.Errorf("known_hosts is broken, so no host key can be verified: %s; remove or repair that line", printable.Printable(err.Error()))
	}
	k.db, k.seen = db, seen
	return db, nil
}

func stamps(files []string) ([]stamp, error) {
	seen := make([]stamp, len(files))
	for i, file := range files {
		info, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("known_hosts file %s does not exist, so no host key can be verified; create it with: ssh-keyscan HOST >> %s, after comparing fingerprints", file, file)
		}
		if err != nil {
			return nil, fmt.Errorf("reading known_hosts: %w", err)
		}
		seen[i] = stamp{info.Size(), info.ModTime()}
	}
	return seen, nil
}

// algorithms are what to ask the host for: the kinds of key that are known of it first, so that a host
// with several keys shows the one that can be verified, then the others that are good enough, so that a
// key which cannot be verified is at least seen and named.
func algorithms(db *keyIndex, addr string) []string {
	good := ssh.SupportedAlgorithms().HostKeys
	var first []string
	wanted, _ := db.algorithms(addr)
	for _, algo := range wanted {
		if slices.Contains(good, algo) {
			first = append(first, algo)
		}
	}
	for _, algo := range good {
		if !strings.Contains(algo, "-cert-") && !slices.Contains(first, algo) {
			first = append(first, algo)
		}
	}
	return first
}

// verify makes the callback that compares the key of addr, and keeps the typed refusal apart from the
// handshake's error, which hides it. seen gets the key that was accepted.
func (k *knownHosts) verify(db *keyIndex, addr string, refused *error, seen func(shown)) ssh.HostKeyCallback {
	_, exact := db.algorithms(addr)
	return func(_ string, _ net.Addr, key ssh.PublicKey) error {
		err := db.verify(addr, key)
		if err == nil {
			seen(shown{addr, key})
			return nil
		}
		*refused = k.explain(addr, key, err)
		if !exact && !slices.Contains(db.exactly(addr), key.Type()) && changed(err) {
			*refused = &otherKind{*refused}
		}
		return *refused
	}
}

// otherKind says that the host was asked for kinds of key that are not the ones known of it: the lines about
// it are hashed, and had not been found yet. Now they have been, and asking again asks for the right one.
type otherKind struct{ error }

func (e *otherKind) Unwrap() error { return e.error }

// trusts tells whether the keys that a connection was made with are still good.
func (k *knownHosts) trusts(keys []shown) bool {
	db, err := k.current()
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(keys, func(s shown) bool { return db.verify(s.addr, s.key) != nil })
}

func (k *knownHosts) explain(addr string, key ssh.PublicKey, err error) error {
	if err == nil {
		return nil
	}
	shown := ssh.FingerprintSHA256(key)
	if revoked := (*xknownhosts.RevokedError)(nil); errors.As(err, &revoked) {
		return &ChangedHostKey{Addr: addr, Type: key.Type(), Fingerprint: shown, File: revoked.Revoked.Filename, Revoked: true}
	}
	mismatch := (*xknownhosts.KeyError)(nil)
	if !errors.As(err, &mismatch) {
		return fmt.Errorf("the host certificate of %s cannot be verified: %s", addr, printable.Printable(err.Error()))
	}
	if len(mismatch.Want) == 0 {
		return &UnknownHostKey{Addr: addr, Type: key.Type(), Fingerprint: shown, File: k.files[0]}
	}
	changed := &ChangedHostKey{Addr: addr, Type: key.Type(), Fingerprint: shown, File: mismatch.Want[0].Filename}
	for _, want := range mismatch.Want {
		changed.Known = append(changed.Known, fmt.Sprintf("%s %s (%s:%d)", want.Key.Type(), ssh.FingerprintSHA256(want.Key), want.Filename, want.Line))
	}
	return changed
}

func splitAddr(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, "22"
	}
	return host, port
}
