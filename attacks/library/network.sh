# What the network attacks share. Every rule of ours sits in nft tables of the run's own and asks the set "live"
# first, whose elements the kernel itself removes after $LIVE seconds: with no process left, the fault is over.
# What is not matched is not touched; loopback, the control path and neighbour discovery are let through before
# anything is matched (ARP is no business of these tables), and so is what was excepted.
#
# What is sent is shaped by a qdisc tree on the interface, one band of which is entered only by packets that the
# rules have marked. What arrives is shaped on a detour: a packet that is meant is handed (nft fwd) to one end of
# a veth pair, which has the qdisc, and the other end hands it back to the interface as if it came only now. An
# ifb would not do: everything must pass it, and nothing there asks nft, so the kernel could not end the fault.
#
# An attack's file defines rules, and caught_out and caught_in, which print what becomes of a packet that is meant
# and leaves, or arrives. A shaping one defines how, which prints "netem ..." or "rate KBIT", and has no caught_in
# where what arrives takes the detour.

TABLE() { printf '%s chaoscat_%s' "${1:-inet}" "${UID_:-probe}"; }

# in_private COMMAND... runs in a network namespace that ends with it.
in_private() { have unshare && unshare -n "$@"; }

# netem tells whether this kernel can delay packets, by trying it where nobody is.
netem() {
	have tc && in_private /bin/sh -c 'tc qdisc add dev lo root handle cca: prio bands 4 && tc qdisc add dev lo parent cca:4 handle ccb: netem delay 1ms' >/dev/null 2>&1
}

controlled() { [ -n "$PEER" ] || { printf 'the control path is unknown: SSH_CONNECTION is not set\n' && return 1; }; }

# selectable tells whether what was said to select packets makes sense here.
selectable() {
	have ip || { printf 'this host has no ip\n' && return 1; }
	[ -z "$P_interface" ] || ip link show dev "$P_interface" >/dev/null 2>&1 || { printf 'this host has no interface %s\n' "$P_interface" && return 1; }
	case "${P_ports:+1}$P_protocol" in 1icmp) printf 'ICMP has no ports\n' && return 1 ;; esac
}

# nft_works tries the very rules, and the devices they need, where nobody is.
nft_works() {
	have nft || { printf 'this host has no nft\n' && return 1; }
	in_private true 2>/dev/null || { printf 'no network namespace can be made to try the rules in (unshare -n)\n' && return 1; }
	{
		! detours || rehearsal
		echo
		rules
	} | in_private /bin/sh -c 'while read -r LINE && [ -n "$LINE" ]; do $LINE </dev/null || exit 1; done; exec nft -f -' >/dev/null 2>&1 || {
		if detours; then
			printf 'what arrives cannot be shaped here: that needs veth, the ingress qdisc with u32 and mirred, and nft with fwd in the kernel\n'
		else
			printf 'nft on this host does not take the rules of this attack\n'
		fi
		return 1
	}
}

# ---- the rules ------------------------------------------------------------------------------------------

# entries LIST prints it one a line; of_family 4|6 LIST the addresses of a family, with commas.
entries() { printf '%s\n' "$1" | tr ' ,' '\n\n' | sed '/^$/d'; }

of_family() {
	[ -n "$2" ] || return 0
	if [ "$1" = 6 ]; then entries "$2" | grep : ; else entries "$2" | grep -v : ; fi | paste -s -d , -
}

commas() { printf '%s' "$1" | tr -s ' ,' ',,' | sed 's/^,//;s/,$//'; }

# sets prints the timed set, of the type and the elements given, and the sets of addresses there are.
sets() {
	printf '\tset live { type %s; flags timeout; elements = { %s timeout %ss, %s timeout %ss }; }\n' "$1" "$2" "${LIVE:-10}" "$3" "${LIVE:-10}"
	FOUR=$(of_family 4 "$P_targets") SIX=$(of_family 6 "$P_targets")
	NOT4=$(of_family 4 "$P_except") NOT6=$(of_family 6 "$P_except")
	a_set four ipv4_addr "$FOUR"
	a_set six ipv6_addr "$SIX"
	a_set not4 ipv4_addr "$NOT4"
	a_set not6 ipv6_addr "$NOT6"
}

