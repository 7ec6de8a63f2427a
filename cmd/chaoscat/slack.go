package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/chat"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/web"
)

// slack is the chat in which attacks are announced and orders taken, where the configuration has one.
func (g *graph) slack(w world, log *slog.Logger) (*outlet, error) {
	s := g.config.Slack
	if s.AppToken == "" {
		return nil, nil
	}
	channel := s.Channel
	if s.Announce == config.AnnounceOff {
		channel = ""
	}
	known := g.who()
	var err error
	g.chat, err = chat.New(chat.Options{
		AppToken: s.AppToken, BotToken: s.BotToken, URL: s.URL, Name: g.config.Name, Channel: channel, CommandsIn: s.CommandsIn, MaxAge: s.MaxAge,
		Who: known.inSlack, Groups: slackGroups(g.config.Teams), Zone: g.config.Schedule.Location, Now: w.now, Log: log,
	})
	if err != nil {
		return nil, g.config.Wrong("slack", "%v", err)
	}
	c := g.chat
	return &outlet{name: "slack", run: func(ctx context.Context, e *local.Engine) { c.Run(ctx, e) }}, nil
}

// slackReads is what it depends on in the configuration.
func slackReads(c *config.Config) []any {
	return []any{c.Slack, c.Name, c.Schedule.Location.String(), c.Persons, c.Teams}
}

// inSlack is who a user of Slack is.
func (p *people) inSlack(user string, groups []string) control.Peer {
	return p.at(slackDoor, user, groups)
}

// slackGroups are the user groups that make somebody a member of a team.
func slackGroups(teams []config.Team) (ids []string) {
	for _, t := range teams {
		ids = append(ids, t.SlackGroups...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// checkSlack says whether Slack takes the tokens, where there are any.
func checkSlack(ctx context.Context, w world, g *graph) []finding {
	if g.config.Slack.AppToken == "" {
		return nil
	}
	_, err := g.slack(w, slog.New(slog.DiscardHandler))
	name := ""
	if err == nil {
		name, err = g.chat.Check(ctx)
	}
	if err == nil {
		return []finding{{schema, "+", "slack", "both tokens are taken: " + name}}
	}
	var f []finding
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if strings.Contains(line, "check slack.") { // Slack was asked, and does not take the token
			line += "; put one of this workspace's app there, from api.slack.com/apps"
		}
		f = append(f, finding{schema, "x", "slack", line})
	}
	return f
}

// checkTokens tells by their first letters whether the tokens lie where they belong. It asks nobody.
func checkTokens(s config.Slack) (f []finding) {
	for _, token := range []struct{ key, file, begins, what string }{
		{"app_token_file", s.AppToken, "xapp-", "the app's token"},
		{"bot_token_file", s.BotToken, "xoxb-", "the bot's token"},
	} {
		if token.file == "" {
			continue
		}
		secret, err := web.ReadSecret(token.file)
		switch {
		case err != nil:
			f = append(f, finding{schema, "x", "slack", token.key + ": " + err.Error()})
		case !strings.HasPrefix(string(secret), token.begins):
			text := fmt.Sprintf("%s: %s begins with %s, and what is there does not; are the two files swapped?", token.key, token.what, token.begins)
			f = append(f, finding{schema, "x", "slack", text})
		}
	}
	return f
}

// announce has a run announced before it is launched, where nothing may happen without.
func (g *graph) announce(ctx context.Context, r engine.Run) error {
	switch {
	case g.config.Slack.Announce != config.AnnounceRequired:
		return nil
	case g.chat == nil:
		return errors.New("there is no chat yet")
	}
	return g.chat.Announce(ctx, r)
}
