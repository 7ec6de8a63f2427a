package sshdoor

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func newKey(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// line is a key as it is written down.
func line(key ssh.PublicKey, comment string) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment
}

func read(t testing.TB, lines ...string) *People {
	t.Helper()
	people, wrong := ReadPeople([]byte(strings.Join(lines, "\n")))
	if wrong != nil {
		t.Fatal(wrong)
	}
	return people
}

var (
	noon  = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	place = &net.TCPAddr{IP: net.ParseIP("198.51.100.7"), Port: 4711}
)

func TestAPersonIsKnownByTheirKeyWhereAndAsLongAsItHolds(t *testing.T) {
	ada, laptop, far, near, old, young, lost, stranger := newKey(t), newKey(t), newKey(t), newKey(t), newKey(t), newKey(t), newKey(t), newKey(t)
	people := read(t,
		"# who may come in", "",
		line(ada.PublicKey(), "ada"), line(laptop.PublicKey(), "ada"),
		`from="10.0.0.0/8,203.0.113.4" `+line(far.PublicKey(), "far"),
		`restrict,from="198.51.100.0/24,2001:db8::/32",no-agent-forwarding `+line(near.PublicKey(), "near by"),
		`expiry-time="202607011200Z" `+line(old.PublicKey(), "old"),
		`expiry-time="20260702" `+line(young.PublicKey(), "young"),
		line(lost.PublicKey(), "lost"), "@revoked "+line(lost.PublicKey(), "on a train"),
	)
	for _, row := range []struct {
		key  ssh.Signer
		want string // a name, or why not
	}{
		{ada, "ada"}, {laptop, "ada"}, {near, "near by"}, {young, "young"},
		{far, "line 5 is not for this address"}, {old, "line 7 has expired"}, {lost, "the key is revoked"}, {stranger, "nobody has this key"},
	} {
		name, err := people.Who(row.key.PublicKey(), place, noon)
		if err != nil {
			name = err.Error()
		}
		if name != row.want {
			t.Errorf("got %s, want %s", name, row.want)
		}
	}
	if _, err := people.Who(near.PublicKey(), &net.TCPAddr{IP: net.ParseIP("2001:db8::5")}, noon); err != nil {
		t.Errorf("an IPv6 address of the network: %v", err)
	}
	if _, err := people.Who(near.PublicKey(), &net.TCPAddr{IP: net.ParseIP("::ffff:198.51.100.9")}, noon); err != nil {
		t.Errorf("an IPv4 address in the clothes of IPv6: %v", err)
	}
	if _, err := people.Who(near.PublicKey(), &net.UnixAddr{}, noon); err == nil {
		t.Error("no address is every address")
	}
	var nobody *People
	if _, err := nobody.Who(ada.PublicKey(), place, noon); err == nil {
		t.Error("without a file somebody is let in")
	}
	names, others := people.Names()
	if want := []string{"ada", "far", "lost", "near by", "old", "young"}; !slices.Equal(names, want) || others != 0 {
		t.Errorf("%v %v", names, others)
	}
}

