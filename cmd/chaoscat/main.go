// Command chaoscat runs weighted random attacks on random hosts over SSH, in business hours, when
// somebody is on call and everything is healthy, and undoes each of them.
//
// Everything that the program takes from its surroundings (arguments, environment, time, signals, the
// terminal) is read here and in world.go, and handed down as values. wire.go puts the parts together;
// the other files are one command each.
package main

import (
	"os"
	_ "time/tzdata" // minimal hosts have no zone files
)

func main() { os.Exit(run(thisWorld())) }
