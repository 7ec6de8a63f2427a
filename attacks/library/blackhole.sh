# blackhole: packets from and to the targets vanish. The rules drop only while the timed nft set has its
# elements. With the lifeline, the default, the controller's address and our SSH port stay reachable.

requires() {
	have ip || { printf 'this host has no ip\n' && return 1; }
	[ "$P_lifeline" = 0 ] || controlled || return 1
	nft_works
}

layers() {
	echo kernel
	[ "$P_lifeline" != 0 ] || echo cuts
}

prepare() { :; }

inject() {
	nft_apply || return 1
	echo "packets ${P_direction:-both} ways to ${P_targets:-everybody}${P_ports:+ on ports $P_ports} are dropped"
}

renew() { nft_renew; }

undo() { nft_undo; }

verify() { nft_gone; }

measure() {
	if [ -n "$P_ports" ]; then
		echo "figure $(dropped)"
		echo 'expect up 1'
		return
	fi
	have ping || { echo 'unverifiable this host has no ping' && return; }
	TO=$(somebody)
	[ -n "$TO" ] || { echo 'unverifiable there is no single target and no gateway to ping' && return; }
	pinged "$TO"
	LOST=$(answered)
	if [ -n "$LOST" ]; then echo "figure $((100 - LOST))"; else echo 'figure 0'; fi
	echo 'expect down 100'
}

# dropped counts the packets that rules of ours have dropped; there is one run on a host.
dropped() {
	SUM=0
	for N in $(nft list tables 2>/dev/null | sed -n 's/^table inet \(chaoscat_[a-z0-9_]*\)$/\1/p' | while read -r T; do
		nft list table inet "$T" | sed -n 's/.*counter packets \([0-9]*\) .* drop$/\1/p'
	done); do
		SUM=$((SUM + N))
	done
	echo "$SUM"
}

rules() {
	echo "table $(TABLE) {"
	live_set
	case $P_direction in in) ;; *) chain output daddr ;; esac
	case $P_direction in out) ;; *) chain input saddr ;; esac
	echo '}'
}

# chain HOOK daddr|saddr; a port is meant on whichever end it is.
chain() {
	printf '\tchain %s {\n' "$1"
	printf '\t\ttype filter hook %s priority -150; policy accept;\n' "$1"
	lifeline "$1" "$P_lifeline"
	matched '' "$2" 'dport sport' 'counter drop'
	printf '\t}\n'
}
