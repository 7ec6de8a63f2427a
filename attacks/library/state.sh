# What every part of the runner stands on: talking to the controller, reading its header, telling whether a
# process lives, and the state directory. Whatever can be done without a fork is: on a host without free
# pids a shell ends at its first fork.

RUNDIR=@BASE@
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset IFS CDPATH ENV BASH_ENV
umask 077
NL='
'

# say WORDS... is a line the controller believes. A custom script may have left its last line open, so a
# line feed goes first once one has run.
GAP=
say() { printf "$GAP%%%s %s\n" "$NONCE" "$*"; }

have() { command -v "$1" >/dev/null 2>&1; }

# now sets NOW to the seconds since boot. The wall clock is never asked: it jumps.
now() {
	read -r NOW _ </proc/uptime
	NOW=${NOW%%.*}
}

nap() { sleep "$1" 2>/dev/null || sleep 1; }

# first FILE sets LINE to the first line of a file, empty if there is none.
first() {
	LINE=
	{ read -r LINE <"$1"; } 2>/dev/null
	[ -n "$LINE" ]
}

# birth PID sets BIRTH to the start time of a living process; a zombie is dead. With its start time a
# process cannot be mistaken for a later one with the same pid.
birth() {
	BIRTH=
	case $1 in '' | *[!0-9]*) return 1 ;; esac
	{ read -r STAT <"/proc/$1/stat"; } 2>/dev/null || return 1
	set -- ${STAT##*) }
	case $1 in '' | Z | X | x) return 1 ;; esac
	shift 19
	BIRTH=$1
}

alive() { [ -n "$2" ] && birth "$1" && [ "$BIRTH" = "$2" ]; }

# alive_in FILE tells whether the process that a "PID BIRTH" file names lives, and sets PID.
alive_in() {
	PID=
	first "$1" || return 1
	PID=${LINE%% *}
	alive "$PID" "${LINE#* }"
}

# myself sets ME and BORN, also within a subshell, where $$ is the parent's.
myself() {
	read -r STAT </proc/self/stat
	ME=${STAT%% *}
	set -- ${STAT##*) }
	shift 19
	BORN=$1
}

# oom ADJ: a guard is the last that the kernel kills for memory, a hog the first.
oom() { { printf '%s\n' "$1" >/proc/self/oom_score_adj; } 2>/dev/null; }

# apart COMMAND... runs in the background in a session of its own, so that neither a signal to the
# controller's process group nor an open channel ties it to the session.
apart() {
	if have setsid; then
		setsid "$@" &
	else
		"$@" &
	fi
}

# end_group PID kills a process started by apart, with all that it started.
end_group() {
	kill -KILL "-$1" 2>/dev/null
	kill -KILL "$1" 2>/dev/null
	return 0
}

# can_end refuses an attack whose processes could not be told from others without a session of their own.
can_end() { have setsid || { echo 'this host has no setsid, without which a stop could not end all that the injection starts' && return 1; }; }

# end_orphans PID ends the group that a process led which has died since, and waits for it. A later process may have
# got that pid, and then a group: ours is the one in which a process bears the mark of our run.
end_orphans() {
	TRIES=0
	while [ "$TRIES" -lt 30 ] && kill -0 "-$1" 2>/dev/null && orphaned "$1"; do
		kill -KILL "-$1" 2>/dev/null
		nap 0.1
		TRIES=$((TRIES + 1))
	done
}

# orphaned PID tells whether a process of that group has inherited the mark of our run. A zombie bears none.
orphaned() {
	for STAT in /proc/[0-9]*/stat; do
		ONE_OF=${STAT%/stat}
		{ read -r STAT <"$STAT"; } 2>/dev/null || continue
		set -- "$1" ${STAT##*) }
		[ "$4" = "$1" ] || continue
		tr '\0' '\n' <"$ONE_OF/environ" 2>/dev/null | grep -q -x "$MARK" && return 0
	done 2>/dev/null
	return 1
}

# printable FILE prints what a file says first, fit for one line.
printable() { sed -n '/[^[:space:]]/{p;q;}' "$1" 2>/dev/null | tr -cd '[:print:]' | cut -c 1-300; }

# ---- the header -----------------------------------------------------------------------------------------

# split LINE sets KEY and VALUE, or WHY. The whitelist is the controller's, checked again: no value can end
# a quote, begin a substitution or carry an escape sequence.
split() {
	case $1 in *=*) ;; *) WHY='a header line is not key=value' && return 1 ;; esac
	KEY=${1%%=*} VALUE=${1#*=}
	case $KEY in [!a-z]* | '' | *[!a-z0-9_.]*) WHY='a header key is misspelt' && return 1 ;; esac
	[ "${#KEY}" -le 64 ] && [ "${#VALUE}" -le 4000 ] || { WHY="the header line $KEY is too long" && return 1; }
	case $VALUE in
	*[!][A-Za-z0-9' !#%+,./:=@^_~-']*) WHY="the value of $KEY has a character that is not allowed" && return 1 ;;
	esac
}

