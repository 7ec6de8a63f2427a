# cpu: workers that compute for a share of the time. Each of them ends by itself, with nobody's help, when its
# state is gone, its guard is gone or its time is up; and should it not, the kernel ends it when it has used
# up the processor time it may (ulimit -t), which is all the harm it can do.

requires() {
	[ -r /proc/stat ] || { echo 'this host has no /proc/stat' && return 1; }
	[ "$(workers)" -gt 0 ] || { echo 'the processors cannot be counted' && return 1; }
}

layers() { echo kernel; }

prepare() { : >"$D/hogs"; }

inject() {
	N=$(workers)
	I=0
	sleep 0.01 2>/dev/null && FINE=1 || FINE=
	while [ "$I" -lt "$N" ]; do
		I=$((I + 1))
		(hog) </dev/null >/dev/null 2>&1 &
	done
	echo "$N workers take $P_load % of a processor each"
}

undo() {
	ROUND=0
	while living && [ "$ROUND" -lt 40 ]; do
		ROUND=$((ROUND + 1))
		kill -KILL $LIVING 2>/dev/null
		nap 0.05
	done
	! living
}

verify() { ! living || { echo "workers are still running: $LIVING" && return 1; }; }

measure() {
	tick && A=$ALL B=$BUSY
	sleep 2
	tick && A=$((ALL - A)) B=$((BUSY - B))
	[ "$A" -gt 0 ] || { echo 'unverifiable the processors did not tick' && return; }
	echo "figure $((B * 100 / A)).$((B * 1000 / A % 10))"
	CORES=$(grep -c '^cpu[0-9]' /proc/stat)
	ADDED=$((P_load * $(workers) / CORES))
	[ "$ADDED" -le 100 ] || ADDED=100
	echo "expect up $((ADDED * (A - B) / A))" # what was busy before can hardly become busier
}

workers() { if [ "${P_workers:-0}" -gt 0 ]; then echo "$P_workers"; else grep -c '^cpu[0-9]' /proc/stat; fi; }

# living sets LIVING to the workers that still run. A worker writes itself down before it begins.
living() {
	LIVING=
	while read -r HOG HOG_BORN; do
		! alive "$HOG" "$HOG_BORN" || LIVING="$LIVING $HOG"
	done <"$D/hogs"
	[ -n "$LIVING" ]
}

# hog works in turns of half a second (of a second and more where sleep takes whole seconds only), timed by
# the seconds since boot. It begins by making itself the first that the kernel kills.
hog() {
	trap - TERM
	oom 1000
	ulimit -t $((TTL * P_load / 100 + 10))
	myself
	{ printf '%s\n' "$ME $BORN" >>"$D/hogs"; } 2>/dev/null || exit
	if [ -n "$FINE" ]; then TURN=50; elif [ "$P_load" -lt 100 ]; then TURN=$((10000 / (100 - P_load))); else TURN=100; fi
	hundredths
	while [ -d "$D" ] && [ ! -e "$D/undo.1" ] && alive "$GUARD" "$GUARD_BORN" && [ "$T" -lt $((DEADLINE * 100)) ]; do
		START=$T
		until [ $((T - START)) -ge $((TURN * P_load / 100)) ]; do
			for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do _=$((T * 7 / 3)); done
			hundredths
		done
		rest $((TURN - (T - START)))
		hundredths
	done
}

rest() {
	[ "$1" -gt 0 ] || return 0
	if [ -z "$FINE" ]; then
		sleep 1
	elif [ "$1" -lt 10 ]; then
		sleep "0.0$1"
	else
		sleep "0.$1"
	fi
}

# hundredths sets T to the hundredths of a second since boot.
hundredths() {
	read -r T _ </proc/uptime
	T=${T%.*}${T#*.}
}

# tick sets ALL and BUSY from the first line of /proc/stat: user nice system idle iowait irq softirq steal.
tick() {
	read -r _ U N S IDLE IO IRQ SOFT STEAL _ </proc/stat
	BUSY=$((U + N + S + IRQ + SOFT))
	ALL=$((BUSY + IDLE + IO + STEAL))
}
