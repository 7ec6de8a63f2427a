package attacks

import (
	_ "embed"
	"time"
)

var (
	//go:embed library/cpu.sh
	cpuScript string
	//go:embed library/disk-fill.sh
	diskFillScript string
	//go:embed library/disk-io.sh
	diskIOScript string
	//go:embed library/fds.sh
	fdsScript string
	//go:embed library/inodes.sh
	inodesScript string
	//go:embed library/memory.sh
	memoryScript string
	//go:embed library/pids.sh
	pidsScript string
)

const (
	slowest = 600_000     // ms, the longest that a fault may take to grow
	biggest = 999_999_999 // KiB, and other things; what travels has nine digits
)

// resource lists the attacks on what the host has to share out: processors, memory, disk, handles. What they have
// in common, how a hog lives and dies, is in library/hogs.sh; each always leaves a reserve.
func resource() []Definition {
	return []Definition{
		{
			Name: "cpu", Family: "resource", Script: cpuScript,
			Summary: "keep processors busy for a share of the time",
			Params: []Param{
				{Name: "load", Kind: Percent, Unit: "%", Default: "80", Min: 1, Max: 100, Help: "how busy the whole machine is kept, others' work included; with workers, the share of a processor that each takes"},
				{Name: "workers", Kind: Int, Default: "0", Min: 0, Max: 1024, Help: "0 means one for each processor, which together hold the load of the machine"},
				ramp(),
			},
			Default: time.Minute, Max: 30 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "cpu busy", Unit: "%"},
		},
		{
			Name: "disk-fill", Family: "resource", Script: diskFillScript,
			Summary: "fill a file system through a file without a name, and leave a reserve",
			Needs:   []string{"dd", "stat -f", "a local file system that can be written"},
			Params: []Param{
				place(),
				{Name: "percent", Kind: Percent, Unit: "%", Default: "90", Min: 1, Max: 95, Help: "until this much of the file system is used"},
				{Name: "size", Kind: Size, Min: 64, Max: biggest, Help: "how much to take"},
				{Name: "leave", Kind: Size, Min: 64, Max: biggest, Help: "until only this much is free"},
				ramp(),
			},
			OneOf:   []string{"percent", "size", "leave"},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "disk used", Unit: "%"},
		},
		{
			Name: "disk-io", Family: "resource", Script: diskIOScript,
			Summary: "keep a disk busy reading and writing, past the page cache",
			Needs:   []string{"dd", "stat -f", "a local file system that can be written"},
			Params: []Param{
				place(),
				{Name: "mode", Kind: Word, Default: "both", Choices: []string{"read", "write", "both"}, Help: "what each worker does"},
				{Name: "workers", Kind: Int, Default: "2", Min: 1, Max: 64, Help: "how many at once"},
				{Name: "block", Kind: Size, Default: "4KiB", Min: 4, Max: 64 << 10, Help: "how much at a time, a multiple of 4KiB"},
				{Name: "size", Kind: Size, Default: "64MiB", Min: 1 << 10, Max: 1 << 20, Help: "of the file that each worker goes round in"},
			},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "disk busy", Unit: "%"},
		},
		{
			Name: "fds", Family: "resource", Script: fdsScript,
			Summary: "hold files open, towards what the whole host may have open",
			Needs:   []string{"paste", "mkfifo"},
			Params: []Param{
				{Name: "percent", Kind: Percent, Unit: "%", Default: "80", Min: 1, Max: 95, Help: "until this much of fs.file-max is open"},
				{Name: "count", Kind: Int, Min: 1, Max: 500_000, Help: "how many to open"},
			},
			OneOf:   []string{"percent", "count"},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "open files"},
		},
		{
			Name: "inodes", Family: "resource", Script: inodesScript,
			Summary: "take a file system's inodes by files without names, and leave a reserve",
			Needs:   []string{"paste", "mkfifo", "stat -f", "a local file system that can be written"},
			Params: []Param{
				place(),
				{Name: "percent", Kind: Percent, Unit: "%", Default: "90", Min: 1, Max: 95, Help: "until this much of them is used"},
				{Name: "leave", Kind: Int, Min: 1, Max: biggest, Help: "until only so many are free"},
			},
			OneOf:   []string{"percent", "leave"},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "inodes used", Unit: "%"},
		},
		{
			Name: "memory", Family: "resource", Script: memoryScript,
			Summary: "hold memory, first in line for the kernel to take it back, and leave a floor",
			Needs:   []string{"dd", "mkfifo"},
			Params: []Param{
				{Name: "percent", Kind: Percent, Unit: "%", Default: "75", Min: 1, Max: 90, Help: "until this much of the host's memory is not available any more"},
				{Name: "size", Kind: Size, Min: 1 << 10, Max: biggest, Help: "how much to hold"},
				{Name: "leave", Kind: Size, Min: 1 << 10, Max: biggest, Help: "until only this much is available"},
				ramp(),
			},
			OneOf:   []string{"percent", "size", "leave"},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "memory used", Unit: "%"},
		},
		{
			Name: "pids", Family: "resource", Script: pidsScript,
			Summary: "take the numbers that processes need, and leave a reserve",
			Needs:   []string{"mkfifo", "a first process that reaps what is orphaned"},
			Params: []Param{
				{Name: "percent", Kind: Percent, Unit: "%", Default: "80", Min: 1, Max: 95, Help: "until this much of the tightest limit is taken"},
				{Name: "count", Kind: Int, Min: 1, Max: 500_000, Help: "how many to take"},
			},
			OneOf:   []string{"percent", "count"},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "processes"},
		},
	}
}

func ramp() Param {
	return Param{Name: "ramp", Kind: Millis, Unit: "ms", Min: 0, Max: slowest, Help: "how long it grows, evenly, to its full height"}
}

func place() Param {
	return Param{Name: "path", Kind: Path, Default: "/var/tmp", Help: "a directory on the file system that is meant"}
}