a_set() { [ -z "$3" ] || printf '\tset %s { type %s; flags interval; auto-merge; elements = { %s }; }\n' "$1" "$2" "$3"; }

# ruleset WAY... prints the whole inet table.
ruleset() {
	printf 'table %s {\n' "$(TABLE)"
	sets nf_proto ipv4 ipv6
	for WAY in "$@"; do
		case $WAY in out) HOOK=output OUTWARD=1 ;; *) HOOK=input OUTWARD= ;; esac
		printf '\tchain %s {\n\t\ttype filter hook %s priority -150; policy accept;\n' "$HOOK" "$HOOK"
		printf '\t\t%sifname "lo" accept\n' "$(if [ "$OUTWARD" ]; then echo o; else echo i; fi)"
		exempt
		matched "$(through)meta nfproto" "caught_$WAY"
		printf '\t}\n'
	done
	for WAY in "$@"; do
		printf '\tchain caught_%s {\n%s\n\t}\n' "$WAY" "$("caught_$WAY" | sed 's/^/		/')"
	done
	echo '}'
}

# detour_rules prints the netdev table: a chain on each interface that hands over what is meant, but for what
# comes from there, which bears our mark.
detour_rules() {
	OUTWARD= COUNT=0
	printf 'table %s {\n' "$(TABLE netdev)"
	sets ether_type ip ip6
	for DEV in $INTERFACES; do
		printf '\tchain from_%s {\n\t\ttype filter hook ingress device "%s" priority 0; policy accept;\n' "$COUNT" "$DEV"
		printf '\t\tmeta mark & 0x08000000 != 0 meta mark set meta mark & 0xf7ffffff accept\n'
		exempt
		matched 'meta protocol' "caught_$COUNT"
		printf '\t}\n\tchain caught_%s {\n\t\tcounter meta mark set meta mark | 0x08000000 fwd to "%s"\n\t}\n' "$COUNT" "$(pair a "$COUNT")"
		COUNT=$((COUNT + 1))
	done
	echo '}'
}

# exempt prints the rules that come before all others.
exempt() {
	printf '\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept\n'
	if lifeline; then
		case $PEER in *:*) IP=ip6 ;; *) IP=ip ;; esac
		printf '\t\t%s %s %s tcp %s %s accept\n' "$IP" "$(far_end)" "${PEER:-198.51.100.1}" "$(if [ "$OUTWARD" ]; then echo sport; else echo dport; fi)" "${SSH_PORT:-22}"
	fi
	[ -z "$NOT4" ] || printf '\t\tip %s @not4 accept\n' "$(far_end)"
	[ -z "$NOT6" ] || printf '\t\tip6 %s @not6 accept\n' "$(far_end)"
	[ -z "$P_except_ports" ] || for PORT in 'tcp dport' 'tcp sport' 'udp dport' 'udp sport'; do
		printf '\t\t%s { %s } accept\n' "$PORT" "$(commas "$P_except_ports")"
	done
}

# lifeline: only an attack that has a parameter for it can go without.
lifeline() { case " $PARAMS " in *' lifeline '*) [ "$P_lifeline" != 0 ] ;; esac; }

far_end() { if [ "$OUTWARD" ]; then echo daddr; else echo saddr; fi; }

# through prints the match for the interfaces, if only some are meant.
through() {
	SOME=
	for DEV in ${INTERFACES:-$P_interface}; do SOME="$SOME${SOME:+, }\"$DEV\""; done
	[ -z "$SOME" ] || printf '%sifname { %s } ' "$(if [ "$OUTWARD" ]; then echo o; else echo i; fi)" "$SOME"
}

# matched PREFIX CHAIN prints one rule for each family and protocol that is meant.
matched() {
	for TO in $(if [ -z "$P_targets" ]; then echo all; else echo ${FOUR:+4} ${SIX:+6}; fi); do
		case $TO in 4) TO="ip $(far_end) @four " ;; 6) TO="ip6 $(far_end) @six " ;; *) TO= ;; esac
		protocols | while IFS= read -r WHAT; do
			printf '\t\t%s @live %s%sgoto %s\n' "$1" "$TO" "$WHAT" "$2"
		done
	done
}

