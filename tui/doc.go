// Package tui is the console: it shows one engine and carries a person's orders to it.
//
// It knows the engine by three methods ([Console]) and nothing of attacks, inventories or SSH. What
// happens arrives as snapshots, newest wins, and as records; what a person wants leaves as orders. The
// engine never waits for the terminal: a pump takes the newest snapshot out of one slot (feed.go), and
// what is drawn goes through an outlet that drops frames rather than block (outlet.go), so that the stop
// key works even while the terminal swallows nothing.
//
//	exit, err := tui.Run(ctx, tui.Options{Console: engine, In: os.Stdin, Out: os.Stdout, Now: time.Now, By: "ada"})
//	if exit != tui.Quit {
//		// stop and undo first: the person, the terminal or the machine went away
//	}
//
// What it promises:
//
//   - s, S and ctrl+c reach the engine from every screen, without a question, however the bytes arrive: several
//     keys in one read, after an escape, after a paste whose end got lost (inlet.go), on a screen that is too
//     small. In a text field, where s must type, ctrl+c stops. An undelivered stop is sent again until it is
//     delivered.
//   - No single key injects a fault, and pasted text never acts. A question is answered by another key than
//     the one that asked it, never by Enter, and it names the host and keeps to it. An attack by hand (hand.go)
//     runs when its host, or the number of its hosts, has been typed; it begins on Cancel.
//   - Other keys can be given to every action (keymap.go), and stop only gains keys. A read-only console stops
//     too. The mouse selects and scrolls, if asked for, and never acts.
//   - Each state is told by a character, a word and a colour; the first two are always there.
//   - No line is wider than the screen, and no byte from a host reaches the terminal unless it prints.
//
// A game day (gameday.go) is carried out from here where one is given: its plan takes the place of the next attack. Its
// state is the engine's record and nothing else, so that any console can go on where another was.
//
// What is not a pane is a sheet over them (sheet.go), written anew from the scene at every frame: a host, a draw,
// the gates with their past (trend.go), what has ended; the event log is a second output.
//
// One file per thing on the screen; tui.go only routes, keys.go holds all keys with the reasons why one
// does not apply, styles.go all colours and glyphs, layout.go all places. To add a pane: write its file, give
// it a place in layout.go and its keys in keys.go, and draw it in tui.go.
package tui
