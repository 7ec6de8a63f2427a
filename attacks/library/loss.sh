# loss: packets vanish by chance. What leaves is lost in netem, where the local sender does not notice, as on a
# real wire; what arrives is dropped by nft.

requires() {
	[ -z "$P_correlation" ] || leaves || { echo 'what arrives is lost without correlation' && return 1; }
	shaper_requires
}

measure() {
	pings_meant || { by_netem && return; }
	pingable to || return
	pings_by_chance || return
	echo "figure $(decimal_of $(((SENT - GOT) * 10000 / SENT)))"
	echo "expect up $(decimal_of "$H")"
}

# by_netem asks netem itself where no ping is meant: before it is there, nothing is lost in it.
by_netem() {
	leaves && [ "$P_direction" != both ] || return 1
	echo 'about of what was sent'
	echo "expect up $P_percent"
	COUNTS=$(tc -s qdisc show 2>/dev/null | sed -n '/^qdisc netem ccb: /{n;s/^ Sent [0-9]* bytes \([0-9]*\) pkt (dropped \([0-9]*\),.*/\1 \2/p;}')
	[ -n "$COUNTS" ] || { echo 'figure 0' && return; }
	set -- $COUNTS
	if [ $(($1 + $2)) -ge 50 ]; then echo "figure $(decimal_of $(($2 * 10000 / ($1 + $2))))"; else echo "unverifiable only $(($1 + $2)) packets that are meant were sent"; fi
}

how() { printf 'netem limit 100000 loss %s%%%s' "$P_percent" "${P_correlation:+ $P_correlation%}"; }

caught_in() {
	hundredths_of "$P_percent"
	if [ "$H" -lt 10000 ]; then echo "numgen random mod 10000 < $H counter drop"; else echo 'counter drop'; fi
}
