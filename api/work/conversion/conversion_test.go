package conversion

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var meta = metav1.ObjectMeta{Name: "nginx-deployment", Namespace: "default", Generation: 3}

func TestConvert(t *testing.T) {
	cpu := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}
	state := &runtime.RawExtension{Raw: []byte(`{"replicas":2}`)}
	old := workv1alpha1.ResourceBindingSpec{
		Resource: workv1alpha1.ObjectReference{
			APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "nginx", ResourceVersion: "7",
			Replicas: 3, ReplicaResourceRequirements: cpu,
		},
		Clusters: []workv1alpha1.TargetCluster{{Name: "m1", Replicas: 2}, {Name: "m2", Replicas: 1}},
	}
	oldStatus := workv1alpha1.ResourceBindingStatus{
		Conditions:       []metav1.Condition{{Type: "Scheduled", Status: metav1.ConditionTrue}},
		AggregatedStatus: []workv1alpha1.AggregatedStatusItem{{ClusterName: "m1", Applied: true, Status: state}},
	}
	spec := workv1alpha2.ResourceBindingSpec{
		Resource: workv1alpha2.ObjectReference{
			APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "nginx", ResourceVersion: "7",
		},
		Replicas:            3,
		ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: cpu},
		Clusters:            []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 2}, {Name: "m2", Replicas: 1}},
	}
	status := workv1alpha2.ResourceBindingStatus{
		Conditions:       []metav1.Condition{{Type: "Scheduled", Status: metav1.ConditionTrue}},
		AggregatedStatus: []workv1alpha2.AggregatedStatusItem{{ClusterName: "m1", Applied: true, Status: state}},
	}
	rich, richStatus := *spec.DeepCopy(), *status.DeepCopy()
	rich.Resource.UID = "u"
	rich.Placement = &policyv1alpha1.Placement{}
	rich.PropagateDeps = true
	rich.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "m3"}}
	richStatus.SchedulerObservedGeneration = 3
	richStatus.AggregatedStatus[0].Health = workv1alpha2.ResourceHealthy

	packed := meta
	packed.Annotations = map[string]string{RestAnnotation: `{"spec":{"resource":{"apiVersion":"","kind":"","name":"","uid":"u"},"propagateDeps":true,` +
		`"gracefulEvictionTasks":[{"fromCluster":"m3","reason":"","producer":""}],"placement":{}},"status":{"schedulerObservedGeneration":3,"aggregatedStatus":[{"clusterName":"m1","health":"Healthy"}]}}`}

	const group = "work.karmada.io/"
	rb1 := metav1.TypeMeta{APIVersion: group + "v1alpha1", Kind: "ResourceBinding"}
	rb2 := metav1.TypeMeta{APIVersion: group + "v1alpha2", Kind: "ResourceBinding"}
	crb1 := metav1.TypeMeta{APIVersion: group + "v1alpha1", Kind: "ClusterResourceBinding"}
	crb2 := metav1.TypeMeta{APIVersion: group + "v1alpha2", Kind: "ClusterResourceBinding"}
	tests := map[string]struct {
		in   runtime.Object
		to   schema.GroupVersion
		want runtime.Object
	}{
		"the old form becomes the new": {
			in:   &workv1alpha1.ResourceBinding{TypeMeta: rb1, ObjectMeta: meta, Spec: old, Status: oldStatus},
			to:   workv1alpha2.GroupVersion,
			want: &workv1alpha2.ResourceBinding{TypeMeta: rb2, ObjectMeta: meta, Spec: spec, Status: status},
		},
		"what the old form does not know is packed": {
			in:   &workv1alpha2.ResourceBinding{TypeMeta: rb2, ObjectMeta: meta, Spec: rich, Status: richStatus},
			to:   workv1alpha1.GroupVersion,
			want: &workv1alpha1.ResourceBinding{TypeMeta: rb1, ObjectMeta: packed, Spec: old, Status: oldStatus},
		},
		"and unpacked": {
			in:   &workv1alpha1.ResourceBinding{TypeMeta: rb1, ObjectMeta: packed, Spec: old, Status: oldStatus},
			to:   workv1alpha2.GroupVersion,
			want: &workv1alpha2.ResourceBinding{TypeMeta: rb2, ObjectMeta: meta, Spec: rich, Status: richStatus},
		},
		"the cluster-scoped old form becomes the new": {
			in:   &workv1alpha1.ClusterResourceBinding{TypeMeta: crb1, ObjectMeta: meta, Spec: old, Status: oldStatus},
			to:   workv1alpha2.GroupVersion,
			want: &workv1alpha2.ClusterResourceBinding{TypeMeta: crb2, ObjectMeta: meta, Spec: spec, Status: status},
		},
		"the cluster-scoped new form becomes the old": {
			in:   &workv1alpha2.ClusterResourceBinding{TypeMeta: crb2, ObjectMeta: meta, Spec: rich, Status: richStatus},
			to:   workv1alpha1.GroupVersion,
			want: &workv1alpha1.ClusterResourceBinding{TypeMeta: crb1, ObjectMeta: packed, Spec: old, Status: oldStatus},
		},
		"what asks for nothing is no workload in the new form either": {
			in: &workv1alpha1.ResourceBinding{TypeMeta: rb1, ObjectMeta: meta, Spec: workv1alpha1.ResourceBindingSpec{
				Resource: workv1alpha1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Name: "c", ReplicaResourceRequirements: corev1.ResourceList{}}}},
			to: workv1alpha2.GroupVersion,
			want: &workv1alpha2.ResourceBinding{TypeMeta: rb2, ObjectMeta: meta, Spec: workv1alpha2.ResourceBindingSpec{
				Resource: workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Name: "c"}}},
		},
		"a binding of the version asked for stays": {
			in:   &workv1alpha2.ResourceBinding{TypeMeta: rb2, ObjectMeta: meta, Spec: rich},
			to:   workv1alpha2.GroupVersion,
			want: &workv1alpha2.ResourceBinding{TypeMeta: rb2, ObjectMeta: meta, Spec: rich},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Convert(tt.in, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConvertRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		in runtime.Object
		to schema.GroupVersion
	}{
		"a kind that is no binding": {&workv1alpha1.Work{}, workv1alpha2.GroupVersion},
		"a rest that is spoilt":     {&workv1alpha1.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{RestAnnotation: "{"}}}, workv1alpha2.GroupVersion},
		"a version that is not":     {&workv1alpha1.ResourceBinding{}, schema.GroupVersion{Group: "work.karmada.io", Version: "v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Convert(tt.in, tt.to); err == nil {
				t.Errorf("got %v, want an error", got)
			}
		})
	}
}

