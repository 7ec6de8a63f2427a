# Taking it back. Four may want to at the same moment: the guard, the watchdog, the second watchdog, and the
# controller over a new connection. One does, the others wait for it, and take over if it dies.

# seize takes the undo for this process: generation after generation, each a file that can be made only
# once. A holder that died, or let go, makes room for the next generation; nothing is ever removed, so
# nobody can remove the lock of another. Returns 1 when there is nothing left to undo.
seize() {
	GENERATION=1
	EMPTY=0
	while [ -d "$D" ]; do
		if first "$D/undo.$GENERATION"; then
			EMPTY=0
			[ "$LINE" != "$ME $BORN" ] || return 0
			if alive "${LINE%% *}" "${LINE#* }"; then nap 0.1; else GENERATION=$((GENERATION + 1)); fi
		elif
			set -C
			{ printf '%s\n' "$ME $BORN" >"$D/undo.$GENERATION"; } 2>/dev/null
		then
			set +C
			return 0
		else
			set +C
			EMPTY=$((EMPTY + 1))
			[ "$EMPTY" -lt 20 ] || return 0 # nothing can be written: undo without a lock rather than not at all
			nap 0.1
		fi
	done
	return 1
}

let_go() { { printf '%s\n' 'free 0' >"$D/undo.$GENERATION"; } 2>/dev/null; }

# forbid makes sure that inject will never begin, or finds that it has and ends it. The file "inject" can be
# made once: by inject before its first command, or here.
forbid() {
	set -C
	{ printf '%s\n' 'never 0' >"$D/inject"; } 2>/dev/null
	set +C
	TRIES=0
	while [ "$TRIES" -lt 20 ] && ! first "$D/inject"; do
		nap 0.1
		TRIES=$((TRIES + 1))
	done
	[ "$LINE" != 'never 0' ] || return 1
	LEADER=${LINE%% *}
	if alive_in "$D/inject"; then
		kill -TERM "$PID" 2>/dev/null # it ends between two commands
		[ -z "$CUSTOM" ] || kill -TERM "-$PID" 2>/dev/null
		TRIES=0
		while [ "$TRIES" -lt 30 ] && alive_in "$D/inject"; do
			nap 0.1
			TRIES=$((TRIES + 1))
		done
		[ "$TRIES" -lt 30 ] || end_group "$PID"
	fi
	# who died half-way may have left a subshell that goes on; what is left after a whole injection is the fault itself
	[ -z "$CUSTOM" ] || [ -e "$D/injected" ] || end_orphans "$LEADER"
	return 0
}

# step FUNCTION SECONDS runs one function of the attack in a process group of its own, and never waits longer.
# Its output goes to a file: a channel that nobody reads must not hold up an undo.
step() {
	LOG=$D/log.$1
	{ printf '' >"$LOG"; } 2>/dev/null || LOG=/dev/null
	apart /bin/sh "$D/runner" step "$ID" "$1" </dev/null >"$LOG" 2>&1
	CHILD=$!
	birth "$CHILD"
	CHILD_BORN=$BIRTH
	now
	TILL=$((NOW + $2))
	while alive "$CHILD" "$CHILD_BORN"; do
		now
		[ "$NOW" -le "$TILL" ] || end_group "$CHILD"
		nap 0.02
	done
	wait "$CHILD" # with what it had started: all of its group was killed at once
}

# take_back undoes and proves it, or leaves a reason.
take_back() {
	recall "$ID"
	READABLE=$?
	forbid || return 0
	[ "$READABLE" -eq 0 ] || {
		[ -s "$D/reason" ] || reason 'the state of the run cannot be read'
		return 1
	}
	boot
	[ "$RUN_BOOT" = "$BOOT" ] || return 0 # a fault does not survive a reboot
	if [ -d "$D/1" ]; then
		part_by_part && return 0
	else
		step undo 60
		UNDONE=$?
		step verify 30 && [ "$UNDONE" -eq 0 ] && return 0
		WHAT=$(printable "$D/log.verify")
		[ -n "$WHAT" ] || WHAT=$(printable "$D/log.undo")
	fi
	reason "${WHAT:-the undo of $KIND failed without a word}"
	return 1
}

