package evict

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

func TestTaintsEvict(t *testing.T) {
	for name, tc := range map[string]struct {
		taints      []corev1.Taint
		tolerations []corev1.Toleration
		off         bool
		want        []string
	}{
		"what does not tolerate":        {taints: []corev1.Taint{noExecute("storm", 0)}, want: []string{"evict fra Gracefully TaintUntolerated"}},
		"not what tolerates for ever":   {taints: []corev1.Taint{noExecute("storm", time.Hour)}, tolerations: []corev1.Toleration{tolerate("storm")}},
		"not when that is switched off": {taints: []corev1.Taint{noExecute("storm", 0)}, off: true},
		"not by another effect":         {taints: []corev1.Taint{{Key: "storm", Effect: corev1.TaintEffectNoSchedule}}},
		"what tolerates for a time, later": {
			taints: []corev1.Taint{noExecute("storm", 20*time.Second)}, tolerations: []corev1.Toleration{tolerate("storm", 60)}, want: []string{"again in 40s"},
		},
		"what tolerated for a time": {
			taints: []corev1.Taint{noExecute("storm", time.Minute)}, tolerations: []corev1.Toleration{tolerate("storm", 60)},
			want: []string{"evict fra Gracefully TaintUntolerated"},
		},
		"at once what tolerates for no time": {
			taints: []corev1.Taint{noExecute("storm", 0)}, tolerations: []corev1.Toleration{tolerate("storm", 0)},
			want: []string{"evict fra Gracefully TaintUntolerated"},
		},
		"at once what tolerates for less than no time": {
			taints: []corev1.Taint{noExecute("storm", 0)}, tolerations: []corev1.Toleration{tolerate("storm", -5)},
			want: []string{"evict fra Gracefully TaintUntolerated"},
		},
		"after the shortest of what matches": {
			taints: []corev1.Taint{noExecute("storm", 0)}, tolerations: []corev1.Toleration{tolerate("storm"), tolerate("storm", 30), tolerate("storm", 90)},
			want: []string{"again in 30s"},
		},
		"after the first of several taints": {
			taints:      []corev1.Taint{noExecute("storm", 0), noExecute("flood", 50*time.Second)},
			tolerations: []corev1.Toleration{tolerate("storm", 30), tolerate("flood", 60)}, want: []string{"again in 10s"},
		},
		"when one of several is not tolerated": {
			taints: []corev1.Taint{noExecute("storm", 0), noExecute("flood", 0)}, tolerations: []corev1.Toleration{tolerate("storm")},
			want: []string{"evict fra Gracefully TaintUntolerated"},
		},
		"never, with more seconds than time has": {
			taints: []corev1.Taint{noExecute("storm", 0)}, tolerations: []corev1.Toleration{tolerate("storm", 1<<62)}, want: []string{"again in 876000h0m0s"},
		},
		"later, when nobody knows since when": {
			taints: []corev1.Taint{{Key: "storm", Effect: corev1.TaintEffectNoExecute}}, tolerations: []corev1.Toleration{tolerate("storm", 60)},
			want: []string{"again in 1m0s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(on("fra", 2, "iad", 2), cluster("fra", tc.taints...), cluster("iad"))
			in.Binding.GetBindingSpec().Placement.ClusterTolerations = tc.tolerations
			in.Taints = !tc.off
			if diff := cmp.Diff(tc.want, brief(Decide(in))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheTaskOfATaint(t *testing.T) {
	in := input(on("fra", 2, "iad", 2), cluster("fra", noExecute("storm", 0)), cluster("iad"))
	two, now := int32(2), metav1.NewTime(t0)
	want := workv1alpha2.GracefulEvictionTask{
		FromCluster: "fra", PurgeMode: "Gracefully", Replicas: &two, Reason: "TaintUntolerated", Message: "the taint storm:NoExecute is not tolerated",
		Producer: "TaintManager", CreationTimestamp: &now, ClustersBeforeFailover: []string{"fra", "iad"},
	}
	if diff := cmp.Diff([]workv1alpha2.GracefulEvictionTask{want}, Decide(in).Evict); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestThePurgeModeOfTaints(t *testing.T) {
	for name, tc := range map[string]struct {
		flag, policy, want policyv1alpha1.PurgeMode
	}{
		"the flag's":                           {"Directly", "", "Directly"},
		"the policy's before the flag's":       {"Directly", "Gracefully", "Gracefully"},
		"nobody's":                             {"", "", "Gracefully"},
		"by a name that Karmada has given up":  {"", "Immediately", "Directly"},
		"by another that Karmada has given up": {"Directly", "Graciously", "Gracefully"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(on("fra", 2), cluster("fra", noExecute("storm", 0)))
			in.TaintPurgeMode = tc.flag
			in.Binding.GetBindingSpec().Failover = &policyv1alpha1.FailoverBehavior{Cluster: &policyv1alpha1.ClusterFailoverBehavior{PurgeMode: tc.policy}}
			if got := Decide(in).Evict[0].PurgeMode; got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestTheBrake(t *testing.T) {
	follows := &policyv1alpha1.ClusterTaintPolicy{}
	follows.Spec.Taints = []policyv1alpha1.Taint{{Key: "not-ready", Effect: corev1.TaintEffectNoExecute}}
	fleet := func(tainted ...time.Duration) (out []*clusterv1alpha1.Cluster) {
		for i, name := range []string{"fra", "iad", "sin", "gru", "nrt", "syd"} {
			c := cluster(name)
			if i < len(tainted) {
				c.Spec.Taints = []corev1.Taint{noExecute("not-ready", tainted[i])}
			}
			out = append(out, c)
		}
		return out
	}
	for name, tc := range map[string]struct {
		fleet    []*clusterv1alpha1.Cluster
		limit    intstr.IntOrString
		isolated string
		hold     *failover.Pause
		want     []string
	}{
		"holds what a person holds": {fleet: fleet(0), hold: &failover.Pause{Until: t0.Add(time.Hour)}, want: []string{"hold fra HeldByPerson", "again in 1h0m0s"}},
		"holds it for ever":         {fleet: fleet(0), hold: &failover.Pause{}, want: []string{"hold fra HeldByPerson"}},
		"lets go when that is over": {fleet: fleet(0), hold: &failover.Pause{Until: t0}, want: []string{"evict fra Gracefully TaintUntolerated"}},
		"a taint by hand beats a hold, too": {
			fleet: append(fleet(0, 0, 0)[1:], cluster("fra", noExecute("by-hand", 0))), hold: &failover.Pause{},
			want: []string{"evict fra Gracefully TaintUntolerated"},
		},
		"lets one go":                   {fleet: fleet(0), want: []string{"evict fra Gracefully TaintUntolerated"}},
		"lets a third go":               {fleet: fleet(0, 0), want: []string{"evict fra Gracefully TaintUntolerated"}},
		"holds half of the world":       {fleet: fleet(0, 0, 0), want: []string{"hold fra TooManyClustersLost"}},
		"counts what comes together":    {fleet: fleet(0, time.Hour, 2*time.Hour), want: []string{"evict fra Gracefully TaintUntolerated"}},
		"goes by the policy's limit":    {fleet: fleet(0, 0), limit: intstr.FromInt32(1), want: []string{"hold fra TooManyClustersLost"}},
		"holds when the hub is cut off": {fleet: fleet(0), isolated: "the hub reaches no cluster", want: []string{"hold fra HubIsolated"}},
		"does not hold what a person says": {
			fleet: append(fleet(0, 0, 0)[1:], cluster("fra", noExecute("not-ready", 0), noExecute("by-hand", 0))), isolated: "cut off",
			want: []string{"evict fra Gracefully TaintUntolerated"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(on("fra", 2), tc.fleet...)
			if tc.limit == (intstr.IntOrString{}) {
				tc.limit = intstr.FromString("34%")
			}
			in.Hold = tc.hold
			in.Brake = NewBrake(tc.fleet, []*policyv1alpha1.ClusterTaintPolicy{follows}, tc.limit, tc.isolated)
			if diff := cmp.Diff(tc.want, brief(Decide(in))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
