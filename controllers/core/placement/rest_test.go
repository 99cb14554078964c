package placement

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// A placement is asked for again at three times: before anybody knows of the replicas that were placed,
// while the new ones are assumed, and when the clusters have counted those that came and those that went.
const (
	assumed  = "while new replicas are assumed"
	reported = "when all replicas are reported"
)

// afterwards is the input that follows on a placement. The input it follows on stays as it is.
func afterwards(in Input, got Result, when string) Input {
	after := in
	after.Fresh, after.Spec = false, in.Spec.DeepCopy()
	after.Spec.Clusters, after.Spec.RescheduleTriggeredAt = got.Clusters, nil
	after.Status = &workv1alpha2.ResourceBindingStatus{SchedulerObservedAffinityName: got.AffinityName}
	after.Clusters, after.Snapshot = nil, nil
	after.Estimates, after.Assumed = maps.Clone(in.Estimates), maps.Clone(in.Assumed)
	had, has := propertyReplicas(in.Spec.Clusters), propertyReplicas(got.Clusters)
	for _, m := range in.members() {
		c := m.Cluster
		if more := int64(has[c.Name]) - int64(had[c.Name]); more > 0 || when == reported && more < 0 {
			if when == reported {
				c = counted(in.Spec, c, more)
			} else {
				after.Assumed = assume(in.Spec, after.Assumed, c.Name, more)
			}
			if estimate, ok := after.Estimates[c.Name]; ok && estimate >= 0 {
				after.Estimates[c.Name] = max(estimate-int32(more), 0)
			}
		}
		after.Clusters = append(after.Clusters, c)
	}
	return after
}

// takes is what so many replicas take.
func takes(spec *workv1alpha2.ResourceBindingSpec, replicas int64) corev1.ResourceList {
	list := corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(replicas, resource.DecimalSI)}
	if spec.ReplicaRequirements != nil {
		for name, q := range spec.ReplicaRequirements.ResourceRequest {
			list[name] = *resource.NewMilliQuantity(q.MilliValue()*replicas, resource.DecimalSI)
		}
	}
	return list
}

func plus(a, b corev1.ResourceList) corev1.ResourceList {
	sum := a.DeepCopy()
	if sum == nil {
		sum = corev1.ResourceList{}
	}
	for name, q := range b {
		q.Add(sum[name])
		sum[name] = q
	}
	return sum
}

func counted(spec *workv1alpha2.ResourceBindingSpec, c *clusterv1alpha1.Cluster, more int64) *clusterv1alpha1.Cluster {
	if c.Status.ResourceSummary == nil {
		return c
	}
	c = c.DeepCopy()
	c.Status.ResourceSummary.Allocated = plus(c.Status.ResourceSummary.Allocated, takes(spec, more))
	return c
}

func assume(spec *workv1alpha2.ResourceBindingSpec, all map[string]corev1.ResourceList, cluster string, more int64) map[string]corev1.ResourceList {
	if all == nil {
		all = map[string]corev1.ResourceList{}
	}
	all[cluster] = plus(all[cluster], takes(spec, more))
	return all
}

func drawAny(t *rapid.T) Input {
	if rapid.Bool().Draw(t, "plain") {
		in := propertyInput(t, append(propertyPolicies(), static(""))...)
		propertyConstrain(t, &in)
		return in
	}
	return drawMore(t)
}

func TestRestStats(t *testing.T) {
	stats := map[string]int{}
	example := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		in := drawAny(t)
		first, d := Place(in)
		stats["all"]++
		if !d.Fits() {
			stats["nofit"]++
			if in.Fresh || triggered(in.Spec, in.Status) {
				return
			}
		}
		for _, when := range []string{assumed, reported} {
			again := afterwards(in, first, when)
			second, d2 := Place(again)
			if gocmp.Diff(first, second) == "" {
				continue
			}
			key := when + " " + string(StrategyOf(in.Spec.Placement))
			if !d.Fits() {
				key += " nofit1"
			}
			if in.Spec.Replicas == 0 {
				key += " zero"
			}
			if len(first.Clusters) == 0 {
				key += " empty"
			}
			if len(in.Spec.Placement.ClusterAffinities) > 0 {
				key += " terms"
			}
			if len(in.Spec.Placement.SpreadConstraints) > 0 {
				key += " spread"
			}
			byr := false
			for i := range in.Spec.Placement.SpreadConstraints {
				byr = byr || in.Spec.Placement.SpreadConstraints[i].SpreadByField == "region"
			}
			if byr && len(in.Spec.Placement.SpreadConstraints) == 2 {
				key += " region"
			}
			if len(in.Advice) > 0 {
				key += " advice"
			}
			third, _ := Place(afterwards(again, second, when))
			if gocmp.Diff(second, third) != "" {
				key += " THIRD"
			}
			stats[key]++
			if example[key] == "" {
				example[key] = oracleDescribe(in) + "\n first " + Targets(first.Clusters) + first.AffinityName + " second " + Targets(second.Clusters) + second.AffinityName + " " + d2.Message + fmt.Sprintln("est", in.Estimates, "ass", in.Assumed, "keepempty", in.KeepEmpty) + strings.Join(d.Steps(), "\n") + "\n--\n" + strings.Join(d2.Steps(), "\n") + fmt.Sprint(d.Terms[0].Clusters, "\n--\n", d2.Terms[0].Clusters)
			}
		}
	})
	for k, v := range stats {
		t.Logf("%6d %s\n%s", v, k, example[k])
	}
}
