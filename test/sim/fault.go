package sim

import (
	"fmt"
	"strings"
	"time"
)

// FaultKind is what can happen to a world.
type FaultKind string

// Faults, and how they end. Those of a site or a server name it.
const (
	Kill      FaultKind = "kill"                                           // a site: nothing runs any more
	Revive    FaultKind = "revive"                                         // its pods start anew
	Stop      FaultKind = "stop"                                           // a site hangs, as by SIGSTOP
	Continue  FaultKind = "continue"                                       //
	CutAPI    FaultKind = "cut the API of"                                 // nobody reaches a site's API server
	MendAPI   FaultKind = "mend the API of"                                //
	CutData   FaultKind = "cut the data path of"                           // nobody reaches a site's gateway
	MendData  FaultKind = "mend the data path of"                          //
	CutFrom   FaultKind = "cut the hub from the API of"                    // the hub does not reach a site
	MendFrom  FaultKind = "mend the hub's way to the API of"               //
	CutHub    FaultKind = "cut off the hub"                                // the hub reaches nobody, and nobody the hub
	MendHub   FaultKind = "the hub is connected again"                     //
	StopHub   FaultKind = "stop the hub"                                   // the hub's API server and controllers are gone
	StartHub  FaultKind = "start the hub"                                  //
	NewHub    FaultKind = "another hub process leads"                      // another process leads, which remembers nothing
	LateHub   FaultKind = "another hub process leads, the old one goes on" // another leads, and the old one goes on planning from what it knew
	EndLate   FaultKind = "the old hub process ends"                       // the old one ends
	CutNS     FaultKind = "cut the network of"                             // a name server loses its network
	MendNS    FaultKind = "mend the network of"                            //
	CutNSHub  FaultKind = "cut the hub from"                               // a name server does not reach the hub
	MendNSHub FaultKind = "mend the hub from"
	KillNS    FaultKind = "kill the process of" // a name server's process is gone
	StartNS   FaultKind = "start the process of"
	Storm     FaultKind = "storm" // messages are late, lost and come twice
	Calm      FaultKind = "calm"
	Flap      FaultKind = "flap"  // a site: ten seconds gone, ten seconds there, so many times
	Scale     FaultKind = "scale" // a person wants another number of replicas
)

// Fault is one event of a history.
type Fault struct {
	// After is how long after the one before.
	After time.Duration
	Kind  FaultKind
	// At is the site or server.
	At string
	// N is how many times, or how many replicas.
	N int
}

func (f Fault) String() string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s", f.Kind, f.At))
	if f.N > 0 {
		text += fmt.Sprintf(" %d", f.N)
	}
	return text
}

// Happen lets a fault happen at once. A flap is not over when it returns: it takes 20 s each time.
func (w *World) Happen(f Fault) {
	w.note("** %s", f)
	if s := w.site(f.At); s != nil {
		w.happenTo(s, f.Kind)
		return
	}
	if s := w.server(f.At); s != nil {
		s.happen(f.Kind)
		return
	}
	switch f.Kind {
	case CutHub, MendHub:
		w.HubCut = f.Kind == CutHub
	case StopHub:
		w.StoreDown, w.Hub, w.Old = true, nil, nil
	case StartHub:
		if w.StoreDown {
			w.StoreDown = false
			w.lead()
		}
	case NewHub, LateHub:
		w.succeed(f.Kind == LateHub)
	case EndLate:
		w.Old = nil
	case Storm:
		w.Weather = Weather{Late: 6, Lost: 20, Twice: 20}
	case Calm:
		w.Weather = calm
	case Scale:
		for _, a := range w.Store.Apps {
			next := a.Binding.DeepCopy()
			next.Spec.Replicas = int32(f.N)
			next.Generation++
			a.Binding = next
		}
	}
}

func (w *World) happenTo(s *Site, kind FaultKind) {
	switch kind {
	case Kill:
		s.kill()
	case Revive:
		s.revive(w.Now.Add(w.options.PodStart))
	case Stop, Continue:
		s.Hung = kind == Stop && !s.Dead
	case CutAPI, MendAPI:
		s.APICut = kind == CutAPI
	case CutData, MendData:
		s.DataCut = kind == CutData
	case CutFrom, MendFrom:
		s.HubCut = kind == CutFrom
	}
}

func (s *Server) happen(kind FaultKind) {
	switch kind {
	case CutNS, MendNS:
		s.Cut = kind == CutNS
	case CutNSHub, MendNSHub:
		s.HubCut = kind == CutNSHub
	case KillNS:
		s.Stop()
	case StartNS:
		s.Start()
	}
}

// succeed lets another hub lead.
func (w *World) succeed(late bool) {
	if w.StoreDown || w.Hub == nil {
		return
	}
	w.Old = nil
	if late {
		w.Old = w.Hub
		w.Old.Stands = true
	}
	w.lead()
}

func (w *World) server(name string) *Server {
	for _, s := range w.Servers {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Play lets a history happen.
func (w *World) Play(history []Fault) error {
	for _, f := range history {
		if err := w.Run(f.After); err != nil {
			return err
		}
		if f.Kind != Flap {
			w.Happen(f)
			continue
		}
		for range f.N {
			for _, kind := range []FaultKind{Stop, Continue} {
				w.Happen(Fault{Kind: kind, At: f.At})
				if err := w.Run(10 * time.Second); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Mend ends everything that is wrong.
func (w *World) Mend() {
	w.note("** everything is mended")
	w.HubCut, w.Weather, w.Old = false, calm, nil
	w.Happen(Fault{Kind: StartHub})
	for _, s := range w.Sites {
		s.Hung, s.APICut, s.DataCut, s.HubCut = false, false, false, false
		s.revive(w.Now.Add(w.options.PodStart))
	}
	for _, s := range w.Servers {
		s.Cut, s.HubCut = false, false
		s.Start()
	}
}
