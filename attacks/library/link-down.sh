# link-down: an interface is down for a while. The kernel cannot end that, so it rests on the guards. Addresses
# and routes that go when a link goes down are recorded in the kernel's own form before, and put back from that.

requires() {
	have ip || { echo 'this host has no ip' && return 1; }
	LINKS=$(ip -o link show 2>/dev/null)
	case $(flags "$P_interface") in
	'') echo "this host has no interface $P_interface" && return 1 ;;
	*,UP* | UP*) ;;
	*) echo "$P_interface is not up" && return 1 ;;
	esac
	controlled && apart_from_us && on_disk || return 1
	OTHERS=$(printf '%s\n' "$LINKS" | sed -n "s/^[0-9]*: \([^@:]*\)@$P_interface: .*/\1/p;s/^[0-9]*: \([^@:]*\)[@:].* master $P_interface .*/\1/p" | tr '\n' ' ')
	[ -z "$OTHERS" ] || { echo "other interfaces lie on $P_interface: $OTHERS" && return 1; }
	case $(ip -o -6 addr show dev "$P_interface" 2>/dev/null) in *' dynamic '*) echo "$P_interface has addresses that a router gave it, which could not be put back exactly" && return 1 ;; esac
	! ip -6 route show table all dev "$P_interface" 2>/dev/null | grep -q -e ' proto ra ' -e ' expires ' || { echo "$P_interface has routes that a router gave it, which could not be put back exactly" && return 1; }
	! { ip route show table all; ip -6 route show table all; } 2>/dev/null | grep -q -e "nexthop .*dev $P_interface " -e ' nhid ' || { echo "$P_interface has a part in routes with several next hops, which could not be put back exactly" && return 1; }
	ip route save dev "$P_interface" >/dev/null 2>&1 || { echo 'ip on this host cannot save routes' && return 1; }
}

# on_disk refuses a host whose own programs come over the network: without them no guard could undo.
on_disk() {
	for AT in / /usr /bin /lib; do
		volume "$AT" >/dev/null
		case $FS in nfs* | cifs | smb* | ceph | 9p | gluster* | fuse*) echo "$AT comes over the network ($FS): without it the guards could not undo" && return 1 ;; esac
	done
	for REMOTE in /sys/class/iscsi_session/* /sys/block/nbd*/pid /sys/bus/rbd/devices/*; do
		[ ! -e "$REMOTE" ] || { echo 'this host has disks on the network: without them the guards could not undo' && return 1; }
	done
	! grep -q -s -x -e tcp -e rdma /sys/class/nvme/*/transport || { echo 'this host has disks on the network: without them the guards could not undo' && return 1; }
}

layers() { :; }

prepare() {
	ip addr save dev "$P_interface" >"$D/addresses" 2>/dev/null || { echo "the addresses of $P_interface cannot be recorded" && return 1; }
	for FAMILY in 4 6; do # the table "local" follows from the addresses
		for IN in main $(ip -"$FAMILY" route show table all dev "$P_interface" 2>/dev/null | sed -n 's/.* table \([A-Za-z0-9_.-]*\).*/\1/p' | sort -u | grep -v -x -e local -e main); do
			ip -"$FAMILY" route save table "$IN" dev "$P_interface" >"$D/routes$FAMILY.$IN" 2>/dev/null || [ "$FAMILY" = 6 ] || { echo "the routes of $P_interface cannot be recorded" && return 1; }
		done
	done
	ip neigh show nud permanent dev "$P_interface" >"$D/neighbours" && picture >"$D/before" && [ -s "$D/before" ]
}

inject() { ip link set dev "$P_interface" down && echo "$P_interface is down"; }

undo() {
	[ -s "$D/before" ] || { ip link set dev "$P_interface" up; return; }
	case $(LINKS=$(ip -o link show); flags "$P_interface") in *,UP* | UP*) ;; *) ip link set dev "$P_interface" up || return 1 ;; esac
	TRIES=0
	until has_carrier || [ "$TRIES" -ge 100 ]; do
		TRIES=$((TRIES + 1))
		nap 0.1
	done
	for ROUND in 1 2 3 4 5 6 7 8; do # who manages the network here may have a say in it, and be slow
		put_back
		! as_before || return 0
		nap 1
	done
	as_before
}

