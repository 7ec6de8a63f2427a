#!/bin/sh
# Prints everything a fault may leave on a host, in an order and a spelling on which two looks at an untouched
# host agree, also when it was rebooted in between. Carried over the serial line, so it sees no session of its own.
# Changes nothing. Parts begin with a line [name].
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

part() { printf '[%s]\n' "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }

part clock
date +%s

# A program that is started costs 10 ms on such a host, hence few of them.
part qdisc
qdiscs=$(tc qdisc show 2>/dev/null)
echo "$qdiscs"
for nic in $(echo "$qdiscs" | sed -E 's/.* dev ([^ ]+) .*/\1/' | sort -u); do
	echo "on $nic:"
	printf '%s show dev %s\n' class "$nic" filter "$nic" | tc -batch - 2>/dev/null
	case $qdiscs in
	*" dev $nic parent ffff:"* | *" dev $nic ingress"* | *clsact*)
		printf 'filter show dev %s %s\n' "$nic" ingress "$nic" egress | tc -batch - 2>/dev/null ;;
	esac
done

part nft
nft -s list ruleset 2>/dev/null

# The legacy tables come into being when somebody first looks for them and never go; one without a rule, a chain
# of somebody's or a policy is nothing.
part iptables
for save in iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save; do
	have "$save" && echo "# by $save" && "$save" 2>/dev/null
done | awk '
	/^# by / { by = $3; next }
	/^#/ { next }
	/^\*/ { table = ""; something = 0 }
	/^-/ || (/^:/ && $2 != "ACCEPT") { something = 1 }
	{ sub(/ \[[0-9]+:[0-9]+\]$/, ""); table = table by " " $0 "\n" }
	/^COMMIT/ && something { printf "%s", table }'
have ipset && ipset list -terse 2>/dev/null | grep -v -E '^(Size in memory|References|Number of entries)'

# Links that are down make up an address at each boot.
part links
ip -o link show | sed -E -e 's/^[0-9]+: //' -e 's/\\/ /' -e '/ state DOWN /s/ link\/ether [^ ]+//' | sort

part addresses
ip -o address show | sed -E -e 's/^[0-9]+: //' -e 's/_lft [0-9]+sec/_lft N/g' -e 's/\\/ /' | sort

part routes
{ ip -4 -o route show table all; ip -6 -o route show table all; } 2>/dev/null |
	sed -E 's/ expires -?[0-9]+sec//' | sort

part rules
{ ip -4 rule show; ip -6 rule show; } 2>/dev/null

part neighbours
ip neighbour show nud permanent | sort

# An automount's options hold numbers of this boot, and so does the size of /run; sessions come and go with /run/user.
part mounts
sed -E -e 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //' -e 's/ (shared|master|propagate_from):[0-9]+//g' \
	-e 's/ - autofs .*/ - autofs/' -e '/^[^ ]+ \/run /s/size=[^,]*,nr_inodes=[^,]*,//' /proc/self/mountinfo | grep -v -E '^[^ ]+ /run/(user/|credentials)' | sort

part units
systemctl list-units --plain --no-legend --no-pager --type=service,socket,timer,path,scope,mount |
	awk '{print $1, $3, $4}' |
	grep -v -E '^(session-|user@|user-runtime-dir@|run-user-|init\.scope|run-credentials)' | sort
part masked
find /etc/systemd/system /run/systemd/system -lname /dev/null 2>/dev/null | sort
part unit-files
find /run/systemd/system /run/systemd/transient ! -type d 2>/dev/null | grep -v '/session-' | sort

part cgroups
find /sys/fs/cgroup -mindepth 1 -type d 2>/dev/null |
	grep -v -E '/user-[0-9]+\.slice|/lab-serial\.service|/systemd-udevd\.service/|/modprobe@' | sort

part volatile
find /run/chaoscat /dev/shm /tmp /var/tmp -mindepth 1 -printf '%y %m %p\n' 2>/dev/null |
	sed -E 's/(systemd-private-)[0-9a-f]+(-.*)-[A-Za-z0-9]{6}/\1X\2-X/' | sort
find /run -mindepth 1 -maxdepth 1 ! -name lab-serial ! -name xtables.lock | sort

# Everything but the kernel's threads and helpers, sessions of people and the serial line's own work, and then
# whatever carries our name where it does not show.
part processes
ps -ww -e -o cgroup:256=,args= | awk '
	{ cgroup = $1; sub(/^[^ ]+ +/, "") }
	cgroup ~ /\/lab-serial/ { next }
	/^\[/ || /^sshd: / || /^\(sd-pam\)/ || /^\(udev-worker\)/ || /\/systemd --user/ || /^bpfilter_umh/ { next }
	{ print }' | sort
for file in $(grep -il chaoscat /proc/[0-9]*/environ 2>/dev/null); do
	echo "ours: $(tr '\0' ' ' <"${file%environ}cmdline")"
done | sort

part etc
find /etc ! -type d ! -type l -print0 | sort -z | xargs -0 sha256sum | sed -E 's/^([0-9a-f]{16})[0-9a-f]*/\1/'
find /etc -type l -printf '%p -> %l\n' | sort

# What was written to the disk since the host came up, but for what every host writes by itself.
part disk-files
find / -xdev ! -type d -newer /run/lab-booted 2>/dev/null |
	grep -v -E '^/(var/log/|var/lib/systemd/|var/lib/lastlog|var/lib/dbus/|etc/\.updated|var/\.updated)' | sort

part disk-used
df -k --output=used,size / | tail -n 1 | awk '{print $1, $2}'
