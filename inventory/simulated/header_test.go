package simulated

import (
	"strings"
	"testing"
)

// Whatever arrives as a header, it is understood or refused, and nothing that a shell could read gets in.
func FuzzAHeaderIsUnderstoodOrRefused(f *testing.F) {
	f.Add("nonce=0123456789abcdef\nid=run-1\nkind=cpu\np.load=80\n.\n")
	f.Add("nonce=0123456789abcdef\nlabel=a\nkind=cpu\nlabel=b\np.unit=x';reboot\n.\n")
	f.Add("nonce=zz\n.\n")
	f.Add("nonce=0123456789abcdef\n=\n.\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := make(chan string, strings.Count(text, "\n")+1)
		for line := range strings.Lines(text) {
			lines <- strings.TrimSuffix(line, "\n")
		}
		close(lines)
		h, err := readHeader(lines)
		if err != nil {
			return
		}
		for _, b := range h.blocks {
			for key, value := range b.params {
				if strings.ContainsAny(key+value, forbidden+"\n\r\x00\x1b") {
					t.Errorf("p.%s=%q got in", key, value)
				}
			}
			readOrder(b)
		}
	})
}

func FuzzParametersAreCheckedWithoutPanic(f *testing.F) {
	f.Add("80", "10.0.0.0/8, ::1", "22,80-90", "nginx.service")
	f.Add("-1", "", "99999-1", "x")
	f.Fuzz(func(t *testing.T, load, targets, list, unit string) {
		p := params{"load": load, "targets": targets, "ports": list, "unit": unit}
		for _, a := range Usual() {
			a.reads(p)
		}
		if ports(list) == nil && coversSSH(list) && !strings.ContainsAny(list, "0123456789") {
			t.Errorf("%q covers port 22", list)
		}
	})
}
