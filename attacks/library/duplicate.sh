# duplicate: some packets go twice, by chance. A ping that did is answered twice, or its answer comes twice.

measure() {
	pingable to || return
	pings_by_chance || return
	echo "figure $(decimal_of $((TWICE * 10000 / SENT)))"
	echo "expect up $(decimal_of "$H")"
}

how() { printf 'netem limit 100000 duplicate %s%%%s' "$P_percent" "${P_correlation:+ $P_correlation%}"; }
