package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// aKey is a private key as it lies in a file.
func aKey(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// rewritten is a graph of that configuration, of which nothing but the configuration counts.
func rewritten(t *testing.T, a *app, text string) *graph {
	t.Helper()
	if err := os.WriteFile(a.configFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	return &graph{config: cfg}
}

func TestWhereAnEngineLivesDoesNotChangeWhileItLives(t *testing.T) {
	dir := t.TempDir()
	a := &app{world: thisWorld(), configFile: filepath.Join(dir, "chaoscat.toml")}
	place := func(state, socket, listen string) string {
		text := "state_dir = \"" + state + "\"\n" + behindAFreeze + "[control]\nsocket = \"" + socket + "\"\n"
		if listen != "" {
			text += "ssh_listen = \"" + listen + "\"\nssh_people = \"people\"\n"
		}
		return text
	}
	if err := os.WriteFile(filepath.Join(dir, "people"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := &house{}
	h.graph.Store(rewritten(t, a, place("one", "sock", "127.0.0.1:2222")))
	r := reloading{app: a, house: h, dir: a.dir(), socket: a.socketPath()}
	if err := r.moved(rewritten(t, a, "# a remark\n"+place("one", "sock", "127.0.0.1:2222"))); err != nil {
		t.Errorf("nothing has moved, and it is said: %v", err)
	}
	err := r.moved(rewritten(t, a, place("two", "other", "")))
	if err == nil {
		t.Fatal("everything has moved, and nothing is said")
	}
	said := strings.Split(strings.ReplaceAll(err.Error(), dir, "."), "\n")
	for i, want := range []string{
		`./chaoscat.toml:1: state_dir: changes from "./one" to "./two", which a running engine cannot follow; restart chaoscat for that, or take it back`,
		`./chaoscat.toml:25: control.ssh_listen: changes from "127.0.0.1:2222" to "", which a running engine cannot follow; restart chaoscat for that, or take it back`,
		`./chaoscat.toml:26: control.socket: changes from "./sock" to "./other", which a running engine cannot follow; restart chaoscat for that, or take it back`,
	} {
		if len(said) != 3 || said[i] != want {
			t.Errorf("said is %q, want %s", said, want)
		}
	}
}
