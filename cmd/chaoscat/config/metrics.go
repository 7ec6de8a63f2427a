package config

import (
	"net"
	"strconv"
)

// Metrics is the door for Prometheus and for those who ask whether chaoscat itself is well.
type Metrics struct {
	Listen string // address and port; "" opens no door
}

const metricsListen = "127.0.0.1:9469"

func metricsKeys(m *Metrics) []key {
	return []key{
		entry("listen", text(&m.Listen, badDoor, everywhere), "address and port of /metrics, /healthz and /readyz; there is no authentication"),
	}
}

// badDoor is badListen with an example that is open to this machine only, on the port that was perhaps meant.
func badDoor(s string) string {
	if _, _, err := net.SplitHostPort(s); err == nil {
		return badListen(s)
	}
	at := metricsListen
	if n, err := strconv.ParseUint(s, 10, 16); err == nil && n > 0 {
		at = "127.0.0.1:" + s
	}
	return "is no address to listen at; write it like " + strconv.Quote(at)
}

// everywhere refuses to open a door without a lock to all the world by leaving something out.
func everywhere(s string) string {
	if host, port, _ := net.SplitHostPort(s); host == "" {
		return `would be open to everybody, and nobody is asked who they are; write "127.0.0.1:` + port + `", or "0.0.0.0:` + port + `" if that is meant`
	}
	return ""
}

// checkMetrics opens no door where nobody has asked for one.
func (r *reading) checkMetrics(m *Metrics) {
	if r.root.under["metrics"] == nil {
		m.Listen = ""
	}
}
