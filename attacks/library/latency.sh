# latency: packets to the targets wait. A root prio with a fourth band is put on the interfaces that lead to
# the targets; the default map never enters that band, only packets that the timed nft set marks with its
# class do. Once the set has expired, the qdiscs are still there, and nothing passes through netem any more.

requires() {
	for TOOL in tc ip; do
		have "$TOOL" || { printf 'this host has no %s\n' "$TOOL" && return 1; }
	done
	controlled || return 1
	netem || { printf 'the kernel has no netem or prio qdisc, or no namespace to try it in\n' && return 1; }
	INTERFACES=$(interfaces) || { printf '%s\n' "$INTERFACES" && return 1; }
	nft_works || return 1
	for DEV in $INTERFACES; do
		replaceable "$DEV" || return 1
	done
}

layers() { echo kernel; }

prepare() {
	interfaces >"$D/interfaces" && [ -s "$D/interfaces" ] || { echo 'no interface leads to the targets' && return 1; }
	for DEV in $(cat "$D/interfaces"); do
		replaceable "$DEV" || return 1
		qdiscs "$DEV" >"$D/qdiscs.$DEV" && [ -s "$D/qdiscs.$DEV" ] || { printf 'the qdiscs of %s cannot be recorded\n' "$DEV" && return 1; }
	done
}

inject() {
	for DEV in $(cat "$D/interfaces"); do
		tc qdisc add dev "$DEV" root handle cca: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1 || return 1
		for BAND in 1 2 3; do
			tc qdisc add dev "$DEV" parent "cca:$BAND" pfifo limit 1000 || return 1
		done
		tc qdisc add dev "$DEV" parent cca:4 handle ccb: netem limit 100000 delay "${P_delay}ms" ${P_jitter:+"${P_jitter}ms"} || return 1
		echo "$DEV: packets that are meant wait $P_delay ms${P_jitter:+ +- $P_jitter ms}"
	done
	INTERFACES=$(cat "$D/interfaces")
	nft_apply
}

renew() { nft_renew; }

undo() {
	nft_undo
	FAILED=$?
	for DEV in $(cat "$D/interfaces"); do
		[ -e "/sys/class/net/$DEV" ] || continue # the interface has gone, and its qdiscs with it
		case $(tc qdisc show dev "$DEV") in
		*'qdisc prio cca: root'*) tc qdisc del dev "$DEV" root || FAILED=1 ;;
		esac
	done
	return $FAILED
}

verify() {
	nft_gone || return 1
	for DEV in $(cat "$D/interfaces"); do
		[ -e "/sys/class/net/$DEV" ] || continue
		[ "$(qdiscs "$DEV")" = "$(cat "$D/qdiscs.$DEV")" ] || { printf 'the qdiscs of %s are not as before: %s\n' "$DEV" "$(qdiscs "$DEV" | head -n 1)" && return 1; }
	done
}

measure() {
	[ -z "$P_ports" ] || { echo 'unverifiable only some ports wait, which a ping cannot show' && return; }
	have ping || { echo 'unverifiable this host has no ping' && return; }
	TO=$(somebody)
	[ -n "$TO" ] || { echo 'unverifiable there is no single target and no gateway to ping' && return; }
	pinged "$TO"
	MS=$(round_trip)
	if [ -n "$MS" ]; then echo "figure $MS"; else echo "unverifiable $TO does not answer pings"; fi
	echo "expect up $P_delay"
}

# rules prints the whole table.
rules() {
	echo "table $(TABLE) {"
	live_set
	echo '	chain out {'
	echo '		type filter hook output priority -150; policy accept;'
	lifeline output 1
	OIF=
	for DEV in $INTERFACES; do OIF="$OIF${OIF:+, }\"$DEV\""; done
	[ -z "$OIF" ] || OIF="oifname { $OIF } "
	matched "$OIF" daddr dport 'counter meta priority set cca:4'
	echo '	}'
	echo '}'
}

# interfaces prints those that lead to the targets, each once.
interfaces() {
	ROUTES=$(
		if [ -z "$P_targets" ]; then
			leads default
		else
			for TO in $(peers); do
				case $TO in */0) leads default ;; *) leads "${TO%/*}" ;; esac || exit 1
			done
		fi
	) || { printf '%s\n' "$ROUTES" | tail -n 1 && return 1; }
	printf '%s\n' "$ROUTES" | sort -u
}

leads() {
	if [ "$1" = default ]; then
		WAY=$(ip -o route show default 2>/dev/null; ip -o -6 route show default 2>/dev/null)
	else
		WAY=$(ip -o route get "$1" 2>/dev/null)
	fi
	DEVS=$(printf '%s\n' "$WAY" | tr '\134' '\n' | sed -n 's/.* dev \([A-Za-z0-9_.-]*\).*/\1/p')
	[ -n "$DEVS" ] || { printf 'there is no route to %s\n' "$1" && return 1; }
	case "
$DEVS
" in *'
lo
'*) printf '%s is this host itself\n' "$1" && return 1 ;; esac
	printf '%s\n' "$DEVS"
}

# qdiscs prints the tree without the count of references, which says nothing about what was configured.
qdiscs() { tc qdisc show dev "$1" | sed 's/ refcnt [0-9]*//'; }

# replaceable tells whether the kernel would put back by itself exactly what is there now.
replaceable() {
	read -r USUAL 2>/dev/null </proc/sys/net/core/default_qdisc || USUAL=
	qdiscs "$1" | while read -r _ QDISC HANDLE _; do
		case $QDISC in
		ingress | clsact) continue ;;
		noqueue | mq) ;;
		pfifo_fast | fq_codel | fq) [ -z "$USUAL" ] || [ "$QDISC" = "$USUAL" ] || { printf 'interface %s has a %s where the kernel would put back %s\n' "$1" "$QDISC" "$USUAL" && exit 1; } ;;
		*) printf 'interface %s has a %s qdisc that could not be put back exactly\n' "$1" "$QDISC" && exit 1 ;;
		esac
		[ "$HANDLE" = 0: ] || { printf 'interface %s has a %s qdisc set up by hand\n' "$1" "$QDISC" && exit 1; }
	done
}
