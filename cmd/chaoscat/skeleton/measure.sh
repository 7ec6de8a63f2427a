# measure.sh shows whether the fault has an effect. It runs before, during and after, changes nothing, and ends by
# itself within some seconds. It prints, a line each:
#
#   figure N          what is measured, a decimal number
#   expect up N       how far it should have moved while the fault is on: up N, down N, or just "change".
#                     What is printed before the fault counts, since only then it is known how much room there is.
#   about WORDS       what exactly was measured: "to 10.0.0.7"
#   unverifiable WHY  instead of all that, where this host cannot tell
#
# Seven tenths of the expected move make the attack effective, two tenths weak, less is no effect.

if [ -e "/run/NAME.$ID" ]; then
	echo 'figure 1'
else
	echo 'figure 0'
fi
echo 'expect up 1'
