package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// identity is who we are to the hosts: the keys of the identity files, loaded once, and those of an agent,
// listed once. There are no passwords.
type identity struct {
	keys   []ssh.Signer
	wanted []ssh.PublicKey // encrypted files whose key the agent should hold
	socket string

	mu     sync.Mutex
	listed []ssh.Signer
}

// agentPatience bounds each question to the agent: it is another process and may hang, or ask a person.
const agentPatience = 10 * time.Second

func loadIdentity(files []string, socket string) (*identity, error) {
	id := &identity{socket: socket}
	if len(files) == 0 && socket == "" {
		return nil, errors.New("no way to log in: set ssh.identity_files, or ssh.agent = true with a running ssh-agent")
	}
	var wrong []error
	for _, file := range files {
		wrong = append(wrong, id.load(file))
	}
	return id, errors.Join(wrong...)
}

func (id *identity) load(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("identity file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("identity file %s may be read by others (mode %04o): chmod 600 %s", file, info.Mode().Perm(), file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("identity file: %w", err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if locked := (*ssh.PassphraseMissingError)(nil); errors.As(err, &locked) {
		return id.viaAgent(file, locked.PublicKey)
	}
	if err != nil {
		return fmt.Errorf("identity file %s is not a private key that can be used: %w", file, err)
	}
	certified, err := withCertificate(file, key)
	if err != nil {
		return err
	}
	id.keys = append(id.keys, append(certified, strong(key))...)
	return nil
}

// viaAgent takes an encrypted file as the name of a key that the agent holds.
func (id *identity) viaAgent(file string, public ssh.PublicKey) error {
	if id.socket == "" || public == nil {
		return fmt.Errorf("identity file %s is encrypted, and nobody is there to type its passphrase: ssh-add %s, and set ssh.agent = true", file, file)
	}
	id.wanted = append(id.wanted, public)
	return nil
}

// withCertificate is the signer of KEY-cert.pub, if there is one beside the key.
func withCertificate(file string, key ssh.Signer) ([]ssh.Signer, error) {
	name := file + "-cert.pub"
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("certificate %s cannot be read: %w", name, err)
	}
	cert, ok := public.(*ssh.Certificate)
	if !ok || cert.CertType != ssh.UserCert {
		return nil, fmt.Errorf("certificate %s is not a user certificate", name)
	}
	signer, err := ssh.NewCertSigner(cert, strong(key))
	if err != nil {
		return nil, fmt.Errorf("certificate %s does not belong to %s: %w", name, file, err)
	}
	return []ssh.Signer{signer}, nil
}

// strong never signs with SHA-1, whatever an old server asks for.
func strong(key ssh.Signer) ssh.Signer {
	if key.PublicKey().Type() != ssh.KeyAlgoRSA {
		return key
	}
	signer, ok := key.(ssh.AlgorithmSigner)
	if !ok {
		return key
	}
	limited, err := ssh.NewSignerWithAlgorithms(signer, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256})
	if err != nil {
		return key
	}
	return limited
}

// signers are the keys to offer, in order: files first, then what the agent holds (only the wanted ones,
// if files name any).
func (id *identity) signers() ([]ssh.Signer, error) {
	if id.socket == "" {
		return id.keys, nil
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.listed == nil {
		listed, err := id.list()
		if err != nil && len(id.keys) == 0 {
			return nil, err
		}
		id.listed = listed
	}
	return append(id.keys[:len(id.keys):len(id.keys)], id.listed...), nil
}

// forget makes the next login ask the agent again: its keys may have changed.
func (id *identity) forget() {
	id.mu.Lock()
	id.listed = nil
	id.mu.Unlock()
}

func (id *identity) list() ([]ssh.Signer, error) {
	conn, err := dialAgent(id.socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	held, err := agent.NewClient(conn).List()
	if err != nil {
		return nil, fmt.Errorf("asking the ssh-agent at %s for its keys: %w", id.socket, err)
	}
	var signers []ssh.Signer
	for _, k := range held {
		public, err := ssh.ParsePublicKey(k.Marshal())
		if err == nil && id.wants(public) {
			signers = append(signers, strong(agentKey{id.socket, public}))
		}
	}
	if len(signers) == 0 {
		return nil, fmt.Errorf("the ssh-agent at %s holds no key that fits: add one with ssh-add", id.socket)
	}
	return signers, nil
}

func (id *identity) wants(public ssh.PublicKey) bool {
	for _, w := range id.wanted {
		if bytes.Equal(w.Marshal(), public.Marshal()) {
			return true
		}
	}
	return len(id.wanted) == 0
}

// agentKey signs by a fresh connection to the agent each time, so that a hanging or restarted agent costs
// one login and not the carrier.
type agentKey struct {
	socket string
	public ssh.PublicKey
}

func (k agentKey) PublicKey() ssh.PublicKey { return k.public }

func (k agentKey) Sign(r io.Reader, data []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(r, data, "")
}

func (k agentKey) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	conn, err := dialAgent(k.socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	flags := map[string]agent.SignatureFlags{
		ssh.KeyAlgoRSASHA256: agent.SignatureFlagRsaSha256,
		ssh.KeyAlgoRSASHA512: agent.SignatureFlagRsaSha512,
	}
	signature, err := agent.NewClient(conn).SignWithFlags(k.public, data, flags[algorithm])
	if err != nil {
		return nil, fmt.Errorf("the ssh-agent would not sign with %s: %w", ssh.FingerprintSHA256(k.public), err)
	}
	return signature, nil
}

func dialAgent(socket string) (net.Conn, error) {
	conn, err := net.DialTimeout("unix", socket, agentPatience)
	if err != nil {
		return nil, fmt.Errorf("no ssh-agent answers at %s: %w", socket, err)
	}
	conn.SetDeadline(time.Now().Add(agentPatience))
	return conn, nil
}

var _ ssh.AlgorithmSigner = agentKey{}
