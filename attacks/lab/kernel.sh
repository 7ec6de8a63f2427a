#!/bin/sh
# Builds the lab's kernel: user-mode Linux with netem and nft, one static binary without modules.
# The packaged user-mode-linux has netem but no nft families, so a kernel of our own is needed;
# it takes 5 to 10 minutes on two cores and is kept in a cache keyed by source and configuration.
#
#   kernel.sh [CACHE_DIR]    prints the path of the kernel on its last line
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/chaoscat-lab}
tarball=$(ls /usr/src/linux-source-6.*.tar.xz 2>/dev/null | sort | tail -n 1)
if [ -z "$tarball" ]; then
	echo "kernel.sh: no kernel source under /usr/src; install the package linux-source-6.1" >&2
	exit 1
fi

version=$(dpkg-query -W -f '${Version}' "$(basename "$tarball" .tar.xz)" 2>/dev/null || basename "$tarball")
key=$({ echo "$version"; cat "$here/kernel.config"; } | sha256sum | cut -c 1-16)
kernel=$cache/linux-$key
mkdir -p "$cache"
exec 9>"$cache/kernel.lock"
flock 9
if [ -x "$kernel" ]; then
	echo "$kernel"
	exit 0
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "kernel.sh: building the lab's kernel from $(basename "$tarball") (5 to 10 minutes, once)" >&2
tar -C "$work" --strip-components=1 -xf "$tarball"
(
	cd "$work" &&
		make ARCH=um defconfig &&
		scripts/kconfig/merge_config.sh -m .config "$here/kernel.config" &&
		make ARCH=um olddefconfig &&
		make ARCH=um -j"$(nproc)" linux
) >"$cache/kernel-build.log" 2>&1 || {
	echo "kernel.sh: the build failed; the end of $cache/kernel-build.log says:" >&2
	tail -n 20 "$cache/kernel-build.log" >&2
	exit 1
}
strip -o "$kernel.tmp" "$work/linux"
chmod 755 "$kernel.tmp"
mv "$kernel.tmp" "$kernel"
echo "$kernel"
