# What the attacks on processes, services and the whole host share: which processes are meant, which are never
# touched, which unit a process belongs to, how units are brought back, and how the host is sent away.
#
# A process is never known by its number alone, but by its number and its start: one that has ended leaves its
# number to a stranger. The whole of /proc is looked through without a process of our own for each that is there.

# ---- units ----------------------------------------------------------------------------------------------

run_by_systemd() { [ -d /run/systemd/system ] && have systemctl || { printf 'this host is not run by systemd\n' && return 1; }; }

property() { systemctl show -p "$1" -- "$2" 2>/dev/null | sed -n "s/^$1=//p"; }

unit_state() {
	LOADED=$(property LoadState "$1")
	ACTIVE=$(property ActiveState "$1")
}

# vital units are those by which the host is reached and run.
vital() {
	case $1 in
	ssh.* | ssh@* | sshd.* | sshd@* | ssh-* | sshd-* | dropbear* | network* | NetworkManager* | connman* | wicked* | dhcp* | ifup* | systemd-* | init.* | -.slice | \
		dbus* | getty* | serial-getty* | console-* | user@* | user-runtime-dir@* | session-* | firewalld* | nftables* | iptables* | ufw* | *.target | *.mount | *.slice | *.device | chaoscat*) return 0 ;;
	esac
	return 1
}

# needed_while_held units answer when somebody logs in or something is logged. Stopped, they are asked no more;
# stopped in their tracks, they leave whoever asks waiting, and a new login of ours with them.
needed_while_held() {
	case $1 in
	auditd* | nscd* | nslcd* | sssd* | winbind* | rsyslog* | syslog* | polkit* | autofs* | rpc-* | rpcbind* | iscsi* | multipath* | open-iscsi*) return 0 ;;
	esac
	vital "$1"
}

# usable_unit UNIT tells whether a unit runs and may be attacked, with everything that would go with it: none of it
# one by which the host is reached, all of it such that it can be started again. An older systemd does not say the
# latter; what is not known is not held against a unit.
usable_unit() {
	run_by_systemd || return 1
	unit_state "$1"
	[ "$LOADED" = loaded ] || { printf 'there is no unit %s on this host\n' "$1" && return 1; }
	[ "$ACTIVE" = active ] || { printf '%s is %s, so it cannot be attacked\n' "$1" "$ACTIVE" && return 1; }
	for UNIT in $(affected "$1" activating); do
		for ALIAS in $(property Names "$UNIT"); do
			! vital "$ALIAS" || { printf '%s would be stopped, which this host is reached or run by\n' "$ALIAS" && return 1; }
		done
		[ "$(property Transient "$UNIT")" != yes ] || { printf '%s is transient: once it has stopped, nothing can start it again\n' "$UNIT" && return 1; }
		[ "$(property CanStart "$UNIT")" != no ] || { printf '%s would be stopped, and may not be started by hand\n' "$UNIT" && return 1; }
		[ "$(property ActiveState "$UNIT")" != activating ] || { printf '%s would be stopped while it is starting, and nobody could tell whether it is as before\n' "$UNIT" && return 1; }
	done
}

# affected UNIT [STATE] prints the unit and every unit that stops with it or would bring it back, the unit first: of
# those that are active, reload themselves, or are in that state besides.
affected() {
	SEEN_UNITS=" $1 " QUEUE=$1 FIRST_UNIT=$1 STATES=" active reloading $2 "
	while [ -n "$QUEUE" ]; do
		set -- $QUEUE
		UNIT=$1
		shift
		QUEUE="$*"
		printf '%s\n' "$UNIT"
		for NEXT in $(property RequiredBy "$UNIT") $(property BoundBy "$UNIT") $(property ConsistsOf "$UNIT") $(property RequisiteOf "$UNIT") $(property PropagatesStopTo "$UNIT") $([ "$UNIT" != "$FIRST_UNIT" ] || property TriggeredBy "$UNIT"); do
			case $SEEN_UNITS in *" $NEXT "*) continue ;; esac
			SEEN_UNITS="$SEEN_UNITS$NEXT "
			unit_state "$NEXT"
			case $STATES in *" $ACTIVE "*) QUEUE="$QUEUE $NEXT" ;; esac
		done
	done
}

