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

order() {
	myself
	keep pending "$ME $BORN" || exit 1
	sleep 1
	if [ -d /run/systemd/system ]; then systemctl reboot; else reboot; fi
}

# undo can still take back an order that was not given yet.
undo() {
	! alive_in "$D/pending" || end_group "$PID"
}

verify() { ! alive_in "$D/pending" || { echo 'the order to reboot is still pending' && return 1; }; }

measure() { echo 'unverifiable a reboot is proven by a new boot id'; }
