# memory: processes hold memory that was written to, so that it counts. Each is a dd that has read zeros into a
# buffer of its own and is blocked writing them to the leash. It is the first that the kernel kills; what the
# kernel takes or refuses is not taken again, and is seen in the figure. A floor is always left, and when others
# come near it, the hog gives way.

requires() {
	for TOOL in dd mkfifo; do have "$TOOL" || { echo "this host has no $TOOL" && return 1; }; done
	memory && wanted || return 1
	[ "$WANTED" -gt 0 ] || { echo "$((AVAILABLE / 1024)) MiB of $((TOTAL / 1024)) MiB of memory are available: that is as little already" && return 1; }
	[ $((AVAILABLE - WANTED)) -ge "$FLOOR" ] ||
		{ echo "$((WANTED / 1024)) MiB would leave $(((AVAILABLE - WANTED) / 1024)) MiB of memory, and $((FLOOR / 1024)) MiB must be left" && return 1; }
}

layers() { echo kernel; }

prepare() {
	ramp_fits || return 1
	: >"$D/hogs"
}

inject() {
	hog take
	await
}

undo() { cull; }

verify() { culled; }

measure() {
	memory || { echo 'unverifiable this kernel does not say how much memory is available' && return; }
	echo "figure $(tenths $((TOTAL - AVAILABLE)) "$TOTAL")"
	wanted
	above "$WANTED" "$TOTAL"
}

# wanted sets WANTED to what is still to be taken, in KiB.
wanted() {
	if [ -n "$P_size" ]; then
		WANTED=$P_size
	elif [ -n "$P_leave" ]; then
		WANTED=$((AVAILABLE - P_leave))
	else
		WANTED=$((AVAILABLE - TOTAL * (100 - P_percent) / 100))
	fi
}

# take holds the memory in pieces of one size, so that it can grow and give way.
take() {
	memory && wanted
	MOST=$WANTED
	PIECES=$((WANTED / 4096))
	[ "$PIECES" -le 32 ] || PIECES=32
	[ "$PIECES" -ge $((WANTED / 1048576 + 1)) ] || PIECES=$((WANTED / 1048576 + 1)) # one read fills 2 GiB at most
	PIECE=$((WANTED / PIECES)) YOUNG=0
	pen memory.max "$((TOTAL - FLOOR))K" memory.swap.max 0
	leash
	mind portion
}

# portion takes, or gives back, what is due. What was begun in the last turn may not be filled yet, so it is held
# against what is available.
portion() {
	muster
	memory
	HAVE=$((HOLDING * PIECE))
	if [ "$AVAILABLE" -lt "$FLOOR" ]; then
		release $(((FLOOR - AVAILABLE) / PIECE + 1))
		reached "$((HOLDING * PIECE / 1024)) MiB are held: more would leave less than $((FLOOR / 1024)) MiB"
		return
	fi
	wanted
	[ -n "$P_size" ] || WANTED=$((WANTED + HAVE))
	[ $((WANTED + 2 * PIECE)) -gt "$HAVE" ] || release $(((HAVE - WANTED) / PIECE))
	ramped "$WANTED"
	MORE=$(((WANT - HAVE) / PIECE)) SPARE=$(((AVAILABLE - FLOOR) / PIECE - YOUNG))
	[ -n "$P_size" ] || MORE=$((MORE - YOUNG))
	[ "$MORE" -le "$SPARE" ] || MORE=$SPARE
	[ $((HOLDING + MORE)) -le $((2 * PIECES + 16)) ] || MORE=$((2 * PIECES + 16 - HOLDING)) # each piece is a process
	if [ -n "$LOST" ]; then
		reached "the kernel has refused or taken back memory: $((HAVE / 1024)) MiB of $((MOST / 1024)) MiB are held"
		MORE=0
	elif [ "$YOUNG" -eq 0 ] && [ "$MORE" -le 0 ] && [ "$HOLDING" -gt 0 ]; then
		reached "$((HAVE / 1024)) MiB are held"
	fi
	YOUNG=0
	while [ "$YOUNG" -lt "$MORE" ] && may_go_on; do
		YOUNG=$((YOUNG + 1))
		pushes dd if=/dev/zero bs="${PIECE}k" count=1
	done
}