# units_back starts whatever of $D/units is not active any more. Only what was active was written there, so a
# service that did not run before is never started. What would start a service goes first: systemd refuses a socket
# whose service is active.
units_back() {
	for UNIT in $(grep -E '[.](socket|path|timer)$' "$D/units"; grep -v -E '[.](socket|path|timer)$' "$D/units"); do
		unit_state "$UNIT"
		[ "$ACTIVE" != failed ] || systemctl reset-failed "$UNIT"
		[ "$ACTIVE" = active ] || systemctl start --no-block "$UNIT"
	done
	TRIES=0
	until units_active || [ "$TRIES" -ge 90 ]; do
		TRIES=$((TRIES + 1))
		nap 0.5
	done
	units_active
}

# units_active leaves the first that is not active in UNIT.
units_active() {
	for UNIT in $(cat "$D/units"); do
		unit_state "$UNIT"
		[ "$ACTIVE" = active ] || return 1
	done
}

units_verified() { units_active || { printf '%s was active and is %s now\n' "$UNIT" "$ACTIVE" && return 1; }; }

# ---- processes ------------------------------------------------------------------------------------------

# look_at PID sets BIRTH, STATE, PARENT, NAME, KERNELS (1 for a thread of the kernel). A zombie is not there.
look_at() {
	{ read -r STAT <"/proc/$1/stat"; } 2>/dev/null || return 1
	NAME=${STAT#*\(}
	NAME=${NAME%)*}
	set -- ${STAT##*) }
	[ $# -ge 20 ] || return 1
	STATE=$1 PARENT=$2 KERNELS=$(($7 >> 21 & 1))
	shift 19
	BIRTH=$1
	case $STATE in Z | X | x) return 1 ;; esac
}

# unit_of PID sets OWNER to the unit of the system's manager that a process is in, or "-". What a person's
# session or a container's scope holds has nobody who would start it again.
unit_of() {
	OWNER=-
	{
		while IFS= read -r LINE; do
			case $LINE in 0::/* | *:name=systemd:/*) ;; *) continue ;; esac
			REST=${LINE#*:*:/}
			while [ -n "$REST" ] && [ "$OWNER" = - ]; do
				case ${REST%%/*} in
				user@*) break ;;
				*.service | init.scope) OWNER=${REST%%/*} ;;
				*.scope) break ;;
				esac
				case $REST in */*) REST=${REST#*/} ;; *) REST= ;; esac
			done
			[ "$OWNER" = - ] || break
		done <"/proc/$1/cgroup"
	} 2>/dev/null
	case $OWNER in *[!A-Za-z0-9:_.@\\-]*) OWNER=- ;; esac
}

# kin sets KIN to this process, the guard, and all that they come from: the session, sudo, sshd.
kin() {
	KIN=' '
	for KID in "$$" "$GUARD"; do
		while [ "${KID:-0}" -gt 1 ]; do
			case $KIN in *" $KID "*) break ;; esac
			KIN="$KIN$KID "
			look_at "$KID" || break
			KID=$PARENT
		done
	done
}

# squeezed FILE|- sets LINE to the words of a command line, or of LINE itself, without what stands between them.
squeezed() {
	[ "$1" = - ] || { LINE= && IFS= read -r LINE <"$1" || [ -n "$LINE" ]; } 2>/dev/null || return 1
	set -f
	set -- $LINE
	IFS=
	LINE="$*"
	unset IFS
	set +f
}

