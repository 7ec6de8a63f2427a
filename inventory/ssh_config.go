package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// SSHConfig is the hosts of an OpenSSH client configuration: each name on a Host line that is no pattern, reached
// as ssh itself would reach it: HostName, Port, User and ProxyJump, of all blocks that apply and in their order, of the
// file and of those that it includes. A ProxyJump over another name of the file is resolved as ssh does. A host without
// a Port has ssh's, 22, and one without a ProxyJump is reached directly, whatever holds for the hosts of other sources.
//
// Where it is not certain what ssh would do (a ProxyCommand, CanonicalizeHostname, a Match block that asks for more
// than the name, tokens other than %h), the host is refused, never guessed at. Other settings are passed over: keys and
// known hosts are chaoscat's own to choose, and /etc/ssh/ssh_config is read only if it is the Path.
type SSHConfig struct {
	Path string
	Home string // what ~ stands for; relative names in Include begin in its .ssh
}

var _ Source = SSHConfig{}

// Name is the path.
func (f SSHConfig) Name() string { return f.Path }

// Load reads the file and what it includes.
func (f SSHConfig) Load(ctx context.Context) (Listing, error) {
	if err := ctx.Err(); err != nil {
		return Listing{}, fmt.Errorf("read SSH configuration %s: %w", f.Path, err)
	}
	text, err := readRegular(f.Path)
	if err != nil {
		return Listing{}, fmt.Errorf("read SSH configuration %s: %w", f.Path, err)
	}
	r := &sshReader{home: f.Home, system: strings.HasPrefix(f.Path, "/etc/ssh/"), read: readRegular}
	r.file(f.Path, text, sshBlock{})
	if err := joined(r.wrong); err != nil {
		return Listing{}, err
	}
	return newSSHResolver(r.blocks).listing(f.Path)
}

// maxTried bounds how often a name is held against the patterns of a block: names times blocks with patterns.
const maxTried = 20_000_000

// sshResolver answers what ssh would do for a name. Blocks that apply to few names by their words are found by name.
type sshResolver struct {
	blocks []sshBlock
	named  map[string][]int // blocks that apply to this name, if any
	wide   []int            // blocks that may apply to any name
	ways   map[string]way   // by the text of a ProxyJump
}

// way is what became of a ProxyJump.
type way struct {
	jump string
	err  error
}

func newSSHResolver(blocks []sshBlock) *sshResolver {
	r := &sshResolver{blocks: blocks, named: map[string][]int{}, ways: map[string]way{}}
	for i, b := range blocks {
		names, few := b.names()
		if !few {
			r.wide = append(r.wide, i)
		}
		for _, name := range names {
			if of := r.named[name]; len(of) == 0 || of[len(of)-1] != i {
				r.named[name] = append(of, i)
			}
		}
	}
	return r
}

func (r *sshResolver) listing(path string) (Listing, error) {
	listing, seen := Listing{Source: path}, map[string]bool{}
	if len(r.wide) > 0 && len(r.named) > maxTried/len(r.wide) {
		return Listing{}, fmt.Errorf("%s: %d names and %d blocks with patterns are too many to hold against each other", path, len(r.named), len(r.wide))
	}
	for _, b := range r.blocks {
		for _, name := range b.aliases() {
			if seen[name] || b.applies(name, name) != holds {
				continue
			}
			seen[name] = true
			listing.Entries = append(listing.Entries, r.entry(name, b.where))
		}
	}
	return listing, nil
}

func (r *sshResolver) entry(name, where string) Entry {
	e := Entry{Where: where, Host: engine.Host{Name: name}}
	found, err := r.resolve(name)
	if err == nil {
		e.Address, e.Port, e.User = found.address, found.port, found.user
		e.Jump, err = r.jump(found.jump, 0)
	}
	e.Port, e.Jump = cmp.Or(e.Port, 22), cmp.Or(e.Jump, direct) // ssh's own, whatever other hosts have
	if err != nil {
		e.Refused = err.Error()
	}
	return e
}

// target is how ssh reaches a name.
type target struct {
	address, user, jump string
	port                int // 0: ssh's own
}

