package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/web"
)

// schema is the version of the body. It changes when a key changes its meaning; more keys may be added at any time.
const schema = 1

// message is the body of one request.
type message struct {
	Schema int       `json:"schema"`
	Type   string    `json:"type"` // "chaoscat." and the kind of the record
	ID     string    `json:"id"`   // the same at every try
	Name   string    `json:"name"` // of the chaoscat that says so
	Sent   time.Time `json:"sent"` // when this try began
	// Missing is how many records nobody was told of since the message before this one: dropped while they waited, or
	// gone before this hook heard of them, whatever their kind.
	Missing uint64 `json:"missing,omitempty"`
	Record  record `json:"record"`
}

// record is a [engine.Record] as others are told of it: without lists of hosts, and without what is only for a replay.
type record struct {
	Seq     uint64            `json:"seq"`
	At      time.Time         `json:"at"`
	Kind    engine.RecordKind `json:"kind"`
	Run     string            `json:"run,omitempty"`
	Of      string            `json:"of,omitempty"`
	Host    string            `json:"host,omitempty"`
	Attack  string            `json:"attack,omitempty"`
	By      string            `json:"by,omitempty"`
	Door    string            `json:"door,omitempty"`
	Text    string            `json:"text"`
	Phase   engine.Phase      `json:"phase,omitempty"`
	Order   engine.OrderKind  `json:"order,omitempty"`
	Seconds float64           `json:"seconds,omitempty"` // intent: how long it is meant to last
	OnCall  []string          `json:"on_call,omitempty"` // intent: who was there
	Outcome *outcome          `json:"outcome,omitempty"`
	Verdict *engine.Verdict   `json:"verdict,omitempty"`
}

type outcome struct {
	Outcome  engine.Effect  `json:"outcome"`
	Undo     engine.Undo    `json:"undo,omitempty"`
	Applied  bool           `json:"applied"`
	Cause    string         `json:"cause,omitempty"`
	Detail   string         `json:"detail,omitempty"`
	Measured engine.Figures `json:"measured,omitzero"`
}

func told(r engine.Record) record {
	t := record{Seq: r.Seq, At: r.At.UTC(), Kind: r.Kind, Run: r.Run, Of: r.Of, Host: r.Host, Attack: r.Attack, By: r.By, Door: r.Door,
		Text: r.Text, Phase: r.Phase, Verdict: r.Verdict}
	if r.Order != nil {
		t.Order = r.Order.Kind
	}
	if r.Intent != nil {
		t.Seconds, t.OnCall = r.Intent.For.Seconds(), r.Intent.OnCall
	}
	if o := r.Outcome; o != nil {
		t.Outcome = &outcome{Outcome: o.Effect, Undo: o.Undo, Applied: o.Applied, Cause: o.Cause, Detail: o.Detail, Measured: o.Figures}
	}
	return t
}

// idOf is the same for the same record, also after a restart, so that a receiver can tell a repetition.
func idOf(name string, r engine.Record) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d\n%s", name, r.Seq, r.At.UnixNano(), r.Kind))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// request is one try: the body, and the three headers of Standard Webhooks with a fresh time.
func request(name string, r engine.Record, missing uint64, now time.Time, key []byte) (web.Request, error) {
	id := idOf(name, r)
	body, err := json.Marshal(message{Schema: schema, Type: "chaoscat." + string(r.Kind), ID: id, Name: name, Sent: now.UTC(), Missing: missing, Record: told(r)})
	if err != nil {
		return web.Request{}, fmt.Errorf("writing the message: %w", err)
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	return web.Request{Body: body, Header: map[string]string{
		"webhook-id":        id,
		"webhook-timestamp": stamp,
		"webhook-signature": "v1," + sign(key, id, stamp, body),
	}}, nil
}

func sign(key []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, stamp)
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// shortest is what a key has at least by Standard Webhooks.
const shortest = 24

// CheckSecret is what is wrong with a file as what signs messages; weak is what its owner should hear of one that works.
func CheckSecret(file string) (weak string, err error) {
	secret, err := web.ReadSecret(file)
	if err != nil {
		return "", err
	}
	key, err := keyOf(secret)
	if err == nil && len(key) < shortest {
		weak = fmt.Sprintf("its secret is %d bytes long, and should be %d at least", len(key), shortest)
	}
	return weak, err
}

// keyOf is the key behind a secret: as Standard Webhooks write it, "whsec_" and base64, or else the text itself.
func keyOf(secret web.Secret) ([]byte, error) {
	text, coded := strings.CutPrefix(string(secret), "whsec_")
	if !coded {
		return []byte(text), nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return nil, errors.New(`what follows "whsec_" in the secret file is not base64`)
	}
	return key, nil
}