# spared tells whether the process PID, which look_at and unit_of have seen, is one of those never touched: the
# first one, the kernel's, ours and what we come from, and those by which the host is reached and run.
spared() {
	[ "$PID" -ne 1 ] && [ "$KERNELS" -eq 0 ] || return 0
	case $KIN in *" $PID "*) return 0 ;; esac
	case $NAME in
	init | systemd* | "(sd-pam)" | sshd* | dropbear* | dbus* | login | *getty | udevd | eudev* | elogind* | NetworkManager* | wpa_supplicant | dhc* | udhcpc | connmand | wickedd* | \
		runit* | runsv* | s6-* | openrc* | supervise-daemon | containerd-shim* | conmon) return 0 ;;
	esac
	squeezed "/proc/$PID/cmdline" || return 0 # nothing that could be named: it has just ended
	case $LINE in *chaoscat* | *"$RUNDIR"/*) return 0 ;; esac
	[ "$OWNER" != - ] && vital "$OWNER"
}

# manned tells whether the manager runs OWNER and would know it again, and asks once for each.
manned() {
	[ "$OWNER" != - ] || return 1
	case $MANNED in *" $OWNER "*) return 0 ;; esac
	case $UNMANNED in *" $OWNER "*) return 1 ;; esac
	! have systemctl || unit_state "$OWNER"
	if [ "$ACTIVE" = active ]; then MANNED="$MANNED$OWNER "; else UNMANNED="$UNMANNED$OWNER " && return 1; fi
}

# meant prints the processes that the parameters mean, the oldest first: START PID UNIT NAME, with "-" for no unit.
# Prints one sentence and returns 1 where nobody is meant, or too many to be meant. With the word "manned", those
# are left out that nobody would start again.
meant() {
	ONLY=$1
	looked_for || return 1
	kin
	FOUND= COUNT=0 SPARED= LONE= MANNED=' ' UNMANNED=' ' ACTIVE= KINDS=' ' KINDS_=0
	for PROC in /proc/[0-9]*; do
		PID=${PROC#/proc/}
		suits || continue
		look_at "$PID" || continue
		unit_of "$PID"
		if spared; then
			SPARED="$NAME ($PID)"
		elif manned || { OWNER=- && [ "$ONLY" != manned ]; }; then
			COUNT=$((COUNT + 1))
			FOUND="$FOUND$BIRTH $PID $OWNER $NAME$NL"
			case $KINDS in *" ${OWNER%%@*} "*) ;; *) KINDS="$KINDS${OWNER%%@*} " KINDS_=$((KINDS_ + 1)) ;; esac
		else
			LONE="$NAME ($PID)"
		fi
	done
	[ "$COUNT" -le 100 ] || { printf '%s processes have %s: more than 100 cannot be meant\n' "$COUNT" "$CHOICE" && return 1; }
	[ "$KINDS_" -le 5 ] || { printf 'processes of %s different units have %s: that is no choice\n' "$KINDS_" "$CHOICE" && return 1; }
	[ "$COUNT" -gt 0 ] || { nobody_meant && return 1; }
	printf %s "$FOUND" | sort -n
}

nobody_meant() {
	if [ -n "$LONE" ]; then
		printf 'nothing would start %s again, which has %s; orphans=true allows for that\n' "$LONE" "$CHOICE"
	elif [ -n "$SPARED" ]; then
		printf '%s has %s, and is never touched: this host is reached or run by it\n' "$SPARED" "$CHOICE"
	else
		printf 'no process has %s\n' "$CHOICE"
	fi
}

# looked_for sets CHOICE, in words, and what suits needs.
looked_for() {
	set -- ${P_process:+process} ${P_pid_file:+pid_file} ${P_port:+port} ${P_unit:+unit}
	[ $# -eq 1 ] || { printf 'say which processes are meant, by one of process, pid_file, port or unit\n' && return 1; }
	CHOSEN=$1
	case $CHOSEN in
	process) CHOICE="\"$P_process\" on its command line" && LINE=$P_process && squeezed - && WANTED=$LINE ;;
	pid_file) CHOICE="its number in $P_pid_file" && in_file ;;
	port) CHOICE="port $P_port open" && at_port ;;
	unit) CHOICE="its place in $P_unit" && WANTED=$(property Id "$P_unit") && WANTED=${WANTED:-$P_unit} ;;
	esac
}

suits() {
	case $CHOSEN in
	process)
		spelled "/proc/$PID/cmdline" && case $({ tr '\000' ' ' </proc/"$PID"/cmdline; } 2>/dev/null) in
		*"$P_process"*) ;;
		*) return 1 ;;
		esac
		;;
	unit) unit_of "$PID" && [ "$OWNER" = "$WANTED" ] ;;
	*) case " $WANTED " in *" $PID "*) ;; *) return 1 ;; esac ;;
	esac
}

# spelled FILE tells whether a command line has what is wanted, all blanks left out: a look without a process.
spelled() {
	while IFS= read -r LINE || [ -n "$LINE" ]; do
		squeezed -
		case $LINE in *"$WANTED"*) return 0 ;; esac
	done <"$1"
	return 1
} 2>/dev/null

# in_file: a number in a file that is older than the process has passed to a stranger.
in_file() {
	first "$P_pid_file" && set -- $LINE && number "$1" 2 999999999 || { printf '%s names no process\n' "$P_pid_file" && return 1; }
	WANTED=$1
	look_at "$1" || { printf 'process %s, which %s names, does not run\n' "$1" "$P_pid_file" && return 1; }
	now
	WRITTEN=$(stat -c %Y "$P_pid_file" 2>/dev/null) && TODAY=$(stat -c %Y /proc/self/ 2>/dev/null) || return 0
	[ $((NOW - BIRTH / 100)) -ge $((TODAY - WRITTEN - 5)) ] || { printf 'process %s is younger than %s, which names it: the number has passed to a stranger\n' "$1" "$P_pid_file" && return 1; }
}

# at_port finds who listens: the sockets in /proc/net, and those who have them open.
at_port() {
	SOCKETS=$(listening "$P_port")
	WANTED=
	[ -n "$SOCKETS" ] || { printf 'nothing listens on port %s\n' "$P_port" && return 1; }
	PATTERN=
	for SOCKET in $SOCKETS; do PATTERN="$PATTERN|socket:\\[$SOCKET\\]\$"; done
	WHERE=
	for LINE in $(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -E "^/proc/[0-9]+/fd:\$$PATTERN" | sed 's/.* //'); do
		case $LINE in
		/proc/*) WHERE=${LINE#/proc/} ;;
		*) WANTED="$WANTED ${WHERE%%/*}" ;;
		esac
	done
	[ -n "$WANTED" ] || { printf 'whoever listens on port %s is not among the processes of this host\n' "$P_port" && return 1; }
}

# listening PORT prints the sockets that listen there: TCP, and UDP that is bound and not connected.
listening() {
	HEX=$(printf %04X "$1")
	for TABLE in tcp:0A tcp6:0A udp:07 udp6:07; do
		sed -n "s/^ *[0-9]*: [0-9A-F]*:$HEX [0-9A-F]*:[0-9A-F]* ${TABLE#*:} [^ ]* [^ ]* [^ ]* *[0-9]* *[0-9]* \([0-9]*\) .*/\1/p" "/proc/net/${TABLE%:*}" 2>/dev/null
	done
}

