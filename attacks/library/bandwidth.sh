# bandwidth: what is meant shares a narrow class of an htb, with a short queue of its own. Everything else passes
# the htb unshaped, and so does all once the timed nft set has expired.

# measure sends pings that make three times the rate, for 2 s, and counts what came back in that time.
measure() {
	pingable to || return
	BYTES=$((P_rate * 15 / 8)) STEP=5 # a step of 5 ms, or longer where the pings would become too small
	[ "$BYTES" -le 60000 ] || BYTES=60000
	[ "$BYTES" -ge 200 ] || BYTES=200 STEP=$((534 / P_rate))
	pinged "$TO" -q -s $((BYTES - 28)) -c $((2000 / STEP)) -i "0.$(printf %03d "$STEP")" -w 2
	KBIT=$((GOT * BYTES * 8 / 2000))
	if [ "$SENT" -eq 0 ] || [ "$GOT" -eq 0 ]; then
		echo "unverifiable $TO does not answer pings of $BYTES bytes"
		return
	fi
	echo "figure $KBIT"
	if [ $((KBIT * 2)) -ge $((P_rate * 3)) ]; then echo "expect down $((KBIT - P_rate))"; fi
}

how() { printf 'rate %s' "$P_rate"; }
