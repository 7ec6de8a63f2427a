# cpu: workers compute for a share of the time. Without a number of workers the share is the whole machine's: each
# worker looks at /proc/stat and takes what others leave of it. With a number, each takes that share of one
# processor, whatever else runs. Should a worker not end, the kernel ends it when it has used up the processor
# time it may (ulimit -t), which is all the harm it can do.

requires() {
	[ -r /proc/stat ] || { echo 'this host has no /proc/stat' && return 1; }
	[ "$(workers)" -gt 0 ] || { echo 'the processors cannot be counted' && return 1; }
}

layers() { echo kernel; }

prepare() {
	ramp_fits || return 1
	: >"$D/hogs"
}

inject() {
	N=$(workers)
	I=0
	sleep 0.01 2>/dev/null && FINE=1 || FINE=
	DUTY=0
	[ "${P_ramp:-0}" -gt 0 ] || begin_near
	while [ "$I" -lt "$N" ]; do
		I=$((I + 1))
		hog work
	done
	if [ "${P_workers:-0}" -gt 0 ]; then echo "$N workers are to take $P_load % of a processor each"; else echo "$N workers are to keep the machine $P_load % busy"; fi
	await
}

undo() { cull; }

verify() { culled; }

# measure lets pass what its own beginning has cost, and the loop's answer to it.
measure() {
	sleep 2
	tick && A=$ALL B=$BUSY
	sleep 2
	tick && A=$((ALL - A)) B=$((BUSY - B))
	[ "$A" -gt 0 ] || { echo 'unverifiable the processors did not tick' && return; }
	echo "figure $(tenths "$B" "$A")"
	if [ "${P_workers:-0}" -eq 0 ]; then
		above $((A * P_load / 100 - B)) "$A"
		return
	fi
	CORES=$(grep -c '^cpu[0-9]' /proc/stat)
	ADDED=$((P_load * P_workers / CORES))
	[ "$ADDED" -le 100 ] || ADDED=100
	echo "expect up $((ADDED * (A - B) / A))" # what was busy before can hardly become busier
}

workers() { if [ "${P_workers:-0}" -gt 0 ]; then echo "$P_workers"; else grep -c '^cpu[0-9]' /proc/stat; fi; }

# begin_near sets the first DUTY to what the others leave, so that the loop has little to correct.
begin_near() {
	DUTY=$((P_load * 10))
	[ "${P_workers:-0}" -eq 0 ] || return 0
	share_of_all
	nap 0.5
	share_of_all
	DUTY=$((DUTY - ${SHARE:-0}))
	[ "$DUTY" -ge 0 ] || DUTY=0
}

# work goes in turns of a fifth of a second (of a second of rest and more where sleep takes whole seconds only).
# DUTY is the share in thousandths that it is busy; what a turn has missed or overdone, the next ones owe.
work() {
	ulimit -t $((TTL + 10))
	hundredths
	OWED=0 JUDGED=$T
	if [ "${P_workers:-0}" -gt 0 ]; then share_of_own; else share_of_all; fi
	while may_go_on; do
		steer
		TURN=20
		[ -n "$FINE" ] || [ "$DUTY" -ge 900 ] || TURN=$((100000 / (1000 - DUTY)))
		START=$T OWED=$((OWED + TURN * DUTY))
		while [ $(((T - START) * 1000)) -lt "$OWED" ]; do
			for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do _=$((T * 7 / 3)); done
			hundredths
		done
		OWED=$((OWED - (T - START) * 1000))
		rest $((TURN - (T - START)))
		hundredths
	done
}

# steer closes the loop: once a second it compares what was reached with what is due, and corrects most of it.
steer() {
	[ $((T - JUDGED)) -ge 100 ] || return 0
	if [ "${P_workers:-0}" -gt 0 ]; then share_of_own; else share_of_all; fi
	ramped $((P_load * 10))
	JUDGED=$T
	[ -n "$SHARE" ] || return 0
	[ "$SHARE" -lt $((WANT - 50)) ] || reached "they have reached $((SHARE / 10)) %"
	[ "$DUTY" -lt 1000 ] || reached "they have reached $((SHARE / 10)) % and get no more"
	DUTY=$((DUTY + (WANT - SHARE) * 3 / 4))
	[ "$DUTY" -ge 0 ] || DUTY=0
	[ "$DUTY" -le 1000 ] || DUTY=1000
}

# share_of_all sets SHARE to the thousandths that the machine was busy since it was called last; to nothing if the
# kernel has not counted on.
share_of_all() {
	WAS_ALL=${ALL:-0} WAS_BUSY=${BUSY:-0} SHARE=
	tick
	[ "$ALL" -le "$WAS_ALL" ] || SHARE=$(((BUSY - WAS_BUSY) * 1000 / (ALL - WAS_ALL)))
}

# share_of_own is that of this worker, of one processor. The kernel counts in hundredths for user programs.
share_of_own() {
	read -r STAT </proc/self/stat
	hundredths
	set -- ${STAT##*) }
	[ "$T" -le "${SEEN_AT:-$T}" ] || SHARE=$(((${12} + ${13} - SPENT) * 1000 / (T - SEEN_AT)))
	SEEN_AT=$T SPENT=$((${12} + ${13}))
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

# tick sets ALL and BUSY from the first line of /proc/stat: user nice system idle iowait irq softirq. What was
# stolen by the machine's own host was never there to be used.
tick() {
	read -r _ U N_ S IDLE IO IRQ SOFT _ </proc/stat
	BUSY=$((U + N_ + S + IRQ + SOFT))
	ALL=$((BUSY + IDLE + IO))
}
