package engine

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Objects are all objects that are to be served.
type Objects struct {
	Zones      []*trafficv1alpha1.Zone
	Records    []*trafficv1alpha1.ZoneRecords
	Plans      []*trafficv1alpha1.TrafficPlan
	RegionMaps []*trafficv1alpha1.RegionMap
	// Keys of the zones that are signed, by domain.
	Keys map[string]*dnssec.Ring
}

// Options of an Engine.
type Options struct {
	// VantagePoint is the name under which this server reports.
	VantagePoint string
	// Places says where clients are; may be nil.
	Places *geo.Places
	// Signatures a second that may be made for what only the question knows, names that do not exist
	// above all; as many again for clients whose addresses are proven. 4000 for each CPU if 0.
	Signatures int
	// Changed is called whenever what Report returns has changed in more than its time. It must not
	// block and must not call the engine.
	Changed func()
	// Flipped is called whenever verdicts have changed what is answered. It must not block and must not
	// call the engine.
	Flipped func()
	Log     *slog.Logger
}

// Engine holds what is served. Its methods may be called from any number of goroutines.
type Engine struct {
	options  Options
	snapshot atomic.Pointer[zone.Snapshot]

	// compiling is held while a snapshot is made, and before mu.
	compiling sync.Mutex
	objects   Objects
	places    *geo.Places
	serials   map[string]zone.Serial
	global    map[string]string
	copies    map[string]*zone.Copy
	problems  map[zone.Problem]bool
	logged    []zone.Problem // as they were listed when they were looked at last
	series    zone.Series
	signer    signer

	// mu guards verdicts, and publishing.
	mu     sync.Mutex
	plans  map[planKey]*served
	faults map[string][]trafficv1alpha1.ZoneProblem // that are reported, by domain
	peers  *verdict.Peers
	expiry *time.Timer
	cutOff time.Time // since when this server has lost its own network; zero if it has not
}

type planKey struct{ namespace, name string }

// served is a plan that is served, and what this server itself thinks of each of its endpoints.
type served struct {
	*zone.Plan
	own []verdict.State
}

// own is what this server itself thinks of an endpoint, or nil if that is not served.
func (e *Engine) own(key verdict.Key) *verdict.State {
	return e.plans[planKey{key.Namespace, key.Plan}].state(key.Cluster)
}

func (p *served) state(cluster string) *verdict.State {
	if p == nil {
		return nil
	}
	for i := range p.Endpoints {
		if p.Endpoints[i].Cluster == cluster {
			return &p.own[i]
		}
	}
	return nil
}

func (p *served) key(cluster string) verdict.Key {
	return verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: cluster}
}

// New returns an engine that serves nothing. serials are those of the zones as they were served
// last, by domain.
func New(o Options, serials map[string]zone.Serial) *Engine {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Flipped == nil {
		o.Flipped = func() {}
	}
	e := &Engine{
		options: o,
		places:  o.Places,
		serials: maps.Clone(serials),
		signer:  newSigner(o.Signatures),
		plans:   map[planKey]*served{},
		peers:   verdict.NewPeers(o.VantagePoint),
	}
	if e.serials == nil {
		e.serials = map[string]zone.Serial{}
	}
	e.compile(func() {})
	return e
}

// Snapshot is what is served now. It is never nil.
func (e *Engine) Snapshot() *zone.Snapshot { return e.snapshot.Load() }

// SetObjects serves other objects from now on. They must not be changed afterwards.
func (e *Engine) SetObjects(o Objects) { e.compile(func() { e.objects = o }) }

// Objects are those that are being served.
func (e *Engine) Objects() Objects {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	return e.objects
}

// SetPlaces steers by another geo database from now on.
func (e *Engine) SetPlaces(p *geo.Places) { e.compile(func() { e.places = p }) }

// SetGlobal says what stands for the answers to clients of whom nothing is known, by domain: where that
// changes the zone gets another serial, as copies of it must be made anew.
func (e *Engine) SetGlobal(global map[string]string) {
	e.compile(func() { e.global = maps.Clone(global) })
}

// SetCopies serves other copies of the zones that other servers are the primaries of, by domain.
func (e *Engine) SetCopies(copies map[string]*zone.Copy) {
	e.compile(func() { e.copies = maps.Clone(copies) })
}

// AddSerials makes the serials of zones grow beyond those that were served before a restart.
func (e *Engine) AddSerials(serials map[string]zone.Serial) {
	e.compile(func() {
		for domain, s := range serials {
			if _, ok := e.serials[domain]; !ok {
				e.serials[domain] = s
			}
		}
	})
}

