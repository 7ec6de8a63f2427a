package lab

import "testing"

func TestDiffOfEqualResiduesIsEmpty(t *testing.T) {
	residue := "[qdisc]\nqdisc noqueue 0: dev lo root\n[units]\nssh.service active running\n[disk-used]\n200000 1000000\n"
	if got := Diff(residue, residue); got != "" {
		t.Errorf("Diff of a residue with itself is %q", got)
	}
}

func TestDiffNamesThePartAndWhatIsGoneAndNew(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{"a line more", "[nft]\n", "[nft]\ntable inet chaoscat_1 {\n", "nft: + table inet chaoscat_1 {"},
		{"a line less", "[units]\nlab-web.service active running\n", "[units]\n", "units: - lab-web.service active running"},
		{"a line twice", "[processes]\ndd\n", "[processes]\ndd\ndd\n", "processes: + dd"},
		{"a part that was not there", "[etc]\na\n", "[etc]\na\n[mounts]\n/mnt\n", "mounts: + /mnt"},
		{"changed", "[clock]\nright\n", "[clock]\n86400 s ahead\n", "clock: - right\nclock: + 86400 s ahead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Diff(c.before, c.after); got != c.want {
				t.Errorf("Diff is\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestDiffForgivesAHundredthOfTheDiskAndNoMore(t *testing.T) {
	before := "[disk-used]\n200000 1000000\n"
	if got := Diff(before, "[disk-used]\n209999 1000000\n"); got != "" {
		t.Errorf("less than a hundredth of the disk is told as %q", got)
	}
	if got := Diff(before, "[disk-used]\n210000 1000000\n"); got == "" {
		t.Error("a hundredth of the disk is not told")
	}
	if got := Diff(before, "[disk-used]\n\n"); got == "" {
		t.Error("an unreadable disk usage is not told")
	}
}
