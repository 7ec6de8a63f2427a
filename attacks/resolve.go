package attacks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Lookup finds the addresses behind a name: of a host of the inventory or of the DNS, or behind group:NAME,
// all hosts of a group. It says who it could not find.
type Lookup func(ctx context.Context, name string) ([]netip.Addr, error)

// mostPeers is what still travels in one header line and fits into one nft set of a host.
const mostPeers = 90

// Resolve replaces the names among the peers of checked parameters by addresses, in place, since a host
// looks nothing up: the fault that it is about to have may be in its own DNS. A name without an address
// is an error, never nobody and never everybody.
func Resolve(ctx context.Context, def Definition, wire map[string]string, lookup Lookup) error {
	var wrong []error
	for _, p := range def.Params {
		if p.Kind != Peers || wire[p.Name] == "" {
			continue
		}
		sent, err := resolve(ctx, wire[p.Name], lookup)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s: %w", def.Name, p.Name, err))
			continue
		}
		wire[p.Name] = sent
	}
	return errors.Join(wrong...)
}

func resolve(ctx context.Context, list string, lookup Lookup) (string, error) {
	var sent []string
	for _, word := range strings.Split(list, ",") {
		if isAddress(word) {
			sent = append(sent, word)
			continue
		}
		if lookup == nil {
			return "", fmt.Errorf("%s is a name, and nobody here can look it up: write its address", word)
		}
		found, err := lookup(ctx, word)
		if err == nil && len(found) == 0 {
			err = errors.New("it has no address")
		}
		if err != nil {
			return "", fmt.Errorf("looking up %s: %w", word, err)
		}
		for _, a := range found {
			if err := usable(a.Unmap(), false); err == nil {
				sent = append(sent, a.Unmap().WithZone("").String())
			}
		}
	}
	slices.Sort(sent)
	if sent = slices.Compact(sent); len(sent) == 0 {
		return "", fmt.Errorf("%s leads to no address that can be a peer", list)
	}
	if len(sent) > mostPeers {
		return "", fmt.Errorf("%s are %d addresses: %d at most; name networks instead", list, len(sent), mostPeers)
	}
	return strings.Join(sent, ","), nil
}

func isAddress(word string) bool {
	if _, err := netip.ParsePrefix(word); err == nil {
		return true
	}
	_, err := netip.ParseAddr(word)
	return err == nil
}
