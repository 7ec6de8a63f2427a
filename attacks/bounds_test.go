package attacks

import (
	"strings"
	"testing"
)

func TestEveryParameterOfTheCatalogueSaysWhatItMayBe(t *testing.T) {
	for _, d := range Builtin() {
		for _, p := range d.Params {
			if p.Bounds() == "" {
				t.Errorf("%s %s may be anything", d.Name, p.Name)
			}
		}
	}
	for kib, want := range map[int64]string{1: "1KiB", 1024: "1MiB", 1536: "1.5MiB", 999_999_999: "953.7GiB"} {
		if got := sizeText(kib); got != want {
			t.Errorf("%d KiB is %s, want %s", kib, got, want)
		}
	}
	if got := rateText(2_000_000); got != "2gbit" {
		t.Errorf("2000000 kbit is %s", got)
	}
}

// Whoever is refused reads the same words as whoever has asked for help.
func TestAValueOutOfBoundsIsToldThemAsTheHelpSaysThem(t *testing.T) {
	for _, c := range []struct{ attack, param, value, want string }{
		{"latency", "delay", "2h", `is not within 1ms to 1h`},
		{"latency", "delay", "0s", `is not within 1ms to 1h`},
		{"cpu", "load", "101", `is not within 1 to 100 %`},
		{"cpu", "workers", "1025", `is not within 0 to 1024`},
		{"bandwidth", "rate", "999999gbit", `is not within `},
		{"memory", "size", "999999TiB", `is not within `},
	} {
		d, found := Find(c.attack)
		if !found {
			t.Fatalf("there is no %s", c.attack)
		}
		_, err := Check(d, map[string]string{c.param: c.value})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s=%s: %v", c.attack, c.param, c.value, err)
		}
	}
}
