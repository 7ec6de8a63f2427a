package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

// reach dials the host and hangs up.
func reach(t *testing.T, c *Carrier, h engine.Host) error {
	t.Helper()
	l, err := c.dial(t.Context(), h, forAttack)
	if err == nil {
		l.close()
	}
	return err
}

func knowing(t *testing.T, lines ...string) func(*Options) {
	file := write(t, t.TempDir(), "known_hosts", []byte(strings.Join(lines, "\n")+"\n"))
	return func(o *Options) { o.KnownHosts = []string{file} }
}

func line(addr string, key ssh.PublicKey) string { return knownhosts.Line([]string{addr}, key) }

func TestUnknownHostKeyRefusesWithFingerprintAndTheCommandThatFixesIt(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, nil, knowing(t, line("elsewhere:22", f.keys[0].PublicKey())))
	err := reach(t, c, f.host("web-1"))
	unknown := (*UnknownHostKey)(nil)
	if !errors.As(err, &unknown) {
		t.Fatalf("%v", err)
	}
	host, port, _ := net.SplitHostPort(f.addr)
	for _, part := range []string{ssh.FingerprintSHA256(f.keys[0].PublicKey()), "ssh-ed25519", fmt.Sprintf("ssh-keyscan -p %s %s >> %s", port, host, c.KnownHosts[0])} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in: %v", part, err)
		}
	}
	if f.logins.Load() != 0 {
		t.Error("it logged in all the same")
	}
}

func TestChangedHostKeyRefusesWithBothFingerprintsAndTheCommandThatForgetsIt(t *testing.T) {
	f, old := newFakeHost(t), newKey(t)
	c := newCarrier(t, nil, knowing(t, line(f.addr, old.PublicKey())))
	err := reach(t, c, f.host("web-1"))
	changed := (*ChangedHostKey)(nil)
	if !errors.As(err, &changed) || errors.As(err, new(*UnknownHostKey)) {
		t.Fatalf("%v", err)
	}
	_, port, _ := net.SplitHostPort(f.addr)
	for _, part := range []string{ssh.FingerprintSHA256(f.keys[0].PublicKey()), ssh.FingerprintSHA256(old.PublicKey()), fmt.Sprintf("ssh-keygen -R '[127.0.0.1]:%s' -f %s", port, c.KnownHosts[0])} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in: %v", part, err)
		}
	}
}

func TestARevokedHostKeyIsRefused(t *testing.T) {
	f := newFakeHost(t)
	known := line(f.addr, f.keys[0].PublicKey())
	c := newCarrier(t, nil, knowing(t, known, "@revoked * "+strings.SplitN(known, " ", 2)[1]))
	err := reach(t, c, f.host("web-1"))
	if changed := (*ChangedHostKey)(nil); !errors.As(err, &changed) || !changed.Revoked {
		t.Fatalf("%v", err)
	}
}

func TestAServerWithManyKeysShowsTheOneThatIsKnown(t *testing.T) {
	f := newFakeHost(t, newRSAKey(t), newKey(t))
	c := newCarrier(t, nil, knowing(t, line(f.addr, f.keys[1].PublicKey())))
	if err := reach(t, c, f.host("web-1")); err != nil {
		t.Error(err)
	}
}

func TestAServerThatLostTheKnownKindOfKeyIsAChangedOne(t *testing.T) {
	f := newFakeHost(t, newRSAKey(t))
	c := newCarrier(t, nil, knowing(t, line(f.addr, newKey(t).PublicKey())))
	if err := reach(t, c, f.host("web-1")); !errors.As(err, new(*ChangedHostKey)) {
		t.Error(err)
	}
}

