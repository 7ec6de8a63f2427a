package inventory

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// canonical brings an address into the one spelling by which two spellings are compared: IP literals
// shortest, without brackets and IPv4-mapped ones as IPv4; host names in lower case without the final
// dot. What is not surely an address of one machine is an error.
func canonical(address string) (string, error) {
	literal := address
	if strings.HasPrefix(literal, "[") && strings.HasSuffix(literal, "]") {
		literal = literal[1 : len(literal)-1]
	}
	if ip, err := netip.ParseAddr(literal); err == nil {
		return canonicalIP(ip)
	}
	name := strings.ToLower(strings.TrimSuffix(address, "."))
	if err := checkHostname(name); err != nil {
		return "", err
	}
	return name, nil
}

func canonicalIP(ip netip.Addr) (string, error) {
	if zone := ip.Zone(); zone != "" && !all(zone, isWordByte) {
		return "", errors.New("the IPv6 zone may have letters, digits, \".\", \"_\" and \"-\" only")
	}
	ip = ip.Unmap()
	if ip.IsUnspecified() {
		return "", errors.New("the unspecified address would reach this very machine")
	}
	if ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return "", errors.New("a multicast or broadcast address is not one host")
	}
	return ip.String(), nil
}

// checkHostname wants a name in lower case. The last label must not be a number: 127.1, 010.0.0.1 and
// 2130706433 are read as addresses by some resolvers and as names by others.
func checkHostname(name string) error {
	if name == "" {
		return errors.New("empty")
	}
	if name[0] == '-' {
		return errors.New("begins with \"-\", which would be read as an option")
	}
	if len(name) > 253 {
		return fmt.Errorf("%d characters long; a host name has at most 253", len(name))
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !all(label, isLabelByte) {
			return errors.New("neither an IP address nor a host name")
		}
		last = label
	}
	if _, err := strconv.ParseUint(last, 0, 64); err == nil || all(last, isDigit) {
		return errors.New("looks like a number, and is not a complete IP address")
	}
	return nil
}

// loopback tells whether the canonical address leads back to the machine that uses it. A first label
// "localhost" counts as well: localhost.example.com is 127.0.0.1 in many a zone.
func loopback(address string) bool {
	if ip, err := netip.ParseAddr(address); err == nil {
		return ip.IsLoopback()
	}
	first, _, _ := strings.Cut(address, ".")
	switch first {
	case "localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback":
		return true
	}
	return strings.HasSuffix(address, ".localhost")
}

// canonicalJump checks a list of hops, [user@]host[:port] separated by commas, and brings it into one
// spelling. The key is the same with the default port left out, for comparing.
func canonicalJump(jump string) (spelling, key string, err error) {
	if jump == "" {
		return "", "", nil
	}
	var spellings, keys []string
	for hop := range strings.SplitSeq(jump, ",") {
		s, k, err := canonicalHop(hop)
		if err != nil {
			return "", "", fmt.Errorf("hop %s: %w", show(hop), err)
		}
		spellings, keys = append(spellings, s), append(keys, k)
	}
	return strings.Join(spellings, ","), strings.Join(keys, ","), nil
}

func canonicalHop(hop string) (spelling, key string, err error) {
	user, rest, found := strings.Cut(hop, "@")
	if !found {
		user, rest = "", hop
	} else if err := checkUser(user); err != nil {
		return "", "", fmt.Errorf("user %s: %w", show(user), err)
	} else {
		user += "@"
	}
	host, port, err := splitPort(rest)
	if err != nil {
		return "", "", err
	}
	address, err := canonical(host)
	if err != nil {
		return "", "", err
	}
	if strings.Contains(address, ":") {
		address = "[" + address + "]"
	}
	key = user + address
	if port != 0 && port != 22 {
		key += ":" + strconv.Itoa(port)
	}
	if port != 0 {
		return user + address + ":" + strconv.Itoa(port), key, nil
	}
	return key, key, nil
}

// writeHop is the reverse of reading one; what is missing is left out.
func writeHop(user, host string, port int) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if user != "" {
		host = user + "@" + host
	}
	if port != 0 {
		host += ":" + strconv.Itoa(port)
	}
	return host
}

// isAddress tells addresses from names.
func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// splitPort takes host, host:port, [v6]:port, [v6] or a bare v6. The port is 0 when there is none.
func splitPort(text string) (host string, port int, err error) {
	colons := strings.Count(text, ":")
	if colons == 0 || strings.HasSuffix(text, "]") || (colons > 1 && !strings.HasPrefix(text, "[")) {
		return text, 0, nil
	}
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, errors.New("neither HOST:PORT nor [IPV6]:PORT")
	}
	port, err = parsePort(digits)
	return host, port, err
}

// parsePort takes 1 to 65535 in plain decimal digits.
func parsePort(digits string) (int, error) {
	port, err := strconv.Atoi(digits)
	if err != nil || !all(digits, isDigit) || port < 1 || port > 65535 {
		return 0, fmt.Errorf("port %s: a port is a number from 1 to 65535", show(digits))
	}
	return port, nil
}
