package chat

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine/web"
	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

// Every way in which what answers in the place of Slack can be no Slack.
func TestWhateverAnswersInPlaceOfSlackIsAnErrorWithoutAToken(t *testing.T) {
	good := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"ok":true,"channel":"C024BE91L","ts":"1503435956.000247"}`)
	})
	hostile.Each(t, hostile.Options{Good: good}, func(t *testing.T, s hostile.Server) (bool, string) {
		a := &api{appToken: s.TokenFile, botToken: s.TokenFile, url: s.URL, http: newBounded()}
		a.http.client.Timeout = hostile.Within
		if s.CAFile != "" {
			a.http.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: authority(t, s.CAFile), MinVersion: tls.VersionTLS12}
		}
		_, err := a.post(t.Context(), message{channel: general, text: "hello"})
		if err != nil {
			return false, err.Error()
		}
		return true, ""
	})
}

func authority(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(file)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate of an authority: ", err)
	}
	return pool
}

func TestAnAnswerGoesToSlackOnly(t *testing.T) {
	for address, want := range map[string]bool{
		"https://hooks.slack.com/commands/1234/5678": true, "http://127.0.0.1:99/commands/1": true, "http://hooks.slack.com/x": false, "https://hooks.slack.com.evil.example/x": false,
		"https://a@hooks.slack.com/x": false, "https://evil.example/hooks.slack.com": false, "": false, "file:///etc/passwd": false, "http://127.0.0.1:98/x": false,
	} {
		if trusted(address, "http://127.0.0.1:99/") != want {
			t.Errorf("%q should be trusted: %v", address, want)
		}
	}
	if trusted("http:///x", "") {
		t.Error("nowhere is trusted")
	}
}

func TestTheTokensAreReadFromPrivateFilesAtEveryUse(t *testing.T) {
	a := &api{appToken: secretFile(t, appToken), botToken: t.TempDir() + "/none"}
	if _, err := a.post(t.Context(), message{}); err == nil || !strings.Contains(err.Error(), "none") {
		t.Error(err)
	}
	if _, err := New(Options{AppToken: a.appToken, BotToken: a.botToken}); err == nil {
		t.Error("a door without a token was made")
	}
	if text := fmt.Sprintf("%v %+v", cleaned(fmt.Errorf("it said %s", botToken), []web.Secret{botToken}), web.Secret(botToken)); strings.Contains(text, "canary") {
		t.Error(text)
	}
}