func TestAHostCertificateOfAKnownAuthorityIsAccepted(t *testing.T) {
	authority, key := newKey(t), newKey(t)
	for name, c := range map[string]struct {
		principal string
		ok        bool
	}{"for this host": {"127.0.0.1", true}, "for another host": {"10.0.0.1", false}} {
		t.Run(name, func(t *testing.T) {
			cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{c.principal}, ValidBefore: ssh.CertTimeInfinity}
			if err := cert.SignCert(rand.Reader, authority); err != nil {
				t.Fatal(err)
			}
			signer, err := ssh.NewCertSigner(cert, key)
			if err != nil {
				t.Fatal(err)
			}
			f := newFakeHost(t, signer)
			err = reach(t, newCarrier(t, nil, knowing(t, "@cert-authority "+line(f.addr, authority.PublicKey()))), f.host("web-1"))
			if (err == nil) != c.ok {
				t.Error(err)
			}
		})
	}
}

func TestAKeyThatIsAddedIsSeenWithoutARestart(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, nil, knowing(t, ""))
	if err := reach(t, c, f.host("web-1")); err == nil {
		t.Fatal("accepted before it was known")
	}
	write(t, filepath.Dir(c.KnownHosts[0]), "known_hosts", []byte(line(f.addr, f.keys[0].PublicKey())+"\n"))
	if err := reach(t, c, f.host("web-1")); err != nil {
		t.Error(err)
	}
	write(t, filepath.Dir(c.KnownHosts[0]), "known_hosts", []byte("web-1 ssh-ed25519 garbage\n"))
	if err := reach(t, c, f.host("web-1")); err == nil || !strings.Contains(err.Error(), "known_hosts is broken") {
		t.Error(err)
	}
}

func TestEveryMistakeInTheKeysIsReportedBeforeAnyHostIsContacted(t *testing.T) {
	dir := t.TempDir()
	good := writeKey(t, dir, "good")
	open := writeKey(t, dir, "open")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	locked := write(t, dir, "locked", pem.EncodeToMemory(block))
	broken := write(t, dir, "broken", []byte("not a key"))
	nobody := write(t, dir, "alone", []byte(mustRead(t, good)))
	write(t, dir, "alone-cert.pub", []byte("not a certificate"))
	known := write(t, dir, "known_hosts", nil)
	wrong := write(t, dir, "wrong_hosts", []byte("web-1 ssh-ed25519 AAAA\n"))
	for name, c := range map[string]struct {
		o    Options
		want []string
	}{
		"nothing at all":           {Options{}, []string{"no known_hosts file is named", "no way to log in"}},
		"missing known_hosts":      {Options{KnownHosts: []string{dir + "/nowhere"}, IdentityFiles: []string{good}}, []string{"nowhere does not exist", "ssh-keyscan HOST >> "}},
		"broken known_hosts":       {Options{KnownHosts: []string{wrong}, IdentityFiles: []string{good}}, []string{"known_hosts is broken", "wrong_hosts:1"}},
		"a key others can read":    {Options{KnownHosts: []string{known}, IdentityFiles: []string{open}}, []string{"may be read by others (mode 0644)", "chmod 600 " + open}},
		"an encrypted key":         {Options{KnownHosts: []string{known}, IdentityFiles: []string{locked}}, []string{"is encrypted", "ssh-add " + locked}},
		"no key":                   {Options{KnownHosts: []string{known}, IdentityFiles: []string{broken, dir + "/none"}}, []string{"broken is not a private key", "no such file"}},
		"a broken certificate":     {Options{KnownHosts: []string{known}, IdentityFiles: []string{nobody}}, []string{"alone-cert.pub cannot be read"}},
		"a runner without a text":  {Options{KnownHosts: []string{known}, IdentityFiles: []string{good}}, []string{"must have a text"}},
		"a runner with a bad name": {Options{KnownHosts: []string{known}, IdentityFiles: []string{good}, Runner: attacks.Runner{Text: []byte("x"), Digest: "$(id)"}}, []string{"SHA-256 in hex"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.o)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in: %v", want, err)
				}
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("a secret is in the error")
			}
		})
	}
}