# protocols prints a match a line. A port is meant on whichever end it is, unless ENDS says on which.
protocols() {
	if [ -n "$P_ports" ]; then
		for WHAT in tcp udp; do
			case ${P_protocol:-any} in any | "$WHAT") for END in ${ENDS:-dport sport}; do printf '%s %s { %s } \n' "$WHAT" "$END" "$(commas "$P_ports")"; done ;; esac
		done
		return
	fi
	case $P_protocol in
	tcp | udp) printf 'meta l4proto %s \n' "$P_protocol" ;;
	icmp) printf 'meta l4proto { icmp, ipv6-icmp } \n' ;;
	*) echo ;;
	esac
}

nft_apply() { rules | nft -f -; }

# nft_renew gives the sets' elements new time. Were they expired already, the fault is over and stays over.
nft_renew() {
	for FAMILY in inet netdev; do
		nft list table $(TABLE $FAMILY) >/dev/null 2>&1 || continue
		case $FAMILY in inet) A=ipv4 B=ipv6 ;; *) A=ip B=ip6 ;; esac
		nft -f - <<-RENEW || return 1
			delete element $(TABLE $FAMILY) live { $A, $B }
			add element $(TABLE $FAMILY) live { $A timeout ${LIVE}s, $B timeout ${LIVE}s }
		RENEW
	done
}

nft_undo() {
	FAILED=0
	for FAMILY in inet netdev; do
		! nft list table $(TABLE $FAMILY) >/dev/null 2>&1 || nft delete table $(TABLE $FAMILY) || FAILED=1
	done
	return $FAILED
}

nft_gone() {
	for FAMILY in inet netdev; do
		! nft list table $(TABLE $FAMILY) >/dev/null 2>&1 || { printf 'the nft table %s is still there\n' "$(TABLE $FAMILY)" && return 1; }
	done
}

# counted WORD adds up the packets that rules of ours with that word have seen; there is one run on a host.
counted() {
	SUM=0
	for N in $(nft list tables 2>/dev/null | sed -n 's/^table \([a-z]* chaoscat_[a-z0-9_]*\)$/\1/p' | while read -r T; do
		nft list table $T | sed -n "s/.*counter packets \([0-9]*\) .* $1.*/\1/p"
	done); do
		SUM=$((SUM + N))
	done
	echo "$SUM"
}

# ---- shaping --------------------------------------------------------------------------------------------

leaves() { [ "${P_direction:-out}" != in ]; }
arrives() { case $P_direction in in | both) ;; *) return 1 ;; esac; }

detours() { have how && arrives && ! have caught_in; }

shaping_rules() {
	WAYS="$(! leaves || echo out) $(! arrives || detours || echo in)"
	[ "$WAYS" = ' ' ] || ruleset $WAYS
	! detours || detour_rules
}

to_band() { echo 'counter meta priority set cca:4'; }

shaper_requires() {
	have tc || { printf 'this host has no tc\n' && return 1; }
	selectable && controlled || return 1
	INTERFACES=$(interfaces) || { printf '%s\n' "$INTERFACES" && return 1; }
	set -- $INTERFACES
	[ $# -le 8 ] || { printf 'the targets are reached through %s interfaces, and 8 are the most\n' "$#" && return 1; }
	if leaves || detours; then
		case $(how) in
		netem*) netem || { printf 'the kernel has no netem or prio qdisc, or no namespace to try it in\n' && return 1; } ;;
		esac
		tree lo | in_private /bin/sh -c 'while read -r LINE; do $LINE || exit 1; done' >/dev/null 2>&1 || { printf 'tc on this host does not take the qdisc of this attack: %s\n' "$(how)" && return 1; }
	fi
	! leaves || for DEV in $INTERFACES; do
		replaceable "$DEV" || return 1
	done
	! detours || for DEV in $INTERFACES; do
		[ -n "$(mac "$DEV")" ] || { printf 'what arrives on %s cannot be shaped: it is no Ethernet interface\n' "$DEV" && return 1; }
	done
	nft_works
}

shaper_prepare() {
	interfaces >"$D/interfaces" && [ -s "$D/interfaces" ] || { echo 'no interface leads to the targets' && return 1; }
	for DEV in $(cat "$D/interfaces"); do
		! leaves || replaceable "$DEV" || return 1
		qdiscs "$DEV" >"$D/qdiscs.$DEV" && [ -s "$D/qdiscs.$DEV" ] || { printf 'the qdiscs of %s cannot be recorded\n' "$DEV" && return 1; }
	done
	! usual || keep usual "$USUAL" || return 1
	choose >"$D/partner"
}

