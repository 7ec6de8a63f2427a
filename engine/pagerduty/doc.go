// Package pagerduty is chaoscat's dealings with PagerDuty, by its public REST API v2 and Events API v2.
//
// It asks: [OnCall] is a gate that says yes while everybody who should be on call is there, [Incidents] one that says yes
// while nothing is triggered or acknowledged. Whatever is unclear is a no: an answer of another shape, more pages than
// anybody has incidents, a level that nobody can count.
//
// It tells: an [Outlet] follows the engine's record at its own pace. Responders see a change event where an attack begins
// and where it ends; several hosts attacked by one order are one attack. A host that needs a person and a scheduler that
// gives no sign of life are alerts, with a key for each that PagerDuty itself uses to tell a repetition from news. What
// should be alarmed follows from the engine's newest view alone, and is compared with what PagerDuty has accepted: no
// alert is lost in a queue, each comes before every change event, and it is resolved when what it is about is over; that
// about a dead scheduler when its next life has lasted for a while, so that one which dies again and again is one alert.
// Change events wait in a queue with an end; one that cannot be sent for half an hour is given up, and the log says so.
//
//	out, err := pagerduty.New(pagerduty.Options{Account: account, Name: "prod-eu", Changes: true, Alerts: true})
//	out.Run(ctx, engine, guest) // until ctx ends
//
// And it listens: incidents of the services that it is told to watch, opened from the beginning of an attack until a
// while after its end, become notes in the record, with the time to detect (from the fault to the incident), to
// acknowledge and to resolve (from the incident on). Each milestone is noted once in the life of an engine; an engine
// that has been started anew knows nothing of the attacks before.
//
// No secret leaves this package: the token is in a header, the routing key in the body of an event, and neither in any
// text. Texts of PagerDuty's are made printable and short.
package pagerduty
