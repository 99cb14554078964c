package evict

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

var (
	someKey = rapid.SampledFrom([]string{"storm", "flood", "fire"})
	aTaint  = rapid.Custom(func(t *rapid.T) corev1.Taint {
		return corev1.Taint{
			Key: someKey.Draw(t, "key"), Value: rapid.SampledFrom([]string{"", "big"}).Draw(t, "value"),
			Effect:    rapid.SampledFrom([]corev1.TaintEffect{corev1.TaintEffectNoExecute, corev1.TaintEffectNoExecute, corev1.TaintEffectNoSchedule}).Draw(t, "effect"),
			TimeAdded: &metav1.Time{Time: t0.Add(-time.Duration(rapid.IntRange(0, 300).Draw(t, "ago")) * time.Second)},
		}
	})
	aToleration = rapid.Custom(func(t *rapid.T) corev1.Toleration {
		return corev1.Toleration{
			Key: someKey.Draw(t, "key"), Value: rapid.SampledFrom([]string{"", "big"}).Draw(t, "value"),
			Operator:          rapid.SampledFrom([]corev1.TolerationOperator{corev1.TolerationOpExists, corev1.TolerationOpEqual}).Draw(t, "operator"),
			Effect:            rapid.SampledFrom([]corev1.TaintEffect{"", corev1.TaintEffectNoExecute, corev1.TaintEffectNoSchedule}).Draw(t, "effect"),
			TolerationSeconds: rapid.Ptr(rapid.Int64Range(-10, 400), true).Draw(t, "seconds"),
		}
	})
)

// What tolerates every taint for ever never leaves, and what is not tolerated leaves now.
func TestTolerationIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		taints, tolerations := rapid.SliceOfN(aTaint, 0, 4).Draw(t, "taints"), rapid.SliceOfN(aToleration, 0, 5).Draw(t, "tolerations")
		p := patienceWith(taints, tolerations, t0)
		for _, taint := range taints {
			if taint.Effect != corev1.TaintEffectNoExecute {
				continue
			}
			var matching []corev1.Toleration
			for _, x := range tolerations {
				if placement.Tolerates(x, &taint) {
					matching = append(matching, x)
				}
			}
			forEver := len(matching) > 0 && !slices.ContainsFunc(matching, func(x corev1.Toleration) bool { return x.TolerationSeconds != nil })
			isDue := slices.ContainsFunc(p.due, func(x corev1.Taint) bool { return cmp.Equal(x, taint) })
			if forEver && isDue || len(matching) == 0 && !isDue {
				t.Fatalf("%s is due: %v, matching %+v", taint.ToString(), isDue, matching)
			}
		}
	})
}

// Who tolerates longer never leaves earlier, and time alone never takes a reason to leave away.
func TestPatienceIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		taints, tolerations := rapid.SliceOfN(aTaint, 1, 4).Draw(t, "taints"), rapid.SliceOfN(aToleration, 0, 5).Draw(t, "tolerations")
		longer := slices.Clone(tolerations)
		more := rapid.Int64Range(0, 500).Draw(t, "more")
		for i := range longer {
			if s := longer[i].TolerationSeconds; s != nil {
				longer[i].TolerationSeconds = ptr.To(*s + more)
			}
		}
		leaves := func(tolerations []corev1.Toleration) time.Time {
			p := patienceWith(taints, tolerations, t0)
			switch {
			case len(p.due) > 0:
				return t0
			case p.until.IsZero():
				return t0.Add(longest)
			}
			return p.until
		}
		early, late := leaves(tolerations), leaves(longer)
		if late.Before(early) {
			t.Fatalf("leaves at %s, with more patience at %s", early, late)
		}
		wait := time.Duration(rapid.IntRange(0, 600).Draw(t, "wait")) * time.Second
		if p := patienceWith(taints, tolerations, t0.Add(wait)); (len(p.due) > 0) != !early.After(t0.Add(wait)) {
			t.Fatalf("due %v after %s, said it would be at %s", p.due, wait, early)
		}
	})
}

// A task that gives a copy up is never dropped while that copy may be the last that runs, unless a person says
// so; what a person keeps, and what is failover's, is never dropped.
func TestNothingThatMayBeTheLastCopyIsGivenUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anInput(t)
		spec, status := in.Binding.GetBindingSpec(), in.Binding.GetBindingStatus()
		d := Decide(in)
		if diff := cmp.Diff(brief(d), brief(Decide(in))); diff != "" {
			t.Fatalf("the same input gave another decision:\n%s", diff)
		}
		for _, task := range spec.GracefulEvictionTasks {
			dropped := slices.ContainsFunc(d.Drop, func(x Drop) bool { return x.Cluster == task.FromCluster })
			if !dropped {
				continue
			}
			if task.Producer == workv1alpha2.EvictionProducerFailover || ptr.Deref(task.SuppressDeletion, false) {
				t.Fatalf("dropped %+v", task)
			}
			said := task.SuppressDeletion != nil || task.PurgeMode == policyv1alpha1.PurgeModeDirectly || asksForNothing(spec) || in.Clusters[task.FromCluster] == nil
			runs := slices.ContainsFunc(spec.Clusters, func(c workv1alpha2.TargetCluster) bool {
				item := itemOf(status, c.Name)
				return c.Name != task.FromCluster && item != nil && item.Health == healthy
			})
			from := itemOf(status, task.FromCluster)
			dead := from != nil && from.Health == unhealthy && countsOf(from).noneReady()
			if !said && !runs && !dead {
				t.Fatalf("gave up the last copy: %+v with %+v", task, status.AggregatedStatus)
			}
		}
	})
}

