//go:build linux

package lab

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// recipes are what kernel and image are made of, carried along so that any package's test can make them.
//
//go:embed kernel.sh kernel.config image.sh host
var recipes embed.FS

// Available says in a sentence why this machine cannot boot the lab, or returns nil. It builds nothing.
func Available() error {
	if err := privileged(); err != nil {
		return err
	}
	cache, err := cacheFolder("")
	if err != nil {
		return err
	}
	return errors.Join(
		made(filepath.Join(cache, "linux-*"), "kernel", "/usr/src/linux-source-6.*.tar.xz"),
		made(filepath.Join(cache, "debian-*.ext4"), "root image", "/usr/bin/mmdebstrap"))
}

// privileged says whether this process may do what the lab does.
func privileged() error {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root, for network namespaces and taps; run the test as root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("the lab needs taps: %w; load the module tun", err)
	}
	for _, tool := range []string{"ip", "bash", "ssh-keygen"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("the lab needs %s; run attacks/lab/install.sh", tool)
		}
	}
	if err := namespaces(); err != nil {
		return fmt.Errorf("the lab needs network namespaces, which this machine refuses: %w", err)
	}
	return nil
}

// namespaces tries to make one, on a thread that goes back home.
func namespaces() error {
	return onThread(func() (func() error, error) {
		home, err := homeNetwork()
		if err != nil {
			return nil, err
		}
		return home, unix.Unshare(unix.CLONE_NEWNET)
	}, func() error { return nil })
}

// made accepts what lies in the cache already or can be made from what is installed.
func made(pattern, what, from string) error {
	for _, p := range []string{pattern, from} {
		if found, _ := filepath.Glob(p); len(found) > 0 {
			return nil
		}
	}
	return fmt.Errorf("the lab has no %s and cannot make one: no %s; run attacks/lab/install.sh", what, from)
}

func cacheFolder(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding where the lab's kernel and image are kept: %w", err)
	}
	return filepath.Join(user, "chaoscat-lab"), nil
}

// prepared fills in kernel and image, building what the cache does not have.
func (o Options) prepared(ctx context.Context) (Options, error) {
	if o.Kernel != "" && o.Image != "" {
		return o, nil
	}
	cache, err := cacheFolder(o.Cache)
	if err != nil {
		return o, err
	}
	folder, err := os.MkdirTemp("", "chaoscat-recipes-")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(folder)
	if err := unpackRecipes(folder); err != nil {
		return o, fmt.Errorf("unpacking the recipes of the lab: %w", err)
	}
	if o.Kernel == "" {
		o.Kernel, err = build(ctx, filepath.Join(folder, "kernel.sh"), cache, o.Log)
	}
	if err == nil && o.Image == "" {
		o.Image, err = build(ctx, filepath.Join(folder, "image.sh"), cache, o.Log)
	}
	return o, err
}

func unpackRecipes(folder string) error {
	return os.CopyFS(folder, recipes)
}

// build runs a recipe and returns the last line it prints, a path.
func build(ctx context.Context, recipe, cache string, log io.Writer) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", recipe, cache)
	var said bytes.Buffer
	cmd.Stderr = io.MultiWriter(&said, log)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(recipe), err, strings.TrimSpace(said.String()))
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	path := lines[len(lines)-1]
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || path == "" {
		return "", fmt.Errorf("%s printed %q, which is no file", filepath.Base(recipe), path)
	}
	return path, nil
}