// TestRoundTrip: nothing that v1alpha1 holds is lost through v1alpha2.
func TestRoundTrip(t *testing.T) {
	word := rapid.StringMatching(`[a-z]{0,5}`)
	rapid.Check(t, func(t *rapid.T) {
		in := &workv1alpha1.ResourceBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: "work.karmada.io/v1alpha1", Kind: "ResourceBinding"},
			ObjectMeta: meta,
			Spec: workv1alpha1.ResourceBindingSpec{Resource: workv1alpha1.ObjectReference{
				APIVersion: word.Draw(t, "apiVersion"), Kind: word.Draw(t, "kind"), Namespace: word.Draw(t, "namespace"),
				Name: word.Draw(t, "name"), ResourceVersion: word.Draw(t, "rv"), Replicas: rapid.Int32().Draw(t, "replicas"),
			}},
		}
		if n := rapid.Int64Range(0, 1000).Draw(t, "cpu"); n > 0 {
			in.Spec.Resource.ReplicaResourceRequirements = corev1.ResourceList{corev1.ResourceCPU: *resource.NewMilliQuantity(n, resource.DecimalSI)}
		}
		for range rapid.IntRange(0, 3).Draw(t, "clusters") {
			cluster := word.Draw(t, "cluster")
			in.Spec.Clusters = append(in.Spec.Clusters, workv1alpha1.TargetCluster{Name: cluster, Replicas: rapid.Int32().Draw(t, "n")})
			in.Status.AggregatedStatus = append(in.Status.AggregatedStatus, workv1alpha1.AggregatedStatusItem{
				ClusterName: cluster, Applied: rapid.Bool().Draw(t, "applied"), AppliedMessage: word.Draw(t, "message"),
			})
		}
		mid, err := Convert(in, workv1alpha2.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Convert(mid, workv1alpha1.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(runtime.Object(in), out); diff != "" {
			t.Fatalf("(-sent +kept):\n%s", diff)
		}
	})
}
