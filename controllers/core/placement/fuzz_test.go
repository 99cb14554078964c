package placement

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// The fuzzers feed what admission would refuse and members should not report. Whatever it is: no
// panic, an answer within a moment, a placement that adds up or the present one, and an error that
// names a field.

// fuzzed reads choices from bytes; without any left it chooses the first. The first choices are the
// harmless ones.
type fuzzed struct{ data []byte }

func (f *fuzzed) pick(n int) int {
	if len(f.data) == 0 {
		return 0
	}
	b := f.data[0]
	f.data = f.data[1:]
	return int(b) % n
}

func fuzzedOf[T any](f *fuzzed, values ...T) T { return values[f.pick(len(values))] }

func fuzzedSome[T any](f *fuzzed, most int, one func() T) (out []T) {
	for range f.pick(most + 1) {
		out = append(out, one())
	}
	return out
}

func (f *fuzzed) int32() int32 {
	return fuzzedOf[int32](f, 3, 0, 1, 7, 100, -1, math.MinInt32, math.MaxInt32, math.MaxInt32-1)
}

func (f *fuzzed) int64() int64 {
	return fuzzedOf[int64](f, 2, 1, 0, 5, 1000, -1, math.MinInt64, math.MaxInt64, math.MaxInt64-1, math.MaxInt32, 1<<53)
}

func (f *fuzzed) int() int {
	return fuzzedOf(f, 1, 0, 2, 3, -1, math.MaxInt, math.MinInt, math.MaxInt32)
}

func (f *fuzzed) name() string {
	return fuzzedOf(f, "m1", "m2", "m3", "m4", "m5", "", "*", "no such", "ünïcode", "\x00", strings.Repeat("x", 300))
}

func (f *fuzzed) text() string {
	return fuzzedOf(f, "eu", "us", "prod", "env", "region", "zone", "provider", "", "not a label!", "-", "\xff", strings.Repeat("y", 300))
}

func (f *fuzzed) resources() corev1.ResourceList {
	out := corev1.ResourceList{}
	for range f.pick(4) {
		q := fuzzedOf(f, *resource.NewQuantity(f.int64(), resource.DecimalSI), *resource.NewMilliQuantity(f.int64(), resource.DecimalSI), resource.Quantity{})
		out[fuzzedOf[corev1.ResourceName](f, "pods", "cpu", "memory", "", "example.com/gpu")] = q
	}
	return out
}

func (f *fuzzed) cluster(name string) *clusterv1alpha1.Cluster {
	c := member(name)
	c.Spec.Region, c.Spec.Provider = fuzzedOf(f, "eu", "us", "ap", ""), fuzzedOf(f, "", "aws")
	c.Spec.Zones = fuzzedSome(f, 2, f.text)
	for range f.pick(3) {
		label(f.text(), f.text())(c)
	}
	for range f.pick(3) {
		taint(f.text(), f.text(), fuzzedOf(f, noSchedule, noExecute, prefer, "", "Explode"))(c)
	}
	switch f.pick(6) {
	case 1:
		noAPIs(c)
	case 2:
		dying(c)
	case 3:
		c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1"}, {}}
	}
	if f.pick(5) != 4 {
		c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{Allocatable: f.resources(), Allocated: f.resources(), Allocating: f.resources()}
		c.Status.ResourceSummary.AllocatableModelings = fuzzedSome(f, 3, func() clusterv1alpha1.AllocatableModeling {
			return clusterv1alpha1.AllocatableModeling{Grade: uint(f.pick(4)), Count: f.int()}
		})
		c.Spec.ResourceModels = fuzzedSome(f, 3, func() clusterv1alpha1.ResourceModel {
			m := clusterv1alpha1.ResourceModel{Grade: uint(f.pick(4))}
			for name, q := range f.resources() {
				m.Ranges = append(m.Ranges, clusterv1alpha1.ResourceModelRange{Name: name, Min: q, Max: q})
			}
			return m
		})
	}
	return c
}

