package feed

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/held"
	"github.com/seaway-io/seaway/dns/engine"
)

// Options of a Feed.
type Options struct {
	// Config tells how to reach the hub. It is asked again until it succeeds.
	Config func() (*rest.Config, error)
	// VantagePoint is the name under which this server reports: that of an API object.
	VantagePoint string
	// Dir holds the state; nothing is kept if empty.
	Dir string
	// KeysNamespace is that of the Secrets with the keys of signed zones.
	KeysNamespace string
	// Engine is asked for the report and told of other vantage points.
	Engine *engine.Engine
	// Apply puts objects in force. Calls do not overlap.
	Apply func(engine.Objects)
	Log   *slog.Logger
}

// Feed brings objects in and reports out.
type Feed struct {
	options  Options
	started  time.Time
	dirty    chan struct{} // objects have changed
	unsaved  chan struct{} // objects that are in force are not on disk
	opinions chan struct{} // verdicts have changed
	reporter *reporter

	mu      sync.Mutex
	client  rest.Interface // nil until the way to the hub is known
	zones   *held.Objects[*trafficv1alpha1.Zone]
	records *held.Objects[*trafficv1alpha1.ZoneRecords]
	plans   *held.Objects[*trafficv1alpha1.TrafficPlan]
	regions *held.Objects[*trafficv1alpha1.RegionMap]
	keys    *keyring
	synced  map[string]bool // resources that were listed
	loaded  bool            // from disk
	// generation of the state on disk.
	generation uint64
	status     Status
	errors     map[string]string // the last of each activity
}

// Status says how well the feed is doing.
type Status struct {
	// Source of what is served: "nothing", "disk" or "hub".
	Source string
	// Live: the hub is in reach and everything is being watched.
	Live bool
	// Saved is when the state was last written to disk.
	Saved time.Time
	// Refused is how often something from the hub went back and was not believed at once.
	Refused uint64
}

// Sources of what is served.
const (
	SourceNothing = "nothing"
	SourceDisk    = "disk"
	SourceHub     = "hub"
)

// New returns a feed that has brought nothing yet.
func New(o Options) *Feed {
	f := &Feed{
		options:  o,
		started:  time.Now(),
		dirty:    make(chan struct{}, 1),
		unsaved:  make(chan struct{}, 1),
		opinions: make(chan struct{}, 1),
		zones:    held.New[*trafficv1alpha1.Zone](),
		records:  held.New[*trafficv1alpha1.ZoneRecords](),
		plans:    held.New[*trafficv1alpha1.TrafficPlan](),
		regions:  held.New[*trafficv1alpha1.RegionMap](),
		keys:     newKeyring(),
		synced:   map[string]bool{},
		status:   Status{Source: SourceNothing},
		errors:   map[string]string{},
	}
	f.reporter = &reporter{
		vantage: o.VantagePoint,
		report:  o.Engine.Report,
		failed:  func(err error) { f.note("report", err) },
		trigger: make(chan struct{}, 1),
	}
	return f
}

// Load puts in force what is on disk and reports whether there was anything. Files that cannot be
// used are logged.
func (f *Feed) Load() bool {
	if f.options.Dir == "" {
		return false
	}
	defer collectLess()()
	s, err := LoadState(f.options.Dir)
	if err != nil {
		f.options.Log.Error("reading the state", "error", err)
	}
	if s == nil {
		return false
	}
	f.mu.Lock()
	now := time.Now()
	f.zones.Replace(s.Zones, now)
	f.records.Replace(s.Records, now)
	f.plans.Replace(s.Plans, now)
	f.regions.Replace(s.RegionMaps, now)
	f.loadKeys(now)
	f.loaded, f.generation = true, s.Generation
	f.status.Source, f.status.Saved = SourceDisk, s.Saved
	objects := f.objects()
	f.mu.Unlock()
	f.options.Engine.AddSerials(s.Serials)
	f.options.Apply(objects)
	known, err := loadVerdicts(f.options.Dir)
	f.note("verdicts", err)
	f.options.Engine.Restore(known)
	f.options.Log.Info("serving what is on disk until the hub is heard", "saved", s.Saved, "zones", len(s.Zones), "plans", len(s.Plans))
	return true
}

