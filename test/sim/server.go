package sim

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/held"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// What dns/feed and dns/check do in time.
const (
	probeEvery = time.Second
	heartbeat  = 10 * time.Second
	leaseFor   = 30 * time.Second
	silentFor  = 3 * time.Second
)

// Server is a name server: the process, if it runs, and its disk.
type Server struct {
	Name string
	// Up: the process runs. Cut: it has lost its own network. HubCut: it does not reach the hub.
	Up, Cut, HubCut bool

	world *World
	disk  disk
	*process
}

// disk is what a process finds at its start.
type disk struct {
	plans    []*v1.TrafficPlan
	verdicts map[verdict.Key]verdict.State
	saved    time.Time
}

// process is a name server in memory.
type process struct {
	held     *held.Objects[*v1.TrafficPlan]
	snapshot *zone.Snapshot
	changed  bool // what is held
	dirty    bool // what is on disk is old

	watches map[verdict.Key]*verdict.Watch
	network *verdict.Network
	cutOff  time.Time
	own     map[verdict.Key]verdict.State
	peers   *verdict.Peers

	restarted bool      // in this step: what is held is what was on disk
	linked    bool      // the hub is heard, and everything was listed
	missed    bool      // something was sent while the hub was not heard
	began     time.Time // the last step that it lived through
	heard     time.Time // when it was last
	listed    time.Time
	doubts    time.Time // when to list again
	report    *v1.EndpointHealth
}

func newServer(w *World, i int) *Server {
	s := &Server{Name: fmt.Sprintf("ns%d", i+1), world: w}
	s.Start()
	return s
}

// Start starts the process from what is on disk.
func (s *Server) Start() {
	if s.Up {
		return
	}
	s.Up = true
	s.process = &process{
		held: held.New[*v1.TrafficPlan](), watches: map[verdict.Key]*verdict.Watch{}, network: verdict.NewNetwork(),
		own: map[verdict.Key]verdict.State{}, peers: verdict.NewPeers(s.Name), changed: true, restarted: true,
	}
	s.peers.Silence(true)
	s.held.Replace(s.disk.plans, s.world.Now)
	s.compile()
	for key, known := range s.disk.verdicts {
		if _, served := s.own[key]; served && known.Verdict != v1.VerdictUnknown {
			s.own[key] = verdict.State{Verdict: known.Verdict, Since: known.Since, Message: known.Message}
		}
	}
	s.update()
}

// Stop kills the process.
func (s *Server) Stop() { s.Up, s.process = false, nil }

// reaches says whether the hub's API server is in reach.
func (s *Server) reaches() bool {
	return s.Up && !s.Cut && !s.HubCut && !s.world.StoreDown && !s.world.HubCut
}

// probes are the rounds that end now. Servers probe at different moments of a second, and each of them
// one endpoint after the other.
func (s *Server) probes() []func() {
	if !s.Up {
		return nil
	}
	s.restarted = s.restarted && s.began.IsZero()
	s.began = s.world.Now
	if (s.world.Steps+int(s.Name[len(s.Name)-1]))%int(probeEvery/Step) != 0 {
		return nil
	}
	return []func(){func() {
		targets := s.targets()
		if s.world.options.Jitter {
			shuffle(&s.world.rng, targets)
		}
		for i, t := range targets {
			at := s.world.Now.Add(-Step + Step*time.Duration(i+1)/time.Duration(len(targets)+1))
			s.probe(t, at)
		}
	}}
}

// target is an endpoint that is probed.
type target struct {
	plan *v1.TrafficPlan
	*v1.PlanEndpoint
}

func (s *Server) targets() (out []target) {
	for _, p := range s.snapshot.Plans {
		plan, _ := s.held.Get(planKey(p.Name))
		for i := range plan.Spec.Endpoints {
			if e := &plan.Spec.Endpoints[i]; len(e.Addresses) > 0 && e.Port > 0 {
				out = append(out, target{plan, e})
			}
		}
	}
	return out
}

