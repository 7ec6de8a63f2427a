# process-kill: a signal to some of the processes that are meant, once, or again and again while the fault is held.
#
# What is killed cannot be put back by us; whoever runs it must do that. So only processes are killed that belong
# to a unit of systemd which is active: those units are written down before, and if one is not active afterwards
# (its own restart is off, or gave up) the undo starts it, which is proven. A process that nobody would start
# again, in a person's session, in a container or under another supervisor, is killed only if orphans=true says
# that this is understood; it is named when it happens, and the proof is of the units alone. Within a unit that
# stays active, a killed worker is the service's own business: the figure shows whether it is there again.
#
# Whoever was asked to end may take its time, and its unit is active until then: nothing is back before it has ended.

requires() { ALL=$(meant "$(mode)") || { printf '%s\n' "$ALL" && return 1; }; }

mode() { [ "$P_orphans" = 1 ] || echo manned; }

layers() { :; }

prepare() {
	requires || return 1
	printf '%s\n' "$ALL" | while read -r BORN_ PID OWNER _; do echo "$PID $BORN_"; done >"$D/before"
	: >"$D/units" && : >"$D/killed" || return 1
	for OWNER in $(printf '%s\n' "$ALL" | while read -r _ _ OWNER _; do printf '%s\n' "$OWNER"; done | sort -u); do
		[ "$OWNER" != - ] || continue
		record "$OWNER" || return 1
	done
	[ -s "$D/before" ] || { echo 'the processes cannot be recorded' && return 1; }
}

# record UNIT writes down what goes with a unit, each once, and refuses what the host is reached by.
record() {
	usable_unit "$1" || return 1
	for UNIT in $(affected "$1"); do
		grep -q -x -F -e "$UNIT" "$D/units" || { echo "$UNIT" >>"$D/units" && grep -q -x -F -e "$UNIT" "$D/units"; } || { echo 'what must be started again cannot be recorded' && return 1; }
	done
}

inject() {
	strike || return 1
	[ "${P_every:-0}" -gt 0 ] || return 0
	(strikes) </dev/null >/dev/null 2>&1 &
	echo "again every $((P_every / 1000)) s"
}

# strike signals as many as are meant, and only those whose units were written down.
strike() {
	ALL=$(meant "$(mode)") || { printf '%s\n' "$ALL" && return 1; }
	NONE=1
	printf '%s\n' "$ALL" | picked "$P_count" "$P_which" >"$D/picked"
	while read -r BORN_ PID OWNER NAME; do
		[ "$OWNER" = - ] || grep -q -x -F -e "$OWNER" "$D/units" || continue
		WHERE=$(elsewhere "$PID")
		alive "$PID" "$BORN_" && echo "$PID $BORN_ $(awaited)" >>"$D/killed" && kill -s "$P_signal" "$PID" || continue
		NONE=
		echo "$P_signal to $NAME ($PID$WHERE)$(fate)"
	done <"$D/picked"
	[ -z "$NONE" ] || { echo 'whoever was meant has ended before the signal' && return 1; }
}

# awaited prints the unit that may go down when the process ends of the signal, or "-" if none will: the process has
# none, ignores the signal, or is not asked to end by it. It looks before the signal comes, for many a process
# ignores a second one while it ends of the first.
awaited() {
	case $P_signal in INT) BIT=1 ;; QUIT) BIT=2 ;; ABRT) BIT=5 ;; KILL) BIT=8 ;; SEGV) BIT=10 ;; TERM) BIT=14 ;; *) OWNER=- BIT=0 ;; esac
	IGNORED=$(sed -n 's/^SigIgn:.*\([0-9a-f]\{4\}\)$/\1/p' "/proc/$PID/status" 2>/dev/null)
	[ $((0x${IGNORED:-0} >> BIT & 1)) -eq 0 ] || OWNER=-
	printf '%s\n' "$OWNER"
}

fate() { if [ "$OWNER" = - ]; then printf ', which nothing brings back'; else printf ' of %s' "$OWNER"; fi; }

strikes() {
	trap - TERM
	myself
	echo "$ME $BORN" >>"$D/helpers" || exit
	NEXT=$((P_every / 1000))
	while rested "$NEXT"; do strike; done
}

# rested SECONDS tells whether the fault is still to be held after that time.
rested() {
	now
	TILL=$((NOW + $1))
	while on_duty; do
		[ "$NOW" -lt "$TILL" ] || return 0
		nap 0.2
	done
	return 1
}

undo() {
	ended "$D/helpers"
	FAILED=$?
	ends_awaited || FAILED=1
	units_back || FAILED=1
	return $FAILED
}

verify() {
	! living_in "$D/helpers" || { echo "a helper is still killing: $LIVING" && return 1; }
	all_ended && units_verified
}

# ends_awaited gives whoever is still ending 20 s, which leaves the units enough of the undo's time, and then the
# manager a moment to see it.
ends_awaited() {
	[ -s "$D/killed" ] && ! all_ended >/dev/null || return 0
	now
	TILL=$((NOW + 20))
	until all_ended >/dev/null; do
		now
		[ "$NOW" -lt "$TILL" ] || break
		nap 0.1
	done
	all_ended && nap 1
}

# all_ended names the first that was asked to end and still lives.
all_ended() {
	while read -r PID BORN_ OWNER; do
		[ "$OWNER" = - ] || ! alive "$PID" "$BORN_" ||
			{ printf '%s was sent to process %s of %s, which has not ended yet: end it or restart %s, unless it will\n' "$P_signal" "$PID" "$OWNER" "$OWNER" && return 1; }
	done <"$D/killed"
}

# measure: how many were meant before the fault, without those that the signal was sent to and that have ended: who
# ended otherwise proves nothing. Who is there instead is told in words. Without a record, before arming and after
# the undo, it is how many are meant now.
measure() {
	case $P_signal in HUP | USR1 | USR2) echo "unverifiable a $P_signal need not end a process" && return ;; esac
	NOW_THERE=$(meant "$(mode)") && NOW_THERE=$(printf '%s\n' "$NOW_THERE" | grep -c .) || NOW_THERE=0
	if [ -s "$D/before" ]; then
		living_in "$D/before"
		set -- $LIVING
		[ "$NOW_THERE" -le $# ] || echo "about ($((NOW_THERE - $#)) new instead)"
		THERE=0
		while read -r PID BORN_; do
			! alive "$PID" "$BORN_" && grep -q -e "^$PID $BORN_ " "$D/killed" || THERE=$((THERE + 1))
		done <"$D/before"
	else
		THERE=$NOW_THERE
	fi
	echo "figure $THERE"
	[ "$THERE" -ge "$P_count" ] && echo "expect down $P_count" || echo "expect down $THERE"
}
