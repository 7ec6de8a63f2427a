# halt: the host powers off in an orderly way and stays away until somebody brings it back: a person, a hypervisor,
# a remote hand. No order can undo that. All that chaoscat has on the host is volatile and goes with it.

requires() {
	may_go || return 1
	{ [ -d /run/systemd/system ] && have systemctl; } || have poweroff || { echo 'this host has no command to power it off' && return 1; }
}

layers() { :; }

prepare() { :; }

inject() {
	in_a_moment
	echo 'the host powers off in a second'
}

order() {
	still_wanted
	if [ -d /run/systemd/system ]; then systemctl poweroff; else poweroff; fi
}

# undo can still take back an order that was not given yet.
undo() { order_taken_back; }

verify() { order_taken_back; }

measure() { echo 'unverifiable a host that is off is proven by its silence'; }
