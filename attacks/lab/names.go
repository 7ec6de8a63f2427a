//go:build linux

package lab

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// names is the name server that the hosts ask, at the gateway's address: NAME.lab is a host of the lab, every other
// name below lab is the gateway, and nothing else exists.
type names struct{ socket net.PacketConn }

// serveNames answers until the socket is closed. The caller stands in the network of the hosts.
func serveNames() (names, error) {
	socket, err := net.ListenPacket("udp", net.JoinHostPort(gatewayAddress, "53"))
	if err != nil {
		return names{}, err
	}
	go func() {
		question := make([]byte, 512)
		for {
			n, from, err := socket.ReadFrom(question)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if reply := answerTo(question[:n]); err == nil && reply != nil {
				_, _ = socket.WriteTo(reply, from)
			}
		}
	}()
	return names{socket}, nil
}

func (n names) close() error {
	if n.socket == nil {
		return nil
	}
	return n.socket.Close()
}

const (
	typeA        = 1
	nameExists   = 0x80 // recursion available, no error
	noSuchName   = 0x83
	toTheSame    = "\xc0\x0c" // the answer's name is that of the question
	oneMinute    = "\x00\x00\x00\x3c"
	headerLength = 12
)

// answerTo is the reply to a query for one name, or nil for what is none.
func answerTo(query []byte) []byte {
	name, kind, end := asked(query)
	if end == 0 {
		return nil
	}
	reply := bytes.Clone(query[:end])
	reply[2], reply[3] = 0x81|query[2]&0x01, noSuchName
	clear(reply[6:headerLength])
	if name != "lab" && !strings.HasSuffix(name, ".lab") {
		return reply
	}
	reply[3] = nameExists
	if kind != typeA {
		return reply
	}
	reply[7] = 1
	address := whoIs(strings.TrimSuffix(name, ".lab")).As4()
	return append(append(reply, toTheSame+"\x00\x01\x00\x01"+oneMinute+"\x00\x04"...), address[:]...)
}

func whoIs(name string) netip.Addr {
	if number, err := strconv.Atoi(strings.TrimPrefix(name, "lab-")); err == nil && number >= 1 && number <= 100 {
		return netip.MustParseAddr(hostAddress(number))
	}
	return netip.MustParseAddr(gatewayAddress)
}

// asked reads the question; end is where it ends, 0 if it cannot be read.
func asked(query []byte) (name string, kind, end int) {
	if len(query) < headerLength || query[2]&0x80 != 0 || query[5] != 1 {
		return "", 0, 0
	}
	var labels []string
	at := headerLength
	for at < len(query) && query[at] != 0 {
		length := int(query[at])
		if length > 63 || at+1+length >= len(query) {
			return "", 0, 0
		}
		labels = append(labels, strings.ToLower(string(query[at+1:at+1+length])))
		at += 1 + length
	}
	if at+5 > len(query) {
		return "", 0, 0
	}
	return strings.Join(labels, "."), int(query[at+1])<<8 | int(query[at+2]), at + 5
}
