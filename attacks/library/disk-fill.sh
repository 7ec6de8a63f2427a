# disk-fill: the room of a file system is taken by one file that has no name any more, so that whatever ends the
# minder, which has it open, gives the room back, a reboot too. It is made by fallocate, and by writing where that
# fails or lies: whether room was really taken is asked of the file system each time. A reserve is always left,
# and when others come near it, the file gives way.

requires() {
	have dd || { echo 'this host has no dd' && return 1; }
	storage "$P_path" || return 1
	demand
	[ "$DEMAND" -gt 0 ] || { echo "of $((SIZE / 1024)) MiB at $P_path $((FREE / 1024)) MiB are free: that is as little already" && return 1; }
	[ $((FREE - DEMAND)) -ge "$RESERVE" ] ||
		{ echo "$((DEMAND / 1024)) MiB would leave $(((FREE - DEMAND) / 1024)) MiB at $P_path, and $((RESERVE / 1024)) MiB must be left" && return 1; }
	[ "$FS" != tmpfs ] || in_memory
}

# in_memory: what is filled there is memory, of which a floor must be left, too.
in_memory() {
	memory || return 1
	[ $((AVAILABLE - DEMAND)) -ge "$FLOOR" ] ||
		{ echo "$P_path is in memory, of which $((DEMAND / 1024)) MiB more would leave less than $((FLOOR / 1024)) MiB" && return 1; }
}

layers() { echo kernel; }

prepare() {
	ramp_fits || return 1
	: >"$D/hogs"
}

inject() {
	hog fill
	await
}

undo() { cull_files; }

verify() { culled && nameless; }

measure() {
	room "$P_path" || { echo 'unverifiable this host has no stat -f' && return; }
	echo "about at $P_path"
	echo "figure $(tenths "$USED" "$SIZE")"
	demand
	above "$DEMAND" "$SIZE"
}

# demand sets DEMAND to what is still to be taken, in KiB.
demand() {
	if [ -n "$P_size" ]; then
		DEMAND=$P_size
	elif [ -n "$P_leave" ]; then
		DEMAND=$((FREE - P_leave))
	else
		DEMAND=$((FREE - SIZE * (100 - P_percent) / 100))
	fi
}

# fill holds HAVE KiB, always whole 64s.
fill() {
	scratch fill
	HAVE=0 METHOD=fallocate PACE=4096
	have fallocate || METHOD=zero
	mind level
}

# level takes, or gives back, what is due.
level() {
	room "$P_path"
	demand
	[ -n "$P_size" ] || DEMAND=$((DEMAND + HAVE))
	ramped "$DEMAND"
	STEP=$(((WANT - HAVE) / 64 * 64)) SPARE=$(((FREE - RESERVE) / 64 * 64))
	if [ "$SPARE" -lt 0 ]; then
		cut_back $((0 - SPARE))
		reached "$((HAVE / 1024)) MiB are taken: more would leave less than $((RESERVE / 1024)) MiB"
		return
	fi
	[ -n "$P_size" ] || [ "$STEP" -ge $((0 - SIZE / 200 - 64)) ] || cut_back $((0 - STEP))
	[ "$STEP" -le "$SPARE" ] || STEP=$SPARE
	[ "$FS" != tmpfs ] || spare_memory
	if [ "$METHOD" = none ]; then
		reached "the file system takes nothing more: $((HAVE / 1024)) MiB of $((DEMAND / 1024)) MiB are taken"
	elif [ "$STEP" -le $((SIZE / 1000)) ]; then
		[ "$STEP" -le 0 ] && [ "$WANT" -lt "$DEMAND" ] || reached "$((HAVE / 1024)) MiB are taken, $((FREE / 1024)) MiB of $((SIZE / 1024)) MiB are left"
	else
		grow
	fi
}

spare_memory() {
	memory
	[ "$STEP" -le $((AVAILABLE - FLOOR)) ] || STEP=$(((AVAILABLE - FLOOR) / 64 * 64))
}

# grow takes STEP KiB more and asks whether they are gone. What did not take them is not tried again: zeros take
# no room where a file system compresses, and some take fallocate for a wish.
grow() {
	[ "$METHOD" = fallocate ] || [ "$STEP" -le "$PACE" ] || STEP=$PACE
	FREE_BEFORE=$FREE
	hundredths
	SINCE=$T
	case $METHOD in
	fallocate) tied fallocate -o $((HAVE * 1024)) -l $((STEP * 1024)) /proc/self/fd/6 ;;
	zero) tied dd if=/dev/zero of=/proc/self/fd/6 bs=64k seek=$((HAVE / 64)) count=$((STEP / 64)) conv=notrunc,fsync ;;
	random) tied dd if=/dev/urandom of=/proc/self/fd/6 bs=64k seek=$((HAVE / 64)) count=$((STEP / 64)) conv=notrunc,fsync ;;
	esac
	DONE=$?
	room "$P_path"
	if [ "$DONE" -ne 0 ] || [ $((FREE_BEFORE - FREE)) -lt $((STEP / 2)) ]; then
		cut_back 0
		case $METHOD in
		fallocate) METHOD=zero ;;
		zero) METHOD=random ;;
		random) METHOD=none ;;
		esac
		return
	fi
	HAVE=$((HAVE + STEP))
	hundredths
	[ $((T - SINCE)) -ge 30 ] || [ "$PACE" -ge 262144 ] || PACE=$((PACE * 2))
	[ $((T - SINCE)) -le 100 ] || [ "$PACE" -le 1024 ] || PACE=$((PACE / 2))
}

# cut_back KIB makes the file that much shorter, and never longer.
cut_back() {
	HAVE=$((HAVE - ($1 + 63) / 64 * 64))
	[ "$HAVE" -ge 0 ] || HAVE=0
	dd if=/dev/null of=/proc/self/fd/6 bs=64k seek=$((HAVE / 64)) count=0
}
