# clock: the wall clock is set wrong, by an offset, by a drift, or both. It is the one attack that asks for the time of
# day: how wrong the clock is, and how it is put right, is always reckoned from one pair recorded before, the time of
# day and the seconds since boot, which no step moves. Everything else, deadlines and leases, goes by the latter.
#
# Whoever would set the clock right is held off first: the time service that systemd runs is stopped (not disabled:
# nothing is written), any other is paused. Afterwards exactly those go on that were at work before, also where the
# clock itself could not be set.
#
# A reboot in the middle is harmless: the hardware's clock is never set, and the one file that systemd would take a
# later time from at the next start, the stamp of timesyncd, has only timesyncd for a writer, which is stopped by
# then. Should the stamp lie in the future all the same when the clock is right again, it gets back the time it had
# before, for timesyncd would jump to it. A host that writes its clock to a disk or to the hardware when it goes
# down (fake-hwclock, and the hwclock scripts of other inits) cannot be attacked. What the host does on its own when
# it sees a wrong time, timers that run or logs that are dated, cannot be taken back.

requires() {
	[ "${P_offset:-0}" != 0 ] || [ "${P_drift:-0}" != 0 ] || { echo 'say how wrong the clock shall be: offset, drift, or both' && return 1; }
	may_set || { echo 'this host may not set its clock, as a container may not' && return 1; }
	! kept_on_disk || return 1
	sampled || { echo 'the clock and the time since boot do not go together on this host: it is too busy, or has no date' && return 1; }
	[ $((WALL + ${P_offset:-0})) -gt 86400000 ] || { echo 'that would be before the beginning of time' && return 1; }
}

# may_set looks for CAP_SYS_TIME.
may_set() {
	CAPS=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
	[ $((0x${CAPS:-0} >> 25 & 1)) -eq 1 ]
}

kept_on_disk() {
	if have fake-hwclock; then
		echo 'fake-hwclock would write the wrong time to the disk at a reboot'
	elif [ ! -d /run/systemd/system ] && { [ -e /etc/init.d/hwclock.sh ] || [ -e /run/openrc/started/hwclock ]; }; then
		echo 'this host would write the wrong time to the hardware at a reboot'
	else
		return 1
	fi
}

layers() { :; }

# services prints the active units that keep the time, each by its true name once.
services() {
	run_by_systemd >/dev/null || return 0
	for UNIT in systemd-timesyncd.service chronyd.service chrony.service ntpd.service ntp.service ntpsec.service openntpd.service phc2sys.service ptp4l.service; do
		unit_state "$UNIT"
		[ "$ACTIVE" = active ] || continue
		TRUE_NAME=$(property Id "$UNIT")
		echo "${TRUE_NAME:-$UNIT}"
	done | sort -u
}

prepare() {
	requires || return 1
	services >"$D/units" && : >"$D/paused" && : >"$D/helpers" || { echo 'the time services cannot be recorded' && return 1; }
	STAMP=$(stamp) && { touch -r "$STAMP" "$D/stamp" || return 1; }
	sampled && keep clock "$WALL $UP" || { echo 'the clock cannot be recorded' && return 1; }
}

stamp() {
	for STAMP in /var/lib/systemd/timesync/clock /var/lib/private/systemd/timesync/clock; do
		[ ! -e "$STAMP" ] || { echo "$STAMP" && return 0; }
	done
	return 1
}

inject() {
	recorded || return 1
	hold_off || return 1
	keep stepped 1 || return 1
	set_off "${P_offset:-0}" || { echo 'the clock could not be set' && return 1; }
	echo "the clock is off by ${P_offset:-0} ms${P_drift:+ and by $P_drift ms more each minute}"
	[ "${P_drift:-0}" != 0 ] || return 0
	(drifting) </dev/null >/dev/null 2>&1 &
}

# hold_off stops the time services and pauses what else keeps the time.
hold_off() {
	for UNIT in $(cat "$D/units"); do
		systemctl stop "$UNIT" || { echo "$UNIT could not be stopped" && return 1; }
		echo "$UNIT is held off"
	done
	for PROC in /proc/[0-9]*; do
		PID=${PROC#/proc/}
		look_at "$PID" || continue
		case $NAME-$STATE in *-[Tt]) continue ;; chronyd-* | ntpd-* | openntpd-* | ntpsec-* | phc2sys-* | ptp4l-*) ;; *) continue ;; esac
		echo "$PID $BIRTH" >>"$D/paused" && kill -s STOP "$PID" && echo "$NAME ($PID) is held off"
	done
	return 0
}

drifting() {
	trap - TERM
	myself
	echo "$ME $BORN" >>"$D/helpers" || exit
	recorded
	uptime_ms
	SINCE=$UP
	while on_duty; do
		sleep 1
		on_duty || exit
		uptime_ms
		aim $((${P_offset:-0} + P_drift * (UP - SINCE) / 60000))
	done
}

