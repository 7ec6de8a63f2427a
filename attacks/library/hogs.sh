# What attacks on resources share. A hog is a shell, the minder, that asks several times a second whether it may
# go on; and where a shell cannot hold what is to be held, holders: programs blocked on a pipe, the leash, whose
# other end only the minder has. When the minder ends, even by SIGKILL, the kernel closes the leash, every holder
# ends, and what it held goes back: memory, open files, the room of a file that has no name any more. So a fault
# is over without any process of ours, and the minder is all that must be told, ended or proven gone.

# hog COMMAND... starts a minder. It makes itself the first that the kernel kills for memory, and its holders
# with it, and writes itself down before it begins.
hog() {
	(
		trap - TERM
		oom 1000
		myself
		enlist "$ME $BORN" && [ ! -e "$D/undo.1" ] || exit
		hundredths
		BEGAN=$T
		"$@"
	) </dev/null >/dev/null 2>&1 &
}

enlist() { { printf '%s\n' "$1" >>"$D/hogs"; } 2>/dev/null; }

# mind FUNCTION calls it again and again for as long as the fault may be on.
mind() {
	while may_go_on; do
		"$1"
		nap 0.2 6>&- 8>&- 9>&-
	done
}

# may_go_on needs nobody's help to say no: the state is gone, an undo has begun, the guard is dead, the time is
# up, or the lease has run out and no guard has noticed.
may_go_on() {
	[ -e "$D/hogs" ] && [ ! -e "$D/undo.1" ] && alive "$GUARD" "$GUARD_BORN" || return 1
	now
	[ "$NOW" -lt "$DEADLINE" ] || return 1
	[ "$LEASE" -eq 0 ] || { ! first "$D/heard" && ! first "${D%/*}/heard"; } || [ "$NOW" -le $((LINE + LEASE + 3)) ]
}

