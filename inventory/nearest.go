package inventory

import "strings"

// Nearest is the known word that was probably meant, or "" when none is near: at most one edit (insert,
// delete, replace, swap of neighbours) for every three characters, without regard to case. Among equally
// near ones the first wins.
func Nearest(word string, known []string) string {
	const longest = 128
	w := []rune(strings.ToLower(word))
	if len(w) > longest {
		return ""
	}
	best, limit := "", (len(w)+1)/3
	for _, k := range known {
		if len(k) > 4*longest {
			continue
		}
		if d := distance(w, []rune(strings.ToLower(k)), limit); d <= limit {
			best, limit = k, d-1
		}
	}
	return best
}

// distance is the optimal string alignment distance, or anything above limit as soon as it must be.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return least
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
