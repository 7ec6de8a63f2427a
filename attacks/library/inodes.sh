# inodes: the inodes of a file system are taken by empty files without names: each is made, opened by a holder and
# unlinked, so that the death of its holder, or a reboot, frees it. Each costs an open file as well, which bounds
# what can be taken: where that is not enough, the attack is infeasible rather than leave names on a disk.

requires() {
	for TOOL in paste mkfifo; do have "$TOOL" || { echo "this host has no $TOOL" && return 1; }; done
	storage "$P_path" || return 1
	[ "$INODES" -gt 0 ] || { echo "$P_path is on a file system ($FS) without a fixed number of inodes" && return 1; }
	shortage
	[ "$SHORTAGE" -gt 0 ] || { echo "of $INODES inodes at $P_path $INODES_FREE are free: that is as little already" && return 1; }
	[ $((INODES_FREE - SHORTAGE)) -ge "$SPARED" ] ||
		{ echo "$SHORTAGE more would leave $((INODES_FREE - SHORTAGE)) inodes at $P_path, and $SPARED must be left" && return 1; }
	can_open "$SHORTAGE" 3
}

layers() { echo kernel; }

prepare() { : >"$D/hogs"; }

inject() {
	hog occupy
	await
}

undo() { cull_files; }

verify() { culled && nameless; }

measure() {
	room "$P_path" && [ "$INODES" -gt 0 ] || { echo 'unverifiable this file system does not count its inodes' && return; }
	echo "about at $P_path"
	echo "figure $(tenths $((INODES - INODES_FREE)) "$INODES")"
	shortage
	above "$SHORTAGE" "$INODES"
}

# shortage sets SHORTAGE to how many are to be taken, and SPARED to how many others always keep: a twentieth and
# 1000, at most a fifth.
shortage() {
	if [ -n "$P_leave" ]; then
		SHORTAGE=$((INODES_FREE - P_leave))
	else
		SHORTAGE=$((INODES_FREE - INODES * (100 - P_percent) / 100))
	fi
	SPARED=1000
	[ "$SPARED" -le $((INODES / 5)) ] || SPARED=$((INODES / 5))
	[ "$SPARED" -ge $((INODES / 20)) ] || SPARED=$((INODES / 20))
}

occupy() {
	leash
	handful
	NUMBER=0
	mind settle_in
}

# settle_in takes what is missing, a handful at a time, and gives one back when others come near the reserve.
settle_in() {
	muster
	room "$P_path"
	shortage
	if [ "$INODES_FREE" -lt "$SPARED" ]; then
		release 1
		reached "inodes are taken until $SPARED are left"
		return
	fi
	[ -z "$LOST" ] || { reached 'failed the kernel has ended what held inodes open' && return; }
	[ "$SHORTAGE" -gt 0 ] || reached "$INODES_FREE of $INODES inodes are left"
	while [ "$SHORTAGE" -gt 0 ] && may_go_on; do
		SOME=$HANDFUL
		[ "$SOME" -le "$SHORTAGE" ] || SOME=$SHORTAGE
		nameless_files || { reached "failed no more files could be made at $P_path" && return; }
		SHORTAGE=$((SHORTAGE - SOME))
	done
}

# nameless_files makes SOME, and the names are gone as soon as the holder has them open. A path has no character
# that a shell would take apart.
nameless_files() {
	NAMES= MADE=0
	set -C
	while [ "$MADE" -lt "$SOME" ]; do
		NUMBER=$((NUMBER + 1))
		{ : >"$P_path/.chaoscat-$UID_-$NUMBER"; } 2>/dev/null || break
		NAMES="$NAMES $P_path/.chaoscat-$UID_-$NUMBER" MADE=$((MADE + 1))
	done
	set +C
	[ "$MADE" -eq 0 ] || waits paste - $NAMES
	opened "$MADE"
	rm -f $NAMES
	[ "$MADE" -eq "$SOME" ]
}
