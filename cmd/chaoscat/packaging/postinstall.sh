#!/bin/sh
# deb: configure [the version before]; rpm: 1 for the first install, 2 for an upgrade.
set -e

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers /usr/lib/sysusers.d/chaoscat.conf
elif ! getent passwd chaoscat >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/chaoscat --no-create-home --shell /usr/sbin/nologin chaoscat
fi
# The group may read what is attacked, and open the socket; others may not even look.
chown root:chaoscat /etc/chaoscat
chmod 0750 /etc/chaoscat

[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
case "$1 $2" in
"configure "?* | "2 ") systemctl try-restart chaoscat.service ;; # what runs is undone, and the schedule goes on
esac
# A first install starts nothing: there is no configuration yet, and what it attacks is for a person to say.
