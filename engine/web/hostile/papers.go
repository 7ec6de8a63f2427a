package hostile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// papers is how a server proves who it is.
type papers int

const (
	plain   papers = iota // HTTP
	proper                // a certificate that is right
	none                  // HTTP at an address of HTTPS
	foreign               // another host's
	expired
	early   // it begins tomorrow
	unknown // of an authority that nobody trusts
	mute    // takes the connection and says nothing
)

// office is an authority with its file.
type office struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{key: newKey(t), file: filepath.Join(t.TempDir(), "ca.pem"), cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().AddDate(0, 0, -2), NotAfter: time.Now().AddDate(0, 0, 2),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	der, err := x509.CreateCertificate(rand.Reader, o.cert, o.cert, &o.key.PublicKey, o.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// start starts the server with its papers, and returns the authority that a client is to trust.
func (o *office) start(t *testing.T, s *httptest.Server, p papers) (file string) {
	t.Helper()
	switch p {
	case plain:
		s.Start()
		return ""
	case none:
		s.Start()
		s.URL = strings.Replace(s.URL, "http:", "https:", 1)
	case mute:
		s.Start()
		s.URL = "https://" + silentListener(t)
	case unknown:
		s.TLS = newOffice(t).issue(t, p)
		s.StartTLS()
	default:
		s.TLS = o.issue(t, p)
		s.StartTLS()
	}
	return o.file
}

func (o *office) issue(t *testing.T, p papers) *tls.Config {
	t.Helper()
	c, key := template("server"), newKey(t)
	switch p {
	case foreign:
		c.IPAddresses, c.DNSNames = nil, []string{"other.example"}
	case expired:
		c.NotAfter = time.Now().Add(-time.Hour)
	case early:
		c.NotBefore = time.Now().Add(time.Hour)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{o.sign(t, c, key)}, PrivateKey: key}}}
}

// template is a certificate on 127.0.0.1 before it is signed.
func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().AddDate(0, 0, -1), NotAfter: time.Now().AddDate(0, 0, 1),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

func (o *office) sign(t *testing.T, c *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, o.cert, &key.PublicKey, o.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// silentListener is an address at which connections are made by the kernel, and taken by nobody.
func silentListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// Identity is an authority with a certificate for a client, in files.
type Identity struct {
	CAFile   string
	CertFile string // of "client"
	KeyFile  string // private
	office   *office
}

// NewIdentity makes one that lives as long as the test.
func NewIdentity(t *testing.T) *Identity {
	t.Helper()
	o, key, folder := newOffice(t), newKey(t), t.TempDir()
	c := template("client")
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	id := &Identity{CAFile: o.file, CertFile: filepath.Join(folder, "client.pem"), KeyFile: filepath.Join(folder, "client.key"), office: o}
	for path, block := range map[string]*pem.Block{
		id.CertFile: {Type: "CERTIFICATE", Bytes: o.sign(t, c, key)},
		id.KeyFile:  {Type: "EC PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// Server is the TLS of a server of these names, or on 127.0.0.1.
func (id *Identity) Server(t *testing.T, names ...string) *tls.Config {
	t.Helper()
	c, key := template("server"), newKey(t)
	if c.DNSNames = names; len(names) > 0 {
		c.IPAddresses = nil
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{id.office.sign(t, c, key)}, PrivateKey: key}}}
}
