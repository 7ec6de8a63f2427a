# service-crash: the main process of a systemd service is killed. Whether and how fast the service comes back is
# what there is to see: a helper looks ten times a second and writes down when it is active again under a new main
# process. What has not come back by itself is started by the undo, and so is what went down with it.

requires() {
	usable_unit "$P_unit" || return 1
	main_process || { echo "$P_unit has no main process that could be killed" && return 1; }
}

layers() { :; }

prepare() {
	requires || return 1
	affected "$P_unit" >"$D/units" && [ -s "$D/units" ] || { echo 'what must be started again cannot be recorded' && return 1; }
	keep main "$PID $BIRTH" || { echo 'the main process cannot be recorded' && return 1; }
}

inject() {
	first "$D/main" && set -- $LINE && alive "$1" "$2" || { echo "$P_unit has another main process by now" && return 1; }
	centiseconds
	kill -s KILL "$1" || return 1
	(witness "$T") </dev/null >/dev/null 2>&1 &
	echo "the main process $1 of $P_unit is killed"
}

undo() {
	ended "$D/helpers"
	FAILED=$?
	units_back || FAILED=1
	return $FAILED
}

verify() { units_verified; }

# measure: the main process by its number, 0 if there is none.
measure() {
	main_process || {
		[ -n "$PID" ] || { echo "unverifiable systemctl does not say what the main process of $P_unit is" && return; }
		PID=0
	}
	if first "$D/back"; then
		echo "about of $P_unit, back in $LINE s,"
	elif [ -s "$D/helpers" ]; then
		echo "about of $P_unit, not back yet,"
	elif [ -d "$D" ]; then # after the undo, the words from during the fault shall stay
		echo "about of $P_unit"
	fi
	echo "figure $PID"
	echo 'expect change'
}

# main_process sets PID and BIRTH, and makes sure that the process is one of the unit's and nobody's else.
main_process() {
	PID=$(property MainPID "$P_unit")
	number "$PID" 2 999999999 && kin && look_at "$PID" && unit_of "$PID" && ! spared
}

# witness SINCE writes down how long it took.
witness() {
	trap - TERM
	myself
	printf '%s\n' "$ME $BORN" >>"$D/helpers" || exit
	first "$D/main" && OLD=${LINE%% *}
	while on_duty; do
		unit_state "$P_unit"
		if [ "$ACTIVE" = active ] && NEW=$(property MainPID "$P_unit") && [ "$NEW" != "$OLD" ] && [ "$NEW" != 0 ]; then
			centiseconds
			T=$((T - $1))
			keep back "$((T / 100)).$((T / 10 % 10))"
			exit
		fi
		nap 0.1
	done
}

# centiseconds sets T to the hundredths of a second since boot.
centiseconds() {
	read -r T _ </proc/uptime
	T=${T%.*}${T#*.}
}
