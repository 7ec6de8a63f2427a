# inject.sh applies the fault of the attack NAME. As it stands it is harmless: it leaves a small file in /run.
#
# It runs as root on the host that is attacked, under the host's own /bin/sh (dash, busybox ash or bash: write
# POSIX sh), after the undo has been armed there. "exit" ends this script alone. What it prints is shown live.
#
#   $P_word         the parameter "word" of your configuration; every key of params is there as $P_<key>
#   $ID             the id of this run: name what you make after it, so that the undo finds it and nothing else
#   $HOLD, $TTL     seconds that the fault is meant to last; seconds after which the host undoes by itself
#   $PEER, $SSH_PORT  who is controlling, and over which port: never cut that off
#
# Keep to memory: /run, the kernel, processes. Nothing on a disk is ever edited, so that a reboot undoes everything.
# Anything but exit 0 means that it failed, and is undone at once. What is left running in the background must have
# closed its input and output (</dev/null >/dev/null 2>&1), and must end by itself after $TTL seconds.

marker=/run/NAME.$ID

if [ -e "$marker" ]; then
	echo "$marker is there already, and not ours"
	exit 1
fi
printf '%s\n' "$P_word" >"$marker" || exit 1
echo "$marker says $P_word"
