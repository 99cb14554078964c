package scheduler

import (
	"context"
	"fmt"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/util/sets"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Placer computes placements from the clusters as the cache has them. It writes nothing and is safe
// for concurrent use.
type Placer struct {
	clusters clusters
	// KeepEmpty keeps clusters without replicas in the placements of workloads.
	KeepEmpty bool
}

// NewPlacer makes a Placer that follows the clusters of the manager's cache.
func NewPlacer(mgr ctrl.Manager) (*Placer, error) {
	p := &Placer{clusters: clusters{reader: mgr.GetClient()}}
	err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error { return p.clusters.follow(ctx, mgr.GetCache()) }))
	if err != nil {
		return nil, fmt.Errorf("follow clusters: %w", err)
	}
	return p, nil
}

// Place computes a placement of the binding. Excluded clusters are not used; fresh divides from
// scratch what would else stay where it is. When nothing fits, the result is the present placement
// and the diagnosis says why.
func (p *Placer) Place(ctx context.Context, b workv1alpha2.Binding, exclude sets.Set[string], fresh bool) (placement.Result, placement.Diagnosis, error) {
	snapshot, err := p.clusters.now(ctx)
	if err != nil {
		return placement.Result{}, placement.Diagnosis{}, err
	}
	result, diagnosis := placement.Place(placement.Input{
		Clusters: snapshot.all, Spec: b.GetBindingSpec(), Status: b.GetBindingStatus(),
		Exclude: exclude, Fresh: fresh, KeepEmpty: p.KeepEmpty,
	})
	return result, diagnosis, nil
}

// snapshot is the clusters at one time. It is shared: nobody changes it.
type snapshot struct {
	version     uint64
	all         []*clusterv1alpha1.Cluster
	terminating sets.Set[string]
}

// clusters keeps a snapshot for as long as no cluster changes. It is read from a cache that has
// synced, never put together from events, so that it is complete from the first moment.
type clusters struct {
	reader    client.Reader
	following atomic.Bool
	version   atomic.Uint64
	last      atomic.Pointer[snapshot]
}

// follow counts the changes of clusters until the context ends.
func (c *clusters) follow(ctx context.Context, from cache.Cache) error {
	informer, err := from.GetInformer(ctx, &clusterv1alpha1.Cluster{})
	if err != nil {
		return fmt.Errorf("watch clusters: %w", err)
	}
	changed := func() { c.version.Add(1) }
	handle, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { changed() },
		UpdateFunc: func(any, any) { changed() },
		DeleteFunc: func(any) { changed() },
	})
	if err != nil {
		return fmt.Errorf("watch clusters: %w", err)
	}
	c.following.Store(true)
	<-ctx.Done()
	c.following.Store(false)
	return informer.RemoveEventHandler(handle)
}

func (c *clusters) now(ctx context.Context) (*snapshot, error) {
	version := c.version.Load()
	if last := c.last.Load(); last != nil && last.version == version && c.following.Load() {
		return last, nil
	}
	var list clusterv1alpha1.ClusterList
	if err := c.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	s := &snapshot{version: version, all: make([]*clusterv1alpha1.Cluster, 0, len(list.Items)), terminating: sets.New[string]()}
	for i := range list.Items {
		cluster := &list.Items[i]
		s.all = append(s.all, cluster)
		if cluster.DeletionTimestamp != nil {
			s.terminating.Insert(cluster.Name)
		}
	}
	c.last.Store(s)
	return s, nil
}
