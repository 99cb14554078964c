package scheduler

import (
	"context"
	"fmt"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	corecluster "github.com/seaway-io/seaway/controllers/core/cluster"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// snapshot is the clusters at one time. It is shared: nobody changes it.
type snapshot struct {
	version     uint64
	all         []*clusterv1alpha1.Cluster
	ready       *placement.Snapshot // all of them, made ready to be judged
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

// changed has the clusters read again by who asks next.
func (c *clusters) changed() { c.version.Add(1) }

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
		cluster := arrived(&list.Items[i])
		s.all = append(s.all, cluster)
		if cluster.DeletionTimestamp != nil {
			s.terminating.Insert(cluster.Name)
		}
	}
	var before *placement.Snapshot
	if last := c.last.Load(); last != nil {
		before = last.ready
	}
	s.ready = placement.NewSnapshot(s.all, before)
	c.last.Store(s)
	return s, nil
}

// arrived returns the cluster without the taints that it had until it became Ready. They are taken off in
// a write of their own just after the one that says Ready: who applies something as soon as all clusters
// are Ready would find it placed in those that happened to be first, and there it would stay.
func arrived(cluster *clusterv1alpha1.Cluster) *clusterv1alpha1.Cluster {
	ready := meta.FindStatusCondition(cluster.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue {
		return cluster
	}
	taints := corecluster.Taints(cluster.Spec.Taints, ready)
	if len(taints) == len(cluster.Spec.Taints) {
		return cluster
	}
	out := *cluster // the cache's own stays as it is
	out.Spec.Taints = taints
	return &out
}