verify() {
	as_before || {
		echo "$P_interface is not as before: $(picture | grep -v -x -F -f "$D/before" | head -n 1)$(grep -v -x -F "$(picture)" "$D/before" | sed 's/^/ without /' | head -n 1)"
		return 1
	}
}

measure() {
	if has_carrier; then echo 'figure 1'; else echo 'figure 0'; fi
	echo 'expect down 1'
}

put_back() {
	{
		ip addr restore <"$D/addresses"
		for SAVED in "$D"/routes4.*; do ip -4 route restore <"$SAVED"; done
		for SAVED in "$D"/routes6.*; do ip -6 route restore <"$SAVED"; done
		while read -r TO _ WHERE _; do
			ip neigh replace "$TO" lladdr "$WHERE" dev "$P_interface" nud permanent
		done <"$D/neighbours"
		for OWN in $(ip -o -6 addr show dev "$P_interface" scope link | sed -n 's/.* inet6 \([^ ]*\) .*/\1/p'); do # one that came with going up
			grep -q -F " $OWN " "$D/before" || ip addr del "$OWN" dev "$P_interface"
		done
	} >/dev/null 2>&1
}

as_before() { [ "$(picture)" = "$(cat "$D/before")" ]; }

# picture prints all of the interface that could be lost, without the seconds that pass by themselves.
picture() {
	{
		ip -o addr show dev "$P_interface"
		ip -4 route show table all dev "$P_interface"
		ip -6 route show table all dev "$P_interface"
		ip neigh show nud permanent dev "$P_interface" | sed 's/^/neighbour /'
		has_carrier && echo carrier
	} 2>/dev/null | sed 's/[0-9]*sec/Nsec/g;s/ linkdown//;s/ tentative//;s/  */ /g;s/ $//' | sort
}

# flags DEV prints what the link is, from LINKS.
flags() { printf '%s\n' "$LINKS" | sed -n "s/^[0-9]*: $1[@:][^<]*<\([^>]*\)>.*/\1/p"; }

has_carrier() { LINKS=$(ip -o link show 2>/dev/null) && case $(flags "$P_interface") in *LOWER_UP*) ;; *) return 1 ;; esac; }

# apart_from_us tells whether the interface has nothing to do with the way to the controller, and that way is no tunnel.
apart_from_us() {
	WAYS=" $(the_word dev $(ip -o route get "$PEER" 2>/dev/null)) $(ip -o addr show 2>/dev/null | sed -n "s,^[0-9]*: \([^ ]*\)  *inet6* $HERE/.*,\1,p") "
	case $WAYS in *[!\ ]*) ;; *) echo 'the interface of the control path cannot be found' && return 1 ;; esac
	for DEV in $WAYS; do
		case $(ip -d -o link show dev "$DEV" 2>/dev/null) in *' tun '* | *' wireguard '* | *' vxlan '* | *' gre'* | *' ipip '* | *' sit '* | *' geneve '* | *' xfrm '* | *' vti'* | *' ppp '* | *'<POINTOPOINT'*) echo "the control path runs through the tunnel $DEV, whose own way is not known" && return 1 ;; esac
	done
	GREW=1
	while [ -n "$GREW" ]; do
		GREW=
		for PAIR in $(printf '%s\n' "$LINKS" | sed -n 's/^[0-9]*: \([^@: ]*\)@\([^: ]*\): .*/\1=\2/p'; printf '%s\n' "$LINKS" | sed -n 's/^[0-9]*: \([^@: ]*\)[@:].* master \([^ ]*\) .*/\1=\2/p'); do
			case ${PAIR#*=} in if[0-9]* | NONE) continue ;; esac # the other end of it is in another namespace
			for ONE in "${PAIR%=*} ${PAIR#*=}" "${PAIR#*=} ${PAIR%=*}"; do
				case $WAYS in *" ${ONE#* } "*) continue ;; *" ${ONE% *} "*) WAYS="$WAYS${ONE#* } " GREW=1 ;; esac
			done
		done
	done
	case $WAYS in *" $P_interface "*) echo "the way to the controller leads through $P_interface" && return 1 ;; esac
}
