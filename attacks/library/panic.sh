# panic: the kernel stops with a panic, and reboots by itself some seconds later, which /proc/sys/kernel/panic is
# set to see to; that setting is not kept over the reboot. What was written is on the disk before, unless sync=false
# asks for a host that is cut off in the middle. Where a crash kernel is loaded, it writes its dump first.

requires() {
	may_go || return 1
	[ -w /proc/sysrq-trigger ] && [ -w /proc/sys/kernel/panic ] || { echo 'this kernel takes no order to panic (/proc/sysrq-trigger)' && return 1; }
}

layers() { :; }

prepare() { first /proc/sys/kernel/panic && keep panic "$LINE" || { echo 'what the kernel does after a panic cannot be read' && return 1; }; }

inject() {
	! first /sys/kernel/kexec_crash_loaded || [ "$LINE" != 1 ] || echo 'a crash kernel is loaded: the host writes a dump before it comes back'
	in_a_moment
	echo 'the kernel panics in a second'
}

# order: without its own reboot the host would stay away for ever, so that must be certain first.
order() {
	still_wanted
	first "$D/panic"
	[ "$LINE" != 0 ] || { echo 5 >/proc/sys/kernel/panic && first /proc/sys/kernel/panic && [ "$LINE" = 5 ]; } || exit 1
	[ "$P_sync" = 0 ] || sync
	[ -d "$D" ] && [ ! -e "$D/undo.1" ] || exit 1
	echo c >/proc/sysrq-trigger
}

# undo can still take back an order that was not given yet.
undo() {
	order_taken_back
	FAILED=$?
	first "$D/panic" && [ "$LINE" = 0 ] || return $FAILED
	echo 0 >/proc/sys/kernel/panic || FAILED=1
	return $FAILED
}

verify() {
	order_taken_back || return 1
	first "$D/panic"
	WAS=$LINE
	first /proc/sys/kernel/panic && [ "$LINE" = "$WAS" ] || { echo "the kernel's answer to a panic is $LINE and was $WAS" && return 1; }
}

measure() { echo 'unverifiable a panic is proven by a new boot id'; }
