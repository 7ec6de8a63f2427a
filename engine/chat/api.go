package chat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/chaoscat/chaoscat/engine/web"
)

// api asks Slack. The tokens are read at every use, so that a new one counts at once, and no error has them.
type api struct {
	appToken, botToken string // files
	url                string // "" is Slack's own
	http               bounded
}

const (
	answerWithin = 10 * time.Second
	longestBody  = 2 << 20 // of an answer; the members of the largest user group fit
)

// message is what is posted.
type message struct {
	channel string
	thread  string // "" is the channel itself
	answer  string // address of a slash command's answer, instead of all that
	text    string // escaped; what notifications show
	buttons []button
}

// button is what can be pressed beneath a message.
type button struct{ id, value, text string }

// The ids of the buttons.
const (
	stopButton    = "chaoscat-stop"
	approveButton = "chaoscat-approve"
)

// post puts a message into its channel, and returns its time stamp, which is its name.
func (a *api) post(ctx context.Context, m message) (ts string, err error) {
	err = a.use(func(c *slack.Client) error {
		options := []slack.MsgOption{
			slack.MsgOptionText(m.text, false), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(), slack.MsgOptionBlocks(m.blocks()...),
		}
		if m.answer != "" {
			options = append(options, slack.MsgOptionResponseURL(m.answer, slack.ResponseTypeEphemeral))
		}
		if m.thread != "" {
			options = append(options, slack.MsgOptionTS(m.thread))
		}
		_, ts, err = c.PostMessageContext(ctx, m.channel, options...)
		if err == nil && ts == "" && m.answer == "" {
			err = errors.New("the answer is not what was expected")
		}
		return err
	})
	return ts, err
}

// blocks are the message as Slack lays it out.
func (m message) blocks() []slack.Block {
	text := slack.NewTextBlockObject(slack.MarkdownType, m.text, false, true)
	blocks := []slack.Block{slack.NewSectionBlock(text, nil, nil)}
	if len(m.buttons) == 0 {
		return blocks
	}
	var row []slack.BlockElement
	for _, b := range m.buttons {
		e := slack.NewButtonBlockElement(b.id, b.value, slack.NewTextBlockObject(slack.PlainTextType, b.text, false, false))
		if b.id == stopButton {
			e = e.WithStyle(slack.StyleDanger)
		}
		row = append(row, e)
	}
	return append(blocks, slack.NewActionBlock("", row...))
}

// me is the bot: its user id, and what people know it by.
func (a *api) me(ctx context.Context) (id, name string, err error) {
	err = a.use(func(c *slack.Client) error {
		answer, err := c.AuthTestContext(ctx)
		if err == nil && answer.UserID == "" {
			err = errors.New("it does not say who the bot is")
		}
		if err == nil {
			id, name = answer.UserID, printable.Printable(answer.User+" in "+answer.Team)
		}
		return err
	})
	return id, name, err
}

// mayConnect asks for a connection, and lets it be.
func (a *api) mayConnect(ctx context.Context) error {
	return a.use(func(c *slack.Client) error {
		_, _, err := c.StartSocketModeContext(ctx)
		return err
	})
}

// members lists who is in a user group.
func (a *api) members(ctx context.Context, group string) (users []string, err error) {
	err = a.use(func(c *slack.Client) error {
		users, err = c.GetUserGroupMembersContext(ctx, group)
		return err
	})
	return users, err
}

// use has something done with a client of the present tokens.
func (a *api) use(do func(*slack.Client) error) error {
	c, secrets, err := a.client()
	if err != nil {
		return err
	}
	return cleaned(do(c), secrets)
}

func (a *api) client() (*slack.Client, []web.Secret, error) {
	app, appErr := web.ReadSecret(a.appToken)
	bot, botErr := web.ReadSecret(a.botToken)
	if err := errors.Join(appErr, botErr); err != nil {
		return nil, nil, err
	}
	options := []slack.Option{
		slack.OptionAppLevelToken(string(app)), slack.OptionHTTPClient(a.http), slack.OptionLog(log.New(io.Discard, "", 0)),
	}
	if a.url != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(a.url, "/")+"/"))
	}
	return slack.New(string(bot), options...), []web.Secret{app, bot}, nil
}

// failure is an error whose text is fit for a log; what it was can still be asked.
type failure struct {
	text string
	err  error
}

func (f failure) Error() string { return f.text }
func (f failure) Unwrap() error { return f.err }

// cleaned leaves out tokens, and the addresses that net/http puts in front, which may be secrets themselves.
func cleaned(err error, secrets []web.Secret) error {
	if err == nil {
		return nil
	}
	cause := err
	var outer *url.Error
	if errors.As(err, &outer) {
		cause = outer.Err
	}
	return failure{"Slack: " + printable.Printable(web.Hide(cause.Error()+advice(err), secrets...)), err}
}

// advice is what an operator can do about an answer of Slack.
func advice(err error) string {
	var said slack.SlackErrorResponse
	if !errors.As(err, &said) {
		return ""
	}
	switch said.Err {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type":
		return ": check slack.app_token_file (xapp-) and slack.bot_token_file (xoxb-)"
	case "channel_not_found", "not_in_channel", "is_archived":
		return ": check slack.channel, and invite the bot there"
	case "missing_scope":
		return fmt.Sprintf(": the app lacks the scope %s; see the manifest", said.Needed)
	}
	return ""
}

// bounded is an HTTP client that reads no more than so much, waits no longer than so long, and goes nowhere else: the
// token is in what it sends.
type bounded struct{ client *http.Client }

func newBounded() bounded {
	return bounded{&http.Client{
		Timeout:       answerWithin,
		CheckRedirect: stay,
		Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, TLSHandshakeTimeout: answerWithin},
	}}
}

// stay follows a redirect on the same host only.
func stay(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if len(before) > 3 || next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return errors.New("it redirects elsewhere, or for ever")
	}
	return nil
}

// Do has one exchange, and reads the answer to its end.
func (b bounded) Do(r *http.Request) (*http.Response, error) {
	answer, err := b.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, longestBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("it began to answer and did not finish: %w", err)
	case len(body) > longestBody:
		return nil, fmt.Errorf("its answer is larger than %d MiB", longestBody>>20)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
