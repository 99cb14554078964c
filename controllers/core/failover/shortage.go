package failover

import (
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// ShortageOf reads what is missing from the first affinity that lacks nothing but room. Components are
// placed in whole sets, of which nobody can make room for a part. The group is that affinity's name. The
// shortage is nil when something else is in the way.
func ShortageOf(spec *workv1alpha2.ResourceBindingSpec, d *placement.Diagnosis) (short *Shortage, group string) {
	if len(spec.Components) > 0 {
		return nil, ""
	}
	for i := range d.Terms {
		term := &d.Terms[i]
		if term.Reason != workv1alpha2.ReasonUnschedulable || term.Division == nil {
			continue
		}
		short = &Shortage{Replicas: spec.Replicas, Each: EachOf(spec), Free: map[string]int32{}}
		for _, v := range term.Clusters {
			if v.Filter == "" {
				has := replicasIn(spec.Clusters, v.Cluster)
				short.Replicas -= has
				short.Free[v.Cluster] = int32(min(max(v.Available-int64(has), 0), int64(spec.Replicas)))
			}
		}
		return short, term.Affinity
	}
	return nil, ""
}

// EachOf is what one replica takes.
func EachOf(spec *workv1alpha2.ResourceBindingSpec) Amounts {
	if spec.ReplicaRequirements == nil {
		return OfReplica(nil)
	}
	return OfReplica(spec.ReplicaRequirements.ResourceRequest)
}