func (f *fuzzed) set() set {
	a := set{ClusterNames: fuzzedSome(f, 3, f.name), ExcludeClusters: fuzzedSome(f, 2, f.name)}
	if f.pick(4) == 1 {
		a.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{f.text(): f.text()}, MatchExpressions: fuzzedSome(f, 2, func() metav1.LabelSelectorRequirement {
			return metav1.LabelSelectorRequirement{Key: f.text(), Operator: fuzzedOf[metav1.LabelSelectorOperator](f, "In", "NotIn", "Exists", "", "Near"), Values: fuzzedSome(f, 2, f.text)}
		})}
	}
	if f.pick(4) == 1 {
		a.FieldSelector = &policyv1alpha1.FieldSelector{MatchExpressions: fuzzedSome(f, 2, func() corev1.NodeSelectorRequirement {
			return corev1.NodeSelectorRequirement{Key: f.text(), Operator: fuzzedOf[corev1.NodeSelectorOperator](f, "In", "NotIn", "Gt", "", "Near"), Values: fuzzedSome(f, 2, f.text)}
		})}
	}
	return a
}

func (f *fuzzed) policy() *policy {
	p := fuzzedOf(f, equal(), dynamic(), aggregated(), dup(), policy{}, static(""))
	if rs := p.ReplicaScheduling; rs != nil {
		rs.ReplicaSchedulingType = fuzzedOf(f, rs.ReplicaSchedulingType, rs.ReplicaSchedulingType, "", "Tripled")
		rs.ReplicaDivisionPreference = fuzzedOf(f, rs.ReplicaDivisionPreference, rs.ReplicaDivisionPreference, "", "Fair")
		if f.pick(3) == 1 {
			rs.WeightPreference = &policyv1alpha1.ClusterPreferences{DynamicWeight: fuzzedOf(f, "", policyv1alpha1.DynamicWeightByAvailableReplicas, "Cost")}
			rs.WeightPreference.StaticWeightList = fuzzedSome(f, 4, func() policyv1alpha1.StaticClusterWeight {
				return policyv1alpha1.StaticClusterWeight{TargetCluster: f.set(), Weight: f.int64()}
			})
		}
		for i := range f.pick(2) * f.pick(2) * 3000 { // thousands of rules
			if rs.WeightPreference == nil {
				rs.WeightPreference = &policyv1alpha1.ClusterPreferences{}
			}
			rs.WeightPreference.StaticWeightList = append(rs.WeightPreference.StaticWeightList,
				policyv1alpha1.StaticClusterWeight{TargetCluster: named(fmt.Sprintf("m%d", i)), Weight: math.MaxInt64 - int64(i)})
		}
	}
	if f.pick(3) == 1 {
		a := f.set()
		p.ClusterAffinity = &a
	}
	p.ClusterAffinities = fuzzedSome(f, 2, func() policyv1alpha1.ClusterAffinityTerm {
		return policyv1alpha1.ClusterAffinityTerm{AffinityName: f.text(), ClusterAffinity: f.set(), OverflowAffinities: fuzzedSome(f, 3, func() policyv1alpha1.OverflowAffinityTerm {
			return policyv1alpha1.OverflowAffinityTerm{AffinityName: f.text(), ClusterAffinity: f.set()}
		})}
	})
	p.ClusterTolerations = fuzzedSome(f, 2, func() corev1.Toleration {
		return corev1.Toleration{Key: f.text(), Value: f.text(), Operator: fuzzedOf[corev1.TolerationOperator](f, "Exists", "Equal", "", "Lt", "Near"), Effect: fuzzedOf(f, "", noSchedule, noExecute, "Explode")}
	})
	p.SpreadConstraints = fuzzedSome(f, 3, func() policyv1alpha1.SpreadConstraint {
		return policyv1alpha1.SpreadConstraint{
			SpreadByField: fuzzedOf[policyv1alpha1.SpreadFieldValue](f, "cluster", "region", "", "zone", "provider", "rack"),
			SpreadByLabel: fuzzedOf(f, "", "", "", "env", "not a label!"), MinGroups: f.int(), MaxGroups: f.int(),
		}
	})
	if f.pick(8) == 1 {
		p.WorkloadAffinity = &policyv1alpha1.WorkloadAffinity{
			Affinity:     fuzzedOf(f, nil, &policyv1alpha1.WorkloadAffinityTerm{GroupByLabelKey: f.text()}),
			AntiAffinity: fuzzedOf(f, nil, &policyv1alpha1.WorkloadAntiAffinityTerm{GroupByLabelKey: f.text()}),
		}
	}
	return &p
}

