package evict

import (
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// input is a world with these clusters, in which a Deployment is placed so: on("fra", 2, "iad", 4).
func input(placed []workv1alpha2.TargetCluster, clusters ...*clusterv1alpha1.Cluster) Input {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-deployment", Generation: 7}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	b.Spec.Placement, b.Spec.PropagateDeps = &policyv1alpha1.Placement{}, true
	b.Spec.Clusters = placed
	b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{}
	for _, t := range placed {
		b.Spec.Replicas += t.Replicas
	}
	b.Status.SchedulerObservedGeneration = 7
	in := Input{
		Now: t0, Binding: b, Clusters: map[string]*clusterv1alpha1.Cluster{}, Taints: true, TaintPurgeMode: policyv1alpha1.PurgeModeGracefully,
		Timeout: DefaultTimeout,
	}
	for _, c := range clusters {
		in.Clusters[c.Name] = c
	}
	return in
}

func on(text ...any) []workv1alpha2.TargetCluster {
	var out []workv1alpha2.TargetCluster
	for i := 0; i < len(text); i += 2 {
		out = append(out, workv1alpha2.TargetCluster{Name: text[i].(string), Replicas: int32(text[i+1].(int))})
	}
	return out
}

func cluster(name string, taints ...corev1.Taint) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Spec.Taints = taints
	return c
}

// noExecute is a taint that has been there for so long.
func noExecute(key string, ago time.Duration) corev1.Taint {
	return corev1.Taint{Key: key, Effect: corev1.TaintEffectNoExecute, TimeAdded: &metav1.Time{Time: t0.Add(-ago)}}
}

func tolerate(key string, seconds ...int64) corev1.Toleration {
	t := corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute}
	if len(seconds) > 0 {
		t.TolerationSeconds = &seconds[0]
	}
	return t
}

// reports sets what a cluster says: its health, replicas, and how many are ready.
func (in Input) reports(name string, health workv1alpha2.ResourceHealth, replicas, ready int) Input {
	raw, _ := json.Marshal(map[string]any{"replicas": replicas, "readyReplicas": ready, "availableReplicas": ready, "observedGeneration": 1})
	status := in.Binding.GetBindingStatus()
	status.AggregatedStatus = append(status.AggregatedStatus, workv1alpha2.AggregatedStatusItem{
		ClusterName: name, Health: health, Applied: true, Status: &runtime.RawExtension{Raw: raw},
	})
	return in
}

// task is one of leaving a cluster gracefully, so long ago.
func task(from string, ago time.Duration, change ...func(*workv1alpha2.GracefulEvictionTask)) workv1alpha2.GracefulEvictionTask {
	at := metav1.NewTime(t0.Add(-ago))
	t := workv1alpha2.GracefulEvictionTask{
		FromCluster: from, PurgeMode: policyv1alpha1.PurgeModeGracefully, Reason: workv1alpha2.EvictionReasonTaintUntolerated,
		Producer: workv1alpha2.EvictionProducerTaintManager, CreationTimestamp: &at,
	}
	for _, f := range change {
		f(&t)
	}
	return t
}

func (in Input) leaving(tasks ...workv1alpha2.GracefulEvictionTask) Input {
	in.Binding.GetBindingSpec().GracefulEvictionTasks = tasks
	return in
}

// brief says in a line for each thing what a decision is.
func brief(d Decision) []string {
	var out []string
	for _, t := range d.Evict {
		out = append(out, fmt.Sprintf("evict %s %s %s", t.FromCluster, t.PurgeMode, t.Reason))
	}
	for _, x := range d.Drop {
		out = append(out, fmt.Sprintf("drop %s: %s", x.Cluster, x.Message))
	}
	for _, h := range d.Held {
		out = append(out, fmt.Sprintf("hold %s %s", h.Cluster, h.Reason))
	}
	if !d.RetryAt.IsZero() {
		out = append(out, "again in "+d.RetryAt.Sub(t0).String())
	}
	if d.Stamp {
		out = append(out, "stamp")
	}
	return out
}
