// Package packaging holds the packages and the unit to what they promise. "make package" makes them; see nfpm.yaml.
package packaging

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the lists of files anew")

const unit = "../systemd/chaoscat.service"

// tool runs a program that not every machine has.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("this machine has no %s", name)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// exposed is how much systemd may say a service can do: 0 is nothing, 10 is all. What is left is the network, sockets
// of this machine, and that it sees who its peers are.
const exposed = 1.5

func TestTheServiceCanDoLittleButWhatItIsFor(t *testing.T) {
	out := tool(t, "systemd-analyze", "--no-pager", "--offline=true", "security", unit)
	found := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no level in\n%s", out)
	}
	t.Logf("the exposure is %s", found[1])
	if level, err := strconv.ParseFloat(found[1], 64); err != nil || level > exposed {
		t.Errorf("the exposure is %s, above %v:\n%s", found[1], exposed, out)
	}
}

func TestTheUnitHasNoKeyThatSystemdDoesNotKnow(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("this machine has no systemd-analyze")
	}
	out, _ := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, unit) || strings.Contains(line, "Unknown") || strings.Contains(line, "Failed to parse") {
			t.Error(line)
		}
	}
}

// The unit kills nobody who is still undoing: program and unit must agree on how long that may take.
func TestTheServiceIsGivenTheTimeThatTheUndoMayTake(t *testing.T) {
	program, err := os.ReadFile("../engine.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	undo := seconds(t, `undoWithin = ([0-9]+) \* time\.Second`, program)
	if stop := seconds(t, `TimeoutStopSec=([0-9]+)s`, text); stop < undo+15 {
		t.Errorf("systemd kills after %d s, and the undo may take %d s", stop, undo)
	}
}

// A Go program ends with 2 when it breaks, and when the watchdog ends it.
func TestTheServiceThatBreaksIsStartedAgain(t *testing.T) {
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^RestartPreventExitStatus=(.*)$`).FindSubmatch(text)
	if found == nil || slices.Contains(strings.Fields(string(found[1])), "2") {
		t.Errorf("systemd starts nothing again after %q", found)
	}
}

func seconds(t *testing.T, pattern string, text []byte) int {
	t.Helper()
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		t.Fatalf("nothing matches %s", pattern)
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}

func TestTheScriptsOfThePackagesAreOfTheSmallestShell(t *testing.T) {
	scripts, err := filepath.Glob("*.sh")
	if err != nil || len(scripts) != 3 {
		t.Fatalf("the scripts are %q, %v", scripts, err)
	}
	for _, script := range scripts {
		if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", script, out)
		}
	}
}

// built are the packages of that kind that were just made.
func built(t *testing.T, pattern string) []string {
	t.Helper()
	folder := os.Getenv("CHAOSCAT_PACKAGES")
	if folder == "" {
		t.Skip("make package makes the packages, and runs this")
	}
	all, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(all) != 2 {
		t.Fatalf("%s has %q, %v; want one for each processor", folder, all, err)
	}
	return all
}

// listed compares a list with the one that was agreed on.
func listed(t *testing.T, golden string, got []string) {
	t.Helper()
	text := strings.Join(got, "\n") + "\n"
	path := filepath.Join("testdata", golden)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != text {
		t.Errorf("%v; the list is now\n%s\nand was\n%s", err, text, want)
	}
}

func TestTheDebHasWhatItPromisesAndEverythingIsRoots(t *testing.T) {
	for _, deb := range built(t, "*.deb") {
		var got []string
		for line := range strings.Lines(tool(t, "dpkg-deb", "--contents", deb)) {
			words := strings.Fields(line) // mode, owner, size, day, hour, name
			got = append(got, words[0]+" "+words[1]+" "+words[5])
		}
		slices.Sort(got)
		listed(t, "deb.golden", got)
		fields := tool(t, "dpkg-deb", "--field", deb, "Package", "Architecture", "Section", "Priority")
		arch := "amd64"
		if strings.HasSuffix(deb, "_arm64.deb") {
			arch = "arm64"
		}
		if want := "Package: chaoscat\nArchitecture: " + arch + "\nSection: admin\nPriority: optional\n"; fields != want {
			t.Errorf("%s says of itself\n%s", deb, fields)
		}
	}
}

func TestTheRPMHasTheSameFiles(t *testing.T) {
	for _, rpm := range built(t, "*.rpm") {
		files := strings.Fields(tool(t, "rpm", "--query", "--list", "--package", rpm))
		deb, err := os.ReadFile("testdata/deb.golden")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(deb)) {
			name := strings.TrimPrefix(strings.Fields(line)[2], ".")
			if !strings.HasSuffix(name, "/") && !slices.Contains(files, name) {
				t.Errorf("%s lacks %s", rpm, name)
			}
		}
	}
}
