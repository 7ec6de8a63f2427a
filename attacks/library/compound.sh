# Compound attacks: several attacks as one. Each part runs in a subshell in which it is alone: the parameters,
# the state directory and the names derived from the id are its own. Parts begin in their order, are undone in
# reverse, and every part is undone and verified even if another fails or never ends.

# part N KIND FUNCTION runs a function of one part. The names of its parameters begin with "cN_" on the wire.
part() (
	load_attack "$2" || { printf 'this runner carries no attack named %s\n' "$2" && exit 1; }
	for P in $PARAMS; do
		eval "P_$P=\$P_c$1_$P"
	done
	D=$D/$1
	[ -z "$ID" ] || ID=$ID-$1
	[ -z "$UID_" ] || UID_=${UID_}_$1
	"$3"
)

parts_require() {
	PART=0
	can_end || return 1
	for ONE in "$@"; do
		PART=$((PART + 1))
		SAID=$(part "$PART" "$ONE" requires) || { printf '%s: %s\n' "$ONE" "$SAID" && return 1; }
	done
}

# parts_layers: the kernel ends the whole only if it ends every part; one that may cut SSH is enough to cut.
parts_layers() {
	PART=0 KERNELS=0 CUTTERS=0
	for ONE in "$@"; do
		PART=$((PART + 1))
		for LAYER in $(part "$PART" "$ONE" layers); do
			case $LAYER in
			kernel) KERNELS=$((KERNELS + 1)) ;;
			cuts) CUTTERS=$((CUTTERS + 1)) ;;
			esac
		done
	done
	[ "$KERNELS" -lt "$PART" ] || echo kernel
	[ "$CUTTERS" -eq 0 ] || echo cuts
}

# parts_prepare SECONDS KIND...: each kind after what its undo may take. It makes the state directory of each part.
# What the guard keeps for all is found there, too.
parts_prepare() {
	PART=0
	while [ $# -gt 1 ]; do
		PART=$((PART + 1))
		mkdir "$D/$PART" && ln -s ../undo.1 "$D/$PART/undo.1" && ln -s ../runner "$D/$PART/runner" && keep "$PART/within" "$1 $2" ||
			{ printf '%s cannot be written\n' "$D" && return 1; }
		SAID=$(part "$PART" "$2" prepare) || { printf '%s: %s\n' "$2" "$SAID" && return 1; }
		shift 2
	done
}

# parts sets PARTS to the numbers of the parts, the last first, and WITHIN to what the undo and the proof of all may
# take; of an attack that is no compound there is nothing to set.
parts() {
	PARTS= WITHIN=0 PART=1
	while [ -d "$D/$PART" ]; do
		of_part "$PART"
		PARTS="$PART $PARTS" WITHIN=$((WITHIN + SECONDS_ + 30)) PART=$((PART + 1))
	done
}

# of_part N sets SECONDS_ and ONE, as they were prepared.
of_part() {
	first "$D/$1/within"
	SECONDS_=${LINE%% *} ONE=${LINE#* }
	number "$SECONDS_" 1 3600 || SECONDS_=60
}

# part_by_part undoes each part and then proves each, every time as a step of its own: one that hangs is killed
# alone, and costs the others no more than its own time. WHAT names each that is still there.
part_by_part() {
	WHAT= STUCK=
	parts
	for PART in $PARTS; do
		of_part "$PART"
		step "undo.$PART" "$SECONDS_" || STUCK="$STUCK $PART "
	done
	for PART in $PARTS; do
		of_part "$PART"
		step "verify.$PART" 30 && case $STUCK in *" $PART "*) ;; *) continue ;; esac
		SAID=$(printable "$D/log.verify.$PART")
		[ -n "$SAID" ] || SAID=$(printable "$D/log.undo.$PART")
		WHAT="$WHAT${WHAT:+; }$ONE: ${SAID:-it could not be taken back within $SECONDS_ s}"
	done
	[ -z "$WHAT" ]
}

# parts_inject SECONDS KIND...: that many between the beginnings. The first that fails is the last.
parts_inject() {
	GAP_=$1 PART=0
	shift
	for ONE in "$@"; do
		PART=$((PART + 1))
		[ "$PART" -eq 1 ] || [ "$GAP_" -eq 0 ] || sleep "$GAP_"
		live # time has passed since the part before
		printf 'part %s of %s: %s\n' "$PART" "$#" "$ONE"
		keep "on.$PART" "$ONE" && part "$PART" "$ONE" inject || { printf '%s failed; what has begun is undone\n' "$ONE" && return 1; }
	done
}

# parts_renew KIND...: "-" for a part that has nothing to renew; one that has not begun has nothing yet.
parts_renew() {
	PART=0 FAILED=0
	for ONE in "$@"; do
		PART=$((PART + 1))
		[ "$ONE" != - ] && [ -e "$D/on.$PART" ] || continue
		part "$PART" "$ONE" renew || FAILED=1
	done
	return "$FAILED"
}

# parts_undo N KIND... undoes part N; or each, where N is empty because the state is gone.
parts_undo() {
	ONLY=$1 FAILED=0 BACKWARDS=
	shift
	PART=$#
	for ONE in "$@"; do BACKWARDS="$ONE $BACKWARDS"; done
	for ONE in $BACKWARDS; do
		[ "$PART" != "${ONLY:-$PART}" ] || part "$PART" "$ONE" undo || FAILED=1
		PART=$((PART - 1))
	done
	return "$FAILED"
}

# parts_verify N KIND... proves part N.
parts_verify() {
	ONLY=$1 PART=0
	shift
	for ONE in "$@"; do
		PART=$((PART + 1))
		[ "$PART" != "$ONLY" ] || part "$PART" "$ONE" verify || return 1
	done
}

parts_measure() {
	PART=0
	for ONE in "$@"; do
		PART=$((PART + 1))
		echo "part $PART"
		part "$PART" "$ONE" measure
	done
}
