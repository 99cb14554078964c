package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	corecluster "github.com/seaway-io/seaway/controllers/core/cluster"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/member"
)

const (
	// settle is how long after a change of a member's APIs its discovery is asked
	// again and again: an API is served a moment after the object that defines it was
	// written.
	settle = 10 * time.Second
	// apiAge is how old the list of a member's APIs may become when nothing tells of a
	// change; apiRetry when the last one was incomplete.
	apiAge   = 5 * time.Minute
	apiRetry = 10 * time.Second
)

// Resources of a member that are watched.
var (
	nodes       = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
)

// collector gathers the facts about a member: what it serves, what it holds. Changes
// come through watches, so a member at rest is asked nothing but its health.
type collector struct {
	member  *member.Member
	options Options
	// fresh tells the worker that there are new facts.
	fresh chan struct{}
	// wake tells run that the member is ready.
	wake chan struct{}

	mu         sync.Mutex
	allowed    bool
	models     []clusterv1alpha1.ResourceModel
	apisDirty  time.Time // ask until then
	apisAsked  time.Time
	podsDirty  bool
	summarized time.Time
	now        facts
}

// facts are what is written to a status. A nil part is not known yet.
type facts struct {
	version string
	served  []*metav1.APIResourceList
	failed  map[string]string
	nodes   *clusterv1alpha1.NodeSummary
	sums    *clusterv1alpha1.ResourceSummary
}

func (f *facts) listed() bool { return f.served != nil || f.failed != nil }

func newCollector(m *member.Member, o Options) *collector {
	return &collector{
		member:  m,
		options: o,
		fresh:   make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
	}
}

// allow says whether the member is ready to be asked. When it comes to be, everything
// is looked at anew.
func (c *collector) allow(ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ready && !c.allowed {
		c.apisAsked, c.podsDirty = time.Time{}, true
		signal(c.wake)
	}
	c.allowed = ready
}

// grade sets the models nodes are counted by.
func (c *collector) grade(models []clusterv1alpha1.ResourceModel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !equality.Semantic.DeepEqual(c.models, models) {
		c.models, c.podsDirty = models, true
	}
}

// listed says whether the member's APIs were asked for, whatever the answer.
func (c *collector) listed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.listed()
}

// apply writes the known facts into a status.
func (c *collector) apply(cluster *clusterv1alpha1.Cluster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	status := &cluster.Status
	if c.now.version != "" {
		status.KubernetesVersion = c.now.version
	}
	if c.now.listed() {
		enablements, condition := corecluster.Enablements(status.APIEnablements, c.now.served, c.now.failed)
		status.APIEnablements = enablements
		hub.SetCondition(&status.Conditions, cluster.Generation, condition)
	}
	if c.now.nodes != nil {
		status.NodeSummary, status.ResourceSummary = c.now.nodes.DeepCopy(), c.now.sums.DeepCopy()
	}
}

// run collects until the context ends.
func (c *collector) run(ctx context.Context) {
	ticker := c.options.Clock.NewTicker(min(time.Second, c.options.StatusUpdateFrequency))
	defer ticker.Stop()
	var watches *watches
	for {
		if c.isAllowed() {
			if watches == nil {
				watches = c.watch(ctx)
				if watches != nil {
					defer watches.close()
				}
			}
			changed := c.askAPIs(ctx)
			if watches != nil {
				changed = c.summarize(watches) || changed
			}
			if changed {
				signal(c.fresh)
			}
		}
		select {
		case <-ticker.C():
		case <-c.wake:
		case <-ctx.Done():
			return
		}
	}
}

func (c *collector) isAllowed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.allowed
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// watches are the caches behind the facts.
type watches struct {
	nodes, pods member.Lister
	all         []member.Lister
}

func (w *watches) close() {
	for _, l := range w.all {
		l.Close()
	}
}

