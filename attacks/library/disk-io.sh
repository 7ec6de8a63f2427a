# disk-io: workers read or write all the time, past the page cache, each on a file of bounded size that has no
# name any more. A worker looks between two runs of dd, each of which lasts half a second or little more, so that
# one which outlives its worker is soon over.

requires() {
	have dd || { echo 'this host has no dd' && return 1; }
	storage "$P_path" || return 1
	[ "$FS" != tmpfs ] || { echo "$P_path is in memory, not on a disk" && return 1; }
	[ $((P_block % 4)) -eq 0 ] && [ "$P_block" -le "$P_size" ] || { echo 'the block must be a multiple of 4 KiB and fit into the file' && return 1; }
	[ $((FREE - P_size * P_workers)) -ge "$RESERVE" ] ||
		{ echo "$P_workers files of $((P_size / 1024)) MiB would leave less than $((RESERVE / 1024)) MiB at $P_path" && return 1; }
}

layers() { echo kernel; }

prepare() { : >"$D/hogs"; }

inject() {
	I=0
	while [ "$I" -lt "$P_workers" ]; do
		I=$((I + 1))
		hog churn
	done
	await
}

undo() { cull_files; }

verify() { culled && nameless; }

measure() {
	storage "$P_path" >/dev/null && device && io_ticks || { echo 'unverifiable the kernel keeps no figures on the disk below the path' && return; }
	hundredths
	A=$T B=$TICKS
	sleep 2
	io_ticks
	hundredths
	A=$(((T - A) * 10)) B=$((TICKS - B))
	[ "$B" -le "$A" ] || B=$A
	echo "about $DISK"
	echo "figure $(tenths "$B" "$A")"
	above $(((A - B) / 2)) "$A" # a worker keeps a disk busy for more than half of what it was idle
}

# device sets DISK and its number: of the path's own file system, or of what is mounted there by name.
device() {
	DISK= WHERE=$SOURCE
	[ ! -L "$SOURCE" ] || WHERE=$(readlink -f "$SOURCE")
	! first "/sys/class/block/${WHERE##*/}/dev" || case $DEV in 0:*) DEV=$LINE ;; esac
	io_ticks
}

# io_ticks sets TICKS to the milliseconds that the disk was busy since boot.
io_ticks() {
	TICKS=
	while read -r MAJOR MINOR NAME _ _ _ _ _ _ _ _ _ BUSY_MS _; do
		[ "$MAJOR:$MINOR" != "$DEV" ] || { TICKS=$BUSY_MS DISK=$NAME && return; }
	done </proc/diskstats
	return 1
}

# churn lays the file out and then never rests.
churn() {
	scratch "$I"
	BLOCKS=$((P_size / P_block)) DIRECT=1 COUNT_=1 AT=0 TURN=$P_mode
	dd if=/dev/zero of=/proc/self/fd/6 bs="${P_block}k" count=1 conv=notrunc oflag=direct || DIRECT=
	if [ -n "$DIRECT" ]; then HOW=directly OUT='conv=notrunc oflag=direct'; else HOW='waiting for each run of writes' OUT=conv=notrunc,fsync; fi
	if [ "$P_mode" != write ]; then
		[ -n "$DIRECT" ] && lay_out && dd if=/proc/self/fd/6 of=/dev/null bs="${P_block}k" count=1 iflag=direct ||
			{ reached "failed nothing can be read past the page cache at $P_path, so the disk would not feel it" && return; }
	fi
	while may_go_on; do
		if pass; then reached "$P_workers workers are at work, past the page cache, $HOW"; else nap 0.2 6>&-; fi
	done
}

# lay_out writes the whole file, in pieces, so that an end is not missed.
lay_out() {
	AT=0
	while [ "$AT" -lt "$P_size" ]; do
		may_go_on || return 1
		STEP=$((P_size - AT))
		[ "$STEP" -le 4096 ] || STEP=4096
		dd if=/dev/zero of=/proc/self/fd/6 bs=4k seek=$((AT / 4)) count=$((STEP / 4)) conv=notrunc || return 1
		AT=$((AT + STEP))
	done
	dd if=/dev/null of=/proc/self/fd/6 bs=4k count=0 conv=notrunc,fsync
	AT=0
}

# pass is one run, from where the last one ended, of as many blocks as take about half a second.
pass() {
	[ $((AT + COUNT_)) -le "$BLOCKS" ] || AT=0
	[ "$COUNT_" -le "$BLOCKS" ] || COUNT_=$BLOCKS
	case $P_mode-$TURN in both-read) TURN=write ;; both-*) TURN=read ;; esac
	hundredths
	SINCE=$T
	case $TURN in
	read) dd if=/proc/self/fd/6 of=/dev/null bs="${P_block}k" skip="$AT" count="$COUNT_" iflag=direct ;;
	*) dd if=/dev/zero of=/proc/self/fd/6 bs="${P_block}k" seek="$AT" count="$COUNT_" $OUT ;;
	esac || return 1
	AT=$((AT + COUNT_))
	hundredths
	[ $((T - SINCE)) -ge 30 ] || COUNT_=$((COUNT_ * 2))
	[ $((T - SINCE)) -le 100 ] || [ "$COUNT_" -le 1 ] || COUNT_=$((COUNT_ / 2))
}

