package evict

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

const (
	healthy   = workv1alpha2.ResourceHealthy
	unhealthy = workv1alpha2.ResourceUnhealthy
	unknown   = workv1alpha2.ResourceUnknown
)

func TestTasksEnd(t *testing.T) {
	type tasks = workv1alpha2.GracefulEvictionTask
	directly := func(t *tasks) { t.PurgeMode = policyv1alpha1.PurgeModeDirectly }
	suppress := func(say bool) func(*tasks) { return func(t *tasks) { t.SuppressDeletion = &say } }
	grace := func(seconds int32) func(*tasks) { return func(t *tasks) { t.GracePeriodSeconds = &seconds } }
	// what fra ran is placed on iad by now
	moved := func(task workv1alpha2.GracefulEvictionTask) Input {
		return input(on("iad", 4), cluster("fra"), cluster("iad")).leaving(task)
	}
	for name, tc := range map[string]struct {
		in   Input
		want []string
	}{
		"when what replaces it is healthy": {
			moved(task("fra", time.Second)).reports("iad", healthy, 4, 4).reports("fra", healthy, 2, 2),
			[]string{"drop fra: every copy that replaces it is healthy"},
		},
		"not while what replaces it has not been reported": {moved(task("fra", time.Second)), []string{"again in 9m59s"}},
		"not while what replaces it is unhealthy":          {moved(task("fra", time.Second)).reports("iad", unhealthy, 4, 3), []string{"again in 9m59s"}},
		"not while what replaces it is unknown":            {moved(task("fra", time.Second)).reports("iad", unknown, 4, 4), []string{"again in 9m59s"}},
		"not while the report is about fewer replicas":     {moved(task("fra", time.Second)).reports("iad", healthy, 2, 2), []string{"again in 9m59s"}},
		"not while one of several is unhealthy": {
			func() Input {
				in := moved(task("fra", time.Second)).reports("iad", healthy, 4, 4)
				in.Binding.GetBindingSpec().Clusters = on("iad", 4, "sin", 4)
				return in
			}(), []string{"again in 9m59s"},
		},
		"not before the scheduler has seen it": {
			func() Input {
				in := moved(task("fra", time.Second)).reports("iad", healthy, 4, 4)
				in.Binding.GetBindingStatus().SchedulerObservedGeneration = 6
				return in
			}(), []string{"again in 9m59s"},
		},
		"when the time is over and another copy runs": {
			func() Input {
				in := moved(task("fra", 10*time.Minute)).reports("iad", healthy, 2, 2)
				in.Binding.GetBindingSpec().Clusters = on("iad", 2, "sin", 2)
				return in
			}(), []string{"drop fra: 10m0s have passed"},
		},
		"when the grace period is over": {
			moved(task("fra", 30*time.Second, grace(30))).reports("iad", healthy, 2, 2), []string{"drop fra: 30s have passed"},
		},
		"not before the grace period is over": {
			moved(task("fra", 20*time.Minute, grace(3600))).reports("iad", unhealthy, 4, 0), []string{"again in 40m0s"},
		},
		"never while it may be the last copy": {
			moved(task("fra", 20*time.Minute)).reports("iad", unhealthy, 4, 0).reports("fra", healthy, 2, 2), []string{"hold fra LastCopy"},
		},
		"never while it may be the last copy, as nobody can tell": {
			moved(task("fra", 20*time.Minute)).reports("fra", unknown, 2, 0), []string{"hold fra LastCopy"},
		},
		"never while some of the last copy runs": {
			moved(task("fra", 20*time.Minute)).reports("iad", unhealthy, 4, 0).reports("fra", unhealthy, 2, 1), []string{"hold fra LastCopy"},
		},
		"never while nothing is placed": {
			func() Input {
				in := input(nil, cluster("fra")).leaving(task("fra", 20*time.Minute))
				in.Binding.GetBindingSpec().Replicas = 2
				return in
			}(), []string{"hold fra LastCopy"},
		},
		"never while the status says nothing of replicas": {
			func() Input {
				in := moved(task("fra", 20*time.Minute))
				in.Binding.GetBindingStatus().AggregatedStatus = []workv1alpha2.AggregatedStatusItem{
					{ClusterName: "fra", Health: unhealthy, Status: &runtime.RawExtension{Raw: []byte(`["odd"]`)}},
				}
				return in
			}(), []string{"hold fra LastCopy"},
		},
		"when the time is over and it does not run itself": {
			moved(task("fra", 20*time.Minute)).reports("iad", unhealthy, 4, 0).reports("fra", unhealthy, 2, 0),
			[]string{"drop fra: 10m0s have passed"},
		},
		"at once when it is scaled to nothing": {
			input(nil, cluster("fra")).leaving(task("fra", time.Second)), []string{"drop fra: every copy that replaces it is healthy"},
		},
		"when the time is over, after it left directly": {
			moved(task("fra", 10*time.Minute, directly)), []string{"drop fra: 10m0s have passed"},
		},
		"not before, after it left directly": {moved(task("fra", time.Minute, directly)), []string{"again in 9m0s"}},
		"never, when a person keeps it": {
			moved(task("fra", 1000*time.Hour, suppress(true))).reports("iad", healthy, 4, 4), nil,
		},
		"at once, when a person gives it up":     {moved(task("fra", time.Second, suppress(false))), []string{"drop fra: suppressDeletion is false"}},
		"when the cluster leaves the federation": {moved(task("gru", time.Second)), []string{"drop gru: it leaves the federation"}},
		"later, when nobody said since when": {
			moved(task("fra", 0, func(t *tasks) { t.CreationTimestamp = nil })), []string{"again in 10m0s", "stamp"},
		},
		"never here, when failover wrote it": {
			moved(task("fra", 1000*time.Hour, func(t *tasks) { t.Producer = workv1alpha2.EvictionProducerFailover })).reports("iad", healthy, 4, 4), nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, brief(Decide(tc.in))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestApply(t *testing.T) {
	keep := task("sin", time.Hour, func(t *workv1alpha2.GracefulEvictionTask) { t.SuppressDeletion = ptr.To(true) })
	lost := task("gru", time.Hour, func(t *workv1alpha2.GracefulEvictionTask) {
		t.Producer, t.CreationTimestamp = workv1alpha2.EvictionProducerFailover, nil
	})
	foreign := task("nrt", 0, func(t *workv1alpha2.GracefulEvictionTask) { t.Producer, t.CreationTimestamp = "somebody", nil })
	spec := &workv1alpha2.ResourceBindingSpec{
		Clusters:              on("iad", 2, "syd", 2),
		GracefulEvictionTasks: []workv1alpha2.GracefulEvictionTask{task("fra", time.Hour), keep, lost, foreign},
	}
	d := Decision{
		Drop:  []Drop{{Cluster: "fra"}, {Cluster: "sin"}, {Cluster: "gru"}},
		Evict: []workv1alpha2.GracefulEvictionTask{task("iad", 0), task("nrt", 0)},
		Stamp: true,
	}
	if diff := cmp.Diff(on("syd", 2), d.Without(spec.Clusters)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	d.Apply(spec, on("syd", 4), t0)
	stamped := foreign
	stamped.CreationTimestamp = &metav1.Time{Time: t0}
	want := &workv1alpha2.ResourceBindingSpec{
		Clusters:              on("syd", 4),
		GracefulEvictionTasks: []workv1alpha2.GracefulEvictionTask{keep, lost, stamped, task("iad", 0)},
	}
	if diff := cmp.Diff(want, spec); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
