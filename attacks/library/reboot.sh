# reboot: the host goes down in an orderly way and must come back. The order is given a moment after this
# function has returned, so that the session can still say so; the proof is a new boot id, which only the
# controller can see. All that chaoscat has on the host is volatile and goes with it.

requires() {
	may_go || return 1
	{ [ -d /run/systemd/system ] && have systemctl; } || have reboot || { echo 'this host has no command to reboot it' && return 1; }
}

layers() { :; }

prepare() { :; }

inject() {
	in_a_moment
	echo 'the host reboots in a second'
}

order() {
	still_wanted
	if [ -d /run/systemd/system ]; then systemctl reboot; else reboot; fi
}

# undo can still take back an order that was not given yet.
undo() { order_taken_back; }

verify() { order_taken_back; }

measure() { echo 'unverifiable a reboot is proven by a new boot id'; }