func TestALineThatIsNotUnderstoodIsAMistakeAndNeverIgnored(t *testing.T) {
	key := newKey(t).PublicKey()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := ssh.NewPublicKey(&small.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ text, want string }{
		{"", "names nobody, and so nobody could enter"},
		{"# nobody yet", "names nobody, and so nobody could enter"},
		{"hello", "is no public key"},
		{"ssh-ed25519 AAAA ada", "is no public key"},
		{line(key, ""), "the comment is to be the person's name, and \"\" is none"},
		{line(key, "a\x1b[2J"), "the comment is to be the person's name"},
		{line(key, strings.Repeat("x", 65)), "the comment is to be the person's name"},
		{`command="true" ` + line(key, "ada"), "the option command is not understood"},
		{`no-pty ` + line(key, "ada"), "the option no-pty is not understood"},
		{`from="*.example.com" ` + line(key, "ada"), `"*.example.com" is neither an address nor a network`},
		{`from="!10.0.0.1" ` + line(key, "ada"), "neither an address"},
		{`expiry-time="tomorrow" ` + line(key, "ada"), `expiry-time "tomorrow" is no time`},
		{`principals="ada" ` + line(key, "ada"), "principals are for an authority"},
		{"@cert-authority " + line(key, "ca"), "a marker that is not known: @cert-authority"},
		{"@revoked nonsense", "is no public key"},
		{line(weak, "ada"), "an RSA key of 1024 bits can be forged"},
		{line(certificate(t, newKey(t), newKey(t)).PublicKey(), "ada"), "is a certificate, which nobody has to write down"},
		{line(key, "ada") + "\n" + line(key, "bob"), "the key is there already: ada's, on line 1"},
	} {
		_, wrong := ReadPeople([]byte(row.text))
		if len(wrong) != 1 || !strings.Contains(wrong[0].Text, row.want) || wrong[0].Hint == "" || wrong[0].Line != max(1, len(strings.Split(row.text, "\n"))) {
			t.Errorf("%q: %+v", row.text, wrong)
		}
	}
	_, wrong := ReadPeople([]byte("x\n" + line(key, "ada") + "\ny\n"))
	if len(wrong) != 2 || wrong[0].Line != 1 || wrong[1].Line != 3 {
		t.Errorf("not all mistakes come at once: %+v", wrong)
	}
}

// certificate is a key with a certificate of the authority, good for ada at noon unless it is changed.
func certificate(t testing.TB, authority, key ssh.Signer, change ...func(*ssh.Certificate)) ssh.Signer {
	t.Helper()
	c := &ssh.Certificate{
		Key: key.PublicKey(), KeyId: "ada", Serial: 7, CertType: ssh.UserCert, ValidPrincipals: []string{"chaos", "ada"},
		ValidAfter: uint64(noon.Add(-time.Hour).Unix()), ValidBefore: uint64(noon.Add(time.Hour).Unix()),
		Permissions: ssh.Permissions{Extensions: map[string]string{"permit-pty": "", "permit-port-forwarding": ""}},
	}
	for _, f := range change {
		f(c)
	}
	if err := c.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func TestACertificateNamesItsPersonWhereAndAsLongAsItHolds(t *testing.T) {
	authority, limited, far, withdrawn, unknown := newKey(t), newKey(t), newKey(t), newKey(t), newKey(t)
	key, stolen := newKey(t), newKey(t)
	people := read(t,
		"cert-authority "+line(authority.PublicKey(), ""),
		`cert-authority,principals="eve,bob" `+line(limited.PublicKey(), "the bastion's"),
		`cert-authority,from="10.0.0.0/8" `+line(far.PublicKey(), "far away"),
		"cert-authority "+line(withdrawn.PublicKey(), "was good once"), "@revoked "+line(withdrawn.PublicKey(), ""),
		"@revoked "+line(stolen.PublicKey(), "ada's old laptop"),
	)
	principals := func(names ...string) func(*ssh.Certificate) {
		return func(c *ssh.Certificate) { c.ValidPrincipals = names }
	}
	only := func(name, value string) func(*ssh.Certificate) {
		return func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{name: value} }
	}
	no := func(why string) string { return "refused: " + why }
	for _, row := range []struct {
		why         string
		certificate ssh.Signer
		want        string // a name, or why not
	}{
		{"the key id, which is a principal", certificate(t, authority, key), "ada"},
		{"the first principal, where the key id is none", certificate(t, authority, key, func(c *ssh.Certificate) { c.KeyId = "ada@laptop 2026" }), "chaos"},
		{"whom the authority may name", certificate(t, limited, key, principals("bob")), "bob"},
		{"whom the authority may not name", certificate(t, limited, key), no("a certificate for ada, whom its authority (line 2) may not name")},
		{"for this address", certificate(t, authority, key, only("source-address", "198.51.100.0/24,10.0.0.1")), "ada"},
		{"for another address", certificate(t, authority, key, only("source-address", "10.0.0.0/8")), no("a certificate for ada that is not for this address")},
		{"for an address that is none", certificate(t, authority, key, only("source-address", "somewhere")), no("a certificate for ada that is not for this address")},
		{"of an authority for other addresses", certificate(t, far, key), no("line 3 is not for this address")},
		{"for a command alone", certificate(t, authority, key, only("force-command", "true")), no("unsupported critical option")},
		{"expired", certificate(t, authority, key, func(c *ssh.Certificate) { c.ValidBefore = uint64(noon.Add(-time.Second).Unix()) }), no("cert has expired")},
		{"not valid yet", certificate(t, authority, key, func(c *ssh.Certificate) { c.ValidAfter = uint64(noon.Add(time.Minute).Unix()) }), no("not yet valid")},
		{"of nobody", certificate(t, authority, key, principals()), no("a certificate without principals, which names nobody")},
		{"of no name", certificate(t, authority, key, principals("\x1b[2J")), no("is no name")},
		{"of a host", certificate(t, authority, key, func(c *ssh.Certificate) { c.CertType = ssh.HostCert }), no("not of a user")},
		{"of an authority that is not known", certificate(t, unknown, key), no("an authority that is not known")},
		{"of an authority that was withdrawn", certificate(t, withdrawn, key), no("is revoked")},
		{"of a key that was stolen", certificate(t, authority, stolen), no("is revoked")},
		{"of the authority's own plain key", authority, no("nobody has this key")},
	} {
		name, err := people.Who(row.certificate.PublicKey(), place, noon)
		if err != nil {
			name = no(err.Error())
		}
		why, refused := strings.CutPrefix(row.want, no(""))
		if refused && (err == nil || !strings.Contains(name, why)) || !refused && name != row.want {
			t.Errorf("%s: got %s, want %s", row.why, name, row.want)
		}
	}
	forged := certificate(t, authority, key).PublicKey().(*ssh.Certificate)
	forged.ValidPrincipals, forged.KeyId = []string{"root"}, "root"
	if name, err := people.Who(forged, place, noon); err == nil {
		t.Errorf("a certificate that was changed after it was signed is %s's", name)
	}
	if names, others := people.Names(); !slices.Equal(names, []string{"bob", "eve"}) || others != 1 {
		t.Errorf("%v %v", names, others)
	}
}

