package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// kinship is what a host gets from the groups it is in, directly and through their parents.
type kinship struct {
	groups []string // sorted; without all and ungrouped, which say nothing
	vars   ansibleVars
}

// kinships answers for sets of direct groups. There are few different ones in even a large fleet, so
// each is worked out once.
type kinships struct {
	tree    *ansibleTree
	parents map[string][]string
	depth   map[string]int
	known   map[string]*kinship
}

func (t *ansibleTree) kinships() (*kinships, error) {
	k := &kinships{tree: t, parents: map[string][]string{}, depth: map[string]int{}, known: map[string]*kinship{}}
	names := slices.Sorted(maps.Keys(t.groups))
	for _, name := range names {
		for _, child := range t.groups[name].children {
			k.parents[child] = append(k.parents[child], name)
		}
	}
	for _, name := range names {
		if err := k.measure(name); err != nil {
			return nil, fmt.Errorf("%s: %w", t.path, err)
		}
	}
	return k, nil
}

// deepest is far more than anybody nests, and little enough to keep a hostile file from taking long.
const deepest = 100

// measure finds how deep below "all" a group is; on the way it finds groups that contain themselves.
func (k *kinships) measure(name string) error {
	const underway = -1
	if depth, known := k.depth[name]; known {
		if depth == underway {
			return fmt.Errorf("group %s contains itself, through its children", show(name))
		}
		return nil
	}
	k.depth[name] = underway
	depth := 0
	for _, parent := range k.parents[name] {
		if err := k.measure(parent); err != nil {
			return err
		}
		depth = max(depth, k.depth[parent]+1)
	}
	if depth > deepest {
		return fmt.Errorf("group %s is nested more than %d groups deep", show(name), deepest)
	}
	k.depth[name] = depth
	return nil
}

func (k *kinships) of(direct []string) *kinship {
	key := strings.Join(direct, "\x00")
	if known := k.known[key]; known != nil {
		return known
	}
	lineage := k.ancestry(direct)
	kin := &kinship{vars: ansibleVars{}}
	for _, name := range lineage {
		if g := k.tree.groups[name]; g != nil {
			maps.Copy(kin.vars, g.vars)
		}
		if name != "all" && name != "ungrouped" {
			kin.groups = append(kin.groups, name)
		}
	}
	slices.Sort(kin.groups)
	k.known[key] = kin
	return kin
}

// ancestry is all and every group that contains one of these, in the order in which Ansible lets later
// variables win: the deeper group, then the higher ansible_group_priority, then the later name.
func (k *kinships) ancestry(direct []string) []string {
	seen := map[string]bool{"all": true}
	lineage := []string{"all"}
	for queue := slices.Clone(direct); len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		lineage = append(lineage, name)
		queue = append(queue, k.parents[name]...)
	}
	slices.SortFunc(lineage[1:], func(a, b string) int {
		if d := k.depth[a] - k.depth[b]; d != 0 {
			return d
		}
		if d := k.priority(a) - k.priority(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return lineage
}

func (k *kinships) priority(name string) int {
	if g := k.tree.groups[name]; g != nil {
		if n, err := strconv.ParseInt(g.vars[priorityVar], 10, 32); err == nil {
			return int(n)
		}
	}
	return 1
}
