package engine

import (
	"log/slog"
	"maps"
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
	problems  map[zone.Problem]bool
	signer    signer

	// mu guards verdicts, and publishing.
	mu     sync.Mutex
	own    map[verdict.Key]verdict.State
	plans  map[planKey]*zone.Plan
	peers  *verdict.Peers
	expiry *time.Timer
}

type planKey struct{ namespace, name string }

// New returns an engine that serves nothing. serials are those of the zones as they were served
// last, by domain.
func New(o Options, serials map[string]zone.Serial) *Engine {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	e := &Engine{
		options: o,
		places:  o.Places,
		serials: maps.Clone(serials),
		signer:  newSigner(o.Signatures),
		own:     map[verdict.Key]verdict.State{},
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

// SetPlaces steers by another geo database from now on.
func (e *Engine) SetPlaces(p *geo.Places) { e.compile(func() { e.places = p }) }

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
	s := zone.Compile(zone.Input{
		Zones: e.objects.Zones, Plans: e.objects.Plans, RegionMaps: e.objects.RegionMaps,
		Places: e.places, Serials: e.serials, Now: time.Now(), Previous: e.snapshot.Load(),
		Keys: e.objects.Keys, Online: e.signer.online, Each: e.signer.each,
	})
	for _, z := range s.Zones {
		e.serials[z.Domain] = z.Serial
	}
	e.logProblems(s.Problems)
	e.publish(s)
	e.signer.renewAt(s.Renew(), func() { e.compile(func() {}) })
	e.options.Changed()
}

// publish puts a snapshot in force, with the verdicts of this moment.
func (e *Engine) publish(s *zone.Snapshot) {
	plans := make(map[planKey]*zone.Plan, len(s.Plans))
	for _, p := range s.Plans {
		plans[planKey{p.Namespace, p.Name}] = p
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	own := make(map[verdict.Key]verdict.State, len(e.own))
	for _, p := range s.Plans {
		for _, endpoint := range p.Endpoints {
			key := verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: endpoint.Cluster}
			state, ok := e.own[key]
			if !ok {
				state = verdict.State{Verdict: trafficv1alpha1.VerdictUnknown, Since: now}
			}
			own[key] = state
		}
	}
	e.own, e.plans = own, plans
	for _, p := range s.Plans {
		e.update(p, now)
	}
	e.snapshot.Store(s)
}

// update gives a plan the verdicts of this moment.
func (e *Engine) update(p *zone.Plan, now time.Time) {
	p.Update(func(cluster string) trafficv1alpha1.Verdict {
		key := verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: cluster}
		return e.peers.Decide(e.own[key].Verdict, key, now)
	})
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
	_, ok := e.own[key]
	if ok {
		e.own[key] = s
		e.update(e.plans[planKey{key.Namespace, key.Plan}], time.Now())
	}
	e.mu.Unlock()
	if ok {
		e.options.Log.Info("verdict", "namespace", key.Namespace, "plan", key.Plan, "cluster", key.Cluster,
			"verdict", s.Verdict, "message", s.Message)
		e.options.Changed()
	}
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
	for key, s := range e.own {
		if s.Verdict != trafficv1alpha1.VerdictUnknown {
			out = append(out, Known{key, s.Verdict, s.Since, s.Message})
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
		if s, ok := e.own[k.Key]; ok && s.Verdict == trafficv1alpha1.VerdictUnknown {
			e.own[k.Key] = verdict.State{Verdict: k.Verdict, Since: k.Since, Message: k.Message}
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
	own := verdict.Vote{VantagePoint: e.options.VantagePoint, Verdict: e.own[key].Verdict}
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

// Report is what this server has to say: the plans and zones that are in force, and its own
// verdicts.
func (e *Engine) Report() (plans []trafficv1alpha1.PlanHealth, zones []trafficv1alpha1.ZoneServed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.snapshot.Load()
	for _, p := range s.Plans {
		h := trafficv1alpha1.PlanHealth{Namespace: p.Namespace, Name: p.Name, Generation: p.Generation}
		for _, endpoint := range p.Endpoints {
			if !endpoint.Usable {
				continue
			}
			state := e.own[verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: endpoint.Cluster}]
			h.Endpoints = append(h.Endpoints, trafficv1alpha1.EndpointVerdict{
				Cluster: endpoint.Cluster, Verdict: state.Verdict, Message: state.Message, Since: metav1.NewMicroTime(state.Since),
			})
		}
		plans = append(plans, h)
	}
	for _, z := range s.Zones {
		served := trafficv1alpha1.ZoneServed{Domain: z.Domain, Generation: z.Generation, Serial: int64(z.Serial.Serial), MaxTTLSeconds: int64(z.MaxTTL)}
		if z.Signing != nil {
			served.KeysVersion = z.Signing.Ring.Version
		}
		zones = append(zones, served)
	}
	return plans, zones
}

// mostProblems is how many problems are logged at once; the metrics have the number.
const mostProblems = 50

// logProblems logs the problems that were not there before.
func (e *Engine) logProblems(all []zone.Problem) {
	seen := make(map[zone.Problem]bool, len(all))
	logged := 0
	for _, p := range all {
		seen[p] = true
		if e.problems[p] || logged == mostProblems {
			continue
		}
		logged++
		e.options.Log.Warn("not served as it stands", "object", p.Object.String(), "field", p.Field, "problem", p.Message)
	}
	e.problems = seen
}