# undo: every step, whatever became of the one before. Once the clock is right and a time service may have had a
# say, it is not set again.
undo() {
	FAILED=0
	ended "$D/helpers" || FAILED=1
	if [ -e "$D/stepped" ] && [ ! -e "$D/right" ]; then
		recorded && set_off 0 && keep right 1 || FAILED=1
	fi
	[ "$FAILED" -ne 0 ] || stamp_back
	units_back || FAILED=1
	while read -r PID BORN_; do
		! alive "$PID" "$BORN_" || kill -s CONT "$PID"
	done <"$D/paused"
	return $FAILED
}

# stamp_back gives the stamp its old time if it lies in the future of the clock that is right again.
stamp_back() {
	[ -e "$D/stamp" ] && STAMP=$(stamp) && : >"$D/present" || return 0
	[ ! "$STAMP" -nt "$D/present" ] || touch -r "$D/stamp" "$STAMP"
}

# verify: two samples agree that the clock is right to a second, unless a time service has it in hand again.
verify() {
	[ ! -e "$D/stepped" ] || [ -e "$D/right" ] || { echo 'the clock was not put right' && return 1; }
	recorded || return 1
	while read -r PID BORN_; do
		! alive "$PID" "$BORN_" || ! look_at "$PID" || [ "$STATE" != T ] || { echo "$NAME ($PID) is still held off" && return 1; }
	done <"$D/paused"
	units_verified || return 1
	[ ! -s "$D/units" ] && [ ! -s "$D/paused" ] || return 0
	off && ONCE=$OFF && off || { echo 'the clock cannot be read' && return 1; }
	within 1000 "$ONCE" && within 1000 "$OFF" || { echo "the clock is still off by $OFF ms" && return 1; }
}

# measure: how far the clock is from where it would be, which only the record can tell.
measure() {
	recorded >/dev/null && off || { echo 'unverifiable the clock was compared with the time since boot when it was put back' && return; }
	if [ "$OFF" -lt 0 ]; then echo 'about behind by'; else echo 'about ahead by'; fi
	echo "figure ${OFF#-}"
	MOST=${P_offset:-0}
	[ "$MOST" != 0 ] || MOST=$((P_drift / 12)) # what five seconds bring
	[ "${MOST#-}" -ge 200 ] || { echo 'unverifiable so little cannot be told from the time that reading the clock takes' && return; }
	echo "expect up ${MOST#-}"
}

# ---- setting and reading --------------------------------------------------------------------------------

# recorded sets WALL_THEN and UP_THEN, in ms.
recorded() {
	first "$D/clock" && set -- $LINE && [ $# -eq 2 ] || { echo 'the record of the clock cannot be read' && return 1; }
	WALL_THEN=$1 UP_THEN=$2
}

# off sets OFF to the ms that the clock is ahead, below 0 behind.
off() { sampled && OFF=$((WALL - WALL_THEN - (UP - UP_THEN))); }

within() { [ "${2#-}" -le "$1" ]; }

uptime_ms() {
	read -r UP _ </proc/uptime
	UP=${UP%.*}${UP#*.}0
}

# sampled sets WALL and UP, in ms, read within a tenth of a second of each other if that can be had, within one in
# any case: the best of eight. A date that knows no fractions is asked until the second changes.
sampled() {
	BEST=1001 MIDDLE=0
	for _ in 1 2 3 4 5 6 7 8; do
		uptime_ms
		BEFORE=$UP
		SAID=$(date -u +%s.%N) || return 1
		uptime_ms
		case $SAID in
		*.[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]) READ=$((${SAID%.*} * 1000 + (1${SAID#*.} - 1000000000) / 1000000)) FINE=1 ;;
		[0-9]*.*) turned || return 1 ;;
		*) return 1 ;;
		esac
		[ $((UP - BEFORE)) -lt "$BEST" ] || continue
		BEST=$((UP - BEFORE)) WALL=$READ MIDDLE=$(((UP + BEFORE) / 2))
		[ "$BEST" -gt 100 ] || break
	done
	UP=$MIDDLE
	[ "$BEST" -le 1000 ]
}

turned() {
	FINE= SECOND=${SAID%.*}
	until
		BEFORE=$UP
		SAID=$(date -u +%s) || return 1
		uptime_ms
		[ "$SAID" != "$SECOND" ]
	do :; done
	READ=$((SAID * 1000))
}

# set_off MS sets the clock to where it would be and so much more, and looks twice that it is.
set_off() {
	[ -n "$FINE" ] || sampled || return 1
	for _ in 1 2 3 4; do
		aim "$1" || return 1
		off && ONCE=$((OFF - $1)) && off || return 1
		within 100 "$ONCE" && within 100 "$((OFF - $1))" && return 0
	done
	within 1000 "$((OFF - $1))"
}

# aim MS: without fractions, the clock is set as a second begins.
aim() {
	uptime_ms
	AT=$((WALL_THEN + UP - UP_THEN + $1))
	MS=$((AT % 1000))
	if [ -n "$FINE" ]; then
		MS=$((MS + 1000))
		date -u -s "@$((AT / 1000)).${MS#1}" >/dev/null
	else
		MS=$((1999 - MS))
		nap "0.${MS#1}"
		date -u -s "@$((AT / 1000 + 1))" >/dev/null
	fi
}
