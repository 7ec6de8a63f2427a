#!/bin/sh
# deb: remove, upgrade ...; rpm: 0 when the last version goes.
set -e

case "$1" in
remove | 0)
	# What runs is undone first, which takes at most 90 s.
	[ ! -d /run/systemd/system ] || systemctl disable --now chaoscat.service
	;;
esac
