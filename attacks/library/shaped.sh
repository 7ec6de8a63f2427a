# What attacks do alike that make packets pass a qdisc. The file of each, which follows this one, says how, what
# shows it, and where it differs.

requires() { shaper_requires; }

layers() { echo kernel; }

prepare() { shaper_prepare; }

inject() { shaper_inject; }

renew() { nft_renew; }

undo() { shaper_undo; }

verify() { shaper_verify; }

rules() { shaping_rules; }

caught_out() { to_band; }