// Whoever keeps an authority that may name anybody could otherwise become an admin.
func TestAnAuthorityThatListsNobodyNamesNoPersonWhoIsWrittenDown(t *testing.T) {
	anybody, listed, key := newKey(t), newKey(t), newKey(t)
	people, wrong := ReadPeople([]byte(strings.Join([]string{
		"cert-authority " + line(anybody.PublicKey(), ""),
		`cert-authority,principals="ada,bob,carol" ` + line(listed.PublicKey(), ""),
		line(newKey(t).PublicKey(), "bob"),
	}, "\n")), "ada") // of a team
	if wrong != nil {
		t.Fatal(wrong)
	}
	named := func(name string) func(*ssh.Certificate) {
		return func(c *ssh.Certificate) { c.ValidPrincipals, c.KeyId = []string{name}, name }
	}
	for _, name := range []string{"ada", "bob"} {
		if got, err := people.Who(certificate(t, anybody, key, named(name)).PublicKey(), place, noon); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: %q %v", name, got, err)
		}
		if got, err := people.Who(certificate(t, listed, key, named(name)).PublicKey(), place, noon); got != name || err != nil {
			t.Errorf("%s, whom its authority lists: %q %v", name, got, err)
		}
	}
	if got, err := people.Who(certificate(t, anybody, key, named("carol")).PublicKey(), place, noon); got != "carol" || err != nil {
		t.Errorf("somebody whom nothing is given to: %q %v", got, err)
	}
}

func FuzzReadingPeopleNeverPanicsAndPointsIntoTheFile(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line(public, "ada") + "\n@revoked " + line(public, "x") + "\nfrom=\"::1\" x\n")
	f.Add(`cert-authority,principals="a,b",expiry-time="2026" ` + line(public, "ca"))
	f.Fuzz(func(t *testing.T, text string) {
		people, wrong := ReadPeople([]byte(text))
		for _, m := range wrong {
			if m.Line < 1 || m.Line > strings.Count(text, "\n")+1 || m.Text == "" {
				t.Fatalf("out of place: %+v", m)
			}
		}
		names, _ := people.Names()
		for _, name := range names {
			if !ValidName(name) {
				t.Fatalf("somebody is called %q", name)
			}
		}
		_ = fmt.Sprint(people.Who(public, place, noon))
	})
}
