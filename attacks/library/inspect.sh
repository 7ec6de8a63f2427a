# Looking without touching: what a host is, what is feasible on it, what a figure reads, what was left behind.

# verb_inspect answers each block as it comes. Whatever must be tried is tried in a network namespace that is
# thrown away, never on an interface of the host.
verb_inspect() {
	facts
	leftovers 'busy foreign 0'
	tell_fact ntp [ -n "$TIMED" ]
	for STATE in "$RUNDIR"/*/; do
		[ -d "$STATE" ] || continue
		STATE=${STATE%/}
		STATE=${STATE##*/}
		say "busy $STATE $(age "$STATE") $(about "$STATE")"
	done
	forget
	COUNT=0
	while IFS= read -r LINE; do
		COUNT=$((COUNT + 1))
		[ "$COUNT" -le 2000 ] && split_or_end "$LINE" || break
	done
	[ "$LINE" = . ] || say "refused ${WHY:-the header has no end}"
	say 'done'
	[ "$LINE" = . ] || exit 4
}

split_or_end() {
	if [ "$1" = . ]; then
		feasible
		return 1
	fi
	WHY=
	split "$1" || return 1
	if [ "$KEY" = label ]; then
		feasible
		forget
	fi
	once && accept
}

feasible() {
	[ -n "$LABEL" ] || return 0
	if SENTENCE=$(able 2>&1 </dev/null); then
		say "feasible $LABEL"
	else
		say "infeasible $LABEL ${SENTENCE%%"$NL"*}"
	fi
}

able() {
	parameters || { printf '%s\n' "$WHY" && return 1; }
	requires
}

# facts asks the kernel's own files where it can: a program that is started costs a host more than all of them,
# and the whole roster is looked at again and again.
facts() {
	if first /proc/sys/kernel/osrelease; then say "fact kernel $LINE"; else say "fact kernel $(uname -r)"; fi
	if first /proc/sys/kernel/arch; then say "fact arch $LINE"; else say "fact arch $(uname -m)"; fi
	if [ -d /run/systemd/system ]; then say 'fact init systemd'; else say 'fact init other'; fi
	which_shell && say "fact shell $LINE"
	now
	say "fact uptime $NOW"
	count_cores && say "fact cores $LINE"
	boot
	say "fact boot_id $BOOT"
	! first /etc/machine-id || say "fact machine_id $LINE"
	tell_fact root is_root
	for TOOL in nft tc ip ping setsid setpriv systemd-run; do
		tell_fact "$TOOL" have "$TOOL"
	done
	tell_fact cgroup2 [ -e /sys/fs/cgroup/cgroup.controllers ]
	tell_fact netem netem
}

# tell_fact NAME COMMAND... says whether the command succeeds.
tell_fact() {
	FACT=$1
	shift
	if "$@"; then say "fact $FACT yes"; else say "fact $FACT no"; fi
}

# which_shell sets LINE to the program behind sh, count_cores to the number of processors.
which_shell() {
	for LINE in /bin/dash /usr/bin/dash /bin/busybox /usr/bin/busybox /bin/bash /usr/bin/bash; do
		[ ! "/proc/$$/exe" -ef "$LINE" ] || return 0
	done
	LINE=$(readlink "/proc/$$/exe")
}