shaper_inject() {
	INTERFACES=$(cat "$D/interfaces")
	! leaves || for DEV in $INTERFACES; do
		tree "$DEV" | perform || return 1
	done
	if detours; then
		case $(nft list tables netdev 2>/dev/null) in *chaoscat_*) echo 'what arrives is on a detour already' && return 1 ;; esac
		detour | perform || return 1
	fi
	nft_apply || return 1
	echo "$(how): what goes ${P_direction:-out} through $(echo $INTERFACES), ${P_targets:-everybody}${P_ports:+, ports $P_ports}"
}

shaper_undo() {
	nft_undo
	for DEV in $({ cat "$D/interfaces" 2>/dev/null; ours; } | sort -u); do
		case $(tc qdisc show dev "$DEV" 2>/dev/null) in *' cca: root '*) unshape "$DEV" || FAILED=1 ;; esac
	done
	for DEV in $(pairs); do
		ip link del "$DEV" || FAILED=1
	done
	! first "$D/usual" || ! usual || [ "$USUAL" = "$LINE" ] || printf '%s\n' "$LINE" >/proc/sys/net/core/default_qdisc || FAILED=1
	return $FAILED
}

shaper_verify() {
	nft_gone || return 1
	[ -z "$(pairs)" ] || { printf 'the detour %s is still there\n' "$(pairs | head -n 1)" && return 1; }
	for DEV in $(cat "$D/interfaces"); do
		ip link show dev "$DEV" >/dev/null 2>&1 || continue # the interface has gone, and its qdiscs with it
		[ "$(qdiscs "$DEV")" = "$(cat "$D/qdiscs.$DEV")" ] || { printf 'the qdiscs of %s are not as before: %s\n' "$DEV" "$(qdiscs "$DEV" | head -n 1)" && return 1; }
	done
	! first "$D/usual" || ! usual || [ "$USUAL" = "$LINE" ] || { printf 'net.core.default_qdisc is %s and was %s\n' "$USUAL" "$LINE" && return 1; }
}

# perform runs a command a line, up to the first that fails.
perform() {
	while read -r LINE; do
		$LINE </dev/null || return 1
	done
}

# tree DEV prints the commands that put a root on the interface; only marked packets come to its class cca:4.
tree() {
	HOW=$(how)
	case $HOW in
	rate*)
		printf 'tc qdisc add dev %s root handle cca: htb\n' "$1"
		narrow "$1" cca
		;;
	*)
		printf 'tc qdisc add dev %s root handle cca: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1\n' "$1"
		for BAND in 1 2 3; do
			printf 'tc qdisc add dev %s parent cca:%s pfifo limit 1000\n' "$1" "$BAND"
		done
		printf 'tc qdisc add dev %s parent cca:4 handle ccb: %s\n' "$1" "$HOW"
		;;
	esac
}

# narrow DEV HANDLE prints a class of so many kbit: 10 ms of it may come at once, and half a second may queue.
narrow() {
	KBIT=${HOW#rate }
	BURST=$((KBIT * 5 / 4))
	[ "$BURST" -ge 4096 ] || BURST=4096
	printf 'tc class add dev %s parent %s: classid %s:4 htb rate %skbit ceil %skbit burst %s cburst %s quantum 10000\n' "$1" "$2" "$2" "$KBIT" "$KBIT" "$BURST" "$BURST"
	printf 'tc qdisc add dev %s parent %s:4 handle ccb: bfifo limit %s\n' "$1" "$2" $((KBIT * 62 + 32768))
}

# detour prints the commands that make the veth pairs. The far end has the interface's own hardware address, so
# that what comes out of it is still meant for this host.
detour() {
	COUNT=0 HOW=$(how)
	for DEV in $INTERFACES; do
		A=$(pair a "$COUNT") B=$(pair b "$COUNT")
		printf 'ip link add %s mtu 65535 type veth peer name %s mtu 65535 address %s\n' "$A" "$B" "$(mac "$DEV")"
		[ ! -e /proc/net/if_inet6 ] || printf 'ip link set dev %s addrgenmode none\n' "$A" "$B"
		case $HOW in
		rate*)
			printf 'tc qdisc add dev %s root handle ccd: htb default 4\n' "$A"
			narrow "$A" ccd
			;;
		*) printf 'tc qdisc add dev %s root handle ccd: %s\n' "$A" "$HOW" ;;
		esac
		printf 'tc qdisc add dev %s ingress\n' "$B"
		printf 'tc filter add dev %s parent ffff: protocol all pref 1 u32 match u32 0 0 action mirred ingress redirect dev %s\n' "$B" "$DEV"
		printf 'ip link set dev %s up\n' "$A" "$B"
		COUNT=$((COUNT + 1))
	done
}