# number TEXT MIN MAX
number() {
	case $1 in '' | *[!0-9]* | 0?*) return 1 ;; esac
	[ "${#1}" -le 9 ] && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

name() { case $1 in '' | *[!a-z0-9-]*) return 1 ;; esac && [ "${#1}" -le 40 ]; }

# accept takes KEY and VALUE into the variable meant for it, or sets WHY.
accept() {
	case $KEY in
	id) name "$VALUE" && ID=$VALUE ;;
	kind) name "$VALUE" && KIND=$VALUE ;;
	label) case $VALUE in '' | *' '*) false ;; esac && [ "${#VALUE}" -le 100 ] && LABEL=$VALUE ;;
	ttl) number "$VALUE" 1 90000 && TTL=$VALUE ;;
	hold) number "$VALUE" 1 90000 && HOLD=$VALUE ;;
	lease) number "$VALUE" 0 3600 && LEASE=$VALUE ;;
	supervised) number "$VALUE" 0 1 && SUPERVISED=$VALUE ;;
	force) number "$VALUE" 0 1 && FORCE=$VALUE ;;
	p.*) accept_param "${KEY#p.}" ;;
	*) WHY="the header has an unknown key $KEY" && return 1 ;;
	esac || { WHY=${WHY:-"the value of $KEY is out of bounds"} && return 1; }
}

accept_param() {
	case $1 in [!a-z]* | '' | *[!a-z0-9_]*) WHY='a parameter name is misspelt' && return 1 ;; esac
	eval "P_$1=\$VALUE"
	GIVEN="$GIVEN $1"
}

once() {
	case $SEEN in *" $KEY "*) WHY="the header has $KEY twice" && return 1 ;; esac
	SEEN="$SEEN$KEY "
}

forget() { ID= KIND= LABEL= TTL= HOLD= LEASE= SUPERVISED=0 FORCE=0 GIVEN= SEEN=' '; }

# greet reads the first line. Without a nonce nothing that we say would be believed, so nothing is said.
greet() {
	IFS= read -r LINE && split "$LINE" && [ "$KEY" = nonce ] && [ "${#VALUE}" -eq 16 ] || exit 4
	case $VALUE in *[!0-9a-f]*) exit 4 ;; esac
	NONCE=$VALUE
}

# header reads up to the line with a single dot.
header() {
	forget
	WHY='the header has no end'
	LINES_=0
	while IFS= read -r LINE; do
		[ "$LINE" != . ] || return 0
		WHY=
		LINES_=$((LINES_ + 1))
		[ "$LINES_" -le 200 ] || { WHY='the header is too long' && return 1; }
		split "$LINE" && once && accept || return 1
		WHY='the header has no end'
	done
	return 1
}

needs() {
	for WANT in "$@"; do
		case $SEEN in *" $WANT "*) ;; *) WHY="the header has no $WANT" && return 1 ;; esac
	done
}

# parameters loads the attack and sees to it that exactly its parameters are set: none that it does not
# know, none from the environment.
parameters() {
	load_attack "$KIND" || { WHY="this runner carries no attack named $KIND" && return 1; }
	for P in $GIVEN; do
		case " $PARAMS " in *" $P "*) ;; *) WHY="$KIND has no parameter $P" && return 1 ;; esac
	done
	for P in $PARAMS; do
		case " $GIVEN " in *" $P "*) ;; *) eval "P_$P=" ;; esac
	done
}

# connection takes SSH_CONNECTION apart: controller, its port, this host, our port.
connection() {
	PEER= PEER_PORT= HERE= SSH_PORT=
	case $1 in '' | *[!0-9a-zA-Z.:%\ _-]*) return 0 ;; esac
	set -- $1
	[ $# -eq 4 ] || return 0
	number "$2" 1 65535 && number "$4" 1 65535 || return 0
	PEER=${1%%\%*} PEER_PORT=$2 HERE=${3%%\%*} SSH_PORT=$4
	case $PEER in ::[fF][fF][fF][fF]:*.*) PEER=${PEER##*:} HERE=${HERE##*:} ;; esac
	case $PEER$HERE in *[!0-9a-fA-F.:]*) PEER= PEER_PORT= HERE= SSH_PORT= ;; esac
}