// watch starts the watches, all or none.
func (c *collector) watch(ctx context.Context) *watches {
	apis := onChange(func(first bool) {
		if first {
			return // what is there at the start is asked for at the start
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.apisDirty = c.options.Clock.Now().Add(settle)
	})
	usage := onChange(func(bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.podsDirty = true
	})
	w := &watches{}
	for _, one := range []struct {
		resource schema.GroupVersionResource
		options  member.WatchOptions
		handler  cache.ResourceEventHandler
		lister   *member.Lister
	}{
		{nodes, member.WatchOptions{View: "summary", Transform: reduceNode}, usage, &w.nodes},
		{pods, member.WatchOptions{View: "summary", Transform: reducePod}, usage, &w.pods},
		{definitions, member.WatchOptions{MetadataOnly: true}, apis, nil},
		{apiServices, member.WatchOptions{MetadataOnly: true}, apis, nil},
	} {
		lister, err := c.member.Watch(one.resource, one.options, one.handler)
		if err != nil {
			if ctx.Err() == nil {
				ctrl.LoggerFrom(ctx).Error(err, "Cannot watch a cluster", "cluster", c.member.Name, "resource", one.resource.Resource)
			}
			w.close()
			return nil
		}
		w.all = append(w.all, lister)
		if one.lister != nil {
			*one.lister = lister
		}
	}
	return w
}

// onChange calls do at each event; first says that the object was there before.
func onChange(do func(first bool)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    func(_ any, isInInitialList bool) { do(isInInitialList) },
		UpdateFunc: func(_, _ any) { do(false) },
		DeleteFunc: func(any) { do(false) },
	}
}

// askAPIs asks for the version and the APIs, when that is due, and reports whether the
// answer is another one.
func (c *collector) askAPIs(ctx context.Context) (changed bool) {
	now := c.options.Clock.Now()
	c.mu.Lock()
	age := now.Sub(c.apisAsked)
	due := c.apisAsked.IsZero() || now.Before(c.apisDirty) || age >= apiAge || (len(c.now.failed) > 0 && age >= apiRetry)
	c.mu.Unlock()
	if !due {
		return false
	}
	d := c.member.Discovery()
	version, err := d.ServerVersionWithContext(ctx)
	if err != nil {
		return false // the next round asks again, if the member is still ready
	}
	_, served, err := d.ServerGroupsAndResourcesWithContext(ctx)
	if ctx.Err() != nil {
		return false
	}
	failed := failures(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apisAsked = now
	changed = c.now.version != version.GitVersion ||
		!equality.Semantic.DeepEqual(c.now.served, served) || !equality.Semantic.DeepEqual(c.now.failed, failed)
	c.now.version, c.now.served, c.now.failed = version.GitVersion, served, failed
	return changed
}

// failures names what could not be listed, and why, in words that stay the same.
func failures(err error) map[string]string {
	if err == nil {
		return nil
	}
	groups, partial := discovery.GroupDiscoveryFailedErrorGroups(err)
	if !partial {
		return map[string]string{"/apis": why(err)}
	}
	failed := map[string]string{}
	for gv, err := range groups {
		failed[gv.String()] = why(err)
	}
	return failed
}

func why(err error) string {
	var stale discovery.StaleGroupVersionError
	if errors.As(err, &stale) {
		return "its API server does not answer"
	}
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return string(reason)
	}
	return "cannot be listed"
}

// summarize adds up nodes and pods, when they changed and the last sum is old enough.
func (c *collector) summarize(w *watches) (changed bool) {
	now := c.options.Clock.Now()
	c.mu.Lock()
	due := c.podsDirty && now.Sub(c.summarized) >= c.options.SummaryFrequency
	models := c.models
	c.mu.Unlock()
	if !due || !w.nodes.HasSynced() || !w.pods.HasSynced() {
		return false
	}
	c.mu.Lock()
	c.podsDirty = false // before reading: a change from now on is for the next sum
	c.mu.Unlock()
	count, sums := corecluster.Summarize(models, nodesOf(w.nodes), podsOf(w.pods))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.summarized = now
	changed = !equality.Semantic.DeepEqual(c.now.nodes, count) || !equality.Semantic.DeepEqual(c.now.sums, sums)
	c.now.nodes, c.now.sums = count, sums
	return changed
}
