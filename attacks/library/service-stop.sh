# service-stop: a systemd service is stopped, with what is stopped along with it, and with the sockets, paths
# and timers that would start it again. Nothing is masked or edited; all that was active is started again.

requires() {
	[ -d /run/systemd/system ] && have systemctl || { echo 'this host is not run by systemd' && return 1; }
	state "$P_unit"
	[ "$LOADED" = loaded ] || { echo "there is no unit $P_unit on this host" && return 1; }
	[ "$ACTIVE" = active ] || { echo "$P_unit is $ACTIVE, so it cannot be stopped" && return 1; }
	for UNIT in $(affected); do
		for ALIAS in $(property Names "$UNIT"); do
			! vital "$ALIAS" || { echo "$ALIAS would be stopped, which this host is reached or run by" && return 1; }
		done
	done
}

layers() { :; }

prepare() {
	requires || return 1
	affected >"$D/units" && [ -s "$D/units" ] || { echo 'what must be started again cannot be recorded' && return 1; }
}

inject() { systemctl stop $(triggers) "$P_unit" && echo "$P_unit is stopped"; }

undo() {
	for UNIT in $(cat "$D/units"); do
		state "$UNIT"
		[ "$ACTIVE" != failed ] || systemctl reset-failed "$UNIT"
		[ "$ACTIVE" = active ] || systemctl start --no-block "$UNIT"
	done
	TRIES=0
	until all_active || [ "$TRIES" -ge 90 ]; do
		TRIES=$((TRIES + 1))
		nap 0.5
	done
	all_active
}

verify() { all_active || { echo "$UNIT was active and is $ACTIVE now" && return 1; }; }

measure() {
	state "$P_unit"
	if [ "$ACTIVE" = active ]; then echo 'figure 1'; else echo 'figure 0'; fi
	echo 'expect down 1'
}

all_active() {
	for UNIT in $(cat "$D/units"); do
		state "$UNIT"
		[ "$ACTIVE" = active ] || return 1
	done
}

property() { systemctl show -p "$1" -- "$2" 2>/dev/null | sed -n "s/^$1=//p"; }

state() {
	LOADED=$(property LoadState "$1")
	ACTIVE=$(property ActiveState "$1")
}

# vital units are those by which the host is reached and run.
vital() {
	case $1 in
	ssh.* | ssh@* | sshd.* | sshd@* | ssh-* | sshd-* | dropbear* | network* | NetworkManager* | connman* | wicked* | dhcp* | ifup* | systemd-* | init.* | -.slice | \
		dbus* | getty* | serial-getty* | console-* | user@* | user-runtime-dir@* | session-* | firewalld* | nftables* | iptables* | ufw* | *.target | *.mount | *.slice | *.device | chaoscat*) return 0 ;;
	esac
	return 1
}

# affected prints the unit and every active unit that stops with it or would bring it back, the unit first.
affected() {
	SEEN_UNITS=" $P_unit "
	QUEUE=$P_unit
	while [ -n "$QUEUE" ]; do
		set -- $QUEUE
		UNIT=$1
		shift
		QUEUE="$*"
		echo "$UNIT"
		for NEXT in $(property RequiredBy "$UNIT") $(property BoundBy "$UNIT") $(property ConsistsOf "$UNIT") $(triggers_of "$UNIT"); do
			case $SEEN_UNITS in *" $NEXT "*) continue ;; esac
			SEEN_UNITS="$SEEN_UNITS$NEXT "
			state "$NEXT"
			[ "$ACTIVE" != active ] || QUEUE="$QUEUE $NEXT"
		done
	done
}

triggers_of() { [ "$1" != "$P_unit" ] || property TriggeredBy "$1"; }

triggers() {
	for UNIT in $(property TriggeredBy "$P_unit"); do
		state "$UNIT"
		[ "$ACTIVE" != active ] || echo "$UNIT"
	done
}
