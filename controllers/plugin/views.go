package plugin

import (
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/plugin"
)

// views keeps the views of clusters, so that each version of a cluster is converted once. It holds no
// more than the clusters of the last decision.
type views struct {
	last atomic.Pointer[map[string]view]
}

type view struct {
	uid     types.UID
	version string
	cluster *plugin.Cluster
}

func (v view) of(c *clusterv1alpha1.Cluster) bool {
	return v.cluster != nil && v.version != "" && v.uid == c.UID && v.version == c.ResourceVersion
}

// of returns the views of the clusters, in their order.
func (v *views) of(clusters []*clusterv1alpha1.Cluster) ([]*plugin.Cluster, error) {
	var known map[string]view
	if last := v.last.Load(); last != nil {
		known = *last
	}
	out := make([]*plugin.Cluster, len(clusters))
	changed := len(known) != len(clusters)
	for i, c := range clusters {
		if seen := known[c.Name]; seen.of(c) {
			out[i] = seen.cluster
			continue
		}
		cluster, err := plugin.NewCluster(c)
		if err != nil {
			return nil, err
		}
		out[i], changed = cluster, true
	}
	if changed {
		next := make(map[string]view, len(clusters))
		for i, c := range clusters {
			next[c.Name] = view{uid: c.UID, version: c.ResourceVersion, cluster: out[i]}
		}
		v.last.Store(&next)
	}
	return out, nil
}
