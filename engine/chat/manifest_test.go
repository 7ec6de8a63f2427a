package chat

import (
	"os"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

// The scopes are those of the methods that are called and of the events that are heard, and no more.
func TestTheManifestAsksForWhatIsUsedAndForNoMore(t *testing.T) {
	text, err := os.ReadFile("manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Features struct {
			SlashCommands []struct{ Command string } `yaml:"slash_commands"`
		}
		OAuth struct {
			Scopes struct{ Bot, User []string }
		} `yaml:"oauth_config"`
		Settings struct {
			Events struct {
				Bot []string `yaml:"bot_events"`
			} `yaml:"event_subscriptions"`
			Interactivity struct {
				On bool `yaml:"is_enabled"`
			}
			SocketMode bool `yaml:"socket_mode_enabled"`
		}
	}
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if want := []string{"app_mentions:read", "chat:write", "commands", "im:history", "usergroups:read"}; !slices.Equal(m.OAuth.Scopes.Bot, want) || m.OAuth.Scopes.User != nil {
		t.Errorf("the scopes are %v", m.OAuth.Scopes)
	}
	if !slices.Equal(m.Settings.Events.Bot, []string{"app_mention", "message.im"}) || !m.Settings.Interactivity.On || !m.Settings.SocketMode || m.Features.SlashCommands[0].Command != "/chaoscat" {
		t.Errorf("%+v", m)
	}
}
