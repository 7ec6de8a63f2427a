package engine

import (
	"maps"
	"time"
)

// Sighting is what the background look last found of a host. It is for people: the draw asks the host
// itself, and of sightings knows only who is out of reach (see [Sighted]).
type Sighting struct {
	At          time.Time     `json:"at"`
	RoundTrip   time.Duration `json:"round_trip,omitempty"`  // of a sign of life on an open login; 0: unknown
	Unreachable string        `json:"unreachable,omitempty"` // why it could not be logged in to
	Facts       *Facts        `json:"facts,omitempty"`       // what a look at it found, however long ago
	Since       uint64        `json:"since,omitempty"`       // number of the survey that it is news of
}

// Survey is what is known of the whole roster at one moment. It never changes after it is made, so that it
// can be shared; a newer one takes its place.
type Survey struct{ Hosts map[string]Sighting }

// With is the survey with what has been found since.
func (s *Survey) With(news map[string]Sighting) *Survey {
	all := make(map[string]Sighting, s.Len()+len(news))
	if s != nil {
		maps.Copy(all, s.Hosts)
	}
	maps.Copy(all, news)
	return &Survey{Hosts: all}
}

// Find is the sighting of a host; false where it was not looked at yet. A nil survey knows nobody.
func (s *Survey) Find(host string) (Sighting, bool) {
	if s == nil {
		return Sighting{}, false
	}
	found, known := s.Hosts[host]
	return found, known
}

// Len is how many hosts have been looked at.
func (s *Survey) Len() int {
	if s == nil {
		return 0
	}
	return len(s.Hosts)
}
