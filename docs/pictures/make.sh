#!/bin/sh
# Makes the README's pictures from the real program: each screen of the file `screens`, at two sizes, dark and light.
# Needs Go and tmux. The demo's hosts and attacks are those of its seed; its clock is not, so times differ by seconds.
set -eu
cd "$(dirname "$0")"
seed=${SEED:-1}
work=$(mktemp -d)
server="chaoscat-pictures-$$"
console() { tmux -L "$server" -f /dev/null "$@"; }
trap 'console kill-server 2>/dev/null || :; rm -rf "$work"' EXIT INT TERM

CGO_ENABLED=0 go build -o "$work/chaoscat" ../../cmd/chaoscat
CGO_ENABLED=0 go build -o "$work/picture" .

# shows NAME WORDS: waits until all the words are on the screen, and a moment more for what belongs to them.
shows() {
	tries=0
	while :; do
		console capture-pane -p >"$work/text"
		missing=
		rest=$2
		while [ -n "$rest" ]; do
			word=${rest%%|*}
			grep -qF -e "$word" "$work/text" || missing=$word
			case $rest in *"|"*) rest=${rest#*|} ;; *) rest= ;; esac
		done
		[ -z "$missing" ] && break
		tries=$((tries + 1))
		if [ $tries -gt 300 ]; then
			echo "pictures: $1 never shows \"$missing\":" >&2
			cat "$work/text" >&2
			exit 1
		fi
		sleep 0.1
	done
	sleep 1.2
}

for size in 80x24 120x40; do
	for theme in dark light; do
		server="chaoscat-pictures-$$-$size-$theme" # one that is ending takes no session
		console new-session -d -x "${size%x*}" -y "${size#*x}" "NO_COLOR= LC_ALL=C.UTF-8 TERM=screen-256color '$work/chaoscat' demo --seed $seed --theme $theme"
		grep -v '^#' screens >"$work/screens"
		while IFS='|' read -r name keys words <&3; do
			[ -z "$keys" ] || console send-keys "$keys"
			shows "$name" "$words"
			console capture-pane -e -p |
				"$work/picture" --theme "$theme" --title "chaoscat demo: $name, $size, $theme" >"$work/$name-$size-$theme.svg"
			echo "$name-$size-$theme.svg"
		done 3<"$work/screens"
		console kill-server
	done
done
mv "$work"/*.svg .