# picked COUNT oldest|newest|random takes that many of the lines of meant.
picked() {
	case $2 in
	newest) sort -rn | head -n "$1" ;;
	random) shuffled | head -n "$1" ;;
	*) head -n "$1" ;;
	esac
}

shuffled() {
	set -- $(od -An -v -tu2 -N200 /dev/urandom)
	while IFS= read -r LINE; do
		printf '%s %s\n' "$1" "$LINE"
		shift
	done | sort -n | sed 's/^[0-9]* //'
}

# elsewhere PID says so of a process in a container.
elsewhere() { [ "/proc/$1/ns/pid" -ef /proc/self/ns/pid ] || printf ', in a container'; }

# living_in FILE sets LIVING to the processes that a list of "PID START" names and that still live.
living_in() {
	LIVING=
	while read -r PID BORN_ _; do
		! alive "$PID" "$BORN_" || LIVING="$LIVING $PID"
	done <"$1"
	[ -n "$LIVING" ]
} 2>/dev/null

# ended FILE kills what a list of "PID START" names, our own helpers that is, and waits until they are gone.
ended() {
	[ -s "$1" ] || return 0
	ROUND=0
	while living_in "$1" && [ "$ROUND" -lt 40 ]; do
		ROUND=$((ROUND + 1))
		kill -KILL $LIVING 2>/dev/null
		nap 0.05
	done
	! living_in "$1"
}

# on_duty tells a helper that lives beside the fault whether it must go on: its state is there, no undo has
# begun, its guard lives, and the time is not up.
on_duty() {
	now
	[ -d "$D" ] && [ ! -e "$D/undo.1" ] && [ "$NOW" -lt "$DEADLINE" ] && alive "$GUARD" "$GUARD_BORN"
}

# ---- the whole host -------------------------------------------------------------------------------------

# may_go tells whether this is a host that can be sent away at all, by CAP_SYS_BOOT, which containers are started
# without.
may_go() {
	CAPS=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
	[ ! -e /run/.containerenv ] && [ ! -e /run/systemd/container ] && [ $((0x${CAPS:-0} >> 22 & 1)) -eq 1 ] ||
		{ printf 'this is a container, which cannot be sent away\n' && return 1; }
}

# in_a_moment gives the order, the function "order" of the attack, a moment after the session could still say so.
in_a_moment() { apart /bin/sh "$D/runner" step "$ID" order </dev/null >/dev/null 2>&1; }

# still_wanted is how an order begins: it writes itself down first and looks for an undo then, so that either the
# undo sees it, or it sees the undo.
still_wanted() {
	myself
	keep pending "$ME $BORN" && [ ! -e "$D/undo.1" ] || exit 1
	sleep 1
	[ -d "$D" ] && [ ! -e "$D/undo.1" ] || exit 1
}

# order_taken_back takes back an order that was not given yet.
order_taken_back() {
	TRIES=0
	while alive_in "$D/pending" && [ "$TRIES" -lt 40 ]; do
		end_group "$PID"
		nap 0.05
		TRIES=$((TRIES + 1))
	done
	! alive_in "$D/pending" || { printf 'the order to send the host away is still pending\n' && return 1; }
}
