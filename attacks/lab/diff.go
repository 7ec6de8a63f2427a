package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Diff tells what two residues disagree on, a line each: "part: - gone" or "part: + new". It returns "" when they
// agree. Disk usage that differs by less than one hundredth of the disk is no disagreement: logs grow.
func Diff(before, after string) string {
	was, is := partsOf(before), partsOf(after)
	var lines []string
	for _, part := range unionOf(was, is) {
		if part == "disk-used" && about(was[part], is[part]) {
			continue
		}
		lines = append(lines, changes(part+": - ", was[part], is[part])...)
		lines = append(lines, changes(part+": + ", is[part], was[part])...)
	}
	return strings.Join(lines, "\n")
}

// partsOf splits a residue at its [part] lines.
func partsOf(text string) map[string][]string {
	parts := map[string][]string{}
	part := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			part = strings.Trim(line, "[]")
			continue
		}
		parts[part] = append(parts[part], line)
	}
	return parts
}

func unionOf(a, b map[string][]string) []string {
	var names []string
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// changes lists what is in these more often than in those.
func changes(mark string, these, those []string) []string {
	count := map[string]int{}
	for _, line := range those {
		count[line]++
	}
	var found []string
	for _, line := range these {
		if count[line]--; count[line] < 0 {
			found = append(found, mark+line)
		}
	}
	return found
}

// about compares "used size" of both, in kB.
func about(was, is []string) bool {
	if len(was) != 1 || len(is) != 1 {
		return false
	}
	used, size, err := usage(was[0])
	now, _, err2 := usage(is[0])
	return err == nil && err2 == nil && max(used-now, now-used) < size/100
}

func usage(line string) (used, size int64, err error) {
	words := strings.Fields(line)
	if len(words) != 2 {
		return 0, 0, fmt.Errorf("disk usage %q is not two numbers", line)
	}
	if used, err = strconv.ParseInt(words[0], 10, 64); err != nil {
		return 0, 0, err
	}
	size, err = strconv.ParseInt(words[1], 10, 64)
	return used, size, err
}