func (s *Server) probe(t target, at time.Time) {
	key := key(t.plan.Name, t.Cluster)
	watch := s.watches[key]
	if watch == nil {
		watch = &verdict.Watch{}
		s.watches[key] = watch
	}
	c := &t.plan.Spec.Check
	round := verdict.Round{Began: at, Ended: at, OK: !s.Cut && s.world.site(t.Cluster).Answers(t.plan.Name), Message: "no answer"}
	changed, doubt := watch.Observe(vantage{s}, key, round, verdict.Thresholds{UnhealthyAfter: c.UnhealthyAfter, HealthyAfter: c.HealthyAfter})
	if changed {
		s.own[key] = watch.Said()
		s.dirty = true
		s.world.note("%s finds %s %s", s.Name, t.Cluster, watch.Said().Verdict)
	}
	if !doubt {
		return
	}
	// Others are asked at once that are not known to fail.
	for _, other := range s.targets() {
		if !s.network.Suspects(verdict.Key{Namespace: namespace, Plan: other.plan.Name, Cluster: other.Cluster}) {
			s.probe(other, at.Add(time.Millisecond))
		}
	}
}

// vantage is the server's judgement on itself. It always has a route.
type vantage struct{ *Server }

func (v vantage) Answered(began time.Time) {
	if v.network.Answered(began) {
		v.setCutOff(time.Time{})
	}
}
func (v vantage) Failed(key verdict.Key, ended time.Time) bool { return v.network.Failed(key, ended) }
func (v vantage) Fall(now time.Time) {
	if v.network.Fall(now, true) {
		v.setCutOff(now)
	}
}
func (v vantage) Expire(now time.Time) {
	if v.network.Expire(now, v.linked) {
		v.setCutOff(time.Time{})
	}
}
func (v vantage) Excuses(failed, began time.Time, fell bool) bool {
	return v.network.Excuses(failed, began, fell)
}

func (s *Server) setCutOff(since time.Time) {
	s.cutOff = since
	if since.IsZero() {
		s.world.note("%s takes it that its network is back", s.Name)
	} else {
		s.world.note("%s takes it that it has lost its own network", s.Name)
	}
}

// speak keeps the link to the hub, and reports what has changed or needs a heartbeat.
func (s *Server) speak() {
	if !s.Up {
		return
	}
	now := s.world.Now
	if !s.reaches() {
		if s.linked && now.Sub(s.heard) > silentFor {
			s.linked = false
			s.peers.Silence(true)
		}
		return
	}
	s.heard = now
	broken := !s.world.lost.Before(s.listed) && now.Sub(s.listed) >= relist
	if !s.linked || s.missed || broken || !s.doubts.IsZero() && !now.Before(s.doubts) {
		s.list()
	}
	next := s.makeReport()
	if s.report != nil && now.Sub(s.report.Spec.RenewTime.Time) < heartbeat && sameReport(s.report, next) {
		return
	}
	s.report = next
	s.world.Store.writeReport(next)
}

// list reads everything, as at the beginning of a watch.
func (s *Server) list() {
	s.linked, s.missed, s.listed = true, false, s.world.Now
	s.peers.Silence(false)
	changed, doubts := s.held.Replace(s.world.Store.plans(), s.world.Now)
	s.changed = s.changed || changed
	s.doubts = time.Time{}
	if doubts {
		s.doubts = s.world.Now.Add(held.ConfirmAfter)
	}
	for _, name := range slices.Sorted(maps.Keys(s.world.Store.Reports)) {
		s.peers.Observe(s.world.Store.Reports[name], s.world.Now)
	}
}

func (s *Server) makeReport() *v1.EndpointHealth {
	h := &v1.EndpointHealth{ObjectMeta: metav1.ObjectMeta{Name: s.Name}, Spec: v1.EndpointHealthSpec{
		VantagePoint: s.Name, Kind: v1.VantageNameServer, RenewTime: metav1.NewMicroTime(s.world.Now), LeaseDurationSeconds: int32(leaseFor / time.Second)}}
	for _, p := range s.snapshot.Plans {
		health := v1.PlanHealth{Namespace: p.Namespace, Name: p.Name, Generation: p.Generation}
		for _, e := range p.Endpoints {
			if !e.Usable {
				continue
			}
			state := s.own[verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: e.Cluster}]
			if !s.cutOff.IsZero() {
				state = verdict.State{Verdict: v1.VerdictUnknown, Since: s.cutOff, Message: "cut off"}
			}
			health.Endpoints = append(health.Endpoints, v1.EndpointVerdict{
				Cluster: e.Cluster, Verdict: state.Verdict, Message: state.Message, Since: metav1.NewMicroTime(state.Since)})
		}
		h.Spec.Plans = append(h.Spec.Plans, health)
	}
	return h
}

