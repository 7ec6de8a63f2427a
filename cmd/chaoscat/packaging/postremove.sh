#!/bin/sh
# deb: remove, purge ...; rpm: 0 when the last version goes. The user stays: files may belong to it.
set -e

[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ "$1" = purge ]; then
	rm -rf /var/lib/chaoscat
	rmdir /etc/chaoscat 2>/dev/null || true # what people have written there is theirs
fi