reason() { { printf '%s\n' "$1" >"$D/reason"; } 2>/dev/null; }

# finish removes every trace. The claim goes before the directory: should we die in between, the directory
# still says that somebody must come back.
finish() {
	CLAIM=$(readlink "$RUNDIR/.claim" 2>/dev/null)
	case $CLAIM in "run:$ID:"*) rm -f "$RUNDIR/.claim" ;; esac
	CREW=
	for ROLE in guard watchdog systemd twin; do
		! alive_in "$D/pid.$ROLE" || [ "$PID" = "$ME" ] || CREW="$CREW $LINE"
	done
	mv "$D" "$RUNDIR/.done-$ID" || return 1
	dismiss $CREW
	[ "$CAUSE" = stop ] || another_upload || drop_runner "$ORIGIN"
	rm -rf "$RUNDIR/.done-$ID"
	rmdir "$RUNDIR" 2>/dev/null
	return 0
}

# vanished: somebody removed our state while the fault was on. What can be undone by names alone is undone,
# and a state directory that cannot be read is left behind: it says residue until a person has looked.
vanished() {
	(undo) </dev/null >/dev/null 2>&1
	mkdir -p "$D" 2>/dev/null
	{ printf '%s\n' 'vanished 0' >"$D/inject"; } 2>/dev/null # so that nobody takes it for a run that never began
	reason "the state of the run was removed from $RUNDIR while $KIND was on; see whether the fault is gone, then remove $D"
}

# dismiss PID BIRTH... ends the other guards, who find nothing left to do, and waits for it.
dismiss() {
	ROUND=0
	while [ $# -gt 0 ] && [ "$ROUND" -le 40 ]; do
		if ! alive "$1" "$2"; then
			shift 2
			continue
		fi
		case $ROUND in 0) signal TERM "$@" ;; 40) signal KILL "$@" ;; esac
		ROUND=$((ROUND + 1))
		nap 0.05
	done
}

signal() {
	SIGNAL=$1
	shift
	while [ $# -gt 0 ]; do
		! alive "$1" "$2" || kill -s "$SIGNAL" "$1" 2>/dev/null
		shift 2
	done
}

# another_upload tells whether the runner's file is not the one that this run was started from: a controller that
# has just come for the next attack has brought its own.
another_upload() { [ -e "$RUNDIR/.done-$ID/origin" ] && ! [ "$RUNDIR/.done-$ID/origin" -ef "$ORIGIN" ]; }

# drop_runner FILE removes an uploaded runner, unless another run stands on this host.
drop_runner() {
	nobody_else || return 0
	case ${1##*/} in
	runner-[0-9a-f]* | chaoscat-runner-[0-9a-f]*) rm -f "$1" ;;
	esac
}

# undo_once is the undo of a caller who waits for the answer: 0 nothing is left, 1 residue (WHAT says).
undo_once() {
	myself
	seize || return 0
	if take_back && finish; then return 0; fi
	let_go
	WHAT=$(printable "$D/reason")
	WHAT=${WHAT:-"the state directory $D could not be removed"}
	return 1
}

# undo_now ID CAUSE WHO TRY is where every guard ends, by exec. Only the guard itself has a channel to speak
# on, and an operator at the host's console. The others keep trying, less and less often, until 10 minutes
# after the deadline.
undo_now() {
	place "$1"
	CAUSE=$2 WHO=$3 TRY=$4
	NONCE=$CHAOSCAT_NONCE
	unset CHAOSCAT_NONCE
	ORIGIN=
	trap '' HUP PIPE
	trap : TERM INT QUIT
	trap again EXIT
	PAUSE=1
	while ! undo_once; do
		case $WHO in guard | operator) conclude "residue $WHAT" 6 ;; esac
		now
		deadline && [ "$NOW" -lt $((DEADLINE + 600)) ] || conclude "residue $WHAT" 6
		nap "$PAUSE"
		[ "$PAUSE" -ge 60 ] || PAUSE=$((PAUSE * 2))
	done
	conclude restored 0
}