// Series are the names of what answers are counted under: the domains and endpoints from the numbers
// firstZone and firstEndpoint on.
func (e *Engine) Series() (firstZone int, domains []string, firstEndpoint int, endpoints []zone.EndpointSeries) {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	firstZone, domains = e.series.Zones()
	firstEndpoint, endpoints = e.series.Endpoints()
	return firstZone, slices.Clone(domains), firstEndpoint, slices.Clone(endpoints)
}

// Serials are those of all zones that are or were served, by domain.
func (e *Engine) Serials() map[string]zone.Serial {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	return maps.Clone(e.serials)
}

// compile makes a snapshot of what is there after a change, and publishes it.
func (e *Engine) compile(change func()) {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	change()
	before := e.snapshot.Load()
	s := zone.Compile(zone.Input{
		Zones: e.objects.Zones, Records: e.objects.Records, Plans: e.objects.Plans, RegionMaps: e.objects.RegionMaps,
		Places: e.places, Serials: e.serials, Global: e.global, Copies: e.copies, Now: time.Now(), Previous: before,
		Keys: e.objects.Keys, Online: e.signer.online, Each: e.each,
	})
	for _, z := range s.Zones {
		e.serials[z.Domain] = z.Serial
	}
	came, went := zone.Changes(before, s)
	e.series.Number(s, came)
	news := e.logProblems(s.Problems)
	e.publish(s, came, went)
	if news {
		e.report(s)
	}
	e.signer.renewAt(s.Renew(), func() { e.compile(func() {}) })
	e.options.Changed()
}

// publish puts a snapshot in force, with the verdicts of this moment: those of plans that the snapshot
// before had too are in force already. compiling is held.
func (e *Engine) publish(s *zone.Snapshot, came, went []*zone.Plan) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if len(e.plans) == 0 {
		e.plans = make(map[planKey]*served, len(came))
	}
	kept := make(map[planKey]*served, len(went))
	for _, p := range went {
		key := planKey{p.Namespace, p.Name}
		kept[key] = e.plans[key]
		delete(e.plans, key)
	}
	for _, p := range came {
		key := planKey{p.Namespace, p.Name}
		next := &served{Plan: p, own: make([]verdict.State, len(p.Endpoints))}
		for i, endpoint := range p.Endpoints {
			next.own[i] = verdict.State{Verdict: trafficv1alpha1.VerdictUnknown, Since: now}
			if before := kept[key]; before != nil {
				if state := before.state(endpoint.Cluster); state != nil {
					next.own[i] = *state
				}
			}
		}
		e.plans[key] = next
		e.update(next, now)
	}
	e.snapshot.Store(s)
}

// update gives a plan the verdicts of this moment.
func (e *Engine) update(p *served, now time.Time) {
	flipped := p.Update(func(cluster string) trafficv1alpha1.Verdict {
		own, key := p.state(cluster).Verdict, p.key(cluster)
		if !e.cutOff.IsZero() {
			return e.peers.DecideCutOff(own, key, now)
		}
		return e.peers.Decide(own, key, now)
	})
	if flipped {
		e.options.Flipped()
	}
}

func (e *Engine) updateAll(now time.Time) {
	for _, p := range e.plans {
		e.update(p, now)
	}
}

// SetVerdict takes what this server itself thinks of an endpoint. It is in force when it returns.
// Endpoints that are not served are ignored.
func (e *Engine) SetVerdict(key verdict.Key, s verdict.State) {
	e.mu.Lock()
	own := e.own(key)
	if own != nil {
		*own = s
		e.update(e.plans[planKey{key.Namespace, key.Plan}], time.Now())
	}
	e.mu.Unlock()
	if own != nil {
		e.options.Log.Info("verdict", "namespace", key.Namespace, "plan", key.Plan, "cluster", key.Cluster,
			"verdict", s.Verdict, "message", s.Message)
		e.options.Changed()
	}
}

// SetCutOff says since when this server has lost its own network, or with zero that it has not. While
// it has, its verdicts are nobody's evidence: others decide, and where there are none the verdicts
// from before stand.
func (e *Engine) SetCutOff(since time.Time) {
	e.mu.Lock()
	e.cutOff = since
	e.updateAll(time.Now())
	e.mu.Unlock()
	if since.IsZero() {
		e.options.Log.Info("the network of this server is back")
	} else {
		e.options.Log.Warn("no endpoint of any cluster answers any more: this server takes it that its own network is gone, and has no opinion until one does")
	}
	e.options.Changed()
}

// Known is a verdict of this server.
type Known struct {
	Key     verdict.Key             `json:"key"`
	Verdict trafficv1alpha1.Verdict `json:"verdict"`
	Since   time.Time               `json:"since"`
	Message string                  `json:"message,omitempty"`
}

// Verdicts are this server's own, but for those it has not come to yet, in no order.
func (e *Engine) Verdicts() []Known {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []Known
	for _, p := range e.plans {
		for i, s := range p.own {
			if s.Verdict != trafficv1alpha1.VerdictUnknown {
				out = append(out, Known{p.key(p.Endpoints[i].Cluster), s.Verdict, s.Since, s.Message})
			}
		}
	}
	return out
}

