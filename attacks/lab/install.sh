#!/bin/sh
# Installs what the lab needs on Debian 12 and says nothing when it is all there already.
# Go is not installed here: whoever runs the tests has it. Needs root.
set -eu

packages="linux-source-6.1 make gcc libc6-dev flex bison bc xz-utils
	mmdebstrap debian-archive-keyring e2fsprogs user-mode-linux
	bash util-linux iproute2 iputils-ping openssh-client
	openssh-server sudo nftables iptables busybox-static"

# busybox comes in two packages that exclude each other; either will do.
if dpkg-query -W -f '${db:Status-Status}' busybox 2>/dev/null | grep -qx installed; then
	packages="$packages busybox"
	packages=$(echo $packages | sed 's/busybox-static //')
fi

missing=
for package in $packages; do
	dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "install.sh: missing$missing; run this as root to install them" >&2
	exit 1
fi
echo "install.sh: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
{ apt-get -q update && apt-get -q -y --no-install-recommends install $missing; } >"$log" 2>&1 || {
	echo "install.sh: apt-get failed; it ended with:" >&2
	tail -n 20 "$log" >&2
	exit 1
}
