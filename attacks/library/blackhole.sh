# blackhole, and partition: packets from and to the targets vanish. The rules drop only while the timed nft set
# has its elements. With the lifeline, the default, the controller's SSH stays reachable.

requires() {
	selectable || return 1
	! lifeline || controlled || return 1
	nft_works
}

layers() {
	echo kernel
	! lifeline || return 0
	echo cuts
}

prepare() { choose >"$D/partner"; }

inject() {
	nft_apply || return 1
	echo "packets ${P_direction:-both} ways to ${P_targets:-everybody}${P_ports:+ on ports $P_ports} are dropped"
}

renew() { nft_renew; }

undo() { nft_undo; }

verify() { nft_gone; }

measure() {
	TO=$(partner)
	if PORT=$(tcp_port) && [ -n "$P_targets" ] && [ -n "$TO" ]; then
		echo "about by $TO port $PORT"
		if connects "$TO" "$PORT" 2; then echo 'figure 100'; else echo 'figure 0'; fi
		echo 'expect down 100'
	elif pings_meant; then
		pingable by || return
		pinged "$TO" -q -c 3 -W 2
		case $SENT-$PINGED in
		0-*send*': Operation not permitted'*) echo 'figure 0' ;; # the rules keep it from being sent, at which busybox gives up
		0-*) echo "unverifiable ping says: $(printf '%s\n' "$PINGED" | tail -n 1)" && return ;;
		*) echo "figure $((GOT * 100 / SENT))" ;;
		esac
		echo 'expect down 100'
	else
		echo 'about (here the packets that were dropped)'
		echo "figure $(counted drop)"
		echo 'expect up 1'
	fi
}

rules() {
	INTERFACES=
	case $P_direction in in | out) ruleset "$P_direction" ;; *) ruleset out in ;; esac
}

caught_out() { echo 'counter drop'; }

caught_in() { echo 'counter drop'; }
