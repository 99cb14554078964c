package sim

import (
	"fmt"
	"time"
)

// Step is how far the world's clock goes at a time.
const Step = 500 * time.Millisecond

// Start is when every world begins.
var Start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// Options of a World.
type Options struct {
	// Sites are the clusters, as NAME/REGION. The regions are eu, us, west and ap.
	Sites []string
	// Servers is how many name servers there are.
	Servers int
	// Apps is how many applications there are, each of so many replicas; 1 and 6 if 0.
	Apps     int
	Replicas int32
	// Room for pods in each site; plenty if 0.
	Room int32
	// PodStart is how long a pod takes to be ready; 8 s if 0.
	PodStart time.Duration
	// Strategy of placement; by room if empty.
	Strategy Strategy
	// Ranked gives each application a higher priority than the one before has.
	Ranked bool
	// Seed decides what is left to chance. Shuffled handles what is simultaneous in an order that
	// follows from it.
	Seed     uint64
	Shuffled bool
	// StableFor and StepEvery of the way back; those of the API if 0.
	StableFor, StepEvery time.Duration
	// Jitter lets name servers probe endpoints in another order each time.
	Jitter bool
	// Quiet worlds tell no story.
	Quiet bool
}

// World is everything there is.
type World struct {
	Now     time.Time
	Sites   []*Site
	Servers []*Server
	Store   *Store
	// Hub is the process that leads; nil while there is none. Old is one that has lost the lead and
	// does not know it yet.
	Hub, Old *Hub
	// StoreDown: nobody reaches the hub's API server. HubCut: the hub reaches no member and no name
	// server reaches the hub, as when its site lost its network.
	StoreDown, HubCut bool
	Weather           Weather

	// Written is what was written in this step.
	Written []Write
	// Steps, Events and Orders count: steps taken, messages and other events handled, and how often
	// several of them were put in an order that was drawn.
	Steps, Events, Orders int

	options Options
	rng     random
	mail    []message
	lost    time.Time // when a message was last
	epochs  int64
	story   story
	checks  []Checker
}

// New returns a world in which nothing runs yet: see Settle.
func New(o Options) *World {
	o.Apps, o.Replicas, o.PodStart = or(o.Apps, 1), or(o.Replicas, 6), or(o.PodStart, 8*time.Second)
	o.Room, o.Servers = or(o.Room, 1000), or(o.Servers, 3)
	w := &World{Now: Start, options: o, rng: random(o.Seed), story: story{began: Start}}
	for i, text := range o.Sites {
		w.Sites = append(w.Sites, newSite(i, text, o.Room))
	}
	w.Store = newStore(w, o)
	for i := range o.Servers {
		w.Servers = append(w.Servers, newServer(w, i))
	}
	w.lead()
	return w
}

func or[T comparable](v, otherwise T) T {
	var none T
	if v == none {
		return otherwise
	}
	return v
}

// Run lets time go by, to the first violation of an invariant.
func (w *World) Run(d time.Duration) error {
	for until := w.Now.Add(d); w.Now.Before(until); {
		if err := w.Step(); err != nil {
			return err
		}
	}
	return nil
}

// Step goes one step ahead.
func (w *World) Step() error {
	w.Now = w.Now.Add(Step)
	w.Steps++
	w.Written = w.Written[:0]
	for _, s := range w.Sites {
		s.run(w.Now)
	}
	w.see()
	w.hear()
	w.decide()
	w.hear()
	for _, s := range w.Servers {
		s.settle()
	}
	if !w.options.Quiet {
		w.tell()
	}
	for _, c := range w.checks {
		if err := c.Check(w); err != nil {
			return fmt.Errorf("%s at %s: %w", c.Name(), w.clock(), err)
		}
	}
	return nil
}

// see is what the name servers and the hub see of the sites by themselves.
func (w *World) see() {
	var acts []func()
	for _, s := range w.Servers {
		acts = append(acts, s.probes()...)
	}
	for _, h := range []*Hub{w.Hub, w.Old} {
		if h != nil {
			acts = append(acts, h.samples()...)
		}
	}
	w.simultaneous(acts)
	acts = acts[:0]
	for _, s := range w.Servers {
		acts = append(acts, s.speak)
	}
	w.simultaneous(acts)
}

// decide gathers for all decisions before any is carried out.
func (w *World) decide() {
	if w.StoreDown {
		return
	}
	var acts []func()
	for _, h := range []*Hub{w.Hub, w.Old} {
		if h != nil {
			acts = append(acts, h.decisions()...)
		}
	}
	w.simultaneous(acts)
}

// simultaneous handles what happens at one time, in an order that must not matter.
func (w *World) simultaneous(acts []func()) {
	w.Events += len(acts)
	if w.options.Shuffled && len(acts) > 1 {
		w.Orders++
		shuffle(&w.rng, acts)
	}
	for _, act := range acts {
		act()
	}
}

// lead has a new process lead, which knows only what the store says.
func (w *World) lead() {
	w.epochs++
	w.Hub = newHub(w, w.epochs)
}

// site by its name.
func (w *World) site(name string) *Site {
	for _, s := range w.Sites {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// reaches says whether the hub reaches a member's API server.
func (w *World) reaches(s *Site) bool {
	return !w.HubCut && !s.HubCut && !s.Dead && !s.Hung && !s.APICut
}