// resolve takes the first value of each setting among the blocks that apply.
func (r *sshResolver) resolve(name string) (target, error) {
	got := map[sshKeyword]sshSetting{}
	address := func() string {
		if h, set := got[hostName]; set {
			return strings.ReplaceAll(h.value, "%h", name)
		}
		return name
	}
	for _, i := range mergeSorted(r.named[name], r.wide) {
		b := r.blocks[i]
		applies := b.applies(name, address())
		for _, s := range b.settings {
			_, set := got[s.keyword]
			switch {
			case applies == failsToHold || set:
			case applies == unknown:
				return target{}, fmt.Errorf("%s: this may set its %s, but stands in a Match block that chaoscat cannot judge", s.where, s.keyword)
			default:
				got[s.keyword] = s
			}
		}
	}
	return settled(name, address(), got)
}

// settled refuses what would have to be guessed.
func settled(name, address string, got map[sshKeyword]sshSetting) (t target, err error) {
	t = target{address: address, user: got[userKey].value}
	if strings.Contains(address, "%") {
		return t, fmt.Errorf("%s: HostName %s: of the tokens only %%h is supported", got[hostName].where, show(got[hostName].value))
	}
	if c, set := got[canonicalize]; set && !strings.EqualFold(c.value, "no") && !isAddress(address) {
		return t, fmt.Errorf("%s: CanonicalizeHostname may make another name of %s; give it a HostName that is an address", c.where, show(address))
	}
	if p, set := got[portKey]; set {
		if t.port, err = parsePort(p.value); err != nil {
			return t, fmt.Errorf("%s: %w", p.where, err)
		}
	}
	proxy := got[proxyKey]
	switch {
	case strings.EqualFold(proxy.value, "none"):
	case proxy.command:
		return t, fmt.Errorf("%s: a ProxyCommand is not supported; name the jump host with ProxyJump", proxy.where)
	case strings.Contains(proxy.value, "%"):
		return t, fmt.Errorf("%s: ProxyJump %s: tokens are not supported", proxy.where, show(proxy.value))
	default:
		t.jump = proxy.value
	}
	return t, nil
}

// mostJumps is where hops over hops are taken for a circle.
const mostJumps = 8

// jump resolves the hops of a ProxyJump, each of which may be a name of the file. As with ssh, the first hop is reached
// over what it names itself as ProxyJump, the others over the hop before.
func (r *sshResolver) jump(text string, depth int) (string, error) {
	if known, done := r.ways[text]; done {
		return known.jump, known.err
	}
	jump, err := r.hops(text, depth)
	if depth == 0 || err == nil { // one that has gone too deep may be right from elsewhere
		r.ways[text] = way{jump, err}
	}
	return jump, err
}

func (r *sshResolver) hops(text string, depth int) (string, error) {
	if text == "" {
		return "", nil
	}
	if depth > mostJumps {
		return "", fmt.Errorf("ProxyJump %s: jumps over jumps, more than %d deep or in a circle", show(text), mostJumps)
	}
	var hops []string
	for i, hop := range strings.Split(text, ",") {
		written, t, err := r.hop(hop)
		if err != nil {
			return "", fmt.Errorf("ProxyJump %s: %w", show(hop), err)
		}
		if i == 0 && t.jump != "" {
			before, err := r.jump(t.jump, depth+1)
			if err != nil {
				return "", err
			}
			hops = append(hops, before)
		}
		hops = append(hops, written)
	}
	return strings.Join(hops, ","), nil
}

// hop writes one hop out; what stands in it wins over what the file says of its name.
func (r *sshResolver) hop(text string) (string, target, error) {
	user, rest, found := strings.Cut(text, "@")
	if !found {
		user, rest = "", text
	}
	name, port, err := splitPort(rest)
	if err != nil {
		return "", target{}, err
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if name == "" {
		return "", target{}, errors.New("names no host")
	}
	t, err := r.resolve(name)
	if user == "" {
		user = t.user
	}
	if port == 0 {
		port = t.port
	}
	return writeHop(user, t.address, port), t, err
}

// mergeSorted is both lists in order, what is in both once.
func mergeSorted(a, b []int) []int {
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
