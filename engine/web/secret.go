package web

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

const redacted = "[redacted]"

// maxSecret is generous for a token and small for a mistake.
const maxSecret = 64 << 10

// Secret is a text that no format verb and no encoder shows.
type Secret string

// String, GoString, Format and MarshalText all say [redacted].
func (Secret) String() string { return redacted }

// GoString is for %#v.
func (Secret) GoString() string { return redacted }

// Format is for every verb, %x and %q included.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText is for JSON and alike.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// ReadSecret reads a secret from its file, without the white space around it. A file that others than its
// owner can read is refused: what is in it is no secret. It is read at every use, so that a new one counts at once.
func ReadSecret(path string) (Secret, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would wait for somebody to write
	if err != nil {
		return "", fmt.Errorf("opening the secret file: %w", err)
	}
	defer f.Close()
	if err := private(f); err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("reading the secret file %s: %w", path, err)
	}
	secret := strings.TrimSpace(string(text))
	if err := fit(secret); err != nil {
		return "", fmt.Errorf("the secret file %s %w", path, err)
	}
	return Secret(secret), nil
}

func private(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("looking at the secret file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("the secret file %s is no regular file", f.Name())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("the secret file %s is open to others (mode %#o): chmod 600 %s", f.Name(), mode, f.Name())
	}
	return nil
}

func fit(secret string) error {
	switch {
	case secret == "":
		return errors.New("is empty")
	case len(secret) > maxSecret:
		return fmt.Errorf("is larger than %d bytes", maxSecret)
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("has control characters or more than one line")
	}
	return nil
}

// Hide takes secrets out of a text that the other side has sent back, while they still read as in their files.
func Hide(text string, secrets ...Secret) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, string(s), redacted)
		}
	}
	return text
}
