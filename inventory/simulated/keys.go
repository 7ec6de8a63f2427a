package simulated

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/ssh"
)

// keyring holds the secret from which every host key is derived when it is needed, and the one client key
// that all hosts let in. Nothing of it follows from the seed: the ports are on loopback, where other users
// of the machine are, too.
type keyring struct {
	secret []byte
	client ed25519.PrivateKey
}

func newKeyring(random io.Reader) (*keyring, error) {
	bytes := make([]byte, 2*ed25519.SeedSize)
	if _, err := io.ReadFull(random, bytes); err != nil {
		return nil, err
	}
	secret, seed := bytes[:ed25519.SeedSize], bytes[ed25519.SeedSize:]
	return &keyring{secret: secret, client: ed25519.NewKeyFromSeed(seed)}, nil
}

// host is the private key of the i-th host.
func (k *keyring) host(i int) ed25519.PrivateKey {
	mac := hmac.New(sha256.New, k.secret)
	binary.Write(mac, binary.BigEndian, uint64(i)) // a hash never fails
	return ed25519.NewKeyFromSeed(mac.Sum(nil))
}

// public is the SSH form of the key's public half.
func public(key ed25519.PrivateKey) ssh.PublicKey {
	pub, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		panic("simulated: an ed25519 key that ssh does not know: " + err.Error())
	}
	return pub
}

// signer makes the key sign for SSH.
func signer(key ed25519.PrivateKey) ssh.Signer {
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		panic("simulated: an ed25519 key that ssh cannot sign with: " + err.Error())
	}
	return s
}

// writeFiles leaves known_hosts and the client's key in the fleet's directory.
func (f *Fleet) writeFiles() error {
	block, err := ssh.MarshalPrivateKey(f.keys.client, "chaoscat demo")
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(f.IdentityFile(), pem.EncodeToMemory(block), 0o600),
		os.WriteFile(f.KnownHosts(), f.knownHosts(), 0o600),
	)
}

func (f *Fleet) knownHosts() []byte {
	var lines bytes.Buffer
	for i, h := range f.roster {
		fmt.Fprintf(&lines, "%s %s", h.Address, ssh.MarshalAuthorizedKey(public(f.keys.host(i))))
	}
	return lines.Bytes()
}
