// Package config reads chaoscat.toml: it decides what the operators have written down, and refuses
// everything that it does not understand.
//
//	conf, err := config.Load("chaoscat.toml", config.Disk(home))
//
// A configuration of a fault injector is dangerous where it is misread, so nothing is ignored and nothing
// is guessed. An unknown key, a wrong type, a duration without a unit, a misspelt day, a secret that
// others can read: each is a [Mistake] with file, line, key, the nearest key that exists and a hint. All
// mistakes of a file come at once, as [*Mistakes]; only a file that is not TOML at all has just the one.
//
// What may be written is one table of keys ([Keys] lists it); the same table reads the file, finds the
// nearest known key and is compared with chaoscat.toml.example, so that the three cannot drift apart.
//
// The result is plain data in the engine's own words. Whether an attack of that name exists, and whether
// its parameters are within its bounds, is the catalogue's to say; whoever asks it reports the answer at
// the right line through [Config.Wrong].
package config