count_cores() {
	first /sys/devices/system/cpu/online || { LINE=$(grep -c '^cpu[0-9]' /proc/stat) && return; }
	COUNT=0
	IFS=,
	for RANGE in $LINE; do COUNT=$((COUNT + ${RANGE#*-} - ${RANGE%-*} + 1)); done
	unset IFS
	LINE=$COUNT
}

# is_root tells whether this process is root's.
is_root() {
	while read -r LINE WHOM; do
		[ "$LINE" != Uid: ] || break
	done </proc/self/status
	set -- $WHOM
	[ "$2" = 0 ]
}

# ---- what was left behind -------------------------------------------------------------------------------

# leftovers WORDS says, after these words, a sentence on each thing that other fault injectors have left, or
# chaoscat itself where its state was removed by hand. Nothing of it is ever touched. Shaping, dropping and
# routing are an administrator's trade as well: what counts is only what nobody but a fault injector does.
leftovers() {
	INJECTORS='stress$|stress-ng|memStress|chaos_' # processes
	CLOCKWORK='chronyd$|ntpd$|systemd-timesyn|ptp4l$' # that keep the clock right
	BRANDS='chaos|pumba|blockade|gremlin|steadybit' # what tools write on their rules
	TELL=$1 ALONE=1 XTABLES= SLOW=' ' INGRESS= TIMED=
	nobody_else || ALONE=
	! have tc || each_line a_qdisc "$(tc qdisc show 2>/dev/null)"
	[ -z "$INGRESS" ] || redirections
	if have nft; then each_line a_table "$(nft list tables 2>/dev/null)"; else XTABLES=1; fi
	[ -z "$XTABLES" ] && ! first /proc/net/ip_tables_names && ! first /proc/net/ip6_tables_names || each_line a_rule "$(rules_of_others)"
	each_line a_trace "$(grep -s -E "^($INJECTORS|$CLOCKWORK|[^ ]+ [^ ]+ (ext[234]|xfs|btrfs|f2fs|overlay|tmpfs) )" /proc/[0-9]*/comm /proc/mounts)"
}

mention() { say "$TELL $1"; }

# each_line FUNCTION TEXT calls the function with each line, without a process of its own.
each_line() {
	DO=$1
	set -f
	IFS=$NL
	set -- $2
	unset IFS
	for ONE in "$@"; do "$DO" "$ONE"; done
	set +f
}

# a_qdisc: netem does nothing but make a network worse. On lo, too, somebody wants it worse.
a_qdisc() {
	set -- $1
	QDISC=$2 HANDLE=$3
	while [ $# -gt 1 ] && [ "$1" != dev ]; do shift; done
	case $QDISC-$HANDLE in
	*-cc[ad]:) [ -z "$ALONE" ] || mention "a $QDISC qdisc of ours is on interface $2 without the state of its run" ;;
	*-cc[0-9a-f]:) ;;
	netem-*) SLOW="$SLOW$2 " && mention "netem is on interface $2" ;;
	ingress-* | clsact-*) INGRESS="$INGRESS $2" ;;
	esac
}

# redirections: arriving packets are sent through an ifb by everybody who shapes them. It is a fault where netem
# waits there, or nobody.
redirections() {
	IFBS=$(ip -o link show type ifb 2>/dev/null)
	[ -n "$IFBS" ] || return 0
	for FROM in $INGRESS; do
		each_line a_redirect "$(tc filter show dev "$FROM" ingress 2>/dev/null)"
	done
}

a_redirect() {
	case $1 in *'Redirect to device '*) ;; *) return 0 ;; esac
	TO=${1##*Redirect to device }
	TO=${TO%%)*}
	case $SLOW in *" $TO "*) mention "what arrives on interface $FROM goes through $TO, where netem is" && return ;; esac
	case $IFBS in *": $TO: <"*) ;; *) return 0 ;; esac
	FLAGS=${IFBS#*": $TO: <"}
	case ,${FLAGS%%>*}, in *,UP,*) ;; *) mention "what arrives on interface $FROM is sent to $TO, which is down" ;; esac
}

# a_table: the iptables of today keep their rules in tables of the families ip and ip6.
a_table() {
	set -- $1
	case $2 in ip | ip6) XTABLES=1 ;; esac
	case $3 in
	chaoscat_*) [ -z "$ALONE" ] || mention "nft table $2 $3 without the state of its run" ;;
	*[Cc][Hh][Aa][Oo][Ss]* | *pumba* | *blockade* | *gremlin* | *steadybit*) mention "nft table $2 $3" ;;
	esac
}

