// Package control is the engine's door on this machine: HTTP and JSON over a Unix socket.
//
//	GET  /v1/state           one snapshot
//	GET  /v1/watch           snapshots, one a line, the newest when something changed; an empty line while nothing does
//	GET  /v1/roster          every host, and the shapes of the attacks, once per roster_id
//	GET  /v1/survey          what the background look knows of the hosts, {survey_id, hosts}
//	GET  /v1/history?after=N records after that sequence number, one a line
//	POST /v1/order           an engine.Order; answers {run, refusal} or {error}
//
// Who is speaking is taken from the kernel (peer credentials), never from the request: the order's By,
// Door, Role and Realm are overwritten ([Guest], which other doors share). Whoever can open the socket may look and
// stop; everything else needs a role.
//
// [Client] is the other side: it satisfies the console's interface, so a console attached to a daemon
// and one with the engine in its own process are the same program.
package control
