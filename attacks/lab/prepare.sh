#!/bin/sh
# Makes this machine ready to boot the lab: packages, kernel, root image, monitoring. Quick when all of it is there.
#
#   prepare.sh [CACHE_DIR]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/chaoscat-lab}
"$here/install.sh"
"$here/kernel.sh" "$cache"
"$here/image.sh" "$cache"
"$here/monitoring.sh" "$cache"