# rehearsal is the detour where none of the host's interfaces is.
rehearsal() {
	COUNT=0
	for DEV in $INTERFACES; do
		printf 'ip link add %s type veth peer name ccprobe%s\n' "$DEV" "$COUNT"
		COUNT=$((COUNT + 1))
	done
	detour
}

# pair a|b N names one end; pairs prints the ends a that are there. An interface's name has 15 characters.
pair() { printf 'cc%s%s%s' "$1" "$2" "$(checksum)"; }

checksum() { printf %s "${UID_:-probe}" | cksum | sed 's/ .*//'; }

pairs() { ip -o link show type veth 2>/dev/null | sed -n "s/^[0-9]*: \(cca[0-9][0-9]*$(checksum)\)[@:].*/\1/p"; }

mac() { ip -o link show dev "$1" 2>/dev/null | sed -n 's,.* link/ether \([0-9a-f:]*\).*,\1,p'; }

# ours prints the interfaces whose root is of our making.
ours() { tc qdisc show 2>/dev/null | sed -n 's/^qdisc [a-z]* cca: dev \([^ ]*\) root .*/\1/p'; }

# unshape DEV takes our root away. The kernel then puts there what is usual now, which may not be what was usual
# when the interface came up: for that moment the record says what is.
unshape() {
	WAS=$(sed -n '/^qdisc \(noqueue\|mq\|ingress\|clsact\) /d;s/^qdisc \([a-z_]*\) .*/\1/p' "$D/qdiscs.$1" 2>/dev/null | head -n 1)
	usual && [ -n "$WAS" ] && [ "$WAS" != "$USUAL" ] || WAS=
	[ -z "$WAS" ] || printf '%s\n' "$WAS" >/proc/sys/net/core/default_qdisc
	tc qdisc del dev "$1" root
	UNSHAPED=$?
	[ -z "$WAS" ] || printf '%s\n' "$USUAL" >/proc/sys/net/core/default_qdisc || UNSHAPED=1
	return $UNSHAPED
}

# usual sets USUAL to the qdisc that the kernel puts on interfaces; a namespace is not told.
usual() {
	USUAL=
	first /proc/sys/net/core/default_qdisc && USUAL=$LINE
}

# qdiscs prints the tree without the count of references, which says nothing about what was configured.
qdiscs() { tc qdisc show dev "$1" | sed 's/ refcnt [0-9]*//'; }

# replaceable tells whether what is there now can be put back exactly: only what the kernel had put there itself
# and nobody has changed since, all of one kind.
replaceable() {
	usual
	KIND_=
	MTU=$(ip -o link show dev "$1" 2>/dev/null | sed -n 's/.* mtu \([0-9]*\).*/\1/p')
	qdiscs "$1" | while read -r _ QDISC HANDLE REST; do
		case $QDISC in
		ingress | clsact)
			case $(tc filter show dev "$1" ingress 2>/dev/null) in *mirred*) printf 'what arrives on interface %s is redirected by somebody\n' "$1" && exit 1 ;; esac
			continue
			;;
		noqueue | mq) ;;
		pfifo_fast | fq_codel | fq)
			[ -z "$KIND_" ] || [ "$QDISC" = "$KIND_" ] || { printf 'interface %s has both %s and %s qdiscs, which could not be put back exactly\n' "$1" "$QDISC" "$KIND_" && exit 1; }
			KIND_=$QDISC
			[ -z "$USUAL" ] || [ "$QDISC" = "$USUAL" ] || [ -w /proc/sys/net/core/default_qdisc ] || { printf 'interface %s has a %s where the kernel would put back %s\n' "$1" "$QDISC" "$USUAL" && exit 1; }
			;;
		*) printf 'interface %s has a %s qdisc that could not be put back exactly\n' "$1" "$QDISC" && exit 1 ;;
		esac
		[ "$HANDLE" = 0: ] || { printf 'interface %s has a %s qdisc set up by hand\n' "$1" "$QDISC" && exit 1; }
		case $QDISC-$REST in
		fq_codel-*' quantum '*)
			QUANTUM=${REST#* quantum }
			QUANTUM=$((${QUANTUM%%[!0-9]*} - ${MTU:-0})) # what the link's header takes
			[ "$QUANTUM" -ge 0 ] && [ "$QUANTUM" -le 40 ] || { printf 'interface %s has a fq_codel qdisc whose options are not those that would come back\n' "$1" && exit 1; }
			;;
		esac
	done
}

