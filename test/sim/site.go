package sim

import (
	"slices"
	"strings"
	"time"
)

// Site is a member cluster as it really is, whatever anybody thinks of it.
type Site struct {
	Name, Region, Address string
	// Room for pods.
	Room int32

	// Dead: nothing runs. Hung: everything stands still and nothing answers.
	Dead, Hung bool
	// APICut: nobody reaches the API server. DataCut: nobody reaches the gateway. HubCut: the hub does
	// not reach the API server, others would.
	APICut, DataCut, HubCut bool

	apps []*pods // by name
}

// pods are those of one application in a site.
type pods struct {
	app         string
	want, ready int32
	starting    []time.Time // when each is ready
}

// Answers says whether a request that is sent to an application there is answered.
func (s *Site) Answers(app string) bool {
	return !s.Dead && !s.Hung && !s.DataCut && s.Ready(app) > 0
}

// Runs says whether the pods that are there do anything.
func (s *Site) Runs() bool { return !s.Dead && !s.Hung }

// Ready is how many pods of an application are ready.
func (s *Site) Ready(app string) int32 {
	if p := s.pods(app); p != nil && !s.Dead {
		return p.ready
	}
	return 0
}

// Wanted is how many pods the site was told to run; ok says whether it was told to run any.
func (s *Site) Wanted(app string) (n int32, ok bool) {
	if p := s.pods(app); p != nil {
		return p.want, true
	}
	return 0, false
}

// told has the site run so many pods, ready after a time.
func (s *Site) told(app string, want int32, ready time.Time) {
	p := s.pods(app)
	if p == nil {
		p = &pods{app: app}
		s.apps = append(s.apps, p)
		slices.SortFunc(s.apps, func(a, b *pods) int { return strings.Compare(a.app, b.app) })
	}
	if p.want == want {
		return
	}
	p.want = want
	s.fill(p, ready)
}

// fill starts the pods that are missing, and stops those that are too many: the youngest first.
func (s *Site) fill(p *pods, ready time.Time) {
	for int32(len(p.starting))+p.ready < p.want {
		p.starting = append(p.starting, ready)
	}
	for len(p.starting) > 0 && int32(len(p.starting))+p.ready > p.want {
		p.starting = p.starting[:len(p.starting)-1]
	}
	p.ready = min(p.ready, p.want)
}

func (s *Site) remove(app string) {
	s.apps = slices.DeleteFunc(s.apps, func(p *pods) bool { return p.app == app })
}

func (s *Site) pods(app string) *pods {
	for _, p := range s.apps {
		if p.app == app {
			return p
		}
	}
	return nil
}

// kill ends all pods; revive starts them anew, as the nodes of a cluster do.
func (s *Site) kill() {
	s.Dead, s.Hung = true, false
	for _, p := range s.apps {
		p.ready, p.starting = 0, nil
	}
}

func (s *Site) revive(ready time.Time) {
	if !s.Dead {
		return
	}
	s.Dead = false
	for _, p := range s.apps {
		s.fill(p, ready)
	}
}

// run lets pods become ready that have started for long enough and for which there is room.
func (s *Site) run(now time.Time) {
	if s.Dead {
		return
	}
	var used int32
	for _, p := range s.apps {
		used += p.ready
	}
	for _, p := range s.apps {
		if s.Hung { // their time stands still as well
			for i := range p.starting {
				p.starting[i] = p.starting[i].Add(Step)
			}
			continue
		}
		p.starting = slices.DeleteFunc(p.starting, func(at time.Time) bool {
			if at.After(now) || used >= s.Room {
				return false
			}
			used++
			p.ready++
			return true
		})
	}
}