# rules_of_others prints chains and rules of iptables that bear a fault injector's name, and those that drop by chance.
rules_of_others() {
	{
		iptables-save
		ip6tables-save
		iptables-legacy-save
		ip6tables-legacy-save
	} 2>/dev/null | grep -i -E "^:[^ ]*($BRANDS)|^-A .*--comment (\"[^\"]*|[^ ]*)($BRANDS)|^-A .*-m statistic .*-j (DROP|REJECT)" | sort -u | head -n 20
}

a_rule() {
	case $1 in
	:*) set -- $1 && mention "iptables chain ${1#:}" ;;
	*statistic*) mention "iptables drops packets by chance: $1" ;;
	*) mention "iptables rule $1" ;;
	esac
}

# a_trace FILE:LINE of a process or a mounted disk.
a_trace() {
	case $1 in
	/proc/mounts:*'\'*) return 0 ;;
	/proc/mounts:*)
		set -- ${1#*:}
		[ ! -e "${2%/}/chaos_filldisk.log.dat" ] || mention "file ${2%/}/chaos_filldisk.log.dat, which fills a disk"
		[ ! -e "${2%/}/chaos_burnio.write" ] || mention "file ${2%/}/chaos_burnio.write, which keeps a disk busy"
		return
		;;
	*:stress* | *:memStress | *:chaos_*) ;;
	*) TIMED=1 && return ;;
	esac
	set -- "${1#/proc/}"
	mention "process ${1%%/*} ${1#*:}"
}

# mention_notes tells of what is not held against a host: an administrator may have wished it.
mention_notes() {
	! have ip || each_line a_note "$({
		ip -4 route show
		ip -6 route show
		ip rule show
	} 2>/dev/null | grep -E '^(blackhole|prohibit|unreachable) |^[0-9]+:.* (blackhole|prohibit|unreachable)$' | grep -v -E ' proto | metric 4294967295 ' | head -n 5)"
	[ -n "$TIMED" ] || ! { have chronyd || have ntpd || [ -x /lib/systemd/systemd-timesyncd ]; } || mention 'only a note: no time service runs though there is one'
}

a_note() { mention "only a note: there is a route or rule by hand: $1"; }

verb_measure() {
	header && needs kind && parameters || refuse "refused $WHY"
	[ -z "$ID" ] || place "$ID"
	measure 2>/dev/null </dev/null | while read -r WORD REST; do
		case $WORD in
		figure) ! decimal "$REST" || say "figure $REST" ;;
		expect) case $REST in change) say "expect change" ;; 'up '* | 'down '*) ! decimal "${REST#* }" || say "expect $REST" ;; esac ;;
		unverifiable) say "unverifiable $REST" ;;
		about | part) say "$WORD $REST" ;;
		*) [ -n "$REST" ] || ! decimal "$WORD" || say "figure $WORD" ;;
		esac
	done
	say 'done'
}

decimal() {
	case $1 in '' | - | . | -. | *[!0-9.-]* | ?*-* | *.*.* | ????????????????*) return 1 ;; esac
}

# verb_undo is for a controller that comes back: it does the undo, or waits for the one that does.
verb_undo() {
	trap '' HUP PIPE
	header && needs id || refuse "refused $WHY"
	place "$ID"
	CAUSE=stop
	if ! [ -d "$D" ]; then
		orphans '' >/dev/null
		say clean
	elif undo_once; then
		say restored
	else
		say "residue $WHAT"
	fi
	say 'done'
	[ ! -d "$D" ] || exit 6
}

# verb_sweep clears what dead controllers and dead guards have left. A run whose guard lives and whose time
# is not up is another controller's, and is left alone unless forced.
verb_sweep() {
	trap '' HUP PIPE
	header || refuse "refused $WHY"
	CAUSE=stop
	for STATE in "$RUNDIR"/*/; do
		[ -d "$STATE" ] || continue
		STATE=${STATE%/}
		sweep_one "${STATE##*/}"
	done
	rm -rf "$RUNDIR"/.done-* 2>/dev/null
	stale_claim
	half_uploads
	ID=
	orphans 'cleared orphan'
	leftovers foreign
	mention_notes
	say 'done'
}

