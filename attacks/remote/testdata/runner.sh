#!/bin/sh
# A runner for tests: it speaks the wire and "attacks" one file in /run/chaoscat, which the test has made a
# tmpfs of its own.
verb=$1
IFS= read -r line && nonce=${line#nonce=} || exit 4
while IFS= read -r line && [ "$line" != . ]; do
	case $line in
	id=*) id=${line#id=} ;;
	label=*) label=${line#label=} ;;
	esac
done
state=/run/chaoscat/$id
say() { printf '%%%s %s\n' "$nonce" "$*"; }
put_back() {
	say "undoing $1"
	rm -rf "$state"
	say restored
	exit 0
}

case $verb in
inspect)
	say "fact kernel $(uname -r)"
	read -r boot </proc/sys/kernel/random/boot_id
	say "fact boot_id $boot"
	say "fact peer $2"
	[ -z "$label" ] || say "feasible $label"
	;;
measure)
	if [ -e "$state/applied" ]; then say 'figure 90'; else say 'figure 3'; fi
	say 'expect up 50'
	;;
undo)
	if [ -d "$state" ]; then rm -rf "$state" && say restored; else say clean; fi
	;;
bye) rm -f "$0" ;;
guard)
	mkdir "$state" || { say 'busy other somebody else'; exit 4; }
	trap 'put_back TERM' TERM
	echo "$PPID" >"$state/parent"
	say 'armed layers=kernel,guard boot=x'
	while IFS= read -r order; do
		case $order in
		go)
			say injecting
			: >"$state/applied"
			echo 'touch applied'
			say 'injected 0'
			;;
		renew) say renewed ;;
		ping*) say "pong ${order#ping }" ;;
		*) put_back stop ;;
		esac
	done
	put_back 'contact lost'
	;;
esac
say 'done'
