# reorder: packets wait, all but some, which overtake those before them.

# measure sends four pings in the time of the delay, so that one which does not wait overtakes at least the one
# before it, if that waits: that is what is expected, and some more are.
measure() {
	pingable to || return
	hundredths_of "$P_percent"
	H=$((H * (10000 - H) / 10000))
	STEP=$((P_delay / 4))
	[ "$H" -ge 200 ] && [ "$STEP" -ge 1 ] && [ "$STEP" -le 200 ] || { echo 'unverifiable too few of the pings that fit into 8 s would overtake another, or too closely' && return; }
	PINGS=$((8000 / STEP))
	[ "$PINGS" -le 400 ] || PINGS=400
	pinged "$TO" -c "$PINGS" -i "0.$(printf %03d "$STEP")" -w 10
	[ "$GOT" -gt 0 ] || { echo "unverifiable $TO does not answer pings" && return; }
	echo "figure $(decimal_of $(($(overtaken) * 10000 / GOT)))"
	echo "expect up $(decimal_of "$H")"
}

# overtaken counts the answers that came after a later one.
overtaken() {
	printf '%s\n' "$PINGED" | sed -n 's/.*seq=\([0-9]*\) .*/\1/p' | {
		LAST=0 LATE=0
		while read -r SEQ; do
			if [ "$SEQ" -lt "$LAST" ]; then LATE=$((LATE + 1)); else LAST=$SEQ; fi
		done
		echo "$LATE"
	}
}

how() { printf 'netem limit 100000 delay %sms reorder %s%%%s' "$P_delay" "$P_percent" "${P_correlation:+ $P_correlation%}"; }