// After a decision is carried out there is at most one task for a cluster, and nothing that was left is placed.
func TestDecisionsCarriedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anInput(t)
		d := Decide(in)
		spec := in.Binding.GetBindingSpec().DeepCopy()
		before := len(spec.GracefulEvictionTasks)
		d.Apply(spec, d.Without(spec.Clusters), in.Now)
		seen := map[string]bool{}
		for _, task := range spec.GracefulEvictionTasks {
			if seen[task.FromCluster] {
				t.Fatalf("two tasks for %s", task.FromCluster)
			}
			seen[task.FromCluster] = true
		}
		for _, task := range d.Evict {
			if !seen[task.FromCluster] || slices.ContainsFunc(spec.Clusters, func(c workv1alpha2.TargetCluster) bool { return c.Name == task.FromCluster }) {
				t.Fatalf("%s is not left: %+v", task.FromCluster, spec)
			}
		}
		if len(spec.GracefulEvictionTasks) > before+len(d.Evict) {
			t.Fatal("more tasks than evictions")
		}
	})
}

// While a person holds an application, it leaves no cluster but those with a taint that a person put.
func TestAHoldHoldsWhatIsAutomatic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anInput(t)
		follows := &policyv1alpha1.ClusterTaintPolicy{}
		follows.Spec.Taints = []policyv1alpha1.Taint{{Key: "storm", Effect: corev1.TaintEffectNoExecute}, {Key: "flood", Effect: corev1.TaintEffectNoExecute}}
		in.Brake = NewBrake(slices.Collect(maps.Values(in.Clusters)), []*policyv1alpha1.ClusterTaintPolicy{follows}, intstr.FromInt32(10), "")
		in.Hold = &failover.Pause{Why: "we look at it"}
		for _, task := range Decide(in).Evict {
			byHand := slices.ContainsFunc(in.Clusters[task.FromCluster].Spec.Taints, func(x corev1.Taint) bool {
				return x.Key == "fire" && x.Effect == corev1.TaintEffectNoExecute
			})
			if !byHand || task.Reason != workv1alpha2.EvictionReasonTaintUntolerated {
				t.Fatalf("left %s: %s", task.FromCluster, task.Message)
			}
		}
	})
}

func anInput(t *rapid.T) Input {
	names := []string{"fra", "iad", "sin", "gru"}
	place := rapid.Permutation(names).Draw(t, "order")
	k := rapid.IntRange(0, 3).Draw(t, "placed")
	var placed []workv1alpha2.TargetCluster
	for _, name := range place[:k] {
		placed = append(placed, workv1alpha2.TargetCluster{Name: name, Replicas: int32(rapid.IntRange(0, 3).Draw(t, "replicas"))})
	}
	in := input(placed)
	for _, name := range names {
		if rapid.IntRange(0, 9).Draw(t, "joined") > 0 {
			in.Clusters[name] = cluster(name, rapid.SliceOfN(aTaint, 0, 2).Draw(t, "taints")...)
		}
		if rapid.Bool().Draw(t, "reported") {
			health := rapid.SampledFrom([]workv1alpha2.ResourceHealth{healthy, unhealthy, unknown}).Draw(t, "health")
			in = in.reports(name, health, rapid.IntRange(0, 3).Draw(t, "has"), rapid.IntRange(0, 3).Draw(t, "ready"))
		}
	}
	spec := in.Binding.GetBindingSpec()
	spec.Placement.ClusterTolerations = rapid.SliceOfN(aToleration, 0, 3).Draw(t, "tolerations")
	if rapid.Bool().Draw(t, "asked") {
		spec.Replicas = max(spec.Replicas, 1)
	}
	for _, name := range place[k:] {
		if !rapid.Bool().Draw(t, "leaving") {
			continue
		}
		spec.GracefulEvictionTasks = append(spec.GracefulEvictionTasks, task(name, time.Duration(rapid.IntRange(0, 1200).Draw(t, "age"))*time.Second,
			func(x *workv1alpha2.GracefulEvictionTask) {
				x.SuppressDeletion = rapid.Ptr(rapid.Bool(), true).Draw(t, "suppress")
				x.PurgeMode = rapid.SampledFrom([]policyv1alpha1.PurgeMode{"", "Directly", "Gracefully", "Never"}).Draw(t, "mode")
				x.Producer = rapid.SampledFrom([]string{"TaintManager", "seaway-failover", "other"}).Draw(t, "producer")
			}))
	}
	if rapid.Bool().Draw(t, "failover") {
		spec.Failover = &policyv1alpha1.FailoverBehavior{Application: &policyv1alpha1.ApplicationFailoverBehavior{}}
		in.UnhealthySince = map[string]time.Time{"fra": t0.Add(-time.Hour), "iad": t0}
	}
	return in
}
