# undo.sh takes back whatever inject.sh may have done. It is its own proof: it ends with 0 if, and only if, nothing
# is left. Anything else is residue, which stops every further attack until a person has looked; what it prints
# first is the sentence that this person reads.
#
# It must be fit to run after half an inject.sh, twice, and on a host where there is nothing to undo. It runs without
# anybody being connected, when time is up or contact is lost, and has 60 seconds. Every step is taken even if one
# before it failed: no "set -e". The same variables are set as for inject.sh.

marker=/run/NAME.$ID

rm -f "$marker"
if [ -e "$marker" ]; then
	echo "$marker could not be removed"
	exit 1
fi
