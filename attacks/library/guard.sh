# The guard: claim the host, write down what must be put back, start the watchdogs, say "armed", and only then
# obey. It is the session's own process, blocked in read, so that a stop is acted on at once. Every way out is
# an exec of the undo: no fork stands between the decision and the undo.

verb_guard() {
	trap '' HUP PIPE
	header && needs id kind ttl hold lease || refuse "refused $WHY"
	is_root || refuse 'refused the guard needs root'
	place "$ID"
	parameters || refuse "refused $WHY"
	WHY=$(requires 2>&1 </dev/null) || refuse "infeasible ${WHY%%"$NL"*}"
	depth
	boot
	now
	myself
	first /proc/self/oom_score_adj && OOM=$LINE || OOM=0
	oom -1000
	claim
	trap 'abandon "refused told to end while arming"' TERM INT QUIT
	prepare_state
	start_watchdogs
	now
	keep heard "$NOW" && keep deadline $((NOW + TTL)) && keep armed "$NOW" || abandon "refused $RUNDIR cannot be written; nothing was applied"
	DEADLINE=$((NOW + TTL)) READY=$NOW
	trap 'told' TERM INT QUIT
	trap 'undoing "the guard could not go on"' EXIT
	say "armed layers=$LAYERS boot=$BOOT"
	obey
}

refuse() {
	say "$1"
	exit 4
}

# depth counts the layers that are certain before anything is written.
depth() {
	set -- $(layers 2>/dev/null </dev/null)
	LAYERS=guard CUTS=
	for LAYER in "$@"; do
		case $LAYER in
		kernel) LAYERS=kernel,guard ;;
		cuts) CUTS=1 ;;
		esac
	done
	[ -n "$CUTS" ] || [ "$LEASE" -gt 0 ] || [ "$SUPERVISED" -eq 1 ] || refuse 'refused only a fault that cuts its own control path may go without a lease'
	[ -n "$CUTS" ] || return 0
	case $LAYERS in kernel,*) ;; *) refuse 'refused the fault would cut SSH and the kernel cannot end it' ;; esac
	[ "$TTL" -le 300 ] || refuse 'refused a fault that cuts SSH may last 300 seconds at most, undo included'
}

# claim takes the host: a link can be made only once, with its whole content. It points nowhere, so that ln
# never steps through it.
claim() {
	TRIES=0
	until ln -s "run:$ID:$ME:$BORN" "$RUNDIR/.claim" 2>/dev/null; do
		if HOLDER=$(readlink "$RUNDIR/.claim" 2>/dev/null); then
			HOLDER=${HOLDER#run:}
			HOLDER=${HOLDER%%:*}
			refuse "busy $HOLDER $(about "$HOLDER")"
		fi
		TRIES=$((TRIES + 1))
		[ "$TRIES" -le 3 ] || refuse "refused $RUNDIR cannot be written; nothing was applied"
		mkdir -p "$RUNDIR" 2>/dev/null && chmod 0700 "$RUNDIR"
	done
	OTHER=$ID
	if ! nobody_else || [ -e "$D" ]; then
		rm -f "$RUNDIR/.claim"
		refuse "busy $OTHER $(about "$OTHER")"
	fi
}

prepare_state() {
	mkdir "$D" 2>/dev/null && [ -d "$D" ] && copy_runner && by_hand && keep pid.guard "$ME $BORN" && remember ||
		abandon "refused $RUNDIR is full or cannot be written; nothing was applied"
	GUARD=$ME GUARD_BORN=$BORN
	(prepare) </dev/null >"$D/log.prepare" 2>&1 || {
		WHY=$(printable "$D/log.prepare")
		abandon "refused ${WHY:-$KIND could not be prepared}"
	}
}

# by_hand leaves what a person at the host's console needs: sh /run/chaoscat/ID/revert
by_hand() { keep revert "exec /bin/sh '$D/runner' undo-now '$ID' 'by hand' operator 1"; }

# copy_runner: an undo needs a program that nobody else removes. The link, where it can be made, remembers which file
# the controller has brought.
copy_runner() {
	ln "$FROM" "$D/origin" 2>/dev/null
	cat "$SELF" >"$D/runner" 2>/dev/null && [ "$(cksum <"$SELF")" = "$(cksum <"$D/runner")" ]
}

# abandon SENTENCE gives the host back before anything was applied.
abandon() {
	trap '' TERM INT QUIT
	CAUSE=stop ORIGIN=
	finish 2>/dev/null
	refuse "$1"
}

# start_watchdogs puts two more guards beside this one and does not go on before both have reported in.
start_watchdogs() {
	apart /bin/sh "$D/runner" watch "$ID" watchdog </dev/null >/dev/null 2>&1
	SECOND=twin
	[ -d /run/systemd/system ] && have systemd-run && SECOND=systemd
	if [ "$SECOND" = systemd ]; then
		start_service
	else
		apart /bin/sh "$D/runner" watch "$ID" twin </dev/null >/dev/null 2>&1
	fi
	TRIES=0
	until alive_in "$D/pid.watchdog" && alive_in "$D/pid.$SECOND"; do
		TRIES=$((TRIES + 1))
		[ "$TRIES" -le 100 ] || abandon "refused the $SECOND guard did not start: $(printable "$D/log.second")"
		nap 0.05
	done
	LAYERS=$LAYERS,$SECOND
	first "$D/pid.watchdog" && WATCHDOG=$LINE
	first "$D/pid.$SECOND" && OTHER_DOG=$LINE
}

# start_service hands the second guard to systemd: logout rules and the death of sshd do not reach it, and
# systemd ends it by a signal, which needs no free pid, should it ever hang. That must not cut the undo of a compound
# attack, each part of which has its time.
start_service() {
	parts
	systemd-run --quiet --collect --unit="chaoscat-$ID" --description="chaoscat undoes $KIND" \
		-p RuntimeMaxSec=$((TTL + 45 + WITHIN)) -p TimeoutStopSec=20 -p KillMode=mixed -p OOMScoreAdjust=-1000 \
		-p TasksMax=infinity -p StandardInput=null -p StandardOutput=null -p StandardError=null \
		/bin/sh "$D/runner" watch "$ID" systemd </dev/null >/dev/null 2>"$D/log.second" &
}

# ---- obeying --------------------------------------------------------------------------------------------

obey() {
	while IFS= read -r ORDER; do
		case $ORDER in
		'' | stop) undoing stop ;;
		go) heard && go ;;
		renew) heard && renewed ;;
		'ping '*) heard && pong "${ORDER#ping }" ;;
		*) printf 'chaoscat: the guard does not know this order\n' ;;
		esac
	done
	undoing 'contact lost'
}

