// Package remote carries an attack to a host over SSH and brings it back: connections, host keys, the
// guard's wire, the stop. It decides nothing but how to get there; what is attacked, when and for how
// long is the core's business, and what is done on the host is the runner's (package attacks).
//
//	carrier, err := remote.New(remote.Options{
//		Runner: attacks.Bundle(defs, attacks.BundleOptions{}), Attacks: defs,
//		User: "root", IdentityFiles: []string{key}, KnownHosts: []string{known},
//	})
//	outcome := carrier.Attack(ctx, run, stop, tell, line)   // blocks until the host is left as it says
//
// # What it refuses
//
// A host whose key is unknown or has changed ([UnknownHostKey], [ChangedHostKey]: two errors, each with the
// fingerprints and the command that would fix it); passwords; algorithms with SHA-1 or CBC; a key file that
// others can read; a parameter, id or address that could mean something to a shell. A host that runs
// something else in place of the runner ([NotOurs]) or whose sudo asks for a password ([SudoRefused]).
//
// # How it stays stoppable
//
// Nothing in x/crypto/ssh has a time limit, and a host that is being injured is a peer that may fall
// silent or go mad. Every call that may block has a limit of ours, at the end of which the TCP connection
// is closed; a keep-alive finds the half-open connection; what a session says is bounded, escaped (package
// printable) and never believed without the session's nonce.
//
// A stop is one line feed and the end of input on a session that is already open, acknowledged by the exit
// status alone. It is written by a goroutine that does nothing but wait for it, before anything is told or
// recorded, and goes out in one piece. If the acknowledgement does not come within a round trip and a little,
// the ladder goes on by timers, for each host by itself: a TERM signal, an undo on a second session if the
// connection gives a sign of life, an undo on a new connection, again and again until the host's own deadline
// has passed. Whoever is out of contact is told as [engine.Lost], with the time at which the host ends the
// fault by itself. What is not proven by then is residue, never assumed.
//
// # How it reaches many hosts
//
// Dials have lanes: undoing waits for nobody, attacks are a thousand at once as far as descriptors allow, and
// the background look at the roster ([Carrier.Survey]) has a small lane of its own and starts nothing while an
// attack is on its way or a stop under way. The logins that the survey keeps open, with four goroutines and
// some 40 KiB each, are what attacks use: taken out for one user at a time, proven alive, and given back.
// What follows a proven undo, the last measurement and the tidying up, waits for the stops of others.
//
// # The wire
//
// The runner is one shell program, the same bytes for every host. An upload session writes it to a tmpfs
// file whose name carries its digest; every further session executes that file with one verb:
//
//	root:  sh /run/chaoscat/runner-<16 hex> VERB "$SSH_CONNECTION"
//	sudo:  sudo -n /dev/shm/chaoscat-runner-<16 hex> VERB "$SSH_CONNECTION"
//
// The upload is one constant command, whose only variable parts are the digest and the length, with the
// runner on standard input; it succeeds with exit status 0 or changes nothing. For root:
//
//	/bin/sh -c 'umask 077; set -C; f=/run/chaoscat/runner-<16 hex>; t=$f.$$; mkdir -p /run/chaoscat && chmod 700
//	/run/chaoscat && cat >$t && [ $(wc -c <$t) -eq LENGTH ] && chmod 600 $t && mv -f $t $f || { rm -f $t; exit 1; }'
//
// Each verb first reads a header of key=value lines from standard input, ended by a line with a single
// dot. Keys match [a-z][a-z0-9_.]*, values are printable ASCII without quotes, backslash, dollar, backtick,
// semicolon, ampersand, pipe, angle brackets, parentheses, braces, star or question mark, and the host
// checks them again. The first line is always nonce=<16 hex>. What the runner has to say comes on standard
// output in lines that begin with "%<nonce> "; every other line, on either stream, is output of a script or
// of the host's login machinery, shown to people and never believed.
//
//	verb     header after nonce                            says
//	inspect  blocks of label=, kind=, p.<param>=...        fact KEY VALUE...; feasible LABEL; infeasible LABEL SENTENCE;
//	                                                       busy ID AGE SENTENCE (a fault of ours, or leftovers, or foreign ones); done
//	guard    id= kind= ttl= hold= lease= supervised=0|1    see below
//	measure  id= kind= p.<param>=...                       about WORDS; figure N; expect up|down N | expect change; unverifiable SENTENCE; done
//	                                                       (of a compound attack "part N" before those of each part)
//	undo     id=                                           clean | restored | residue SENTENCE; done
//	sweep    force=0|1                                     cleared ID | kept ID SENTENCE | foreign SENTENCE; done
//	bye      (nothing)                                     done; the runner's file is gone
//
// After its header the guard verb claims the host, records what must be put back, starts its watchdogs and says
//
//	armed layers=kernel,guard,systemd boot=<boot id>       or: busy ID SENTENCE | refused SENTENCE | infeasible SENTENCE
//
// and then obeys one line at a time: "go" (injecting, then injected 0 | injected RC), "renew" (renewed), "ping N" (pong N);
// an empty line, "stop" or the end of input begins the undo. Then, always: "undoing CAUSE", and last "restored"
// or "residue SENTENCE", and the exit status 0 or 6. A refusal exits 4 with nothing applied. The exit status alone
// is the acknowledgement of a stop. Whatever the guard was told, it undoes by itself when the lease has run out
// (no line for lease seconds; lease=0 for a fault that cuts its own control path) or ttl seconds after "go".
package remote
