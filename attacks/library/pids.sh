# pids: the numbers of processes, towards the tightest limit there is. What takes them are children that have
# ended and that nobody has asked about: they keep their number and next to no memory. Their parent is a holder,
# and with its end the host's first process asks about them. A reserve is always left, so that a guard can start
# what the undo needs; and should others take that, too, the hog is gone before the guard has tried twice.

requires() {
	have mkfifo || { echo 'this host has no mkfifo' && return 1; }
	tasks && crowd || return 1
	[ "$CROWD" -gt 0 ] || { echo "$TASKS processes of $LIMIT run: that is as many already" && return 1; }
	[ $((LIMIT - TASKS - CROWD)) -ge "$RESERVED" ] ||
		{ echo "$CROWD more would leave $((LIMIT - TASKS - CROWD)) processes of $LIMIT ($BY), and $RESERVED must be left" && return 1; }
	memory || return 1
	[ $((AVAILABLE - CROWD * 32)) -ge "$FLOOR" ] || { echo "$CROWD processes would leave less than $((FLOOR / 1024)) MiB of memory" && return 1; }
}

layers() { echo kernel; }

prepare() { : >"$D/hogs"; }

inject() {
	tasks
	hog crowd_in
	await
}

undo() { cull; }

verify() { culled; }

measure() {
	tasks || { echo 'unverifiable the kernel does not say how many processes there are' && return; }
	echo "figure $TASKS"
	crowd
	[ -z "$P_count" ] || [ "$CROWD" -ge 20 ] || { echo 'unverifiable so few cannot be told from what others start' && return; }
	if [ "$CROWD" -gt 0 ]; then echo "expect up $CROWD"; else echo 'expect up 0'; fi
}

# tasks sets TASKS, how many processes and threads there are, and LIMIT, the lowest of the kernel's, with the words
# for it. What reads byte by byte, as a shell does, gets only the first digit of these files: hence cat.
tasks() {
	read -r _ _ _ TASKS _ </proc/loadavg
	TASKS=${TASKS#*/}
	set -- $(cat /proc/sys/kernel/pid_max /proc/sys/kernel/threads-max 2>/dev/null)
	[ $# -eq 2 ] || { echo 'the kernel does not say how many processes there may be' && return 1; }
	LIMIT=$1 BY=kernel.pid_max
	[ "$LIMIT" -le "$2" ] || LIMIT=$2 BY=kernel.threads-max
	confined
	RESERVED=$((LIMIT / 20))
	[ "$RESERVED" -ge 100 ] || RESERVED=100
}

# confined looks whether the session's own cgroup allows fewer. A pen is outside of it, where there can be one.
confined() {
	[ ! -w /sys/fs/cgroup/cgroup.procs ] || [ ! -e /sys/fs/cgroup/cgroup.controllers ] || return 0
	while IFS=: read -r _ CONTROLLERS GROUP_PATH; do
		case ,$CONTROLLERS, in *,pids,*) GROUP_PATH=/sys/fs/cgroup/pids$GROUP_PATH ;; ,,) GROUP_PATH=/sys/fs/cgroup$GROUP_PATH ;; *) continue ;; esac
		while [ "${#GROUP_PATH}" -gt 14 ]; do
			! first "$GROUP_PATH/pids.max" || ! number "$LINE" 1 999999999 || tighter "$GROUP_PATH" "$LINE"
			GROUP_PATH=${GROUP_PATH%/*}
		done
	done </proc/self/cgroup
}

# tighter GROUP MAX: what counts there is what is in there.
tighter() {
	first "$1/pids.current" || return 0
	[ $(($2 - LINE)) -lt $((LIMIT - TASKS)) ] || return 0
	TASKS=$LINE LIMIT=$2 BY="the session's cgroup"
}

crowd() {
	if [ -n "$P_count" ]; then CROWD=$P_count; else CROWD=$((LIMIT * P_percent / 100 - TASKS)); fi
}

crowd_in() {
	crowd
	TO_COME=$CROWD ROOM=$((LIMIT - TASKS)) CAME=0 GATE=$D/gate
	mkfifo "$GATE" || exit
	pen pids.max $((CROWD + 50))
	leash
	mind let_in
}

# let_in fills up, a hundred at a time, and lets a hundred go when others come near the reserve.
let_in() {
	muster
	read -r _ _ _ NOW_TASKS _ </proc/loadavg
	if [ $((LIMIT - ${NOW_TASKS#*/})) -lt "$RESERVED" ]; then
		release 1
		reached "processes are taken until $RESERVED are left"
		return
	fi
	while [ "$CAME" -lt "$TO_COME" ] && [ -z "$LOST" ] && may_go_on; do
		read -r _ _ _ NOW_TASKS _ </proc/loadavg
		[ $((LIMIT - ${NOW_TASKS#*/} - 100)) -ge "$RESERVED" ] || break
		BATCH=$((TO_COME - CAME))
		[ "$BATCH" -le 100 ] || BATCH=100
		waits parent $((BATCH - 1))
		CAME=$((CAME + BATCH))
		become_another "${HOLDERS%% *}"
		muster
	done
	if [ -n "$LOST" ]; then reached "the kernel has refused processes: about $((HOLDING * 100)) of $TO_COME are taken"; else reached "$CAME more processes are taken"; fi
}

# become_another PID waits until a parent is the program that asks about nobody, or has died.
become_another() {
	first "/proc/$ME/comm"
	MINE=$LINE TRIES=0
	while first "/proc/$1/comm" && [ "$LINE" = "$MINE" ] && [ "$TRIES" -lt 40 ]; do
		TRIES=$((TRIES + 1))
		nap 0.05 8>&- 9>&-
	done
}

# parent N: children wait at the gate until their parent has become another program, which asks about nobody.
parent() {
	exec 5<>"$GATE" 4<"$GATE" 3>"$GATE" 5>&-
	CHILD=0
	while [ "$CHILD" -lt "$1" ]; do
		CHILD=$((CHILD + 1))
		(
			exec 3>&-
			read -r _ <&4
		) &
	done
	exec cat 3>&- 4>&-
}
