package remote

import (
	"fmt"
	"regexp"
)

var userShape = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// Sudoers is the least that a host must allow the user: this one file, with exactly these bytes, and
// nothing else. A new version of the runner needs a new rule.
func Sudoers(user, digest string) (string, error) {
	if !userShape.MatchString(user) {
		return "", fmt.Errorf("%q is not the name of a user", user)
	}
	if !digestShape.MatchString(digest) {
		return "", fmt.Errorf("%q is not a SHA-256 digest in hex", digest)
	}
	return fmt.Sprintf(`# chaoscat: install as /etc/sudoers.d/chaoscat, mode 0440, and check with: visudo -cf /etc/sudoers.d/chaoscat
# Only the runner with exactly this content may be run as root, without a password or a terminal. It lies in
# a folder that the user may write to, so treat the user's key like a key of root: keep it for chaoscat alone.
Defaults:%[1]s !requiretty
%[1]s ALL=(root) NOPASSWD: sha256:%[2]s %[3]s%[4]s
`, user, digest, sudoRunner, digest[:16]), nil
}
