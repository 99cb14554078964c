package namespace

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

func namespace(name string, change func(*corev1.Namespace)) *corev1.Namespace {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "u1", Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"note": "b"}}}
	if change != nil {
		change(ns)
	}
	return ns
}

// run reconciles a namespace on a hub with the objects, and returns the Works and the number of
// writes.
func run(t *testing.T, c client.Client, name string) map[string]workv1alpha1.Work {
	t.Helper()
	rules, err := claim.ParseRules(nil, claim.DefaultSkippedNamespaces)
	if err != nil {
		t.Fatal(err)
	}
	r := &reconciler{client: c, recorder: record.NewFakeRecorder(10), rules: &rules}
	if _, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKey{Name: name}}); err != nil {
		t.Fatal(err)
	}
	var list workv1alpha1.WorkList
	if err := c.List(context.Background(), &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]workv1alpha1.Work{}
	for _, w := range list.Items {
		out[w.Namespace] = w
	}
	return out
}

func hubWith(writes *int, objs ...client.Object) client.Client {
	return fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			*writes++
			return c.Create(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			*writes++
			return c.Patch(ctx, obj, patch, opts...)
		},
	}).Build()
}

func TestOneWorkPerCluster(t *testing.T) {
	writes := 0
	c := hubWith(&writes, namespace("shop", nil), namespace("karmada-es-m1", nil), namespace("karmada-es-m2", nil), namespace("other", nil))
	works := run(t, c, "shop")
	if diff := cmp.Diff([]string{"karmada-es-m1", "karmada-es-m2"}, sets.List(sets.KeySet(works))); diff != "" {
		t.Fatal(diff)
	}
	work := works["karmada-es-m1"]
	id := work.Labels[names.WorkPermanentID]
	if work.Name != names.WorkName("Namespace", "shop", "") || id == "" || work.Finalizers[0] != names.ExecutionFinalizer || work.OwnerReferences[0].UID != "u1" {
		t.Errorf("work %+v", work.ObjectMeta)
	}
	var got map[string]any
	if err := json.Unmarshal(work.Spec.Workload.Manifests[0].Raw, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{
			"name":   "shop",
			"labels": map[string]any{"team": "a", "karmada.io/managed": "true", "work.karmada.io/permanent-id": id},
			"annotations": map[string]any{
				"note": "b", "resourcetemplate.karmada.io/uid": "u1", "work.karmada.io/conflict-resolution": "abort",
				"work.karmada.io/namespace": "karmada-es-m1", "work.karmada.io/name": work.Name,
				"resourcetemplate.karmada.io/managed-labels": "karmada.io/managed,team,work.karmada.io/permanent-id",
				"resourcetemplate.karmada.io/managed-annotations": "note,resourcetemplate.karmada.io/managed-annotations,resourcetemplate.karmada.io/managed-labels," +
					"resourcetemplate.karmada.io/uid,work.karmada.io/conflict-resolution,work.karmada.io/name,work.karmada.io/namespace",
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if run(t, c, "shop"); writes != 2 {
		t.Errorf("%d writes, want 2", writes)
	}
	var ns corev1.Namespace
	if err := c.Get(context.Background(), client.ObjectKey{Name: "shop"}, &ns); err != nil {
		t.Fatal(err)
	}
	ns.Labels["team"] = "b"
	if err := c.Update(context.Background(), &ns); err != nil {
		t.Fatal(err)
	}
	if works := run(t, c, "shop"); writes != 4 || works["karmada-es-m1"].Labels[names.WorkPermanentID] != id {
		t.Errorf("after a label: %d writes, id %s", writes, works["karmada-es-m1"].Labels[names.WorkPermanentID])
	}
}

func TestStaysOnTheHub(t *testing.T) {
	terminating := namespace("karmada-es-m1", func(ns *corev1.Namespace) {
		ns.DeletionTimestamp, ns.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x"}
	})
	ours := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-es-m1", Name: names.WorkName("Namespace", "shop", ""),
		Labels: map[string]string{names.ClusterResourceBindingPermanentID: "x"}}}
	tests := map[string]struct {
		name string
		objs []client.Object
	}{
		"the default namespace": {"default", []client.Object{namespace("default", nil), namespace("karmada-es-m1", nil)}},
		"Kubernetes' own":       {"kube-public", []client.Object{namespace("kube-public", nil), namespace("karmada-es-m1", nil)}},
		"our own":               {"karmada-es-m1", []client.Object{namespace("karmada-es-m1", nil)}},
		"one with the label":    {"shop", []client.Object{namespace("shop", func(ns *corev1.Namespace) { ns.Labels = map[string]string{names.SkipAutoPropagationLabel: "true"} }), namespace("karmada-es-m1", nil)}},
		"one being deleted": {"shop", []client.Object{namespace("shop", func(ns *corev1.Namespace) {
			ns.DeletionTimestamp, ns.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x"}
		}), namespace("karmada-es-m1", nil)}},
		"a cluster on its way out":     {"shop", []client.Object{namespace("shop", nil), terminating}},
		"no clusters":                  {"shop", []client.Object{namespace("shop", nil)}},
		"one that a policy propagates": {"shop", []client.Object{namespace("shop", nil), namespace("karmada-es-m1", nil), ours}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			writes := 0
			run(t, hubWith(&writes, tt.objs...), tt.name)
			if writes != 0 {
				t.Errorf("%d writes", writes)
			}
		})
	}
}