func mustRead(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestALoginIsRefusedWithWhoWeWereAndWhatToCheck(t *testing.T) {
	f := newFakeHost(t)
	refuse := func(conn net.Conn) {
		config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, errors.New("no") }}
		config.AddHostKey(f.keys[0])
		ssh.NewServerConn(conn, config)
		conn.Close()
	}
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Dial = pipeTo(t, refuse) })
	err := reach(t, c, f.host("web-1"))
	if err == nil || !strings.Contains(err.Error(), "refuses user chaos with 1 key(s) tried; is our public key in its authorized_keys?") {
		t.Error(err)
	}
}

// pipeTo dials a server inside the test.
func pipeTo(t *testing.T, serve func(net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		server, err := l.Accept()
		if err != nil {
			return nil, err
		}
		done := make(chan struct{})
		go func() { defer close(done); serve(server) }()
		t.Cleanup(func() { server.Close(); <-done })
		return conn, nil
	}
}

func TestAServerThatNeverAnswersIsGivenUpAfterTheConnectTimeout(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"silent from the start":    func(c net.Conn) { io.Copy(io.Discard, c) },
		"silent after its version": func(c net.Conn) { io.WriteString(c, "SSH-2.0-tarpit\r\n"); io.Copy(io.Discard, c) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost(t)
			c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Dial, o.ConnectTimeout = pipeTo(t, serve), 200*time.Millisecond })
			began := time.Now()
			err := reach(t, c, f.host("web-1"))
			if err == nil || !strings.Contains(err.Error(), "within 200ms") {
				t.Error(err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestATarpitBannerWithoutEndIsGivenUpToo(t *testing.T) {
	f := newFakeHost(t)
	drip := func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, "welcome\r\n"); err != nil {
				return
			}
		}
	}
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Dial, o.ConnectTimeout = pipeTo(t, drip), 200*time.Millisecond })
	began := time.Now()
	if err := reach(t, c, f.host("web-1")); err == nil {
		t.Error("connected to nothing")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestOnlyStrongAlgorithmsAreSpoken(t *testing.T) {
	for name, weaken := range map[string]func(*ssh.Config){
		"SHA-1 key exchange": func(c *ssh.Config) { c.KeyExchanges = []string{ssh.InsecureKeyExchangeDH14SHA1} },
		"CBC":                func(c *ssh.Config) { c.Ciphers = []string{ssh.InsecureCipherAES128CBC} },
		"SHA-1 MAC":          func(c *ssh.Config) { c.Ciphers, c.MACs = []string{ssh.CipherAES128CTR}, []string{ssh.HMACSHA1} },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost(t)
			serve := func(conn net.Conn) {
				config := &ssh.ServerConfig{NoClientAuth: true}
				weaken(&config.Config)
				config.AddHostKey(f.keys[0])
				ssh.NewServerConn(conn, config)
				conn.Close()
			}
			c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Dial = pipeTo(t, serve) })
			if err := reach(t, c, f.host("web-1")); err == nil || !strings.Contains(err.Error(), "too weak") {
				t.Error(err)
			}
		})
	}
}

func TestAJumpHostIsPassedAndEveryHopVerifiedByItsOwnName(t *testing.T) {
	jump, target := newFakeHost(t), newFakeHost(t)
	h := target.host("web-1")
	h.Jump = "bob@" + jump.addr
	out, _ := attackOn(t, newCarrier(t, []*fakeHost{jump, target}), aRun("r1", h, "cpu", time.Minute), engine.Holding)
	if out.Undo != engine.Restored || jump.logins.Load() == 0 {
		t.Errorf("%+v", out)
	}
	if err := reach(t, newCarrier(t, []*fakeHost{target}), h); !errors.As(err, new(*UnknownHostKey)) || !strings.Contains(err.Error(), jump.addr) {
		t.Errorf("an unknown jump host: %v", err)
	}
	if err := reach(t, newCarrier(t, []*fakeHost{jump}), h); !errors.As(err, new(*UnknownHostKey)) || !strings.Contains(err.Error(), target.addr) {
		t.Errorf("an unknown host behind it: %v", err)
	}
}

