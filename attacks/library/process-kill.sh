# process-kill: a signal to some of the processes that are meant, once, or again and again while the fault is held.
#
# What is killed cannot be put back by us; whoever runs it must do that. So only processes are killed that belong
# to a unit of systemd which is active: those units are written down before, and if one is not active afterwards
# (its own restart is off, or gave up) the undo starts it, which is proven. A process that nobody would start
# again, in a person's session, in a container or under another supervisor, is killed only if orphans=true says
# that this is understood; it is named when it happens, and the proof is of the units alone. Within a unit that
# stays active, a killed worker is the service's own business: the figure shows whether it is there again.

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
	affected "$1" >>"$D/units" && sort -u "$D/units" >"$D/units.once" && cat "$D/units.once" >"$D/units" && [ -s "$D/units" ] ||
		{ echo 'what must be started again cannot be recorded' && return 1; }
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
		alive "$PID" "$BORN_" && echo "$PID $BORN_" >>"$D/killed" && kill -s "$P_signal" "$PID" || continue
		NONE=
		echo "$P_signal to $NAME ($PID$WHERE)$(fate)"
	done <"$D/picked"
	[ -z "$NONE" ] || { echo 'whoever was meant has ended before the signal' && return 1; }
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
	units_back || FAILED=1
	return $FAILED
}

verify() {
	! living_in "$D/helpers" || { echo "a helper is still killing: $LIVING" && return 1; }
	units_verified
}

# measure: how many live of those that were meant before the fault; who is there instead is told in words.
# Without a record, before arming and after the undo, it is how many are meant now.
measure() {
	case $P_signal in HUP | USR1 | USR2) echo "unverifiable a $P_signal need not end a process" && return ;; esac
	NOW_THERE=$(meant "$(mode)") && NOW_THERE=$(printf '%s\n' "$NOW_THERE" | grep -c .) || NOW_THERE=0
	if [ -s "$D/before" ]; then
		living_in "$D/before"
		set -- $LIVING
		THERE=$#
		[ "$NOW_THERE" -le "$THERE" ] || echo "about ($((NOW_THERE - THERE)) new instead)"
	else
		THERE=$NOW_THERE
	fi
	echo "figure $THERE"
	[ "$THERE" -ge "$P_count" ] && echo "expect down $P_count" || echo "expect down $THERE"
}
