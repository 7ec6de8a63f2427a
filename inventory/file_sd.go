package inventory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/chaoscat/chaoscat/engine"
)

// FileSD is files as Prometheus reads them for its file_sd_configs: lists of groups of targets, in JSON or YAML.
//
// A target is HOST:PORT. The port is that of an exporter and is left alone, so several targets on one machine are one
// host. The labels of a group are the tags of its hosts; those that begin with "__" are Prometheus' own.
type FileSD struct {
	Files  []string // paths that end in .json, .yml or .yaml; the last part of one may be a pattern: targets/*.json
	Groups []string // labels whose values are groups of the host, too; each must be there
}

// maxFiles bounds what a pattern stands for: one file to a host is usual.
const maxFiles = 100_000

var _ Source = FileSD{}

// Name is the files as they were written, or the first of many.
func (f FileSD) Name() string {
	const most = 3
	if len(f.Files) > most {
		return fmt.Sprintf("file_sd %s and %d more", f.Files[0], len(f.Files)-1)
	}
	return "file_sd " + strings.Join(f.Files, ", ")
}

// Load reads every file. What is wrong with any of them is reported together.
func (f FileSD) Load(ctx context.Context) (Listing, error) {
	paths, notices, err := f.paths()
	if err != nil {
		return Listing{}, err
	}
	s := &targets{gathering: newGathering(f.Name()), groupLabels: f.Groups, seen: map[string]bool{}}
	size := 0
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return Listing{}, fmt.Errorf("%s: %w", f.Name(), err)
		}
		text, err := readRegular(path)
		if err != nil {
			s.wrong.add(fmt.Errorf("read targets %s: %w", path, err))
			continue
		}
		if size += len(text); size > maxText {
			return Listing{}, fmt.Errorf("%s: its files are larger than %d MiB together", f.Name(), maxText>>20)
		}
		s.file(path, text)
	}
	if len(paths) > 0 && s.wrong.first == nil {
		s.missingLabels()
	}
	if err := joined(s.wrong); err != nil {
		return Listing{}, err
	}
	listing := s.done()
	listing.Notices = append(listing.Notices, notices...)
	return listing, nil
}

// paths finds the files, each once. A pattern that finds none is worth a word and no mistake: files come and go.
func (f FileSD) paths() (paths, notices []string, err error) {
	for _, pattern := range f.Files {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, nil, fmt.Errorf("file_sd %s: %w", pattern, err)
		}
		if len(found) == 0 {
			notices = append(notices, fmt.Sprintf("file_sd %s: there is no such file", pattern))
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	if paths = slices.Compact(paths); len(paths) > maxFiles {
		return nil, nil, fmt.Errorf("%s: more than %d files", f.Name(), maxFiles)
	}
	return paths, notices, nil
}

// targets gathers the hosts of several files.
type targets struct {
	*gathering
	groupLabels []string
	seen        map[string]bool // labels
	wrong       tally[error]
}

func (s *targets) file(path string, text []byte) {
	groups, err := decodeTargets(path, text)
	if err != nil {
		s.wrong.add(err)
		return
	}
	list, ok := groups.([]any)
	if !ok {
		s.wrong.add(fmt.Errorf("%s: must be a list of groups, [{targets: [...], labels: {...}}], not %s", path, kindOf(groups)))
		return
	}
	for i, group := range list {
		where := fmt.Sprintf("%s: group %d", path, i+1)
		if err := s.group(path, group); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				s.wrong.add(fmt.Errorf("%s: %s", where, line))
			}
		}
	}
}

// decodeTargets makes plain values of either syntax. A panic of the YAML library is an error.
func decodeTargets(path string, text []byte) (value any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: cannot be read: %s", path, plain(fmt.Sprint(r)))
		}
	}()
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, fmt.Errorf("%s: not a text file in UTF-8", path)
	}
	if strings.EqualFold(filepath.Ext(path), ".json") {
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, fmt.Errorf("%s: %w", path, jsonMistake(text, err))
		}
		return value, nil
	}
	return yamlValue(path, text, map[string]int{})
}

func (s *targets) group(path string, value any) error {
	group, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("must be a mapping of targets and labels, not %s", kindOf(value))
	}
	var wrong []error
	for _, part := range slices.Sorted(maps.Keys(group)) {
		if known := []string{"targets", "labels"}; !slices.Contains(known, part) {
			wrong = append(wrong, fmt.Errorf("%s: a group has targets and labels%s", plain(part), didYouMean(part, known)))
		}
	}
	labels, err := s.labels(group["labels"])
	wrong = append(wrong, err)
	list, ok := group["targets"].([]any)
	if !ok && group["targets"] != nil {
		wrong = append(wrong, fmt.Errorf("targets: must be a list of HOST:PORT, not %s", kindOf(group["targets"])))
	}
	e := Entry{Where: path, Host: engine.Host{Groups: s.groups(s.grouping(labels)...), Tags: s.tags(labels)}}
	for _, item := range list {
		if e.Name, err = targetHost(item); err != nil {
			wrong = append(wrong, err)
			continue
		}
		e.Address = e.Name
		s.add(e)
	}
	return errors.Join(wrong...)
}

// labels leaves Prometheus' own out.
func (s *targets) labels(value any) (map[string]string, error) {
	mapping, ok := value.(map[string]any)
	if !ok && value != nil {
		return nil, fmt.Errorf("labels: must be a mapping, not %s", kindOf(value))
	}
	labels := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(mapping)) {
		text, ok := scalar(mapping[name])
		if !ok {
			return nil, fmt.Errorf("labels: %s must be text, not %s", plain(name), kindOf(mapping[name]))
		}
		if !strings.HasPrefix(name, "__") {
			labels[name], s.seen[name] = text, true
		}
	}
	return labels, nil
}

func (s *targets) grouping(labels map[string]string) (groups []string) {
	for _, name := range s.groupLabels {
		groups = append(groups, labels[name])
	}
	return groups
}

// missingLabels refuses a label for groups that no target has: the group would be empty, whoever counts on it.
func (s *targets) missingLabels() {
	for _, name := range s.groupLabels {
		if !s.seen[name] {
			s.wrong.add(fmt.Errorf("%s: no target has the label %s%s", s.listing.Source, show(name), didYouMean(name, slices.Sorted(maps.Keys(s.seen)))))
		}
	}
}

// targetHost is the machine of a target.
func targetHost(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("targets: must list HOST:PORT, not %s", kindOf(value))
	}
	if strings.Contains(text, "/") {
		return "", fmt.Errorf("target %s is a URL and not HOST:PORT: what it names need not be the machine", show(text))
	}
	host, _, err := splitPort(text)
	if err != nil {
		return "", fmt.Errorf("target %s: %w", show(text), err)
	}
	if host == "" {
		return "", fmt.Errorf("target %s names no host", show(text))
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), nil
}
