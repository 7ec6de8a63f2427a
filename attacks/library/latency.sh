# latency: packets wait. The netem that makes them wait is entered only by packets that the timed nft set marks;
# once the set has expired the qdiscs are still there, and nothing passes through netem any more.

requires() {
	[ -n "$P_jitter" ] || [ -z "$P_correlation$P_distribution" ] || { echo 'correlation and distribution are those of the jitter, and there is none' && return 1; }
	shaper_requires
}

measure() {
	WAIT=$P_delay
	[ "$P_direction" != both ] || WAIT=$((2 * P_delay))
	LONG=$((WAIT + ${P_jitter:-0}))
	[ "$LONG" -le 5000 ] || { echo 'unverifiable waiting for an answer would take too long' && return; }
	if PORT=$(tcp_port) && TO=$(partner) && [ -n "$TO" ]; then
		echo "about to $TO port $PORT"
		MS=$(connections | sort -n | sed -n "$([ "${P_jitter:-0}" = 0 ] && echo 1 || echo 2)p")
		if [ -n "$MS" ]; then echo "figure $MS"; else echo "unverifiable $TO neither takes nor refuses connections on port $PORT"; fi
	else
		pingable to || return
		pinged "$TO" -q -c 3 -W $((LONG / 1000 + 2))
		if [ "${P_jitter:-0}" = 0 ]; then MS=$(quickest); else MS=$(round_trip); fi
		if [ -n "$MS" ]; then echo "figure $MS"; else echo "unverifiable $TO does not answer pings"; fi
	fi
	echo "expect up $WAIT"
}

# connections prints the times of three, since one alone may have lost a packet; where each takes long, of two. Without
# jitter the quickest counts, else the second.
connections() {
	for I in 1 2 3; do
		[ "$I $((LONG > 1000))" != '3 1' ] || break
		connects "$TO" "$PORT" $((LONG / 1000 + 3)) && echo "$MS" || break
	done
}

how() {
	printf 'netem limit 100000 delay %sms' "$P_delay"
	[ "${P_jitter:-0}" -eq 0 ] || printf ' %sms%s%s' "$P_jitter" "${P_correlation:+ $P_correlation%}" "${P_distribution:+ distribution $P_distribution}"
}
