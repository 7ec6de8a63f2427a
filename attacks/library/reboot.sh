# reboot: the host goes down in an orderly way and must come back. The order is given a moment after this
# function has returned, so that the session can still say so; the proof is a new boot id, which only the
# controller can see. All that chaoscat has on the host is volatile and goes with it.

requires() {
	[ ! -e /run/.containerenv ] && [ ! -e /run/systemd/container ] && may_reboot || { echo 'this is a container, which cannot be rebooted' && return 1; }
	{ [ -d /run/systemd/system ] && have systemctl; } || have reboot || { echo 'this host has no command to reboot it' && return 1; }
}

# may_reboot looks for CAP_SYS_BOOT, which containers are started without.
may_reboot() {
	CAPS=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
	[ $((0x${CAPS:-0} >> 22 & 1)) -eq 1 ]
}

layers() { :; }

prepare() { :; }

inject() {
	apart /bin/sh "$D/runner" step "$ID" order </dev/null >/dev/null 2>&1
	echo 'the host reboots in a second'
}

# order writes itself down first and looks for an undo then: either the undo sees it, or it sees the undo.
order() {
	myself
	keep pending "$ME $BORN" && [ ! -e "$D/undo.1" ] || exit 1
	sleep 1
	[ -d "$D" ] && [ ! -e "$D/undo.1" ] || exit 1
	if [ -d /run/systemd/system ]; then systemctl reboot; else reboot; fi
}

# undo can still take back an order that was not given yet.
undo() {
	TRIES=0
	while alive_in "$D/pending" && [ "$TRIES" -lt 40 ]; do
		end_group "$PID"
		nap 0.05
		TRIES=$((TRIES + 1))
	done
	! alive_in "$D/pending"
}

verify() { undo || { echo 'the order to reboot is still pending' && return 1; }; }

measure() { echo 'unverifiable a reboot is proven by a new boot id'; }