conclude() {
	trap - EXIT
	case $WHO in
	guard) say "$1" ;;
	operator) printf '%s: %s\n' "$ID" "$1" ;;
	*) exit 0 ;;
	esac
	exit "$2"
}

# again comes when the shell ended by itself, which means that it could not fork. It waits without a fork and
# starts over in a fresh shell.
again() {
	trap '' TERM INT QUIT
	[ -d "$D" ] || conclude restored 0
	[ "$TRY" -lt 900 ] || conclude 'residue this host has had no free process for the undo' 6
	now
	SINCE=$NOW
	while [ "$NOW" -lt $((SINCE + 1)) ]; do now; done
	CHAOSCAT_NONCE=$NONCE
	export CHAOSCAT_NONCE
	exec /bin/sh "$D/runner" undo-now "$ID" "$CAUSE" "$WHO" $((TRY + 1))
}

# ---- the watchdogs --------------------------------------------------------------------------------------

# watch ID ROLE is a guard without a channel: it looks once a second whether the guard still lives, the lease
# still runs and the deadline is still to come. The second one, in another failure domain, acts 2 s later.
watch() {
	[ -d "$RUNDIR/$1" ] || exit 0
	ROLE=$2
	recall "$1" || exit 1
	LAG=0
	[ "$ROLE" = watchdog ] || LAG=2
	trap '' HUP PIPE
	trap 'leave "$ROLE was told to end"' TERM INT QUIT
	trap 'leave "$ROLE could not go on"' EXIT
	oom -1000
	myself
	keep "pid.$ROLE" "$ME $BORN" || exit 1
	now
	NAP=
	HEARD=$NOW
	DEADLINE=$((NOW + TTL))
	MISSED=0
	while [ -d "$D" ]; do
		look
		sleep 1 &
		NAP=$!
		wait "$NAP"
	done
	trap - EXIT
	[ -d "$RUNDIR/.done-$ID" ] || {
		! alive "$GUARD" "$GUARD_BORN" || kill -TERM "$GUARD"
		vanished
	}
	exit 0
}

look() {
	now
	deadline
	! first "$D/heard" || ! number "$LINE" 0 999999999 || HEARD=$LINE
	if alive "$GUARD" "$GUARD_BORN"; then MISSED=0; else MISSED=$((MISSED + 1)); fi
	[ "$MISSED" -le "$LAG" ] || leave 'the guard died'
	[ "$NOW" -lt $((DEADLINE + LAG)) ] || insist deadline
	[ "$LEASE" -eq 0 ] || [ "$NOW" -le $((HEARD + LEASE + LAG)) ] || insist 'lost lease'
}

# insist CAUSE lets the guard undo, which can tell the controller, and does it itself if the guard does not begin.
insist() {
	{ printf '%s\n' "$1" >"$D/cause"; } 2>/dev/null
	! alive "$GUARD" "$GUARD_BORN" || kill -TERM "$GUARD" 2>/dev/null
	TRIES=0
	while [ "$TRIES" -lt 20 ] && [ -d "$D" ] && ! [ -e "$D/undo.1" ]; do
		nap 0.1
		TRIES=$((TRIES + 1))
	done
	leave "$1"
}

# leave CAUSE: the one way out, by exec. With the state gone there is nothing to undo.
leave() {
	trap '' TERM INT QUIT
	trap - EXIT
	[ -z "$NAP" ] || kill "$NAP" 2>/dev/null
	[ -d "$D" ] || exit 0
	exec /bin/sh "$D/runner" undo-now "$ID" "$1" "$ROLE" 1
}
