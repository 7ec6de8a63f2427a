# freeze: all processes of a service are frozen by its control group, at once and whether they like it or not. The
# kernel's own file is written, not systemd asked, so that thawing needs neither systemd nor a free process number.
# A service whose watchdog kills it meanwhile is started again by the undo, in a new group that is not frozen.

requires() {
	usable_unit "$P_unit" || return 1
	for ALIAS in $(property Names "$P_unit"); do
		! needed_while_held "$ALIAS" || { echo "$ALIAS answers logins or the host itself, and is never frozen" && return 1; }
	done
	group || return 1
	[ "$(frozen)" = 0 ] || { echo "$P_unit is frozen already" && return 1; }
	ours_elsewhere
}

layers() { :; }

prepare() {
	requires || return 1
	keep group "$GROUP" && affected "$P_unit" >"$D/units" && [ -s "$D/units" ] || { echo 'the control group cannot be recorded' && return 1; }
}

inject() {
	first "$D/group" && GROUP=$LINE
	ours_elsewhere || return 1
	{ echo 1 >"$GROUP/cgroup.freeze"; } 2>/dev/null || { echo "the kernel does not freeze $P_unit" && return 1; }
	TRIES=0
	until [ "$(frozen)" = 1 ] || [ "$TRIES" -ge 100 ]; do
		TRIES=$((TRIES + 1))
		nap 0.05
	done
	[ "$(frozen)" = 1 ] && echo "$P_unit is frozen" || { echo "$P_unit does not freeze: a process of it waits for the kernel" && return 1; }
}

undo() {
	first "$D/group" && GROUP=$LINE
	[ ! -e "$GROUP/cgroup.freeze" ] || echo 0 >"$GROUP/cgroup.freeze"
	TRIES=0
	while [ "$(frozen)" = 1 ] && [ "$TRIES" -lt 100 ]; do
		TRIES=$((TRIES + 1))
		nap 0.05
	done
	units_back && [ "$(frozen)" != 1 ]
}

verify() {
	first "$D/group" && GROUP=$LINE
	[ "$(frozen)" != 1 ] || { echo "$P_unit is still frozen" && return 1; }
	units_verified
}

measure() {
	group >/dev/null || { echo "unverifiable $(group)" && return; }
	ICE=$(frozen)
	[ -n "$ICE" ] || { echo "unverifiable the kernel does not say whether $P_unit is frozen" && return; }
	echo "figure $ICE"
	echo 'expect up 1'
}

# group sets GROUP to the unit's control group in the one hierarchy that can freeze it.
group() {
	ROOT=/sys/fs/cgroup
	[ -e "$ROOT/cgroup.controllers" ] || ROOT=$ROOT/unified
	GROUP=$(property ControlGroup "$P_unit")
	case $GROUP in
	/?*/*) ;;
	*) echo "$P_unit has no control group of its own" && return 1 ;;
	esac
	case $GROUP in *..* | *' '*) echo "the control group of $P_unit has a name that is not plain" && return 1 ;; esac
	GROUP=$ROOT$GROUP
	[ -e "$GROUP/cgroup.freeze" ] || { echo 'this host has no cgroup v2 that can freeze a service' && return 1; }
}

# frozen prints what the kernel says of the group: 1, 0, or nothing where it is gone.
frozen() { sed -n 's/^frozen //p' "$GROUP/cgroup.events" 2>/dev/null; }

# ours_elsewhere refuses a group that holds this session, a guard, or whatever we come from.
ours_elsewhere() {
	kin
	for ONE in $KIN $(cat "$RUNDIR"/*/pid.* 2>/dev/null | sed 's/ .*//'); do
		{
			while IFS= read -r LINE; do
				case $LINE/ in 0::"${GROUP#"$ROOT"}"/*) echo "$P_unit holds this very session or a guard of it" && return 1 ;; esac
			done <"/proc/$ONE/cgroup"
		} 2>/dev/null
	done
	return 0
}
