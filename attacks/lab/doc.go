// Package lab boots real Linux hosts for tests: kernels of their own (user-mode Linux), systemd, sshd, their own
// clock, disk and network, on any Linux machine where the test is root. No virtualisation is needed.
//
// A lab is a small world that its test can break in every way production breaks, and take apart without a trace:
//
//	network namespace NAME                network namespace NAME-net
//	the controller, 10.77.0.2   ──veth──  bridge, 10.77.0.1  ──tap──  lab-1, 10.77.0.11
//	                                                         ──tap──  lab-2, 10.77.0.12 ...
//
// The gateway is also the name server: every name below "lab" exists, and no other. The controller's side (the test's
// connections, the chaoscat under test) lives in a namespace of its own, so that its link can be cut while the hosts
// still see each other and their gateway:
//
//	l, err := lab.Start(t.Context(), lab.Options{})
//	...
//	defer l.Close()
//	conn, err := l.Dial(ctx, "tcp", l.Hosts[0].Address+":22")     // a connection from the controller's place
//	out, err := l.Command(ctx, "chaoscat", "run-once").Output()   // a process in the controller's place
//	out, err = l.Run(ctx, l.Hosts[0], "tc qdisc show")            // as root on the host, over its serial line
//
// [Lab.Run] needs neither the network nor sshd, which makes it the witness when both are under attack. [Lab.Residue]
// is what it sees of everything a fault may leave behind; two of them are compared with [Diff].
//
// Everything ends at [Lab.Close], when the context given to [Start] is done, and, by the kernel's hand, when the test
// dies: each host is a process namespace whose first process dies with its parent. What a killed test leaves (two empty
// network namespaces and a folder) the next Start clears away.
//
// Kernel and root image are built once by kernel.sh and image.sh into a cache and found there ever after; install.sh
// installs what they need, monitoring.sh unpacks Debian's Prometheus and Alertmanager beside them, prepare.sh does all
// four. Only Linux has the lab: its users carry the constraint "linux" besides whatever keeps them out of the everyday
// tests. [Available] says why a machine cannot boot it.
package lab