func TestTwoJumpHostsInARow(t *testing.T) {
	one, two, target := newFakeHost(t), newFakeHost(t), newFakeHost(t)
	h := target.host("web-1")
	h.Jump = one.addr + ", bob@" + two.addr
	if err := reach(t, newCarrier(t, []*fakeHost{one, two, target}), h); err != nil {
		t.Error(err)
	}
	if one.logins.Load() != 1 || two.logins.Load() != 1 || target.logins.Load() != 1 {
		t.Error("not every hop was passed")
	}
}

func TestAMuteHostBehindAJumpHostIsGivenUpAfterTheConnectTimeout(t *testing.T) {
	jump := newFakeHost(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	target := &fakeHost{addr: mute.Addr().String(), keys: jump.keys}
	h := target.host("web-1")
	h.Jump = jump.addr
	c := newCarrier(t, []*fakeHost{jump, target}, func(o *Options) { o.ConnectTimeout = 300 * time.Millisecond })
	began := time.Now()
	if err := reach(t, c, h); err == nil || time.Since(began) > 2*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f})
	for _, h := range []engine.Host{
		{Name: "a", Address: "-oProxyCommand=id"}, {Name: "b", Address: "$(id)"}, {Name: "c", Address: ""},
		{Name: "d", Address: "a b"}, {Name: "e", Address: "h", Port: 65536}, {Name: "f", Address: "h", Port: -1},
		{Name: "g", Address: "h", Jump: "x@"}, {Name: "i", Address: "h", Jump: "x:port"},
	} {
		if err := reach(t, c, h); err == nil || !strings.Contains(err.Error(), h.Name) {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

func TestTheAgentSignsAndAnEncryptedFileNamesItsKey(t *testing.T) {
	keyring := agent.NewKeyring()
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	_, other, _ := ed25519.GenerateKey(rand.Reader)
	for _, k := range []ed25519.PrivateKey{other, private} {
		if err := keyring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(t.TempDir(), "agent")
	serveAgent(t, socket, keyring)
	block, _ := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("secret"))
	locked := write(t, t.TempDir(), "locked", pem.EncodeToMemory(block))
	want, _ := ssh.NewPublicKey(public)

	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.AgentSocket, o.IdentityFiles = socket, []string{locked} })
	if err := reach(t, c, f.host("web-1")); err != nil {
		t.Fatal(err)
	}
	signers, err := c.identity.signers()
	if err != nil || len(signers) != 1 || string(signers[0].PublicKey().Marshal()) != string(want.Marshal()) {
		t.Errorf("offers %d keys, %v", len(signers), err)
	}
}

func serveAgent(t *testing.T, socket string, keyring agent.Agent) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { agent.ServeAgent(keyring, conn); conn.Close() }()
		}
	}()
}

func TestNoAgentIsSaidSo(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.AgentSocket, o.IdentityFiles = t.TempDir()+"/none", nil })
	if err := reach(t, c, f.host("web-1")); err == nil || !strings.Contains(err.Error(), "no ssh-agent answers at") {
		t.Error(err)
	}
}

func TestACertificateBesideAKeyIsOfferedFirst(t *testing.T) {
	dir, authority := t.TempDir(), newKey(t)
	file := writeKey(t, dir, "id")
	key, err := ssh.ParsePrivateKey([]byte(mustRead(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"chaos"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "id-cert.pub", ssh.MarshalAuthorizedKey(cert))
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.IdentityFiles = []string{file} })
	signers, err := c.identity.signers()
	if err != nil || len(signers) != 2 || signers[0].PublicKey().Type() != ssh.CertAlgoED25519v01 {
		t.Errorf("offers %v, %v", signers, err)
	}
	if err := reach(t, c, f.host("web-1")); err != nil {
		t.Error(err)
	}
}
