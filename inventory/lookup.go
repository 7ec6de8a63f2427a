package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Resolver asks the DNS, or whatever the machine asks besides, for the addresses of a name. It must return
// soon after the context is done. [net.Resolver.LookupNetIP] with the network "ip" is one.
type Resolver func(ctx context.Context, name string) ([]netip.Addr, error)

const (
	lookupTime    = 5 * time.Second // for one name that an operator has written, with all the hosts behind it
	lookupsAtOnce = 16              // a group of a thousand names must not look like an attack on the resolver
)

// Lookup is how the peers of a network attack get their addresses. A name of the inventory means that host,
// "group:NAME" every host of the group, excluded ones too since they are not the ones attacked, and any
// other name is asked of the resolver. The roster is taken anew at each call.
//
// A host of a group that has no address makes the whole an error: a partition from nearly all of a group
// would be another experiment than the one that was ordered.
func Lookup(roster func() *engine.Roster, resolve Resolver) func(ctx context.Context, name string) ([]netip.Addr, error) {
	return func(ctx context.Context, name string) ([]netip.Addr, error) {
		ctx, cancel := context.WithTimeout(ctx, lookupTime)
		defer cancel()
		known := roster()
		if group, ok := strings.CutPrefix(name, "group:"); ok {
			return ofGroup(ctx, known, group, resolve)
		}
		if h, ok := called(known, name); ok {
			return ofHost(ctx, h, resolve)
		}
		found, err := ask(ctx, name, resolve)
		if err != nil {
			return nil, fmt.Errorf("it is no host of the inventory, and %w%s", err, hint(name, known.Hosts()))
		}
		return found, nil
	}
}

// called finds a host by its name. Names of the DNS know no upper case, and parameters travel without it,
// so a host that alone is called so but for the case is meant as well.
func called(known *engine.Roster, name string) (engine.Host, bool) {
	if h, ok := known.Find(name); ok {
		return h, true
	}
	var like []engine.Host
	for _, h := range known.Hosts() {
		if strings.EqualFold(h.Name, name) {
			like = append(like, h)
		}
	}
	if len(like) != 1 {
		return engine.Host{}, false
	}
	return like[0], true
}

// ofGroup asks for all hosts of a group, some at a time, and gives up at the first that has no address.
func ofGroup(ctx context.Context, known *engine.Roster, group string, resolve Resolver) ([]netip.Addr, error) {
	var hosts []engine.Host
	for _, h := range known.Hosts() {
		if h.In(group) {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("the inventory has no host in it%s", hint("group:"+group, known.Hosts()))
	}
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	found, wrong := make([][]netip.Addr, len(hosts)), make([]error, len(hosts))
	turn := make(chan struct{}, lookupsAtOnce)
	var all sync.WaitGroup
	for i, h := range hosts {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			if found[i], wrong[i] = ofHost(ctx, h, resolve); wrong[i] != nil {
				giveUp()
			}
		})
	}
	all.Wait()
	if err := cause(wrong); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

// cause is the error that made the others give up, or the first that there is.
func cause(wrong []error) error {
	var first error
	for _, err := range wrong {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		first = cmp.Or(first, err)
	}
	return first
}

func ofHost(ctx context.Context, h engine.Host, resolve Resolver) ([]netip.Addr, error) {
	literal, err := netip.ParseAddr(h.Address)
	if err != nil {
		found, err := ask(ctx, h.Address, resolve)
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", h.Name, err)
		}
		return found, nil
	}
	if literal.Zone() != "" {
		return nil, fmt.Errorf("host %s: its address %s has a zone, which means something else on every host", h.Name, literal)
	}
	return []netip.Addr{literal}, nil
}

// ask puts what a resolver has to say into words that an operator can act on.
func ask(ctx context.Context, name string, resolve Resolver) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, unanswered(name, err)
	}
	found, err := resolve(ctx, name)
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil && err != nil:
		return nil, unanswered(name, ctx.Err())
	case errors.As(err, &dns) && dns.IsNotFound:
		return nil, fmt.Errorf("the DNS knows no %s: write its address", show(name))
	case err != nil:
		return nil, fmt.Errorf("the DNS has not answered for %s: %s", show(name), harmless(err))
	case len(found) == 0:
		return nil, fmt.Errorf("the DNS has no address for %s: write it", show(name))
	}
	return found, nil
}

func unanswered(name string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("looking up %s was given up: %w", show(name), err)
	}
	return fmt.Errorf("the DNS has not answered for %s within %s: %w", show(name), lookupTime, err)
}