# ---- the state directory --------------------------------------------------------------------------------

# place ID names what belongs to a run.
place() {
	ID=$1
	D=$RUNDIR/$ID
	MARK=CHAOSCAT_RUN=$ID
	UID_=$ID
	while :; do
		case $UID_ in *-*) UID_=${UID_%%-*}_${UID_#*-} ;; *) return 0 ;; esac
	done
}

# keep FILE TEXT writes one line into the state and reads it back: on a full tmpfs a write leaves an empty file.
keep() {
	{ printf '%s\n' "$2" >"$D/$1"; } 2>/dev/null && first "$D/$1" && [ "$LINE" = "$2" ]
}

# remember writes the run down, so that another process can undo it knowing nothing else.
remember() {
	{
		for P in $GIVEN; do
			eval "printf 'p.%s=%s\n' $P \"\$P_$P\""
		done
		printf '%s=%s\n' id "$ID" kind "$KIND" ttl "$TTL" hold "$HOLD" lease "$LEASE" supervised "$SUPERVISED" \
			peer "$PEER" peer_port "$PEER_PORT" here "$HERE" ssh_port "$SSH_PORT" guard "$ME" guard_born "$BORN" \
			boot "$BOOT" armed "$NOW" origin "$FROM" oom "$OOM" end 1
	} >"$D/run" 2>/dev/null
	(recall "$ID")
}

# recall reads it back, through the same checks as the header.
recall() {
	place "$1"
	forget
	END=
	[ -r "$D/run" ] || return 1
	while IFS= read -r LINE; do
		split "$LINE" && once || return 1
		case $KEY in
		peer) PEER=$VALUE ;;
		peer_port) PEER_PORT=$VALUE ;;
		here) HERE=$VALUE ;;
		ssh_port) SSH_PORT=$VALUE ;;
		guard) GUARD=$VALUE ;;
		guard_born) GUARD_BORN=$VALUE ;;
		boot) RUN_BOOT=$VALUE ;;
		armed) ARMED=$VALUE ;;
		origin) ORIGIN=$VALUE ;;
		oom) OOM=$VALUE ;;
		end) END=1 ;;
		*) accept || return 1 ;;
		esac
	done <"$D/run" || return 1
	[ -n "$END" ] && parameters
}

# deadline sets DEADLINE, in seconds since boot. It moves once, from arming to "go".
deadline() { first "$D/deadline" && number "$LINE" 0 999999999 && DEADLINE=$LINE; }

# live sets LIVE: how long a timed kernel element must last. It outlives the lease by 3 s, so that with every
# process of ours dead and no contact the kernel alone ends the fault within lease + 5 s.
live() {
	now
	LIVE=$((DEADLINE - NOW + 1))
	[ "$LEASE" -eq 0 ] || [ "$LIVE" -le $((LEASE + 3)) ] || LIVE=$((LEASE + 3))
	[ "$LIVE" -ge 1 ] || LIVE=1
}

boot() { first /proc/sys/kernel/random/boot_id && BOOT=$LINE || BOOT=unknown; }

# nobody_else tells whether no state but our own is on this host; OTHER is the one found.
nobody_else() {
	for OTHER in "$RUNDIR"/*/; do
		OTHER=${OTHER%/}
		[ -d "$OTHER" ] || continue
		OTHER=${OTHER##*/}
		[ "$OTHER" = "$ID" ] || return 1
	done
}

# about ID is one sentence on a state directory.
about() {
	(
		recall "$1" || {
			[ ! -s "$D/reason" ] || { printable "$D/reason" && exit; }
			printf 'leftovers of a run whose state cannot be read; look at the host, then remove %s' "$D"
			exit
		}
		now
		DEADLINE=$((ARMED + TTL))
		deadline
		if [ -s "$D/reason" ]; then
			printf '%s could not be undone: %s' "$KIND" "$(printable "$D/reason")"
		elif alive "$GUARD" "$GUARD_BORN"; then
			printf '%s is armed or running, over in %s s at the latest' "$KIND" $((DEADLINE - NOW))
		else
			printf '%s left behind by a guard that died' "$KIND"
		fi
	)
}

# age ID prints how many seconds ago a run was armed.
age() { (recall "$1" && now && printf %s $((NOW - ARMED))) || printf 0; }