func sameReport(a, b *v1.EndpointHealth) bool {
	return slices.EqualFunc(a.Spec.Plans, b.Spec.Plans, func(a, b v1.PlanHealth) bool {
		return a.Name == b.Name && a.Generation == b.Generation && slices.Equal(a.Endpoints, b.Endpoints)
	})
}

func (s *Server) hearPlan(p *v1.TrafficPlan) {
	if !s.hears() {
		return
	}
	changed, suspicious := s.held.Put(p)
	s.changed = s.changed || changed
	if suspicious {
		s.list()
	}
}

func (s *Server) hearReport(h *v1.EndpointHealth) {
	if s.hears() {
		s.peers.Observe(h, s.world.Now)
	}
}

// hears says whether what is sent arrives. What does not is read when the hub is in reach again.
func (s *Server) hears() bool {
	if s.Up && s.linked && !s.reaches() {
		s.missed = true
	}
	return s.reaches() && s.linked
}

// settle puts in force what the step has brought.
func (s *Server) settle() {
	if !s.Up {
		return
	}
	if s.changed {
		s.compile()
		s.dirty = true
	}
	s.update()
	if s.dirty && s.world.Now.Sub(s.disk.saved) >= time.Second {
		s.disk = disk{s.held.All(), maps.Clone(s.own), s.world.Now}
		s.dirty = false
	}
}

func (s *Server) compile() {
	s.changed = false
	store := s.world.Store
	s.snapshot = zone.Compile(zone.Input{
		Zones: []*v1.Zone{store.Zone}, RegionMaps: []*v1.RegionMap{store.Regions}, Plans: s.held.All(), Now: s.world.Now, Previous: s.snapshot})
	own := map[verdict.Key]verdict.State{}
	for _, p := range s.snapshot.Plans {
		for _, e := range p.Endpoints {
			key := verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: e.Cluster}
			state, ok := s.own[key]
			if !ok {
				state = verdict.State{Verdict: v1.VerdictUnknown, Since: s.world.Now}
			}
			own[key] = state
		}
	}
	s.own = own
	for k := range s.watches {
		if _, probed := own[k]; !probed {
			delete(s.watches, k)
			s.network.Forget(k)
		}
	}
}

// update gives the plans the verdicts of this moment.
func (s *Server) update() {
	s.peers.Expire(s.world.Now)
	for _, p := range s.snapshot.Plans {
		p.Update(func(cluster string) v1.Verdict {
			return s.Verdict(verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: cluster})
		})
	}
}

// Verdict is what counts at this server for an endpoint.
func (s *Server) Verdict(key verdict.Key) v1.Verdict {
	if !s.cutOff.IsZero() {
		return s.peers.DecideCutOff(s.own[key].Verdict, key, s.world.Now)
	}
	return s.peers.Decide(s.own[key].Verdict, key, s.world.Now)
}

// Answer is the cluster that a client of an application is sent to; empty for none, and known is
// whether the server answers for the application at all.
func (s *Server) Answer(app string, client netip.Addr) (cluster string, known bool) {
	if !s.Up {
		return "", false
	}
	for _, p := range s.snapshot.Plans {
		if p.Name != app || len(p.Hosts) == 0 {
			continue
		}
		if i := p.Hosts[0].Steer.Pick(client).Endpoint; i >= 0 {
			return p.Endpoints[i].Cluster, true
		}
		return "", true
	}
	return "", false
}

// Plan is the one that the server holds.
func (s *Server) Plan(app string) (*v1.TrafficPlan, bool) {
	if !s.Up {
		return nil, false
	}
	return s.held.Get(planKey(app))
}
