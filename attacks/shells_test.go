package attacks

import (
	"os/exec"
	"testing"
)

// shells are the programs that may stand behind /bin/sh.
func shells(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"dash", "busybox", "bash"} {
		if testing.Short() && len(found) > 0 {
			break
		}
		if path, err := exec.LookPath(name); err == nil {
			found[name] = path
		} else {
			t.Logf("skipped under %s: it is not installed", name)
		}
	}
	return found
}
