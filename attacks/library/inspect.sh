# Looking without touching: what a host is, what is feasible on it, what a figure reads, what was left behind.

# verb_inspect answers each block as it comes. Whatever must be tried is tried in a network namespace that is
# thrown away, never on an interface of the host.
verb_inspect() {
	facts
	leftovers | while read -r LINE; do say "busy foreign 0 $LINE"; done
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

facts() {
	say "fact kernel $(uname -r)"
	say "fact arch $(uname -m)"
	if [ -d /run/systemd/system ]; then say 'fact init systemd'; else say "fact init other"; fi
	say "fact shell $(readlink /proc/$$/exe)"
	now
	say "fact uptime $NOW"
	say "fact cores $(grep -c '^cpu[0-9]' /proc/stat)"
	boot
	say "fact boot_id $BOOT"
	! first /etc/machine-id || say "fact machine_id $LINE"
	say "fact root $([ "$(id -u)" -eq 0 ] && printf yes || printf no)"
	for TOOL in nft tc ip ping setsid systemd-run; do
		if have "$TOOL"; then say "fact $TOOL yes"; else say "fact $TOOL no"; fi
	done
	if netem; then say 'fact netem yes'; else say 'fact netem no'; fi
}

# leftovers names what other tools have left, or chaoscat itself where its state was removed by hand. Nothing
# of it is ever touched.
leftovers() {
	! have tc || tc qdisc show 2>/dev/null | while read -r _ QDISC HANDLE WHERE; do
		case $QDISC-$HANDLE in
		netem-ccb:) nobody_else || continue ;;
		netem-*) ;;
		*) continue ;;
		esac
		set -- $WHERE
		while [ $# -gt 1 ] && [ "$1" != dev ]; do shift; done
		printf 'netem is on interface %s\n' "$2"
	done
	! have nft || nft list tables 2>/dev/null | while read -r _ FAMILY TABLE _; do
		case $TABLE in
		chaoscat_*) nobody_else && printf 'nft table %s %s without the state of its run\n' "$FAMILY" "$TABLE" ;;
		*[Cc][Hh][Aa][Oo][Ss]*) printf 'nft table %s %s\n' "$FAMILY" "$TABLE" ;;
		esac
	done
	! have iptables-save || iptables-save 2>/dev/null | while read -r CHAIN _; do
		case $CHAIN in :*[Cc][Hh][Aa][Oo][Ss]*) printf 'iptables chain %s\n' "${CHAIN#:}" ;; esac
	done
	for PROC in /proc/[0-9]*/comm; do
		first "$PROC" || continue
		case $LINE in stress | stress-ng* | chaosd | chaos_*)
			PROC=${PROC#/proc/}
			printf 'process %s %s\n' "${PROC%/comm}" "$LINE"
			;;
		esac
	done
}

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
		orphans >/dev/null
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
	ID=
	orphans | while read -r LINE; do say "cleared orphan $LINE"; done
	leftovers | while read -r LINE; do say "foreign $LINE"; done
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

# orphans clears what bears our name and has no state any more, and prints it: all of it is inert once the
# kernel's timers have run out, and nobody else would ever remove it.
orphans() {
	nobody_else || return 0
	! have nft || nft list tables 2>/dev/null | while read -r _ FAMILY TABLE _; do
		case $FAMILY-$TABLE in inet-chaoscat_*) nft delete table inet "$TABLE" 2>/dev/null && printf 'nft table %s\n' "$TABLE" ;; esac
	done
	! have tc || tc qdisc show 2>/dev/null | while read -r _ QDISC HANDLE WORD DEV WHERE _; do
		case "$QDISC $HANDLE $WORD $WHERE" in 'prio cca: dev root') tc qdisc del dev "$DEV" root 2>/dev/null && printf 'qdisc prio of %s\n' "$DEV" ;; esac
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
	drop_runner "$SELF"
	rmdir "$RUNDIR" 2>/dev/null
	say 'done'
}

# main VERB CONNECTION, or one of the runner's own: watch, inject, step and undo-now, which the guard starts.
main() {
	cd /
	SELF=$0
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
