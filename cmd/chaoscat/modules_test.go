package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNoModuleIsOlderThanItsLastKnownHole keeps go.mod from dropping below the versions in which known
// vulnerabilities were mended.
func TestNoModuleIsOlderThanItsLastKnownHole(t *testing.T) {
	for module, least := range map[string]string{
		"golang.org/x/crypto": "v0.56.0", // CVE-2026-56855, CVE-2026-78662: a malicious peer hangs the connection
		"gopkg.in/yaml.v3":    "v3.0.1",  // CVE-2022-28948
	} {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
		if err != nil {
			t.Skipf("go list does not run here: %v", err)
		}
		if have := strings.TrimSpace(string(out)); older(have, least) {
			t.Errorf("%s is %s, at least %s is needed", module, have, least)
		}
	}
}

func older(a, b string) bool {
	as, bs := strings.Split(strings.TrimPrefix(a, "v"), "."), strings.Split(strings.TrimPrefix(b, "v"), ".")
	for i := range bs {
		x, y := as[i], bs[i]
		if len(x) != len(y) {
			return len(x) < len(y)
		}
		if x != y {
			return x < y
		}
	}
	return false
}
