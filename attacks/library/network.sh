# What the network attacks share. Every rule of ours sits in one nft table of the run's own and asks the set
# "live" first, whose elements the kernel itself removes after $LIVE seconds: with no process left, the fault
# is over. What is not matched is not touched; the control path, loopback and neighbour discovery are let
# through before anything is matched (ARP is no business of an inet table).

TABLE() { printf 'inet chaoscat_%s' "${UID_:-probe}"; }

# in_private COMMAND... runs in a network namespace that ends with it.
in_private() { have unshare && unshare -n "$@"; }

# netem tells whether this kernel can delay packets, by trying it where nobody is.
netem() {
	have tc && in_private /bin/sh -c 'tc qdisc add dev lo root handle cca: prio bands 4 && tc qdisc add dev lo parent cca:4 handle ccb: netem delay 1ms' >/dev/null 2>&1
}

# nft_works RULES... tries the very rules where nobody is.
nft_works() {
	have nft || { printf 'this host has no nft\n' && return 1; }
	in_private true 2>/dev/null || { printf 'no network namespace can be made to try the rules in (unshare -n)\n' && return 1; }
	rules | in_private nft -f - >/dev/null 2>&1 || { printf 'nft on this host does not take the rules of this attack\n' && return 1; }
}

controlled() { [ -n "$PEER" ] || { printf 'the control path is unknown: SSH_CONNECTION is not set\n' && return 1; }; }

# live_set prints the timed set and, where there are targets, their sets.
live_set() {
	printf '\tset live { type nf_proto; flags timeout; elements = { ipv4 timeout %ss, ipv6 timeout %ss }; }\n' "${LIVE:-10}" "${LIVE:-10}"
	FOUR=$(of_family 4) SIX=$(of_family 6)
	[ -z "$FOUR" ] || printf '\tset four { type ipv4_addr; flags interval; auto-merge; elements = { %s }; }\n' "$FOUR"
	[ -z "$SIX" ] || printf '\tset six { type ipv6_addr; flags interval; auto-merge; elements = { %s }; }\n' "$SIX"
}

# peers prints the targets one a line; of_family 4|6 those of a family, with commas.
peers() { printf '%s\n' "$P_targets" | tr ' ,' '\n\n' | sed '/^$/d'; }

of_family() {
	if [ "$1" = 6 ]; then peers | grep : ; else peers | grep -v : ; fi | paste -s -d , -
}

ports() { printf '%s' "$P_ports" | tr -s ' ,' ',,' | sed 's/^,//;s/,$//'; }

# lifeline HOOK prints the rules that come before all others.
lifeline() {
	case $1 in
	output) LO=oifname WHO=daddr TCP=sport ;;
	*) LO=iifname WHO=saddr TCP=dport ;;
	esac
	printf '\t\t%s "lo" accept\n' "$LO"
	printf '\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept\n'
	[ "$2" != 0 ] || return 0
	case $PEER in *:*) IP=ip6 ;; *) IP=ip ;; esac
	printf '\t\t%s %s %s tcp %s %s accept\n' "$IP" "$WHO" "${PEER:-192.0.2.1}" "$TCP" "${SSH_PORT:-22}"
}

# matched PREFIX daddr|saddr PORTEXPR... ACTION prints one rule for each family and protocol that is meant.
matched() {
	for TO in $(targets_of "$2"); do
		case $TO in 4) TO="ip $2 @four " ;; 6) TO="ip6 $2 @six " ;; *) TO= ;; esac
		for PORT in $(port_kinds "$3"); do
			case $PORT in all) PORT= ;; *) PORT="${PORT%%/*} ${PORT##*/} { $(ports) } " ;; esac
			printf '\t\t%smeta nfproto @live %s%s%s\n' "$1" "$TO" "$PORT" "$4"
		done
	done
}

targets_of() {
	if [ -z "$P_targets" ]; then
		printf all
	else
		[ -z "$FOUR" ] || printf '4 '
		[ -z "$SIX" ] || printf '6 '
	fi
}

port_kinds() {
	if [ -z "$P_ports" ]; then printf all; else for WAY in $1; do printf 'tcp/%s udp/%s ' "$WAY" "$WAY"; done; fi
}

nft_apply() { rules | nft -f -; }

# nft_renew gives the set's elements new time. Were they expired already, the fault is over and stays over.
nft_renew() {
	nft -f - <<-RENEW
		delete element $(TABLE) live { ipv4, ipv6 }
		add element $(TABLE) live { ipv4 timeout ${LIVE}s, ipv6 timeout ${LIVE}s }
	RENEW
}

nft_undo() {
	nft list table $(TABLE) >/dev/null 2>&1 || return 0
	nft delete table $(TABLE)
}

nft_gone() {
	! nft list table $(TABLE) >/dev/null 2>&1 || { printf 'the nft table %s is still there\n' "$(TABLE)" && return 1; }
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

gateway() { the_word via $(ip -o route show default 2>/dev/null) || the_word via $(ip -o -6 route show default 2>/dev/null); }

# somebody prints an address that a ping may show the fault on: the first target, or else the gateway.
somebody() {
	if [ -n "$P_targets" ]; then peers | grep -v / | head -n 1; else gateway; fi
}

# pinged ADDRESS leaves what ping says in PINGED; 3 packets.
pinged() {
	case $1 in
	*:*) if have ping6; then PINGED=$(ping6 -q -c 3 -W 2 "$1" 2>&1); else PINGED=$(ping -6 -q -c 3 -W 2 "$1" 2>&1); fi ;;
	*) PINGED=$(ping -q -c 3 -W 2 "$1" 2>&1) ;;
	esac
}

answered() { printf '%s\n' "$PINGED" | sed -n 's/.* \([0-9]*\)[.0-9]*% packet loss.*/\1/p'; }

round_trip() { printf '%s\n' "$PINGED" | sed -n 's,^.*= [0-9.]*/\([0-9.]*\)/.*,\1,p'; }
