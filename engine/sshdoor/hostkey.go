package sshdoor

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// hostKeyFile is the host key's name in the state directory.
const hostKeyFile = "ssh_host_ed25519_key"

// HostKey is the key by which people know this door. It is made once, and stays with the state directory: another one
// would look to everybody like somebody in between.
func HostKey(dir string) (ssh.Signer, error) {
	path := filepath.Join(dir, hostKeyFile)
	key, err := readHostKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeHostKey(dir, path); err != nil {
			return nil, fmt.Errorf("making the SSH host key: %w", err)
		}
		key, err = readHostKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the SSH host key: %w", err)
	}
	return key, nil
}

// Fingerprint is what a person compares at the first login. Where there is no key yet, the error is
// [fs.ErrNotExist].
func Fingerprint(dir string) (string, error) {
	key, err := readHostKey(filepath.Join(dir, hostKeyFile))
	if err != nil {
		return "", err
	}
	return ssh.FingerprintSHA256(key.PublicKey()), nil
}

func readHostKey(path string) (ssh.Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o), so anybody may pretend to be this host; remove it, and a new one is made", path, info.Mode().Perm())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// makeHostKey writes the key whole or not at all, and never over another.
func makeHostKey(dir, path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "chaoscat")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".hostkey") // for its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(pem.EncodeToMemory(block))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
