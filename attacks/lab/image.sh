#!/bin/sh
# Builds the root image that all hosts of the lab share copy-on-write: Debian 12 with systemd, sshd and the
# network tools, and nothing of chaoscat. It takes about a minute and is kept in a cache keyed by what makes it.
#
#   image.sh [CACHE_DIR]     prints the path of the image on its last line; needs root
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/chaoscat-lab}
packages=systemd-sysv,systemd-timesyncd,dbus,libpam-systemd,openssh-server,udev,kmod,procps,iproute2,iptables,ipset,nftables,iputils-ping,busybox,sudo

key=$(cat "$here/image.sh" "$here"/host/* | sha256sum | cut -c 1-16)
image=$cache/debian-$key.ext4
mkdir -p "$cache"
exec 9>"$cache/image.lock"
flock 9
if [ -s "$image" ]; then
	echo "$image"
	exit 0
fi

if [ "$(id -u)" != 0 ]; then
	echo "image.sh: an image with files of root's can only be built by root" >&2
	exit 1
fi
for tool in mmdebstrap mke2fs apt-get; do
	command -v "$tool" >/dev/null || {
		echo "image.sh: $tool is missing; run install.sh first" >&2
		exit 1
	}
done

work=$(mktemp -d "$cache/image.XXXXXX")
log=$cache/image-build.log
finish() {
	status=$?
	rm -rf "$work"
	[ "$status" = 0 ] && return
	echo "image.sh: the build failed; the end of $log says:" >&2
	tail -n 20 "$log" >&2
}
: >"$log"
trap finish EXIT
root=$work/root
echo "image.sh: building the lab's root image (about a minute, once)" >&2

# Packages come from wherever this machine gets its own Debian from, mirror, proxy and all.
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
	'Created-By: Packages' 'Origin: Debian' | grep ' bookworm' | sort -u >"$work/sources.list" || true
if [ ! -s "$work/sources.list" ]; then
	echo "image.sh: apt knows no Debian 12 (bookworm) source on this machine; run apt-get update, or add one" >&2
	exit 1
fi
apt-config dump | grep -E '^Acquire::(https?::Proxy|https?::[^ ]*::Proxy|Check-Valid-Until|Retries)' >"$work/apt.conf" || true

build() {
	mmdebstrap --quiet --mode=root --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
		--aptopt="$work/apt.conf" --include="$packages" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		bookworm "$root" "$work/sources.list"

	install -d "$root/usr/local/lib/lab" "$root/srv/www"
	install -m 755 "$here/host/lab-host" "$here/host/lab-serial" "$root/usr/local/lib/lab/"
	install -m 644 "$here"/host/*.service "$root/etc/systemd/system/"
	echo 'the lab is up' >"$root/srv/www/index.html"

	chroot "$root" useradd --create-home --shell /bin/bash chaos
	chroot "$root" systemctl --quiet enable lab-host.service lab-serial.service lab-web.service
	# What a quiet host must not do by itself: fetch, tidy, or offer a login on a console nobody sees. A service
	# manager for every user who logs in costs seconds here; sessions keep their scopes without it.
	chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
		e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-tmpfiles-clean.timer systemd-pstore.service \
		getty@tty1.service serial-getty@ttyS0.service console-getty.service systemd-update-utmp.service \
		systemd-update-utmp-runlevel.service user@.service modprobe@configfs.service modprobe@dm_mod.service \
		modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@loop.service
	# User-mode Linux has 160 terminals, each of which would cost udev a process at boot.
	install -d "$root/etc/systemd/system/systemd-udev-trigger.service.d"
	printf '[Service]\nExecStart=\nExecStart=udevadm trigger --action=add --subsystem-match=net --subsystem-match=block\n' \
		>"$root/etc/systemd/system/systemd-udev-trigger.service.d/lab.conf"

	install -d "$root/etc/systemd/journald.conf.d" "$root/etc/ssh/sshd_config.d"
	printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
	printf 'PermitRootLogin prohibit-password\nPasswordAuthentication no\nUseDNS no\nMaxStartups 100\nMaxSessions 100\n' \
		>"$root/etc/ssh/sshd_config.d/lab.conf"
	# Every host makes its own on its own disk.
	rm -f "$root"/etc/ssh/ssh_host_*
	: >"$root/etc/machine-id"
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
	mke2fs -q -F -t ext4 -L lab -m 1 -E lazy_itable_init=0,lazy_journal_init=0 -d "$root" "$work/image" 1G
}
# Not in a condition: there the shell would no longer stop at the first failure.
build >"$log" 2>&1 </dev/null
mv "$work/image" "$image"
echo "$image"