# ---- ways -----------------------------------------------------------------------------------------------

# interfaces prints those that lead to the targets, each once. An address of the host's own leads nowhere.
interfaces() {
	[ -z "$P_interface" ] || { printf '%s\n' "$P_interface" && return; }
	ROUTES=$(
		if [ -z "$P_targets" ]; then
			leads default
		else
			for TO in $(entries "$P_targets"); do
				case $TO in */0) leads default ;; *) leads "${TO%/*}" ;; esac || exit 1
			done
		fi
	) || { printf '%s\n' "$ROUTES" | tail -n 1 && return 1; }
	printf '%s\n' "$ROUTES" | grep -v -x lo | sort -u | grep . || { printf '%s is this host itself\n' "$P_targets" && return 1; }
}

leads() {
	if [ "$1" = default ]; then
		WAY=$(ip -o route show default 2>/dev/null; ip -o -6 route show default 2>/dev/null)
	else
		WAY=$(ip -o route get "$1" 2>/dev/null)
	fi
	DEVS=$(printf '%s\n' "$WAY" | tr '\134' '\n' | sed -n 's/.* dev \([A-Za-z0-9_.-]*\).*/\1/p')
	[ -n "$DEVS" ] || { printf 'there is no route to %s\n' "$1" && return 1; }
	printf '%s\n' "$DEVS"
}

