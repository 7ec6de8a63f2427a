# port-hog: a TCP port is taken, so that whoever wants to listen there finds it in use. Connections to it are let in
# and never answered. Taken by what the host has: perl, python3, socat, ncat, nc or busybox. The holder ends by
# itself when its keeper is gone, and the keeper when the state, the guard or the time is; perl and python3 are
# ended by the kernel's alarm besides. A service that found the port in use and gave up meanwhile is not started
# by the undo: whether it comes back is what the attack is for.

requires() {
	case $P_address in *[!0-9a-fA-F.:]*) echo "$P_address is not an address" && return 1 ;; esac
	[ "$P_port" != 22 ] && [ "$P_port" != "$SSH_PORT" ] || { echo "port $P_port is the way in" && return 1; }
	[ -z "$(tcp_listening)" ] || { echo "port $P_port is in use already" && return 1; }
	local_address || { echo "$P_address is not an address of this host" && return 1; }
	tool || { echo 'this host has nothing to take a port with: perl, python3, socat, ncat, nc or busybox' && return 1; }
}

layers() { ! tool || case $TOOL in perl | python3) echo kernel ;; esac; }

prepare() {
	requires || return 1
	keep tool "$TOOL" && : >"$D/helpers"
}

inject() {
	first "$D/tool" && TOOL=$LINE
	[ -z "$(tcp_listening)" ] || { echo "port $P_port has been taken meanwhile" && return 1; }
	(keeper) </dev/null >/dev/null 2>&1 &
	TRIES=0
	until [ -n "$(tcp_listening)" ] || [ -e "$D/gave_up" ] || [ "$TRIES" -ge 100 ]; do
		TRIES=$((TRIES + 1))
		nap 0.05
	done
	[ -n "$(tcp_listening)" ] && [ ! -e "$D/gave_up" ] || { echo "$TOOL did not get port $P_port: $(printable "$D/log.hog")" && return 1; }
	echo "port $P_port${P_address:+ of $P_address} is taken by $TOOL"
}

# undo ends whoever holds the port, and then the group that a holder led where it starts a process for each connection:
# once the holder is dead nobody joins it.
undo() {
	ended "$D/helpers"
	ENDED=$?
	while read -r PID _; do end_orphans "$PID"; done <"$D/helpers"
	return "$ENDED"
} 2>/dev/null

verify() {
	! living_in "$D/helpers" || { echo "port $P_port is still held by $LIVING" && return 1; }
	while read -r PID _; do
		! kill -0 "-$PID" 2>/dev/null || ! orphaned "$PID" || { echo "connections to port $P_port are still held" && return 1; }
	done <"$D/helpers"
}

measure() {
	if [ ! -e "$D/gave_up" ] && [ -n "$(tcp_listening)" ]; then # else whoever listens there now is not ours
		echo 'figure 1'
	else
		echo 'figure 0'
	fi
	echo 'expect up 1'
}

# keeper holds the holder and lets go in time. Both write themselves down before the port is taken.
keeper() {
	trap - TERM
	myself
	echo "$ME $BORN" >>"$D/helpers" || exit
	first "$D/helpers" && [ ! -e "$D/undo.1" ] || exit
	(
		myself
		echo "$ME $BORN" >>"$D/helpers" && [ ! -e "$D/undo.1" ] || exit
		holder >"$D/log.hog" 2>&1
	) &
	HOLDER=$!
	birth "$HOLDER"
	HOLDER_BORN=$BIRTH
	while on_duty; do
		alive "$HOLDER" "$HOLDER_BORN" || { : >"$D/gave_up"; exit; }
		nap 0.2
	done
	! alive "$HOLDER" "$HOLDER_BORN" || kill -KILL "$HOLDER"
	end_orphans "$HOLDER"
}

