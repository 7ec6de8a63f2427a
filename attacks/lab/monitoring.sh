#!/bin/sh
# Fetches Debian's Prometheus and Alertmanager and unpacks them beside the lab's kernel. They are not installed: the
# packages would start services of this machine.
#
#   monitoring.sh [CACHE_DIR]     prints the folder that has both programs on its last line
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/chaoscat-lab}
packages="prometheus prometheus-alertmanager"

key=$(cat "$here/monitoring.sh" | sha256sum | cut -c 1-16)
folder=$cache/monitoring-$key
mkdir -p "$cache"
exec 9>"$cache/monitoring.lock"
flock 9
if [ -d "$folder" ]; then
	echo "$folder/usr/bin"
	exit 0
fi

for tool in apt-get dpkg-deb; do
	command -v "$tool" >/dev/null || {
		echo "monitoring.sh: $tool is missing: this machine is no Debian" >&2
		exit 1
	}
done

work=$(mktemp -d "$cache/monitoring.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "monitoring.sh: fetching $packages (30 MB, once)" >&2
mkdir "$work/packages" "$work/root"
(
	cd "$work/packages"
	apt-get -q -o APT::Sandbox::User=root download $packages ||
		{ apt-get -q update && apt-get -q -o APT::Sandbox::User=root download $packages; }
) >"$work/log" 2>&1 || {
	echo "monitoring.sh: apt-get failed; it ended with:" >&2
	tail -n 20 "$work/log" >&2
	exit 1
}
for package in "$work"/packages/*.deb; do
	dpkg-deb -x "$package" "$work/root"
done
for program in prometheus prometheus-alertmanager; do
	"$work/root/usr/bin/$program" --version >/dev/null 2>&1 || {
		echo "monitoring.sh: $program does not run on this machine" >&2
		exit 1
	}
done
mv "$work/root" "$folder"
echo "$folder/usr/bin"
