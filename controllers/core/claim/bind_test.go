package claim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func template(namespace string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment"}}
	u.SetNamespace(namespace)
	u.SetName("web")
	u.SetUID("u1")
	u.SetResourceVersion("7")
	u.SetLabels(map[string]string{"app": "shop"})
	return u
}

func fullPolicy() propagation {
	return pp("a", func(s *spec) {
		s.PropagateDeps = true
		s.SchedulerName = "default-scheduler"
		s.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}}
		s.Placement.WorkloadAffinity = &policyv1alpha1.WorkloadAffinity{
			Affinity:     &policyv1alpha1.WorkloadAffinityTerm{GroupByLabelKey: "app"},
			AntiAffinity: &policyv1alpha1.WorkloadAntiAffinityTerm{GroupByLabelKey: "none"},
		}
		s.Failover = &policyv1alpha1.FailoverBehavior{Cluster: &policyv1alpha1.ClusterFailoverBehavior{}}
		s.ConflictResolution = policyv1alpha1.ConflictOverwrite
		s.PreserveResourcesOnDeletion = ptr.To(true)
		s.Suspension = &policyv1alpha1.Suspension{Dispatching: ptr.To(true)}
	}, anyDeployment())
}

func TestBindFillsANewBinding(t *testing.T) {
	policy := fullPolicy()
	b := &workv1alpha2.ResourceBinding{}
	Bind(b, Source{
		Template: template("shop"), Policy: Prepare(policy), Demand: Demand{Replicas: 3, Requirements: &workv1alpha2.ReplicaRequirements{Namespace: "shop"}},
		Priority: ptr.To[int32](5), Stamp: Stamp{"t", "e", "p"}, NewID: "id",
	})
	p := policy.GetPropagationSpec()
	want := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web-deployment",
			Labels: map[string]string{"propagationpolicy.karmada.io/permanent-id": "a-id", "resourcebinding.karmada.io/permanent-id": "id"},
			Annotations: map[string]string{
				"propagationpolicy.karmada.io/namespace": "shop", "propagationpolicy.karmada.io/name": "a", "seaway.dev/built-from": "t e p",
			},
			Finalizers: []string{"karmada.io/binding-controller"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "u1",
				Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true)}},
		},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web", UID: "u1", ResourceVersion: "7"},
			Replicas: 3, ReplicaRequirements: &workv1alpha2.ReplicaRequirements{Namespace: "shop"},
			PropagateDeps: true, SchedulerName: "default-scheduler", Placement: &p.Placement, Failover: p.Failover,
			ConflictResolution: policyv1alpha1.ConflictOverwrite, PreserveResourcesOnDeletion: ptr.To(true),
			SchedulePriority:       &workv1alpha2.SchedulePriority{Priority: 5},
			Suspension:             &workv1alpha2.Suspension{Suspension: policyv1alpha1.Suspension{Dispatching: ptr.To(true)}},
			WorkloadAffinityGroups: &workv1alpha2.WorkloadAffinityGroups{AffinityGroup: "app=shop"},
		},
	}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Error(diff)
	}
}

func TestBindLeavesWhatOthersOwn(t *testing.T) {
	others := workv1alpha2.ResourceBindingSpec{
		Clusters:              []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 2}},
		GracefulEvictionTasks: []workv1alpha2.GracefulEvictionTask{{FromCluster: "m2"}},
		RequiredBy:            []workv1alpha2.BindingSnapshot{{Name: "x"}},
		RescheduleTriggeredAt: &metav1.Time{},
		Suspension:            &workv1alpha2.Suspension{Scheduling: ptr.To(true), Suspension: policyv1alpha1.Suspension{Dispatching: ptr.To(true)}},
		// and what comes from an earlier policy
		SchedulePriority: &workv1alpha2.SchedulePriority{Priority: 9}, Replicas: 7, PreserveResourcesOnDeletion: ptr.To(true),
	}
	b := &workv1alpha2.ClusterResourceBinding{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      map[string]string{"mine": "x", "propagationpolicy.karmada.io/permanent-id": "earlier", "clusterresourcebinding.karmada.io/permanent-id": "kept"},
			Annotations: map[string]string{"policy.karmada.io/applied-placement": "{}"},
			Finalizers:  []string{"other"},
		},
		Spec: *others.DeepCopy(),
	}
	Bind(b, Source{Template: template(""), Policy: Prepare(cpp("c", nil)), NewID: "id"})
	if diff := cmp.Diff(map[string]string{"mine": "x", "clusterpropagationpolicy.karmada.io/permanent-id": "c-id", "clusterresourcebinding.karmada.io/permanent-id": "kept"}, b.Labels); diff != "" {
		t.Error("labels", diff)
	}
	if b.Annotations["policy.karmada.io/applied-placement"] != "{}" {
		t.Error("an annotation of the scheduler is gone")
	}
	if diff := cmp.Diff([]string{"other", "karmada.io/cluster-resource-binding-controller"}, b.Finalizers); diff != "" {
		t.Error("finalizers", diff)
	}
	want := others.DeepCopy()
	want.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "u1", ResourceVersion: "7"}
	want.Suspension.Dispatching = nil
	want.Placement = &policyv1alpha1.Placement{}
	want.SchedulePriority, want.Replicas, want.PreserveResourcesOnDeletion = nil, 0, nil
	if diff := cmp.Diff(*want, b.Spec); diff != "" {
		t.Error(diff)
	}
}

func TestBindAgainChangesNothing(t *testing.T) {
	s := Source{Template: template("shop"), Policy: Prepare(fullPolicy()), Demand: Demand{Replicas: 3}, NewID: "id", Stamp: Stamp{"t", "e", "p"}}
	b := &workv1alpha2.ResourceBinding{}
	Bind(b, s)
	before := b.DeepCopy()
	s.NewID = "another"
	Bind(b, s)
	if diff := cmp.Diff(before, b); diff != "" {
		t.Error(diff)
	}
}

func TestBelongsTo(t *testing.T) {
	for name, tt := range map[string]struct {
		owner types.UID
		want  bool
	}{"its own": {"u1", true}, "of an earlier object": {"u0", false}} {
		b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: tt.owner, Controller: ptr.To(true)}}}}
		if got := BelongsTo(b, template("shop")); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !BelongsTo(&workv1alpha2.ResourceBinding{}, template("shop")) {
		t.Error("a binding without an owner can be taken over")
	}
}