// Restore takes verdicts from before a restart for endpoints of which nothing is known yet, so that
// the first answers do not go to what was dead a moment ago. The first verdict of the probes
// replaces them.
func (e *Engine) Restore(all []Known) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range all {
		if s := e.own(k.Key); s != nil && s.Verdict == trafficv1alpha1.VerdictUnknown {
			*s = verdict.State{Verdict: k.Verdict, Since: k.Since, Message: k.Message}
		}
	}
	e.updateAll(time.Now())
}

// ObservePeer takes the report of a vantage point, which may be this server itself.
func (e *Engine) ObservePeer(h *trafficv1alpha1.EndpointHealth) {
	e.withPeers(func(now time.Time) bool { return e.peers.Observe(h, now) })
}

// ForgetPeer takes note that a report was deleted.
func (e *Engine) ForgetPeer(name string) {
	e.withPeers(func(time.Time) bool { return e.peers.Forget(name) })
}

// SilencePeers says that the reports of peers are not to be counted, because they do not come
// through at present, or that they do again.
func (e *Engine) SilencePeers(silent bool) {
	e.withPeers(func(time.Time) bool { return e.peers.Silence(silent) })
}

// withPeers changes what is known of peers, and looks again when the first report gets old.
func (e *Engine) withPeers(change func(now time.Time) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	changed := change(now)
	expired, next := e.peers.Expire(now)
	if changed || expired {
		e.updateAll(now)
	}
	if e.expiry != nil {
		e.expiry.Stop()
	}
	if !next.IsZero() {
		e.expiry = time.AfterFunc(next.Sub(now), func() { e.withPeers(func(time.Time) bool { return false }) })
	}
}

// FreshPeers are the names of the vantage points whose reports count at present.
func (e *Engine) FreshPeers() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.peers.Fresh(time.Now())
}

// Votes are what this server and its fresh peers think of an endpoint, this server first.
func (e *Engine) Votes(key verdict.Key) []verdict.Vote {
	e.mu.Lock()
	defer e.mu.Unlock()
	own := verdict.Vote{VantagePoint: e.options.VantagePoint, Verdict: trafficv1alpha1.VerdictUnknown}
	if s := e.own(key); s != nil && e.cutOff.IsZero() {
		own.Verdict = s.Verdict
	}
	return append([]verdict.Vote{own}, e.peers.Votes(key, time.Now())...)
}

// Close stops the engine's timers.
func (e *Engine) Close() {
	e.compiling.Lock()
	e.signer.close()
	e.compiling.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.expiry != nil {
		e.expiry.Stop()
	}
}

// Report is what this server has to say.
type Report struct {
	// Plans and Zones that are in force, with this server's own verdicts.
	Plans []trafficv1alpha1.PlanHealth
	Zones []trafficv1alpha1.ZoneServed
	// CutOff is since when the server has lost its own network; zero if it has not.
	CutOff time.Time
}

// cutOffMessage goes with the verdicts of a server that is cut off.
const cutOffMessage = "this vantage point has lost its own network"

// Report is what this server has to say at this moment.
func (e *Engine) Report() Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.snapshot.Load()
	out := Report{CutOff: e.cutOff}
	for _, p := range s.Plans {
		own := e.plans[planKey{p.Namespace, p.Name}]
		h := trafficv1alpha1.PlanHealth{Namespace: p.Namespace, Name: p.Name, Generation: p.Generation}
		for _, endpoint := range p.Endpoints {
			if !endpoint.Usable {
				continue
			}
			state := verdict.State{Verdict: trafficv1alpha1.VerdictUnknown}
			if s := own.state(endpoint.Cluster); s != nil {
				state = *s
			}
			if !e.cutOff.IsZero() {
				state = verdict.State{Verdict: trafficv1alpha1.VerdictUnknown, Since: e.cutOff, Message: cutOffMessage}
			}
			h.Endpoints = append(h.Endpoints, trafficv1alpha1.EndpointVerdict{
				Cluster: endpoint.Cluster, Verdict: state.Verdict, Message: state.Message, Since: metav1.NewMicroTime(state.Since),
			})
		}
		out.Plans = append(out.Plans, h)
	}
	for _, z := range s.Zones {
		served := trafficv1alpha1.ZoneServed{Domain: z.Domain, Generation: z.Generation, Serial: int64(z.Serial.Serial), MaxTTLSeconds: int64(z.MaxTTL),
			Problems: e.faults[z.Domain]}
		if z.Signing != nil {
			served.KeysVersion = z.Signing.Ring.Version
		}
		out.Zones = append(out.Zones, served)
	}
	return out
}