func TestANewClusterGetsAllNamespaces(t *testing.T) {
	rules, _ := claim.ParseRules(nil, claim.DefaultSkippedNamespaces)
	writes := 0
	r := &reconciler{client: hubWith(&writes, namespace("shop", nil), namespace("bank", nil), namespace("kube-system", nil)), rules: &rules}
	var got []string
	for _, req := range r.intoNewCluster(context.Background(), namespace("karmada-es-m1", nil)) {
		got = append(got, req.Name)
	}
	if diff := cmp.Diff([]string{"bank", "shop"}, got); diff != "" {
		t.Error(diff)
	}
	if len(r.intoNewCluster(context.Background(), namespace("shop", nil))) > 0 {
		t.Error("a user's namespace is taken for a cluster")
	}
}

// TestOverrides: ClusterOverridePolicies reach the namespaces of the clusters they name, and go again.
func TestOverrides(t *testing.T) {
	policy := &policyv1alpha1.ClusterOverridePolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "quota"},
		Spec: policyv1alpha1.OverrideSpec{
			ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "v1", Kind: "Namespace"}},
			OverrideRules: []policyv1alpha1.RuleWithCluster{{
				TargetCluster: &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}},
				Overriders: policyv1alpha1.Overriders{LabelsOverrider: []policyv1alpha1.LabelAnnotationOverrider{
					{Operator: policyv1alpha1.OverriderOpAdd, Value: map[string]string{"size": "small"}}}},
			}},
		},
	}
	cluster := func(name string) *clusterv1alpha1.Cluster {
		return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	writes := 0
	c := hubWith(&writes, namespace("shop", nil), namespace("karmada-es-m1", nil), namespace("karmada-es-m2", nil), cluster("m1"), cluster("m2"), policy)
	size := func(w workv1alpha1.Work) string {
		var ns corev1.Namespace
		if err := json.Unmarshal(w.Spec.Workload.Manifests[0].Raw, &ns); err != nil {
			t.Fatal(err)
		}
		return ns.Labels["size"]
	}
	works := run(t, c, "shop")
	if size(works["karmada-es-m1"]) != "small" || size(works["karmada-es-m2"]) != "" {
		t.Errorf("sizes %q and %q", size(works["karmada-es-m1"]), size(works["karmada-es-m2"]))
	}
	if works["karmada-es-m1"].Annotations[names.AppliedClusterOverridesAnnotation] == "" {
		t.Error("the Work does not say what was overridden")
	}
	if run(t, c, "shop"); writes != 2 {
		t.Errorf("%d writes, want 2", writes)
	}
	if err := c.Delete(context.Background(), policy); err != nil {
		t.Fatal(err)
	}
	work := run(t, c, "shop")["karmada-es-m1"]
	if size(work) != "" || work.Annotations[names.AppliedClusterOverridesAnnotation] != "" {
		t.Errorf("after the policy: %q, %v", size(work), work.Annotations)
	}
}

