# dns: names are not resolved any more. To let them time out, the answers of the servers are dropped as they come
# in: were it the questions, whoever asks would be told at once. To refuse, the questions are turned away. Names
# in particular are known by their question over UDP, in capitals or not; over TCP only all of them can be meant.

requires() {
	[ "$(entries "$P_domains" | grep -c .)" -le 16 ] || { echo 'more than 16 domains would be too many rules' && return 1; }
	selectable && controlled || return 1
	nft_works
}

layers() { echo kernel; }

prepare() { :; }

inject() {
	nft_apply || return 1
	echo "${P_domains:-all names}: what ${P_targets:-every server} says is $(if refuses; then echo refused; else echo dropped; fi)"
}

renew() { nft_renew; }

undo() { nft_undo; }

verify() { nft_gone; }

measure() {
	TO=$(server)
	[ -n "$TO" ] || { echo 'unverifiable there is no single target and no server in resolv.conf beyond this host' && return; }
	NAME=${P_domains%%,*}
	NAME=${NAME:-example.com}
	ANSWERS=0
	for TRY in 1 2; do
		asked "$TO" "$NAME"
		case $? in
		0) ANSWERS=$((ANSWERS + 50)) ;;
		2) echo 'unverifiable this host has none of bash, dig and nslookup to ask with' && return ;;
		esac
	done
	echo "about by $TO for $NAME"
	echo "figure $ANSWERS"
	echo 'expect down 100'
}

refuses() { [ "$P_answer" = refused ]; }

# server prints whom to ask: the first target, or the first server that is not on this host.
server() {
	if [ -n "$P_targets" ]; then
		candidates | head -n 1
	else
		ETC=/etc # where nothing is ever written
		cat $ETC/resolv.conf /run/systemd/resolve/resolv.conf 2>/dev/null | sed -n 's/^nameserver[ 	]*\([0-9a-fA-F.:]*\).*/\1/p' | grep -v -e '^127\.' -e '^::1$' | head -n 1
	fi
}

# asked SERVER NAME is 0 if any answer comes within 2 s, be it that there is no such name; 2 if nobody can ask.
asked() {
	if have bash && have timeout; then
		timeout 2 bash -c 'exec 3<>"/dev/udp/$1/53" && printf "$2" >&3 && IFS= read -r -d "" -n 1 ANSWER <&3 && [ -n "$ANSWER" ]' asked "$1" "$(question "$2")" 2>/dev/null
	elif have dig; then
		dig +time=2 +tries=1 "@$1" "$2" >/dev/null 2>&1
	elif have nslookup; then
		case $(timeout 2 nslookup "$2" "$1" 2>&1) in '' | *'timed out'* | *refused* | *'no servers'*) return 1 ;; esac
	else
		return 2
	fi
	[ $? -eq 0 ]
}

# question NAME prints a query for it in the escapes of printf, one byte of its number being no zero.
question() { printf '\\x4e\\x55\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00%s\\x00\\x00\\x01\\x00\\x01' "$(encoded "$1" | sed 's/[0-9a-f][0-9a-f]/\\x&/g')"; }

rules() {
	INTERFACES= P_ports=53 P_protocol=any P_except_ports=
	[ -z "$P_domains" ] || P_protocol=udp
	if refuses; then ENDS=dport && ruleset out; else ENDS=sport && ruleset in; fi
}

caught_in() { of_names 'counter drop'; }

caught_out() {
	[ -n "$P_domains" ] || echo 'meta l4proto tcp counter reject with tcp reset'
	of_names 'counter reject with icmpx type port-unreachable'
}

# of_names ACTION prints it for everything, or a rule for each place in a packet where the name may end: it is
# what is asked for, or follows at least one label of at least one letter. nft compares 16 bytes at a time.
of_names() {
	ACTION=$1
	[ -n "$P_domains" ] || { printf '%s\n' "$ACTION" && return; }
	for NAME in $(entries "$P_domains"); do
		HEX=$(encoded "$NAME" | sed 's/../& /g;s/6\([1-9a-f]\) /4\1_/g;s/7\([0-9a]\) /5\1_/g')
		FOLD=$(printf %s "$HEX" | sed 's/.._/df/g;s/.. /ff/g')ff0000ffff # a letter either way
		HEX=$(printf %s "$HEX" | tr -d ' _')0000000001                     # the end of the name, any type, class IN
		LONG=$((${#HEX} / 2)) AT=0 PIECES=
		while [ -n "$HEX" ]; do
			ONE=$(printf %.32s "$HEX") MASK=$(printf %.32s "$FOLD")
			HEX=${HEX#"$ONE"} FOLD=${FOLD#"$MASK"}
			PIECES="$PIECES $((${#ONE} / 2)) $MASK $ONE"
		done
		while [ $((AT + LONG)) -le 259 ]; do
			PLACE=$((20 + AT)) # behind the headers of UDP and DNS
			set -- $PIECES
			while [ $# -gt 0 ]; do
				printf '@th,%s,%s & 0x%s == 0x%s ' $((PLACE * 8)) $(($1 * 8)) "$2" "$3"
				PLACE=$((PLACE + $1))
				shift 3
			done
			printf '%s\n' "$ACTION"
			AT=$((AT + 1))
			[ "$AT" -ne 1 ] || AT=2
		done
	done
}

# encoded NAME prints its labels in hexadecimal, each after its length.
encoded() {
	for LABEL_ in $(printf %s "$1" | tr . ' '); do
		printf %02x "${#LABEL_}"
		while [ -n "$LABEL_" ]; do
			AFTER=${LABEL_#?}
			printf %02x "'${LABEL_%"$AFTER"}"
			LABEL_=$AFTER
		done
	done
}