# the_word WORD TEXT... prints what follows WORD.
the_word() {
	WORD=$1
	shift
	while [ $# -gt 1 ]; do
		[ "$1" != "$WORD" ] || { printf '%s\n' "$2" && return 0; }
		shift
	done
	return 1
}

gateway() {
	the_word via $(ip -o route show default ${P_interface:+dev "$P_interface"} 2>/dev/null) ||
		the_word via $(ip -o -6 route show default ${P_interface:+dev "$P_interface"} 2>/dev/null)
}

# ---- measuring ------------------------------------------------------------------------------------------

# candidates prints addresses on which the fault may be seen: the single targets, or else the gateway; of a group
# that this host belongs to, the others.
candidates() {
	OWN=$(ip -o addr show 2>/dev/null)
	if [ -n "$P_targets" ]; then entries "$P_targets"; else gateway; fi | while read -r TO; do
		case $TO in */*) continue ;; esac
		case ",$P_except," in *",$TO,"*) continue ;; esac
		case $OWN in *" $TO/"*) ;; *) echo "$TO" ;; esac
	done | head -n 3
}

# choose prints the first of them that answers; partner the one that was chosen before the fault.
choose() {
	for TO in $(candidates); do
		! pings_meant || ! have ping || { pinged "$TO" -q -c 1 -W 1 && [ "$GOT" -gt 0 ]; } || continue
		echo "$TO" && return
	done
	candidates | head -n 1
}

partner() { if first "$D/partner"; then printf '%s\n' "$LINE"; else choose; fi; }

pings_meant() { [ -z "$P_ports" ] && case ${P_protocol:-any} in any | icmp) ;; *) return 1 ;; esac; }

# pingable sets TO and says whom the figure is about, or why there is none.
pingable() {
	pings_meant || { echo "unverifiable ${P_protocol:+$P_protocol }${P_ports:+ports $P_ports }only, which pings cannot show" && return 1; }
	have ping || { echo 'unverifiable this host has no ping' && return 1; }
	TO=$(partner)
	[ -n "$TO" ] || { echo 'unverifiable there is no single target and no gateway to ping' && return 1; }
	echo "about $1 $TO"
}

# pinged ADDRESS OPTION... leaves what ping says in PINGED, and how many were SENT, GOT and came TWICE.
pinged() {
	WHOM=$1
	shift
	case $WHOM in
	*:*) if have ping6; then PINGED=$(ping6 "$@" "$WHOM" 2>&1); else PINGED=$(ping -6 "$@" "$WHOM" 2>&1); fi ;;
	*) PINGED=$(ping "$@" "$WHOM" 2>&1) ;;
	esac
	set -- $(printf '%s\n' "$PINGED" | sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) .*/\1 \2/p')
	SENT=${1:-0} GOT=${2:-0}
	TWICE=$(printf '%s\n' "$PINGED" | sed -n 's/.*[ +]\([0-9]*\) duplicates.*/\1/p')
	TWICE=${TWICE:-0}
}

# flood ADDRESS COUNT MS OPTION... sends that many pings, one each MS, all within 9 s or so. A ping that takes no
# fractions of a second sends fewer.
flood() {
	pinged "$1" -q -c "$2" -i "$(($3 / 1000)).$(printf %03d $(($3 % 1000)))" -w $(($2 * $3 / 1000 + 2)) $4 $5
	[ "$SENT" -gt 0 ] || pinged "$1" -q -c 9 -w 9 $4 $5
}

round_trip() { printf '%s\n' "$PINGED" | sed -n 's,^.*= [0-9.]*/\([0-9.]*\)/.*,\1,p'; }

# quickest is the shortest round trip, which no other load can have made longer than the fault did.
quickest() { printf '%s\n' "$PINGED" | sed -n 's,^.*= \([0-9.]*\)/[0-9.]*/.*,\1,p'; }

# hundredths_of 12.5 sets H to 1250; decimal_of 1250 prints 12.50.
hundredths_of() {
	H=${1#*.}
	[ "$H" != "$1" ] || H=
	H=${H}00
	H=1${H%"${H#??}"}
	W=${1%%.*}
	W=${W#0}
	H=$((${W:-0} * 100 + H - 100))
}

decimal_of() { printf '%d.%02d\n' $(($1 / 100)) $(($1 % 100)); }

# by_chance sets H to the share of pings that meet a chance of P_percent, in hundredths of a percent: of those
# that have to pass it both ways more than of those that pass it one way.
by_chance() {
	hundredths_of "$P_percent"
	[ "$P_direction" != both ] || H=$((2 * H - H * H / 10000))
}

# pings_by_chance floods as many pings as that chance takes to be told from none, at most 1000.
pings_by_chance() {
	by_chance
	[ "$H" -ge 200 ] || { echo "unverifiable fewer than 20 of 1000 pings would show $P_percent %" && return 1; }
	PINGS=$((400000 / H))
	[ "$PINGS" -ge 200 ] || PINGS=200
	[ "$PINGS" -le 1000 ] || PINGS=1000
	flood "$TO" "$PINGS" $((4000 / PINGS))
	[ "$SENT" -gt 0 ] || { echo "unverifiable ping says: $(printf '%s\n' "$PINGED" | head -n 1)" && return 1; }
}

# connects ADDRESS PORT sets MS to the time a TCP connection, or its refusal, takes; empty if none comes within
# SECONDS, or nobody here could try.
connects() {
	MS=$(timeout "$3" bash -c 'S=$EPOCHREALTIME; { : <>"/dev/tcp/$1/$2"; } 2>&1 | grep -i -q -e "timed out" -e unreachable -e "no route" && exit 1; E=$EPOCHREALTIME
		S=${S/[.,]/} E=${E/[.,]/}; [ -n "$E" ] && echo "$(((E - S) / 1000)).$(((E - S) / 100 % 10))"' connects "$1" "$2" 2>/dev/null)
	[ -n "$MS" ]
}

# tcp_port prints the port on which TCP can show the fault.
tcp_port() {
	have bash && have timeout && bash -c '[ "$EPOCHREALTIME" ]' && [ -n "$P_ports" ] && [ "$P_protocol" != udp ] && commas "$P_ports" | sed 's/[,-].*//' | grep .
}
