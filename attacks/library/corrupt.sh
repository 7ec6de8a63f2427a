# corrupt: one bit of a packet is turned over, by chance. Where it is a bit of what checksums cover, which nearly
# all of them are, whoever receives the packet throws it away: that is what shows in pings.

measure() {
	pingable to || return
	pings_by_chance || return
	echo "figure $(decimal_of $(((SENT - GOT) * 10000 / SENT)))"
	echo "expect up $(decimal_of "$H")"
}

how() { printf 'netem limit 100000 corrupt %s%%%s' "$P_percent" "${P_correlation:+ $P_correlation%}"; }
