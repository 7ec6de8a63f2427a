# fds: open files of the whole host, towards the kernel's limit (fs.file-max). Holders have /dev/null open many
# times over. The kernel refuses ordinary users at the limit and never root, so the guard is exempt; a reserve
# is left for the others.

requires() {
	for TOOL in paste mkfifo; do have "$TOOL" || { echo "this host has no $TOOL" && return 1; }; done
	files
	[ -n "$P_count" ] || [ "$FILES_MAX" -le 100000000 ] || { echo 'this host has no limit on open files (fs.file-max): say a count' && return 1; }
	excess
	[ "$EXCESS" -gt 0 ] || { echo "$FILES files of $FILES_MAX are open: that is as many already" && return 1; }
	[ "$FILES_MAX" -gt 100000000 ] || [ $((FILES_MAX - FILES - EXCESS)) -ge $((FILES_MAX / 20 + 256)) ] ||
		{ echo "$EXCESS more would leave $((FILES_MAX - FILES - EXCESS)) open files, and $((FILES_MAX / 20 + 256)) must be left" && return 1; }
	can_open "$EXCESS" 2
}

layers() { echo kernel; }

prepare() { : >"$D/hogs"; }

inject() {
	hog open_up
	await
}

undo() { cull; }

verify() { culled; }

measure() {
	files
	echo "figure $FILES"
	excess
	[ -z "$P_count" ] || [ "$EXCESS" -ge 100 ] || { echo 'unverifiable so few cannot be told from what others open' && return; }
	if [ "$EXCESS" -gt 0 ]; then echo "expect up $EXCESS"; else echo 'expect up 0'; fi
}

excess() {
	if [ -n "$P_count" ]; then EXCESS=$P_count; else EXCESS=$((FILES_MAX / 100 * P_percent - FILES)); fi
}

open_up() {
	leash
	handful
	OPENED=0
	files
	excess
	TO_OPEN=$EXCESS
	mind open_more
}

# open_more opens what is missing; when others come near the limit, a handful is closed.
open_more() {
	muster
	files
	if [ $((FILES_MAX - FILES)) -lt $((FILES_MAX / 20 + 256)) ]; then
		release 1
		reached "files are open until $((FILES_MAX / 20 + 256)) are left"
		return
	fi
	[ -z "$LOST" ] || { reached "failed the kernel has ended what held files open" && return; }
	while [ "$OPENED" -lt "$TO_OPEN" ] && may_go_on; do
		SOME=$HANDFUL
		[ "$SOME" -le $((TO_OPEN - OPENED)) ] || SOME=$((TO_OPEN - OPENED))
		NAMES= MADE=0
		while [ "$MADE" -lt "$SOME" ]; do NAMES="$NAMES /dev/null" MADE=$((MADE + 1)); done
		waits paste - $NAMES
		opened "$MADE"
		OPENED=$((OPENED + SOME))
	done
	reached "$OPENED more files are open"
}
