# reject: packets from and to the targets are turned away with an answer: whoever sends them, here or there, is
# told at once. What is such an answer itself is let through.

requires() {
	selectable && controlled || return 1
	nft_works
}

layers() { echo kernel; }

prepare() { choose >"$D/partner"; }

inject() {
	nft_apply || return 1
	echo "packets ${P_direction:-both} ways to ${P_targets:-everybody}${P_ports:+ on ports $P_ports} are rejected"
}

renew() { nft_renew; }

undo() { nft_undo; }

verify() { nft_gone; }

# measure sends something that is meant, if it can, and counts what was rejected.
measure() {
	TO=$(partner)
	[ -n "$TO" ] || { echo 'unverifiable there is no single target and no gateway to send to' && return; }
	echo "about on the way to $TO"
	if PORT=$(tcp_port); then
		connects "$TO" "$PORT" 2
	elif pings_meant && have ping; then
		pinged "$TO" -q -c 2 -W 1
	elif [ "$P_protocol" = tcp ] && have bash && have timeout; then
		connects "$TO" 9 2
	fi
	echo "figure $(counted reject)"
	echo 'expect up 1'
}

rules() {
	INTERFACES=
	case $P_direction in in | out) ruleset "$P_direction" ;; *) ruleset out in ;; esac
}

caught_out() {
	echo 'tcp flags & rst == rst accept'
	echo 'icmp type destination-unreachable accept'
	echo 'icmpv6 type destination-unreachable accept'
	[ "$P_with" != reset ] || echo 'meta l4proto tcp counter reject with tcp reset'
	case $P_with in reset) WITH=port-unreachable ;; *) WITH=$P_with ;; esac
	echo "counter reject with icmpx type $WITH"
}

caught_in() { caught_out; }
