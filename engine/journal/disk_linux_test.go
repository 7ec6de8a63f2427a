package journal

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func TestARealFullDiskRefusesTheIntentAndRecoversWithSpace(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("needs root, to mount a tmpfs of 64 kB: ", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	j, _ := mustOpen(t, dir)
	n := 0
	var err error
	for ; err == nil && n < 1000; n++ {
		err = j.Append(nil, []engine.Record{intent(uint64(n+1), fmt.Sprintf("r%d", n), "h")})
	}
	var failed *WriteError
	if !errors.As(err, &failed) || !errors.Is(err, syscall.ENOSPC) || j.Broken() == nil {
		t.Fatalf("after %d entries: %v", n, err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, intent(5000, "later", "h"))
	crash(j)
	_, found := mustOpen(t, dir)
	if len(found.Open) != n || found.Open[n-1].ID != "later" || found.Torn {
		t.Errorf("%d acknowledged, %d found, torn %v", n, len(found.Open), found.Torn)
	}
}

func TestRootWhoLendsAHandDoesNotLockTheServiceOut(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root writes into the directories of others")
	}
	dir := t.TempDir()
	const service = 4711
	if err := os.Chown(dir, service, service); err != nil {
		t.Fatal(err)
	}
	j, _, err := Open(dir, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := NewStopFile(dir, nil).Set(engine.Latch{By: "root"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != service || owner.Gid != service {
			t.Errorf("%s belongs to %d:%d", f.Name(), owner.Uid, owner.Gid)
		}
	}
}
