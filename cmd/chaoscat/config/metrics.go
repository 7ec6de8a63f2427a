package config

import "net"

// Metrics is the door for Prometheus and for those who ask whether chaoscat itself is well.
type Metrics struct {
	Listen string // address and port; "" opens no door
}

const metricsListen = "127.0.0.1:9469"

func metricsKeys(m *Metrics) []key {
	return []key{
		entry("listen", text(&m.Listen, badListen, everywhere), "address and port of /metrics, /healthz and /readyz; there is no authentication"),
	}
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
