package estimate

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/log"

	coreestimate "github.com/seaway-io/seaway/controllers/core/estimate"
	"github.com/seaway-io/seaway/controllers/member"
)

var (
	nodesResource  = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	podsResource   = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	quotasResource = schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}
)

// connection is what is needed of a *member.Member.
type connection interface {
	Watch(schema.GroupVersionResource, member.WatchOptions, cache.ResourceEventHandler) (member.Lister, error)
	Done() <-chan struct{}
	Reachable() bool
}

// ledger is what is known through one connection to one member.
type ledger struct {
	connection connection
	quotas     atomic.Pointer[member.Lister]
	// known is true once all that was there has arrived
	known atomic.Bool

	mu      sync.RWMutex
	cluster coreestimate.Cluster
}

// trusted says whether the ledger shows the present state.
func (l *ledger) trusted() bool { return l.known.Load() && l.connection.Reachable() }

// ask lets a question look at the cluster.
func (l *ledger) ask(question func(*coreestimate.Cluster)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	question(&l.cluster)
}

func (l *ledger) change(apply func(*coreestimate.Cluster)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	apply(&l.cluster)
}

// quotasOf returns the quotas of a namespace; none has no namespace.
func (l *ledger) quotasOf(namespace string) []coreestimate.Quota {
	lister := l.quotas.Load()
	if lister == nil || namespace == "" {
		return nil
	}
	var quotas []coreestimate.Quota
	for _, obj := range (*lister).List(namespace) {
		if r, ok := obj.(*quotaRecord); ok {
			quotas = append(quotas, r.quota)
		}
	}
	return quotas
}

func (l *ledger) setPod(old, pod *podRecord) {
	if old != nil && old.counts == pod.counts && old.pod.Node == pod.pod.Node && old.pod.Waiting == nil && pod.pod.Waiting == nil &&
		old.pod.Huge == pod.pod.Huge && old.pod.Asks.Equal(pod.pod.Asks) {
		return // most updates are of what does not count
	}
	l.change(func(c *coreestimate.Cluster) {
		if old != nil && old.counts {
			c.RemovePod(old.pod)
		}
		if pod.counts {
			c.AddPod(pod.pod)
		}
	})
}

func (l *ledger) removePod(pod *podRecord) {
	if pod.counts {
		l.change(func(c *coreestimate.Cluster) { c.RemovePod(pod.pod) })
	}
}

func (l *ledger) setNode(n *nodeRecord) {
	l.change(func(c *coreestimate.Cluster) { c.SetNode(n.node) })
}

func (l *ledger) removeNode(n *nodeRecord) {
	l.change(func(c *coreestimate.Cluster) { c.RemoveNode(n.node.Name) })
}

// follower keeps a ledger for the present connection of every member.
type follower struct {
	subscribe func(func(name string))
	connect   func(name string) (connection, error)
	// gone is called when a member is no longer connected
	gone func(name string)

	mu      sync.RWMutex
	ledgers map[string]*ledger
}

// ledger returns what is known of a member, nil for one that is not connected.
func (f *follower) ledger(name string) *ledger {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.ledgers[name]
}

// Start follows the members until ctx is done.
func (f *follower) Start(ctx context.Context) error {
	f.subscribe(func(name string) {
		if ctx.Err() == nil {
			f.follow(ctx, name)
		}
	})
	<-ctx.Done()
	return nil
}

// follow looks at the present connection of a member and begins to watch it when it is a new one. The
// calls come one after the other.
func (f *follower) follow(ctx context.Context, name string) {
	connected, err := f.connect(name)
	present := f.ledger(name)
	if err != nil {
		f.put(name, nil)
		f.gone(name)
		return
	}
	if present != nil && present.connection == connected {
		return // lost or regained: the watches go on
	}
	l := &ledger{connection: connected}
	f.put(name, l)
	if err := l.watch(ctx); err != nil {
		// The connection was closed meanwhile; its successor is announced.
		log.FromContext(ctx).V(1).Info("cannot watch a member", "cluster", name, "err", err.Error())
	}
}

func (f *follower) put(name string, l *ledger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l == nil {
		delete(f.ledgers, name)
		return
	}
	f.ledgers[name] = l
}

// watch fills the ledger and marks it as known when all that was there has arrived.
func (l *ledger) watch(ctx context.Context) error {
	var listers []member.Lister
	for _, one := range []struct {
		resource schema.GroupVersionResource
		options  member.WatchOptions
		handler  cache.ResourceEventHandler
	}{
		{nodesResource, member.WatchOptions{View: "estimate", Transform: reduceNode}, handler(
			func(_, n *nodeRecord) { l.setNode(n) }, l.removeNode)},
		{podsResource, member.WatchOptions{View: "estimate", Transform: reducePod}, handler(l.setPod, l.removePod)},
		{quotasResource, member.WatchOptions{View: "estimate", Transform: reduceQuota}, nil},
	} {
		lister, err := l.connection.Watch(one.resource, one.options, one.handler)
		if err != nil {
			for _, started := range listers {
				started.Close()
			}
			return fmt.Errorf("watch %s: %w", one.resource.Resource, err)
		}
		listers = append(listers, lister)
	}
	l.quotas.Store(&listers[2])
	go func() {
		arrived := func() bool {
			for _, lister := range listers {
				if !lister.HasSynced() {
					return ctx.Err() != nil
				}
			}
			return true
		}
		if cache.WaitForCacheSync(l.connection.Done(), arrived) && ctx.Err() == nil {
			l.known.Store(true)
		}
	}()
	return nil
}

// handler calls set with a record and the one before, nil at first, and remove with the last one.
func handler[T any](set func(old, now *T), remove func(*T)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			if now, ok := obj.(*T); ok {
				set(nil, now)
			}
		},
		UpdateFunc: func(before, obj any) {
			old, _ := before.(*T)
			if now, ok := obj.(*T); ok {
				set(old, now)
			}
		},
		DeleteFunc: func(obj any) {
			if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = gone.Obj
			}
			if old, ok := obj.(*T); ok {
				remove(old)
			}
		},
	}
}
