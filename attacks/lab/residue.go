//go:build linux

package lab

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed residue.sh
var residueScript string

// Residue describes everything on the host that a fault may change: qdiscs, firewall, links, addresses, routes, mounts,
// units, cgroups, processes, volatile files, /etc, files written to the disk, disk usage and clock. It is taken over
// the serial line and changes nothing. Compare two with [Diff]: those of an untouched host, also of one that was
// rebooted in between, are without difference.
func (l *Lab) Residue(ctx context.Context, h *Host) (string, error) {
	began := time.Now()
	text, err := l.Run(ctx, h, residueScript)
	if err != nil {
		return "", fmt.Errorf("looking for residue: %w", err)
	}
	return judgeClock(text, began, time.Now()), nil
}

// judgeClock replaces the host's time, which always differs, by how far it is off. The host read its clock between began
// and ended, and a second either way is no difference.
func judgeClock(text string, began, ended time.Time) string {
	head, rest, _ := strings.Cut(text, "[qdisc]")
	seconds, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(head, "[clock]")), 10, 64)
	verdict := "right"
	switch {
	case err != nil:
		verdict = "unreadable"
	case seconds < began.Unix()-1:
		verdict = fmt.Sprintf("%d s behind", began.Unix()-seconds)
	case seconds > ended.Unix()+1:
		verdict = fmt.Sprintf("%d s ahead", seconds-ended.Unix())
	}
	return "[clock]\n" + verdict + "\n[qdisc]" + rest
}
