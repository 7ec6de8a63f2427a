// Package chat is the door to Slack: it says where the team already talks what is done to which host, and obeys the
// right people there.
//
// Whatever comes in is one of four things, a message that begins with a mention of the bot, a direct message to it, a
// slash command, or a button of its own. Nothing else is heard: no edited message, no bot, no command in a quotation,
// in a block of code or further down in a text. The envelope is acknowledged at once and carried out afterwards; what
// Slack delivers twice acts once. An order that is older than a minute may be meant for another moment: what would begin
// or release something is refused then, what makes things calmer is not. A stop is never refused, takes a lane of its
// own, and asks Slack for nothing.
//
// Who is speaking is what [Options.Who] says of their user id; whoever it does not know may stop, and nothing else.
// Orders go through [control.Guest] like those of every other door.
//
// What goes out is one thread for each run, or for each order that attacks several hosts: its beginning with a button
// that stops, its first measured effect, why it is undone early, its outcome. Residue, a host that is clean again, stop,
// resume, pause and an order that waits for others are messages of their own. Why the schedule does not attack just now
// is not told but asked for (why): it changes all day long. Slack takes about one message a second in a channel, so what
// waits for the same thread becomes one message; a queue that is full leaves out progress before anything else, and the
// log says how much.
//
//	c, err := chat.New(chat.Options{AppToken: "slack.app", BotToken: "slack.bot", Channel: "C024BE91L", Who: who, ...})
//	local.New(local.Options{..., Announce: c.Announce}) // where no announcement means no attack
//	c.Run(ctx, engine)                                  // until ctx ends; it has a few seconds for the last words
package chat