# heard renews the lease, and sees to it that the attack does not go on with a guard less.
heard() {
	now
	{ printf '%s\n' "$NOW" >"$D/heard"; } 2>/dev/null
	alive ${WATCHDOG% *} ${WATCHDOG#* } || undoing 'the watchdog died'
	alive ${OTHER_DOG% *} ${OTHER_DOG#* } || undoing "the $SECOND guard died"
}

# go starts the injection as a process of its own, so that the guard keeps listening. The time to live counts
# from here, which the second guard's own limit allows for by 45 s: hence the limit on lateness.
go() {
	[ -z "$WENT" ] || return 0
	WENT=1
	[ "$NOW" -le $((READY + 30)) ] || undoing 'go came more than 30 s after arming'
	DEADLINE=$((NOW + TTL))
	keep deadline "$DEADLINE" || undoing "$RUNDIR cannot be written"
	say injecting
	if [ -n "$CUSTOM" ]; then GAP='\n'; fi
	CHAOSCAT_NONCE=$NONCE
	CHAOSCAT_RUN=$ID # the mark of all that the injection starts
	export CHAOSCAT_NONCE CHAOSCAT_RUN
	apart /bin/sh "$D/runner" inject "$ID" </dev/null
	unset CHAOSCAT_NONCE CHAOSCAT_RUN
}

# renewed lets the kernel's timers run on. A failure is told and costs nothing: the fault ends early.
renewed() {
	if [ -n "$WENT" ] && [ -n "$RENEWS" ]; then
		live
		(renew || printf 'chaoscat: the fault could not be renewed in the kernel\n') </dev/null &
	fi
	say renewed
}

pong() { case $1 in '' | *[!0-9]*) ;; *) say "pong $1" ;; esac; }

told() {
	first "$D/cause" && undoing "$LINE"
	[ -d "$D" ] && undoing 'told to end'
	undoing 'another guard was faster'
}

# undoing CAUSE is the guard's end. If another has taken everything back there is no runner left to exec.
undoing() {
	trap '' TERM INT QUIT
	trap - EXIT
	say "undoing $1"
	CHAOSCAT_NONCE=$NONCE
	export CHAOSCAT_NONCE
	trap 'gone' EXIT
	[ -r "$D/runner" ] && exec /bin/sh "$D/runner" undo-now "$ID" "$1" guard 1 # a watchdog may have made the directory anew, to say residue
	gone
}

# gone: whoever removes the state after a proven undo leaves a mark until this guard has ended. Without it,
# the state was taken from under us, and nothing is proven.
gone() {
	trap - EXIT
	if [ -d "$RUNDIR/.done-$ID" ]; then
		say restored
		exit 0
	fi
	[ -d "$D" ] || vanished
	say "residue the state of the run vanished from $RUNDIR; what could be undone without it was"
	exit 6
}

# inject ID is the injection's own process. It may begin only if no undo has, for ever: both make the same file.
inject_now() {
	recall "$1" && deadline || exit 1
	NONCE=$CHAOSCAT_NONCE
	unset CHAOSCAT_NONCE
	[ -z "$CUSTOM" ] || GAP='\n'
	trap '' HUP PIPE
	trap 'exit 143' TERM
	oom "$OOM"
	myself
	set -C
	{ printf '%s\n' "$ME $BORN" >"$D/inject"; } 2>/dev/null || exit 1
	set +C
	first "$D/inject" && [ "$LINE" = "$ME $BORN" ] || exit 1
	live
	inject
	RC=$?
	{ : >"$D/injected"; } 2>/dev/null
	say "injected $RC"
	[ "$RC" -ne 0 ] || exit 0
	{ printf 'the injection failed\n' >"$D/cause"; } 2>/dev/null
	! alive "$GUARD" "$GUARD_BORN" || kill -TERM "$GUARD"
	exit "$RC"
}

# a_step ID FUNCTION, or FUNCTION.N for part N of a compound attack.
a_step() {
	recall "$1" || exit 1
	oom "$OOM"
	case $2 in
	*.*) "${2%.*}" "${2#*.}" ;;
	*) "$2" ;;
	esac
	exit
}
