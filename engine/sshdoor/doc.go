// Package sshdoor lets people in over SSH, and nobody else: it decides who somebody is, and how much of this machine
// they may use. What they may then see and order is not its business.
//
//	door, err := sshdoor.Listen("0.0.0.0:2222", sshdoor.Options{
//		HostKey: key,      // from [HostKey], made once
//		People:  people,   // who is let in, as it is written down now; see [ReadPeople]
//		Console: console,  // ssh -p 2222 chaos@host
//		Command: command,  // ssh -p 2222 chaos@host stop
//		Log:     log,
//	})
//	err = door.Serve(ctx) // until ctx ends; everybody inside is told why, and has a moment to leave
//
// A person is known by a public key that is written down with their name, or by a certificate of an authority that
// is (people.go). There are no passwords. The name at login, "chaos", is of no account.
//
// What is asked for on a connection passes one gate (requests.go): a terminal of a sensible size, its later sizes, of
// the environment LANG, LC_ALL, LC_CTYPE and NO_COLOR, and one shell or one command at a time. Everything else is
// refused: forwarding of ports, agents and X11, subsystems, file transfer, any other environment.
//
// Whoever is hostile costs nobody else anything. A network from which too many come is not heard. Those who have not
// said who they are are few, for a short time, and the newest take the place of the oldest of whoever sends most
// (porch.go). Each person has so many connections and sessions, and a command that stops is let in beyond those of
// others and their own (rooms.go); who is taken out has no further session, and a minute for the one they have. Keys come in at the pace of a person (keyboard.go), sizes one at
// a time, newest wins. Nobody waits for somebody who does not read: the engine is on the other side of slots that
// drop, and of this package's handlers, which block for themselves alone.
package sshdoor