# tool sets TOOL to the first that does what is needed; those that differ from host to host are tried, in a network
# that is thrown away.
tool() {
	for TOOL in perl python3 socat ncat nc nc-p busybox; do
		case $TOOL in
		perl) perl -MSocket=:all -e 'IPV6_V6ONLY' 2>/dev/null && return 0 ;;
		python3) python3 -c 'import socket, signal' 2>/dev/null && return 0 ;;
		busybox) [ -z "$P_address" ] && have busybox && tried && return 0 ;;
		*) have "${TOOL%-p}" && tried && return 0 ;;
		esac
	done
	return 1
}

tried() {
	in_private true 2>/dev/null || return 1
	PRIVATE='unshare -n'
	(P_address= && holder) </dev/null >/dev/null 2>&1 &
	TRIAL=$!
	TRIES=0
	HEX=$(printf %04X "$P_port")
	until grep -q -s -E "^ *[0-9]+: [0-9A-F]+:$HEX [0-9A-F]+:0000 0A" "/proc/$TRIAL/net/tcp" "/proc/$TRIAL/net/tcp6" || [ "$TRIES" -ge 20 ]; do
		TRIES=$((TRIES + 1))
		nap 0.05
	done
	PRIVATE=
	kill -KILL "$TRIAL" 2>/dev/null
	[ "$TRIES" -lt 20 ]
}

# holder becomes the program that listens. PRIVATE goes before it when it is only tried.
holder() {
	if [ -z "$PRIVATE" ] && have setpriv && setpriv --pdeathsig KILL true 2>/dev/null; then PRIVATE='setpriv --pdeathsig KILL'; fi
	LEADS=
	! have setsid || LEADS=setsid
	case $TOOL in
	perl) exec perl -MSocket=:all -e "$(in_perl)" "$P_port" "$P_address" "$TTL" ;;
	python3) exec python3 -c "$(in_python)" "$P_port" "$P_address" "$TTL" ;;
	socat) exec $PRIVATE $LEADS socat -T "$TTL" "TCP-LISTEN:$P_port,reuseaddr,fork,max-children=5${P_address:+,bind=[$P_address]}" PIPE ;;
	ncat) exec $PRIVATE ncat -l -k --recv-only $P_address "$P_port" ;;
	nc) exec $PRIVATE nc -l -k $P_address "$P_port" ;;
	nc-p) exec $PRIVATE nc -l -k -p "$P_port" ${P_address:+-s "$P_address"} ;;
	busybox) exec $PRIVATE $LEADS busybox nc -ll -p "$P_port" -e sleep "$TTL" ;;
	esac
}

in_perl() {
	cat <<-'PERL'
		my ($port, $at, $time) = @ARGV;
		my $keeper = getppid;
		my $six = $at eq "" ? -e "/proc/net/if_inet6" : $at =~ /:/;
		socket(my $s, $six ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die "$!\n";
		setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
		setsockopt($s, IPPROTO_IPV6, IPV6_V6ONLY, $at eq "" ? 0 : 1) if $six;
		bind($s, $six ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $at || "::")) : pack_sockaddr_in($port, inet_aton($at || "0.0.0.0"))) or die "$!\n";
		listen($s, 5) or die "$!\n";
		alarm $time;
		sleep 1 while getppid == $keeper;
	PERL
}

in_python() {
	cat <<-'PYTHON'
		import os, signal, socket, sys, time
		port, at, limit = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
		keeper = os.getppid()
		six = ":" in at if at else os.path.exists("/proc/net/if_inet6")
		s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		if six: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if at else 0)
		s.bind((at or ("::" if six else "0.0.0.0"), port))
		s.listen(5)
		signal.alarm(limit)
		while os.getppid() == keeper: time.sleep(1)
	PYTHON
}

# local_address: every address that begins with 127 is this host's.
local_address() {
	case $P_address in '' | 127.*) return 0 ;; esac
	! have ip || ip -o addr show 2>/dev/null | grep -q -F " $P_address/"
}

tcp_listening() {
	HEX=$(printf %04X "$P_port")
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -E "^ *[0-9]+: [0-9A-F]+:$HEX [0-9A-F]+:0000 0A"
}