func (f *fuzzed) input() Input {
	spec := &workv1alpha2.ResourceBindingSpec{
		Resource: workv1alpha2.ObjectReference{APIVersion: fuzzedOf(f, "apps/v1", "v1", "", "a/b/c"), Kind: fuzzedOf(f, "Deployment", "ConfigMap", ""), UID: types.UID(f.text())},
		Replicas: f.int32(),
	}
	if f.pick(8) != 7 {
		spec.Placement = f.policy()
	}
	if f.pick(3) == 1 {
		spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: f.resources()}
	}
	spec.Clusters = fuzzedSome(f, 4, func() workv1alpha2.TargetCluster {
		return workv1alpha2.TargetCluster{Name: f.name(), Replicas: f.int32()}
	})
	spec.GracefulEvictionTasks = fuzzedSome(f, 2, func() workv1alpha2.GracefulEvictionTask {
		return workv1alpha2.GracefulEvictionTask{FromCluster: f.name()}
	})
	if f.pick(6) == 1 {
		spec.Components = fuzzedSome(f, 3, func() workv1alpha2.Component { return workv1alpha2.Component{Name: f.text(), Replicas: f.int32()} })
	}
	if f.pick(4) == 1 {
		spec.RescheduleTriggeredAt = &metav1.Time{Time: time.Unix(1, 0)}
	}
	in := Input{Spec: spec, Fresh: f.pick(3) == 1, KeepEmpty: f.pick(3) == 1}
	if f.pick(3) != 2 {
		in.Status = &workv1alpha2.ResourceBindingStatus{SchedulerObservedAffinityName: f.text()}
	}
	for i := range f.pick(6) {
		in.Clusters = append(in.Clusters, f.cluster(fmt.Sprintf("m%d", i+1)))
	}
	if f.pick(3) == 1 {
		in.Exclude = sets.New(fuzzedSome(f, 2, f.name)...)
		in.Estimates = map[string]int32{f.name(): f.int32(), f.name(): f.int32()}
	}
	if f.pick(3) == 1 {
		in.Assumed = map[string]corev1.ResourceList{f.name(): f.resources(), f.name(): nil}
		in.Groups.Affinity = fuzzedSome(f, 2, func() Peer { return Peer{Name: f.text(), Clusters: fuzzedSome(f, 2, f.name)} })
		in.Groups.AntiAffinity = fuzzedSome(f, 2, func() Peer { return Peer{Name: f.text(), Clusters: fuzzedSome(f, 2, f.name)} })
		in.Advice = fuzzedSome(f, 2, func() Advice {
			return Advice{Plugin: f.text(), Weight: f.int64(), Failed: fuzzedOf(f, "", "broken"), Opinions: map[string]Opinion{f.name(): {Excluded: f.pick(4) == 1, Score: f.int64()}}}
		})
	}
	return in
}

// fuzzCheck places, and looks whether the answer is sane.
func fuzzCheck(t *testing.T, in Input) {
	t.Helper()
	got, d := Place(in)
	for _, term := range d.Terms {
		_ = term.Division.Sentence()
	}
	if d.Message == "" || d.Reason == "" {
		t.Fatalf("nothing is said: %+v", d)
	}
	if !d.Fits() {
		fuzzKept(t, in, got)
		if d.Reason == workv1alpha2.ReasonSchedulerError && !strings.Contains(d.Message, "spec.") && !strings.HasPrefix(d.Message, "no enough resource") {
			t.Fatalf("names no field: %s", d.Message)
		}
		return
	}
	var sum int64
	for i, target := range got.Clusters {
		c := slices.IndexFunc(in.Clusters, func(c *clusterv1alpha1.Cluster) bool { return c.Name == target.Name })
		if c < 0 || in.Clusters[c].DeletionTimestamp != nil || in.Exclude.Has(target.Name) || target.Replicas < 0 || i > 0 && got.Clusters[i-1].Name >= target.Name {
			t.Fatalf("%s", Targets(got.Clusters))
		}
		sum += int64(target.Replicas)
	}
	want := int64(in.Spec.Replicas)
	switch {
	case len(in.Spec.Components) > 0:
		return
	case !IsWorkload(in.Spec):
		want = 0
	case StrategyOf(in.Spec.Placement) == Duplicated:
		want *= int64(len(got.Clusters))
	}
	if sum != want {
		t.Fatalf("%d replicas placed of %d: %s", sum, want, Targets(got.Clusters))
	}
}

func fuzzKept(t *testing.T, in Input, got Result) {
	t.Helper()
	kept := slices.DeleteFunc(slices.Clone(in.Spec.Clusters), func(target workv1alpha2.TargetCluster) bool {
		return slices.ContainsFunc(in.Clusters, func(c *clusterv1alpha1.Cluster) bool { return c.Name == target.Name && c.DeletionTimestamp != nil })
	})
	if !oracleSame(kept, got.Clusters) {
		t.Fatalf("kept %s of %s", Targets(got.Clusters), Targets(in.Spec.Clusters))
	}
}