// TestConflictResolution: a namespace that clusters have already is theirs, unless it says otherwise.
func TestConflictResolution(t *testing.T) {
	for said, want := range map[string]string{"": "abort", "abort": "abort", "overwrite": "overwrite", "maybe": "abort"} {
		t.Run(said, func(t *testing.T) {
			writes := 0
			c := hubWith(&writes, namespace("karmada-es-m1", nil), namespace("shop", func(ns *corev1.Namespace) {
				if said != "" {
					ns.Annotations[names.ConflictResolutionAnnotation] = said
				}
			}))
			work := run(t, c, "shop")["karmada-es-m1"]
			var ns corev1.Namespace
			if err := json.Unmarshal(work.Spec.Workload.Manifests[0].Raw, &ns); err != nil {
				t.Fatal(err)
			}
			for where, got := range map[string]string{"Work": work.Annotations[names.ConflictResolutionAnnotation], "manifest": ns.Annotations[names.ConflictResolutionAnnotation]} {
				if got != want {
					t.Errorf("the %s says %q, want %q", where, got, want)
				}
			}
		})
	}
}

// TestAnOverrideThatFails is told, and keeps no other cluster from its namespace.
func TestAnOverrideThatFails(t *testing.T) {
	policy := &policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: "wrong"}}
	policy.Spec.OverrideRules = []policyv1alpha1.RuleWithCluster{{
		TargetCluster: &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}},
		Overriders:    policyv1alpha1.Overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{Path: "/spec/none", Operator: "remove"}}},
	}}
	cluster := func(name string) *clusterv1alpha1.Cluster {
		return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	writes := 0
	rules, _ := claim.ParseRules(nil, claim.DefaultSkippedNamespaces)
	recorder := record.NewFakeRecorder(10)
	r := &reconciler{recorder: recorder, rules: &rules,
		client: hubWith(&writes, namespace("shop", nil), namespace("karmada-es-m1", nil), namespace("karmada-es-m2", nil), cluster("m1"), cluster("m2"), policy)}
	result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "shop"}})
	if err != nil || result != (ctrl.Result{}) || writes != 1 {
		t.Errorf("%d writes, %v, %v; want that of m2, and no other try", writes, result, err)
	}
	want := "Warning ApplyOverridePolicyFailed namespace shop in cluster m1: ClusterOverridePolicy wrong: spec.overrideRules[0].overriders.plaintext[0].path"
	if got := <-recorder.Events; !strings.HasPrefix(got, want) {
		t.Errorf("event %q, want %q", got, want)
	}
}

// TestSkippedLater: a namespace that gets the label when clusters have it stays there.
func TestSkippedLater(t *testing.T) {
	writes := 0
	c := hubWith(&writes, namespace("shop", nil), namespace("karmada-es-m1", nil))
	run(t, c, "shop")
	var ns corev1.Namespace
	if err := c.Get(t.Context(), client.ObjectKey{Name: "shop"}, &ns); err != nil {
		t.Fatal(err)
	}
	ns.Labels[names.SkipAutoPropagationLabel] = "true"
	if err := c.Update(t.Context(), &ns); err != nil {
		t.Fatal(err)
	}
	if works := run(t, c, "shop"); len(works) != 1 || writes != 1 {
		t.Errorf("%d Works after %d writes, want the one of before", len(works), writes)
	}
}