# hundredths sets T to the hundredths of a second since boot.
hundredths() {
	read -r T _ </proc/uptime
	T=${T%.*}${T#*.}
}

# ramped FULL sets WANT to what of it is due by now.
ramped() {
	hundredths
	WANT=$1
	PASSED=$(((T - BEGAN) * 10))
	[ "$PASSED" -ge "${P_ramp:-0}" ] || WANT=$(($1 * PASSED / P_ramp))
}

ramp_fits() {
	[ "${P_ramp:-0}" -lt $((HOLD * 1000)) ] || { echo "the ramp takes $((P_ramp / 1000)) s and the attack lasts $HOLD s" && return 1; }
}

# ---- holders --------------------------------------------------------------------------------------------

# leash makes the pipe: 8 is its mouth, 9 its end, and nothing that the minder starts may keep either.
leash() {
	mkfifo "$D/leash.$ME" || exit
	exec 7<>"$D/leash.$ME" 8>"$D/leash.$ME" 9<"$D/leash.$ME" 7>&-
	rm -f "$D/leash.$ME"
	HOLDERS= HOLDING=0 LOST=
}

# waits COMMAND... starts a holder that reads the leash until it ends; pushes one that writes until it breaks.
waits() {
	"$@" <&9 >/dev/null 8>&- 9>&- &
	join
}

pushes() {
	"$@" >&8 8>&- 9>&- &
	join
}

join() {
	birth "$!" || { LOST=1 && return; }
	enlist "$! $BIRTH"
	HOLDERS="$! $BIRTH $HOLDERS"
	HOLDING=$((HOLDING + 1))
}

# muster counts the holders that live, the youngest first. One that died before its time was refused or killed by
# the kernel: LOST says so, and nobody takes its place.
muster() {
	set -- $HOLDERS
	HOLDERS= HOLDING=0
	while [ $# -gt 0 ]; do
		if alive "$1" "$2"; then
			HOLDERS="$HOLDERS $1 $2"
			HOLDING=$((HOLDING + 1))
		else
			LOST=1
		fi
		shift 2
	done
}

# release N lets the N youngest go.
release() {
	LEFT=$1
	set -- $HOLDERS
	while [ "$LEFT" -gt 0 ] && [ $# -gt 0 ]; do
		kill -KILL "$1" 2>/dev/null
		shift 2
		LEFT=$((LEFT - 1)) HOLDING=$((HOLDING - 1))
	done
	HOLDERS="$*"
}

# tied COMMAND... is for a tool that is busy for a while and cannot look: where setpriv can, it dies with the minder.
tied() {
	[ -n "$TIE" ] || if setpriv --pdeathsig KILL true 2>/dev/null; then TIE='setpriv --pdeathsig KILL'; else TIE=' '; fi
	$TIE "$@"
}

# reached SENTENCE tells the injection, which waits for it, how it went.
reached() { [ -e "$D/reached" ] || { printf '%s\n' "$1" >"$D/reached"; } 2>/dev/null; }

# await prints what was reached, or says after a third of the attack's time that it is still being worked on.
await() {
	[ "${P_ramp:-0}" -eq 0 ] || { echo "it grows for $((P_ramp / 1000)) s" && return; }
	now
	PATIENCE=$((HOLD / 3))
	[ "$PATIENCE" -le 20 ] || PATIENCE=20
	SINCE=$NOW TRIES=0
	until first "$D/reached"; do
		now
		[ $((NOW - SINCE)) -le "$PATIENCE" ] || { echo 'it is still growing' && return; }
		TRIES=$((TRIES + 1))
		[ "$TRIES" -lt 10 ] || living || { echo 'what should hold it has ended at once' && return 1; }
		nap 0.2
	done
	echo "$LINE"
	case $LINE in failed*) return 1 ;; esac
}

# ---- a cgroup of its own --------------------------------------------------------------------------------

# pen FILE VALUE... moves this process and what it will start into a cgroup of its own, out of the session's and
# its limits, with limits of ours. It is a second bound: a host without version 2 has the first alone.
pen() {
	PEN=/sys/fs/cgroup/chaoscat_$UID_
	[ -e /sys/fs/cgroup/cgroup.controllers ] && mkdir "$PEN" 2>/dev/null || return 0
	while [ $# -gt 1 ]; do
		[ ! -e "$PEN/$1" ] || { printf '%s\n' "$2" >"$PEN/$1"; } 2>/dev/null
		shift 2
	done
	{ echo 0 >"$PEN/cgroup.procs"; } 2>/dev/null || rmdir "$PEN"
}

# ---- the end --------------------------------------------------------------------------------------------

# living sets LIVING to the hogs and holders that run, and PACK to the process group of the injection if one of
# them is in it: while it lives, the group can be no other's.
living() {
	LIVING= PACK=
	[ -e "$D/hogs" ] || return 1
	first "$D/inject" || first "${D%/*}/inject" # a part of a compound has its state within that of the whole
	LEADER=${LINE%% *}
	while read -r HOG HOG_BORN; do
		alive "$HOG" "$HOG_BORN" || continue
		LIVING="$LIVING $HOG"
		set -- ${STAT##*) }
		[ "$3" != "$LEADER" ] || PACK=$LEADER
	done <"$D/hogs"
	[ -n "$LIVING" ]
}

# cull ends every hog, what it has just started with it, and waits until the kernel has taken everything back:
# a file of a terabyte takes its time.
cull() {
	now
	TILL=$((NOW + 50)) GROUP=
	while living || { [ -n "$GROUP" ] && kill -0 "-$GROUP" 2>/dev/null; } || ! unpen; do
		now
		[ "$NOW" -lt "$TILL" ] || return 1
		GROUP=${PACK:-$GROUP}
		[ -z "$PACK" ] || kill -KILL "-$PACK" 2>/dev/null
		[ -z "$LIVING" ] || kill -KILL $LIVING 2>/dev/null
		nap 0.05
	done
}

# cull_files is cull where hogs hold files: none of their names is left either.
cull_files() {
	cull
	CULLED=$?
	unnamed
	return "$CULLED"
}

unpen() { [ ! -d "/sys/fs/cgroup/chaoscat_$UID_" ] || rmdir "/sys/fs/cgroup/chaoscat_$UID_" 2>/dev/null; }

# culled is the proof.
culled() {
	! living || { echo "processes of the fault are still running:$LIVING" && return 1; }
	unpen || { echo "the cgroup chaoscat_$UID_ cannot be removed" && return 1; }
}

# ---- what there is --------------------------------------------------------------------------------------

# memory sets TOTAL, AVAILABLE and FLOOR in KiB. The floor is always left: a tenth, and 512 MiB, of which a
# small host, that has not much more, gives up all but a fifth of what it has.
memory() {
	AVAILABLE=
	while read -r WHAT KIB _; do
		case $WHAT in
		MemTotal:) TOTAL=$KIB ;;
		MemAvailable:) AVAILABLE=$KIB && break ;;
		esac
	done </proc/meminfo
	[ -n "$AVAILABLE" ] || { echo 'this kernel does not say how much memory is available' && return 1; }
	FLOOR=524288
	[ "$FLOOR" -le $((TOTAL / 5)) ] || FLOOR=$((TOTAL / 5))
	[ "$FLOOR" -ge $((TOTAL / 10)) ] || FLOOR=$((TOTAL / 10))
}

# volume PATH sets FS, DEV (major:minor), SOURCE and OPTIONS of the file system that a path lies on.
volume() {
	OF=$1 MOUNT=
	while read -r _ _ NUMBER _ POINT FLAGS REST; do
		case $OF/ in "${POINT%/}"/*) ;; *) continue ;; esac
		[ "${#POINT}" -ge "${#MOUNT}" ] || continue
		REST=" $REST"
		set -- ${REST#* - }
		MOUNT=$POINT DEV=$NUMBER FS=$1 SOURCE=$2 OPTIONS=,$FLAGS,$3,
	done </proc/self/mountinfo
	[ -n "$MOUNT" ] || { echo "nobody knows on which file system $OF lies" && return 1; }
}

# storage PATH refuses what is not to be filled: what is not storage, what is not this host's alone, and where our
# own state is.
storage() {
	[ -d "$1" ] || { echo "$1 is no directory on this host" && return 1; }
	PLACE=$(cd -P "$1" 2>/dev/null && pwd -P)
	[ "$PLACE" = "$1" ] || { echo "a link leads from $1 to $PLACE: name the place itself" && return 1; }
	volume "$RUNDIR" >/dev/null
	OURS=$DEV
	volume "$PLACE" || return 1
	[ "$DEV" != "$OURS" ] || { echo "$PLACE is on the file system that holds chaoscat's own state, $RUNDIR" && return 1; }
	case $OPTIONS in *,ro,*) echo "$PLACE is on a read-only file system" && return 1 ;; esac
	case $FS in
	ext[234] | xfs | btrfs | f2fs | jfs | reiserfs | bcachefs | zfs | vfat | exfat | overlay | tmpfs) ;;
	nfs* | cifs | smb* | ceph | 9p | afs | glusterfs | lustre | gfs2 | ocfs2 | fuse*) echo "$PLACE is on a network file system ($FS): others would suffer, too" && return 1 ;;
	*) echo "$PLACE is on a file system of the kind $FS, which is no storage" && return 1 ;;
	esac
	room "$PLACE"
}

# room PATH sets SIZE, USED, FREE (KiB; free is what ordinary users may still take, size both together, as df counts)
# and RESERVE: a twentieth and 256 MiB, at most a fifth where there is not much more.
room() {
	set -- $(stat -f -c '%S %b %f %a %c %d' "$1" 2>/dev/null)
	[ $# -eq 6 ] || { echo 'this host cannot tell how full a file system is: it has no stat -f' && return 1; }
	USED=$((($2 - $3) * $1 / 1024)) FREE=$(($4 * $1 / 1024)) INODES=$5 INODES_FREE=$6
	SIZE=$((USED + FREE))
	RESERVE=262144
	[ "$RESERVE" -le $((SIZE / 5)) ] || RESERVE=$((SIZE / 5))
	[ "$RESERVE" -ge $((SIZE / 20)) ] || RESERVE=$((SIZE / 20))
}

# scratch NAME opens a new file below the path as 6 and takes its name away at once.
scratch() {
	set -C
	exec 6>"$P_path/.chaoscat-$UID_-$1"
	set +C
	rm -f "$P_path/.chaoscat-$UID_-$1"
}

# unnamed removes the names that a death between the two has left.
unnamed() { rm -f "$P_path/.chaoscat-$UID_-"*; }

# tenths PART WHOLE prints a percentage with one decimal.
tenths() {
	[ "$2" -gt 0 ] || { echo 0 && return; }
	echo "$(($1 * 100 / $2)).$(($1 * 1000 / $2 % 10))"
}

# above prints the expectation of a figure that is to rise by PART of WHOLE; what has no room to rise expects 0.
above() { if [ "$1" -gt 0 ]; then echo "expect up $(tenths "$1" "$2")"; else echo 'expect up 0'; fi; }

# nameless is the proof that no name was left.
nameless() {
	set -- "$P_path/.chaoscat-$UID_-"*
	[ ! -e "$1" ] || { echo "$1 is still there" && return 1; }
}

# ---- open files -----------------------------------------------------------------------------------------

# files sets FILES and FILES_MAX: what is open on the whole host, and may be. What reads byte by byte, as a shell
# does, would get the first digit only.
files() {
	set -- $(cat /proc/sys/fs/file-nr)
	FILES=$1 FILES_MAX=$3
}

# can_open N KIB: that many open files more, each of which costs the kernel some memory.
can_open() {
	files
	[ "$1" -le 500000 ] || { echo "that takes $1 open files, and 500000 is the most" && return 1; }
	[ $((FILES_MAX - FILES - $1)) -ge $((FILES_MAX / 20)) ] || { echo "$1 open files more would come too near the limit of $FILES_MAX (fs.file-max)" && return 1; }
	memory || return 1
	[ $((AVAILABLE - $1 * $2)) -ge "$FLOOR" ] || { echo "$1 open files would leave less than $((FLOOR / 1024)) MiB of memory" && return 1; }
}

# handful sets HANDFUL to how many files one holder opens.
handful() {
	HANDFUL=$(ulimit -n)
	case $HANDFUL in *[!0-9]*) HANDFUL=1024 ;; esac
	HANDFUL=$((HANDFUL - 24))
	[ "$HANDFUL" -le 1000 ] || HANDFUL=1000
}

# opened N waits until the youngest holder has that many open, or has died.
opened() {
	FILES_WANTED=$1 TRIES=0
	set -- /proc/"${HOLDERS%% *}"/fd/*
	while [ $# -lt "$FILES_WANTED" ] && [ "$TRIES" -lt 40 ]; do
		TRIES=$((TRIES + 1))
		nap 0.05 8>&- 9>&-
		set -- /proc/"${HOLDERS%% *}"/fd/*
	done
}
