package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const holderDir = "CHAOSCAT_TEST_HOLD"

// TestMain lets the test binary be the other engine: it holds the lock until its input ends.
func TestMain(m *testing.M) {
	if dir := os.Getenv(holderDir); dir != "" {
		_, _, err := Open(dir, options())
		fmt.Println(err)
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestASecondEngineIsRefusedWithTheHoldersPidAndKillingTheHolderFreesTheLock(t *testing.T) {
	dir := t.TempDir()
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderDir+"="+dir)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Process.Kill()
	if said, _ := bufio.NewReader(out).ReadString('\n'); said != "<nil>\n" {
		t.Fatalf("the holder could not open: %s", said)
	}

	host, _ := os.Hostname()
	var held *LockedError
	if _, _, err = Open(dir, options()); !errors.As(err, &held) || held.PID != holder.Process.Pid || held.Host != host || held.Dir != dir {
		t.Fatalf("%+v", err)
	}
	if text := err.Error(); !strings.Contains(text, fmt.Sprintf("pid %d on %s", held.PID, host)) || !strings.Contains(text, dir) {
		t.Error(text)
	}
	if err := Read(dir, func(Entry) error { return nil }); err != nil {
		t.Errorf("reading needs no lock: %v", err)
	}

	holder.Process.Kill()
	holder.Wait()
	mustOpen(t, dir)
}

func TestASecondJournalInTheSameProcessIsRefusedUntilTheFirstIsClosed(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir)
	var held *LockedError
	if _, _, err := Open(dir, options()); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Fatalf("%v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
}