sweep_one() {
	name "$1" || { say "kept unknown a directory in $RUNDIR that is not ours" && return; }
	place "$1"
	if [ "$FORCE" -eq 0 ] && (recall "$1" && alive "$GUARD" "$GUARD_BORN" && now && { ! deadline || [ "$NOW" -lt "$DEADLINE" ]; }); then
		say "kept $1 $(about "$1")"
		return
	fi
	if undo_once; then
		say "cleared $1"
	else
		say "kept $1 $(about "$1")"
	fi
}

# orphans WORDS clears what bears our name and has no state any more, and says so after these words: all of it
# is inert once the kernel's timers have run out, and nobody else would ever remove it.
orphans() {
	nobody_else || return 0
	TELL=$1
	! have nft || each_line an_orphaned_table "$(nft list tables 2>/dev/null)"
	! have tc || each_line an_orphaned_qdisc "$(tc qdisc show 2>/dev/null)"
	for PEN in /sys/fs/cgroup/chaoscat_*; do
		[ ! -d "$PEN" ] || ! rmdir "$PEN" 2>/dev/null || mention "cgroup ${PEN##*/}"
	done
}

an_orphaned_table() {
	set -- $1
	case $3 in chaoscat_*) nft delete table "$2" "$3" 2>/dev/null && mention "nft table $3" ;; esac
}

# an_orphaned_qdisc: a root of ours on an interface of the host's goes; an interface of our own goes with it.
an_orphaned_qdisc() {
	set -- $1
	case "$3 $4 $6 $5" in
	'ccd: dev root cca'[0-9]*) ip link del dev "$5" 2>/dev/null && mention "interface $5" ;;
	'cca: dev root '*) tc qdisc del dev "$5" root 2>/dev/null && mention "qdisc $2 of $5" ;;
	esac
}

# half_uploads removes what was left of an upload that was cut off: the shell that wrote it is named behind the dot.
half_uploads() {
	for FILE in "$RUNDIR"/runner-*.*; do
		[ ! -f "$FILE" ] || [ -d "/proc/${FILE##*.}" ] || rm -f "$FILE"
	done
}

# stale_claim removes the claim of a guard that died before it wrote anything.
stale_claim() {
	HOLDER=$(readlink "$RUNDIR/.claim" 2>/dev/null) || return 0
	HOLDER=${HOLDER#run:}
	WHOSE=${HOLDER#*:}
	HOLDER=${HOLDER%%:*}
	[ ! -d "$RUNDIR/$HOLDER" ] || return 0
	! alive "${WHOSE%%:*}" "${WHOSE#*:}" || return 0
	rm -f "$RUNDIR/.claim"
	say "cleared $HOLDER"
}

verb_bye() {
	header || refuse "refused $WHY"
	ID=
	drop_runner "$FROM"
	rmdir "$RUNDIR" 2>/dev/null
	say 'done'
}

# main VERB CONNECTION, or one of the runner's own: watch, inject, step and undo-now, which the guard starts.
main() {
	cd /
	SELF=$0 FROM=$0
	case $0 in /dev/fd/* | /proc/self/fd/*) FROM=$(readlink "$0") ;; esac # sudo, where its rule has a digest
	case $FROM in '' | *' '*) FROM=$0 ;; esac
	WHY= WENT= NONCE=
	case $1 in
	inspect | guard | measure | undo | sweep | bye)
		connection "$2"
		greet
		"verb_$1"
		;;
	watch) watch "$2" "$3" ;;
	inject) inject_now "$2" ;;
	step) a_step "$2" "$3" ;;
	undo-now) undo_now "$2" "$3" "$4" "$5" ;;
	*)
		printf 'chaoscat: the runner does not know the verb\n' >&2
		exit 4
		;;
	esac
}