// collectLess lets the heap grow faster until the function that it returns is called. Nearly all that
// a start allocates stays, so that looking for garbage again and again would take half of its time; and
// what does not stay is little beside what the heap is allowed to have afterwards, twice what is in use.
func collectLess() (again func()) {
	const percent = 1000
	before := debug.SetGCPercent(percent)
	if before < 0 || before > percent {
		debug.SetGCPercent(before)
	}
	return func() { debug.SetGCPercent(before) }
}

// Changed says that the engine's report has changed.
func (f *Feed) Changed() {
	poke(f.reporter.trigger)
	poke(f.opinions)
}

// Status of the feed.
func (f *Feed) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Refused = f.zones.Refused() + f.records.Refused() + f.plans.Refused() + f.regions.Refused() + f.keys.Refused()
	return s
}

// Run follows the hub until the context ends. Errors of any kind end nothing.
func (f *Feed) Run(ctx context.Context) {
	f.options.Engine.SilencePeers(true) // nothing of them has been heard
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { f.publish(ctx) })
	wg.Go(func() { f.save(ctx) })
	client, secrets, ok := f.connect(ctx)
	if !ok {
		return
	}
	f.mu.Lock()
	f.client = client
	f.mu.Unlock()
	l := newLink(client)
	zones := watcherOf(f, client, zoneResource, &trafficv1alpha1.ZoneList{}, f.zones)
	records := watcherOf(f, client, recordResource, &trafficv1alpha1.ZoneRecordsList{}, f.records)
	plans := watcherOf(f, client, planResource, &trafficv1alpha1.TrafficPlanList{}, f.plans)
	regions := watcherOf(f, client, regionResource, &trafficv1alpha1.RegionMapList{}, f.regions)
	keys := f.watchKeys(secrets)
	reports := f.reports(client, l)
	l.changed = func(up bool) {
		f.options.Engine.SilencePeers(!up)
		f.setLive(up)
	}
	l.renew = func() {
		zones.drop()
		records.drop()
		plans.drop()
		regions.drop()
		keys.drop()
		reports.drop()
	}
	f.reporter.client = client
	for _, run := range []func(context.Context){zones.run, records.run, plans.run, regions.run, f.whenWanted(keys.run), reports.run, l.run, f.reporter.run} {
		wg.Go(func() { run(ctx) })
	}
}

// connect waits until the way to the hub is known. Nothing is sent yet.
func (f *Feed) connect(ctx context.Context) (client, secrets rest.Interface, ok bool) {
	for {
		config, err := f.options.Config()
		if err == nil {
			client, err = newClient(config)
		}
		if err == nil {
			secrets, err = newSecretClient(config)
		}
		f.note("kubeconfig", err)
		if err == nil {
			return client, secrets, true
		}
		select {
		case <-ctx.Done():
			return nil, nil, false
		case <-time.After(5 * time.Second):
		}
	}
}

// watcherOf follows a kind of objects that are held.
func watcherOf[T metav1.Object](f *Feed, client rest.Interface, resource string, list runtime.Object, h *held.Objects[T]) *watcher[T] {
	return &watcher[T]{
		client:   client,
		resource: resource,
		newList:  list.DeepCopyObject,
		failed:   func(err error) { f.note(resource, err) },
		replace: func(objects []T) (doubts bool) {
			f.change(func() bool {
				for _, o := range objects {
					o.SetManagedFields(nil)
				}
				var changed bool
				changed, doubts = h.Replace(objects, time.Now())
				first := !f.synced[resource]
				f.synced[resource] = true
				return changed || first
			})
			if doubts {
				f.options.Log.Warn("the hub's list goes back behind what is served; it is believed if it still says so later",
					"resource", resource, "after", held.ConfirmAfter)
			}
			return doubts
		},
		put: func(o T) (suspicious bool) {
			o.SetManagedFields(nil)
			f.change(func() (changed bool) {
				changed, suspicious = h.Put(o)
				return changed
			})
			return suspicious
		},
		remove: func(o T) { f.change(func() bool { return h.Remove(o) }) },
	}
}