// FuzzPlaceAdversarial builds whole inputs out of nasty values.
func FuzzPlaceAdversarial(f *testing.F) {
	f.Add([]byte{})
	for i := range 24 { // each seed prefers another of the choices
		seed := make([]byte, 160)
		for j := range seed {
			seed[j] = byte(j*i + i/3 + j/7)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := (&fuzzed{data}).input()
		fuzzCheck(t, in)
		if in.Spec.Placement == nil {
			return
		}
		status := in.Status
		if status == nil {
			status = &workv1alpha2.ResourceBindingStatus{}
		}
		Due(in.Spec, status, string(data), nil, nil)
		interest := NewInterest(in.Spec.Placement, status.SchedulerObservedAffinityName)
		for _, c := range in.Clusters {
			interest.Includes(c)
			if n := Capacity(c, in.Spec.ReplicaRequirements); n < 0 {
				t.Fatalf("%s has room for %d", c.Name, n)
			}
		}
	})
}

// FuzzPlaceDocument takes the placement as its user writes it and as the annotation on the binding
// records it.
func FuzzPlaceDocument(f *testing.F) {
	for _, p := range []policy{
		{}, dup(), equal(), static("m1=2 m2=1"), dynamic(), aggregated(), terms(dup(), "a=m1 b=m2"),
		overflow(terms(dynamic(), "a=m1"), "m2"), spreadBy(spreadBy(dup(), "region", 1, 0), "cluster", 1, 2),
		only(equal(), set{LabelSelector: matchLabels("env", "prod"), FieldSelector: where("region", "In", "eu").FieldSelector}),
	} {
		text, err := AppliedPlacement(&p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, text, int32(3), "a", "m1:2 m2:1")
	}
	f.Add(`{"replicaScheduling":{"replicaSchedulingType":"Divided","weightPreference":{"staticWeightList":[{"targetCluster":{},"weight":-1}]}}}`, "{", int32(math.MaxInt32), "", "")
	f.Add(`{"spreadConstraints":[{"spreadByField":"region","minGroups":9223372036854775807},{"maxGroups":1}]}`, "null", int32(-1), "b", "m1:0")
	f.Fuzz(func(t *testing.T, document, applied string, replicas int32, observed, present string) {
		var p policy
		if json.Unmarshal([]byte(document), &p) != nil {
			return
		}
		spec := &workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", UID: types.UID(observed)}, Replicas: replicas, Placement: &p,
		}
		for _, name := range strings.Fields(present) {
			spec.Clusters = append(spec.Clusters, workv1alpha2.TargetCluster{Name: name, Replicas: replicas})
		}
		in := Input{Spec: spec, Status: &workv1alpha2.ResourceBindingStatus{SchedulerObservedAffinityName: observed}, Clusters: clusters{
			member("m1", pods(5), in("aws", "eu", "a"), label("env", "prod")), member("m2", pods(0), in("", "us")), member("m3", pods(math.MaxInt64)),
		}}
		fuzzCheck(t, in)
		Due(spec, in.Status, applied, sets.New("m2"), sets.New("m1"))
	})
}

// FuzzDivide hands out any number of seats to any weights.
func FuzzDivide(f *testing.F) {
	f.Add(int32(7), int64(1), int64(2), int64(3), int64(0), true)
	f.Add(int32(math.MaxInt32), int64(math.MaxInt64), int64(1), int64(math.MinInt64), int64(-1), false)
	f.Add(int32(math.MinInt32), int64(0), int64(0), int64(0), int64(0), false)
	f.Fuzz(func(t *testing.T, n int32, a, b, c, d int64, descend bool) {
		shares := sharesOfWeights(a, b, c, d)
		Divide(n, shares, descend)
		var sum int64
		for i, s := range shares {
			if s.Replicas < 0 || s.Weight <= 0 && s.Replicas > 0 && max(a, b, c, d) > 0 {
				t.Fatalf("%+v", shares)
			}
			for _, other := range shares[:i] {
				if s.Weight > other.Weight && s.Replicas < other.Replicas || s.Weight < other.Weight && s.Replicas > other.Replicas {
					if max(s.Weight, other.Weight) > 0 {
						t.Fatalf("the lighter gets more: %+v", shares)
					}
				}
			}
			sum += int64(s.Replicas)
		}
		if sum != max(int64(n), 0) {
			t.Fatalf("%d of %d given: %+v", sum, n, shares)
		}
	})
}
