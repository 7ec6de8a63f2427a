# process-pause: some processes are stopped in their tracks (SIGSTOP) and go on afterwards (SIGCONT): exactly those
# that were not stopped before, known by number and start, so that a stranger who has got the number is left alone.
# A service whose watchdog kills it meanwhile is started again by the undo if it was active before.

requires() {
	ALL=$(held) || { printf '%s\n' "$ALL" && return 1; }
}

layers() { :; }

# held is meant, without whoever is stopped already; it refuses what a login or the guards would wait for.
held() {
	ALL=$(meant) || { printf '%s\n' "$ALL" && return 1; }
	KEPT=
	while read -r BORN_ PID OWNER NAME; do
		look_at "$PID" && [ "$BIRTH" = "$BORN_" ] && [ "$STATE" != T ] && [ "$STATE" != t ] || continue
		! needed_while_held "$OWNER" && ! needed_while_held "$NAME" || { printf '%s (%s) answers logins or the host itself, and is never paused\n' "$NAME" "$PID" && return 1; }
		! serves_files "$PID" || { printf '%s (%s) serves a file system, which everybody would wait for\n' "$NAME" "$PID" && return 1; }
		KEPT="$KEPT$BORN_ $PID $OWNER $NAME$NL"
	done <<-LIST
		$ALL
	LIST
	[ -n "$KEPT" ] || { printf 'all that is meant is stopped already\n' && return 1; }
	printf %s "$KEPT"
}

serves_files() { ls -l "/proc/$1/fd" 2>/dev/null | grep -q ' /dev/fuse$'; }

prepare() {
	requires || return 1
	: >"$D/paused" && : >"$D/units" || { echo 'the processes cannot be recorded' && return 1; }
	for OWNER in $(printf '%s\n' "$ALL" | while read -r _ _ OWNER _; do printf '%s\n' "$OWNER"; done | sort -u); do
		[ "$OWNER" = - ] || affected "$OWNER" >>"$D/units" || return 1
	done
}

inject() {
	ALL=$(held) || { printf '%s\n' "$ALL" && return 1; }
	NONE=1
	printf '%s\n' "$ALL" | picked "$P_count" "$P_which" >"$D/picked"
	while read -r BORN_ PID OWNER NAME; do
		WHERE=$(elsewhere "$PID")
		alive "$PID" "$BORN_" && echo "$PID $BORN_" >>"$D/paused" && kill -s STOP "$PID" || continue
		NONE=
		echo "$NAME ($PID$WHERE) is paused"
	done <"$D/picked"
	[ -z "$NONE" ] || { echo 'whoever was meant has ended before the signal' && return 1; }
}

undo() {
	TRIES=0
	while on_hold && [ "$TRIES" -lt 100 ]; do
		kill -s CONT $STOPPED
		TRIES=$((TRIES + 1))
		nap 0.05
	done
	FAILED=0
	! on_hold || FAILED=1
	units_back || FAILED=1
	return $FAILED
}

verify() {
	! on_hold || { echo "still paused: $STOPPED" && return 1; }
	units_verified
}

# on_hold sets STOPPED to those of our own that are still stopped.
on_hold() {
	STOPPED=
	while read -r PID BORN_; do
		look_at "$PID" && [ "$BIRTH" = "$BORN_" ] || continue
		case $STATE in T | t) STOPPED="$STOPPED $PID" ;; esac
	done <"$D/paused"
	[ -n "$STOPPED" ]
}

measure() {
	ALL=$(meant) || { printf 'unverifiable %s\n' "$ALL" && return; }
	STILL=0 GOING=0
	while read -r _ PID _; do
		look_at "$PID" || continue
		case $STATE in T | t) STILL=$((STILL + 1)) ;; *) GOING=$((GOING + 1)) ;; esac
	done <<-LIST
		$ALL
	LIST
	echo "figure $STILL"
	[ "$GOING" -ge "$P_count" ] && echo "expect up $P_count" || echo "expect up $GOING"
}