// change changes what is held, and has it published if that made a difference.
func (f *Feed) change(do func() bool) {
	f.mu.Lock()
	changed := do()
	f.mu.Unlock()
	if changed {
		poke(f.dirty)
	}
}

// reports follows the reports of all vantage points.
func (f *Feed) reports(client rest.Interface, l *link) *watcher[*trafficv1alpha1.EndpointHealth] {
	known := map[string]bool{}
	put := func(h *trafficv1alpha1.EndpointHealth) bool {
		known[h.Name] = true
		f.checkName(h)
		f.options.Engine.ObservePeer(h)
		return false
	}
	remove := func(h *trafficv1alpha1.EndpointHealth) {
		delete(known, h.Name)
		f.options.Engine.ForgetPeer(h.Name)
	}
	return &watcher[*trafficv1alpha1.EndpointHealth]{
		client:   client,
		resource: reportResource,
		newList:  func() runtime.Object { return &trafficv1alpha1.EndpointHealthList{} },
		failed: func(err error) {
			l.setWatching(err == nil)
			f.note(reportResource, err)
		},
		put:    put,
		remove: remove,
		replace: func(all []*trafficv1alpha1.EndpointHealth) bool {
			gone := known
			known = map[string]bool{}
			for _, h := range all {
				put(h)
				delete(gone, h.Name)
			}
			for name := range gone {
				f.options.Engine.ForgetPeer(name)
			}
			return false
		},
	}
}

// checkName notices another server that reports under this one's name: the two would overwrite each
// other's reports for ever.
func (f *Feed) checkName(h *trafficv1alpha1.EndpointHealth) {
	renewed := h.Spec.RenewTime.Time
	if h.Spec.VantagePoint == f.options.VantagePoint && renewed.After(f.started) && !f.reporter.ours(renewed) {
		f.options.Log.Error("another server reports to the hub under the same name: give each its own with --name",
			"name", f.options.VantagePoint)
	}
}

// settle is how long changes are gathered before they are published together, at least: while they
// keep coming, a quarter of the time that the last publication took is left to those who answer.
const (
	settle      = 20 * time.Millisecond
	mostSettle  = 250 * time.Millisecond
	settleShare = 4
)

// publish puts changes in force. However many there are, one publication is under way and the next
// takes all that have come meanwhile: a change waits for two publications at most.
func (f *Feed) publish(ctx context.Context) {
	var took time.Duration
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.dirty:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(max(settle, took/settleShare), mostSettle)):
		}
		began := time.Now()
		f.mu.Lock()
		// Without a state from disk nothing is served until everything was listed once: a zone
		// whose plans are not known yet would deny their names.
		complete := f.synced[zoneResource] && f.synced[recordResource] && f.synced[planResource] && f.synced[regionResource]
		if f.keysWanted() && complete && f.awaitKeys() {
			f.mu.Unlock()
			continue
		}
		if !complete && !f.loaded {
			f.mu.Unlock()
			continue
		}
		objects := f.objects()
		if complete {
			f.status.Source = SourceHub
		}
		f.mu.Unlock()
		f.options.Apply(objects)
		poke(f.unsaved)
		took = time.Since(began)
	}
}

// objects are all objects that are held.
func (f *Feed) objects() engine.Objects {
	rings := f.rings()
	return engine.Objects{Zones: f.without(f.zones.All(), rings), Records: f.records.All(), Plans: f.plans.All(), RegionMaps: f.regions.All(), Keys: rings}
}

func (f *Feed) setLive(up bool) {
	f.mu.Lock()
	f.status.Live = up
	f.mu.Unlock()
	if up {
		f.options.Log.Info("the hub is in reach")
	} else {
		f.options.Log.Warn("the hub is out of reach: serving what is known, by this server's own verdicts")
	}
}

// note logs an error of an activity when it is new, and that it is over.
func (f *Feed) note(activity string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noteLocked(activity, err)
}

func (f *Feed) noteLocked(activity string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	old := f.errors[activity]
	f.errors[activity] = text
	switch {
	case text == old:
	case err != nil:
		f.options.Log.Warn("not working", "what", activity, "error", text)
	default:
		f.options.Log.Info("working again", "what", activity)
	}
}

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
