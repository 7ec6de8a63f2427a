# service-stop: a systemd service is stopped, with what is stopped along with it, and with the sockets, paths
# and timers that would start it again. Nothing is masked or edited; all that was active is started again.

requires() { usable_unit "$P_unit"; }

layers() { :; }

prepare() {
	requires || return 1
	affected "$P_unit" >"$D/units" && [ -s "$D/units" ] || { echo 'what must be started again cannot be recorded' && return 1; }
}

inject() { systemctl stop $(triggers) "$P_unit" && echo "$P_unit is stopped"; }

undo() { units_back; }

verify() { units_verified; }

measure() {
	unit_state "$P_unit"
	[ -n "$ACTIVE" ] || { echo "unverifiable systemctl does not say how $P_unit is" && return; }
	if [ "$ACTIVE" = active ]; then echo 'figure 1'; else echo 'figure 0'; fi
	echo 'expect down 1'
}

triggers() {
	for UNIT in $(property TriggeredBy "$P_unit"); do
		unit_state "$UNIT"
		[ "$ACTIVE" != active ] || echo "$UNIT"
	done
}
