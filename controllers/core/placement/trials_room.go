package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// divisionTrials: what is kept was divided anew, the cluster weighed as much as the heaviest, or it had
// more room.
func divisionTrials(in *Input, t *TermDiagnosis, v *Verdict, c *clusterv1alpha1.Cluster) (out []trial) {
	if t.Division == nil {
		return nil
	}
	if t.Division.Strategy == StaticWeight {
		if p := in.Spec.Placement.ReplicaScheduling; p.WeightPreference == nil || len(p.WeightPreference.StaticWeightList) == 0 || len(t.Division.Shares) == 0 {
			return nil
		}
		heaviest := slices.MaxFunc(t.Division.Shares, func(a, b Share) int { return cmp.Compare(a.Weight, b.Weight) }).Weight
		for _, w := range slices.Compact([]int64{1, heaviest}) {
			out = append(out, trial{in.withPolicy(func(p *policyv1alpha1.Placement) {
				weights := p.ReplicaScheduling.WeightPreference
				weights.StaticWeightList = append(weights.StaticWeightList, policyv1alpha1.StaticClusterWeight{
					TargetCluster: policyv1alpha1.ClusterAffinity{ClusterNames: []string{c.Name}}, Weight: w})
			}), fmt.Sprintf("a rule of staticWeightList gave it the weight %d", w)})
		}
		return out
	}
	if !in.Fresh && t.Division.Mode != FromScratch {
		anew := *in
		anew.Fresh = true
		out = append(out, trial{anew, "the workload were rescheduled, with nothing kept of the present division"})
	}
	return append(out, roomTrials(in, t, v, c)...)
}

// roomTrials give the cluster more room: any at all, as much as is lacking, or the most of all.
func roomTrials(in *Input, t *TermDiagnosis, v *Verdict, c *clusterv1alpha1.Cluster) (out []trial) {
	d := demandOf(in.Spec)
	if d.nothing() || v.Available >= unbounded {
		return nil
	}
	lacking := d.units() - v.Available
	if t.Division != nil {
		lacking = int64(t.Division.Replicas)
		for _, s := range t.Division.Shares {
			lacking -= int64(s.Replicas)
		}
	}
	var roomiest int64
	for i := range t.Clusters {
		roomiest = max(roomiest, t.Clusters[i].Available)
	}
	more := []int64{lacking, roomiest - v.Available + 1}
	if v.Filter == FilterDivision && v.Available == 0 {
		more = append(more, 1)
	}
	slices.Sort(more)
	for _, n := range slices.Compact(more) {
		if n > 0 && n < unbounded {
			out = append(out, roomTrial(in, &d, c, n))
		}
	}
	return out
}

// roomTrial gives the cluster room for so many more.
func roomTrial(in *Input, d *demand, c *clusterv1alpha1.Cluster, more int64) trial {
	p := placer{in: in, demand: *d, requests: d.names()}
	var s supply
	s.read(c, p.requests)
	total := more + p.room(&memberView{Cluster: c, supply: &s})
	pods, each := int64(1), d.each
	if d.inSets() {
		pods, each = d.set()
	}
	lacks := lacking(&s, in.Assumed[c.Name], corev1.ResourcePods, times(pods, total))
	offer := corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(times(pods, total), resource.DecimalSI)}
	for _, a := range each {
		offer[a.name] = asQuantity(a.name, times(a.n, total))
		lacks = append(lacks, lacking(&s, in.Assumed[c.Name], a.name, times(a.n, total))...)
	}
	roomy := c.DeepCopy()
	roomy.Spec.ResourceModels = nil
	roomy.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{Allocatable: offer}
	out := in.withCluster(roomy)
	out.Assumed, out.Estimates = maps.Clone(in.Assumed), maps.Clone(in.Estimates)
	delete(out.Assumed, c.Name)
	delete(out.Estimates, c.Name)
	if _, better := in.Estimates[c.Name]; better || s.graded || len(lacks) != 1 {
		return trial{out, fmt.Sprintf("it had room for %s more", d.count(more))}
	}
	return trial{out, "it had " + lacks[0]}
}

// count words so many of what is placed.
func (d *demand) count(n int64) string {
	switch {
	case d.inSets() && n == 1:
		return "1 whole set"
	case d.inSets():
		return fmt.Sprintf("%d whole sets", n)
	case n == 1:
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", n)
}

// lacking words what is wanted beyond what is left; nothing when it suffices.
func lacking(s *supply, assumed corev1.ResourceList, name corev1.ResourceName, wanted int64) []string {
	n := wanted - s.left(name, assumed)
	if n <= 0 {
		return nil
	}
	q := asQuantity(name, n)
	return []string{fmt.Sprintf("%s more %s", q.String(), name)}
}

func asQuantity(name corev1.ResourceName, n int64) resource.Quantity {
	switch name {
	case corev1.ResourceCPU:
		return *resource.NewMilliQuantity(n, resource.DecimalSI)
	case corev1.ResourceMemory, corev1.ResourceEphemeralStorage, corev1.ResourceStorage:
		return *resource.NewQuantity(n, resource.BinarySI)
	}
	return *resource.NewQuantity(n, resource.DecimalSI)
}
