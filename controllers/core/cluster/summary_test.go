package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
)

func quantities(pairs ...string) corev1.ResourceList {
	l := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		l[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return l
}

func container(pairs ...string) corev1.Container {
	return corev1.Container{Resources: corev1.ResourceRequirements{Requests: quantities(pairs...)}}
}

func sidecar(pairs ...string) corev1.Container {
	c := container(pairs...)
	c.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	return c
}

// text makes quantities comparable.
func text(l corev1.ResourceList) map[string]string {
	out := map[string]string{}
	for name, quantity := range l {
		out[string(name)] = quantity.String()
	}
	return out
}

func TestPodRequests(t *testing.T) {
	cases := map[string]struct {
		spec corev1.PodSpec
		want map[string]string
	}{
		"nothing asked": {corev1.PodSpec{Containers: []corev1.Container{{}}}, map[string]string{}},
		"containers add up": {
			corev1.PodSpec{Containers: []corev1.Container{container("cpu", "100m"), container("cpu", "1", "memory", "1Gi")}},
			map[string]string{"cpu": "1100m", "memory": "1Gi"},
		},
		"the greatest init container counts if it is greater": {
			corev1.PodSpec{
				InitContainers: []corev1.Container{container("cpu", "2"), container("cpu", "3", "memory", "1Mi")},
				Containers:     []corev1.Container{container("cpu", "1", "memory", "1Gi")},
			},
			map[string]string{"cpu": "3", "memory": "1Gi"},
		},
		"sidecars count with what runs beside them": {
			corev1.PodSpec{
				InitContainers: []corev1.Container{container("cpu", "2"), sidecar("cpu", "500m"), container("cpu", "2")},
				Containers:     []corev1.Container{container("cpu", "1")},
			},
			map[string]string{"cpu": "2500m"},
		},
		"the pod's own statement and the overhead": {
			corev1.PodSpec{
				Resources:  &corev1.ResourceRequirements{Requests: quantities("cpu", "4")},
				Containers: []corev1.Container{container("cpu", "1", "memory", "1Gi")},
				Overhead:   quantities("memory", "10Mi"),
			},
			map[string]string{"cpu": "4", "memory": "1034Mi"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod, ok := PodOf(&corev1.Pod{Spec: tc.spec})
			if !ok {
				t.Fatal("the pod does not count")
			}
			tc.want["pods"] = "1"
			if diff := cmp.Diff(tc.want, text(pod.Requests)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, phase := range []corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed} {
		if _, ok := PodOf(&corev1.Pod{Status: corev1.PodStatus{Phase: phase}}); ok {
			t.Errorf("a pod that %s counts", phase)
		}
	}
}

func TestSummarize(t *testing.T) {
	nodes := []Node{
		NodeOf(&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "n1"},
			Status: corev1.NodeStatus{
				Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
				Allocatable: quantities("cpu", "8", "memory", "33554432500", "pods", "110"),
			},
		}),
		{Name: "n2", Allocatable: quantities("cpu", "3900m", "memory", "16Gi", "pods", "110")},
	}
	pods := []Pod{
		{Node: "n1", Requests: quantities("cpu", "500m", "memory", "100k", "pods", "1")},
		{Node: "n2", Requests: quantities("cpu", "3", "memory", "1Gi", "pods", "1")},
		{Requests: quantities("cpu", "1", "pods", "1")},
	}
	count, sum := Summarize(validation.DefaultResourceModels(), nodes, pods)
	if diff := cmp.Diff(&clusterv1alpha1.NodeSummary{TotalNum: 2, ReadyNum: 1}, count); diff != "" {
		t.Error(diff)
	}
	for name, pair := range map[string][2]map[string]string{
		"allocatable": {text(sum.Allocatable), {"cpu": "11900m", "memory": "48384Mi", "pods": "220"}},
		"allocated":   {text(sum.Allocated), {"cpu": "3500m", "memory": "1025Mi", "pods": "2"}},
		"allocating":  {text(sum.Allocating), {"cpu": "1", "pods": "1"}},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	graded := map[uint]int{}
	for _, m := range sum.AllocatableModelings {
		if m.Count > 0 {
			graded[m.Grade] = m.Count
		}
	}
	// n1: 7.5 cores (grade 3: 4 to 8) and 31.2 GiB (grade 2: 16 to 32): the lower counts.
	// n2: 0.9 cores (grade 0).
	if diff := cmp.Diff(map[uint]int{0: 1, 2: 1}, graded); diff != "" {
		t.Error(diff)
	}
}

func TestSummarizeNothing(t *testing.T) {
	count, sum := Summarize(nil, nil, nil)
	if diff := cmp.Diff(&clusterv1alpha1.NodeSummary{}, count); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&clusterv1alpha1.ResourceSummary{}, sum); diff != "" {
		t.Error(diff)
	}
}

// TestEveryNodeHasOneGrade: unless more is used than there is, the counts add up to the
// nodes, and no order of nodes or pods makes a difference.
func TestEveryNodeHasOneGrade(t *testing.T) {
	models := validation.DefaultResourceModels()
	rapid.Check(t, func(t *rapid.T) {
		var nodes []Node
		for i := range rapid.IntRange(0, 8).Draw(t, "nodes") {
			nodes = append(nodes, Node{Name: string(rune('a' + i)), Allocatable: corev1.ResourceList{
				corev1.ResourceCPU:    *resource.NewMilliQuantity(rapid.Int64Range(0, 300_000).Draw(t, "cpu"), resource.DecimalSI),
				corev1.ResourceMemory: *resource.NewQuantity(rapid.Int64Range(0, 3<<40).Draw(t, "memory"), resource.BinarySI),
			}})
		}
		_, sum := Summarize(models, nodes, nil)
		total := 0
		for _, m := range sum.AllocatableModelings {
			total += m.Count
		}
		if total != len(nodes) {
			t.Fatalf("%d graded, %d nodes", total, len(nodes))
		}
		shuffled := rapid.Permutation(nodes).Draw(t, "shuffled")
		_, again := Summarize(models, shuffled, nil)
		if diff := cmp.Diff(text(sum.Allocatable), text(again.Allocatable)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestEnablements(t *testing.T) {
	list := func(gv string, names ...string) *metav1.APIResourceList {
		l := &metav1.APIResourceList{GroupVersion: gv}
		for _, n := range names {
			l.APIResources = append(l.APIResources, metav1.APIResource{Name: n, Kind: "K" + n})
		}
		return l
	}
	enablement := func(gv string, names ...string) clusterv1alpha1.APIEnablement {
		e := clusterv1alpha1.APIEnablement{GroupVersion: gv}
		for _, n := range names {
			e.Resources = append(e.Resources, clusterv1alpha1.APIResource{Name: n, Kind: "K" + n})
		}
		return e
	}
	before := []clusterv1alpha1.APIEnablement{enablement("gone/v1", "x"), enablement("metrics/v1", "pods")}
	cases := map[string]struct {
		lists   []*metav1.APIResourceList
		failed  map[string]string
		want    []clusterv1alpha1.APIEnablement
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		"all listed": {
			lists:  []*metav1.APIResourceList{list("v1", "pods", "pods/log", "configmaps"), list("apps/v1", "deployments")},
			want:   []clusterv1alpha1.APIEnablement{enablement("apps/v1", "deployments"), enablement("v1", "configmaps", "pods")},
			status: "True", reason: "Complete", message: "the cluster lists all its APIs",
		},
		"one aggregated API is down": {
			lists:  []*metav1.APIResourceList{list("v1", "pods"), list("metrics/v1")},
			failed: map[string]string{"metrics/v1": "no endpoints", "custom/v1": "stale"},
			want:   []clusterv1alpha1.APIEnablement{enablement("metrics/v1", "pods"), enablement("v1", "pods")},
			status: "False", reason: "Partial",
			message: "the cluster does not list all its APIs: custom/v1 (stale); metrics/v1 (no endpoints)",
		},
		"nothing": {want: before, status: "False", reason: "Empty", message: "the cluster lists no API"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, c := Enablements(before, tc.lists, tc.failed)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if c.Status != tc.status || c.Reason != tc.reason || c.Message != tc.message {
				t.Errorf("condition %+v", c)
			}
		})
	}
}
