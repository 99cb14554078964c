package corpus

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/api/manifest"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/render"
)

// check says what must hold of every Work, whatever is in it. Keys are spelt out here: they are what
// clients see.
func check(t *testing.T, s shipment) {
	t.Helper()
	checkDivision(t, s)
	if len(s.rendered) != len(s.binding.GetBindingSpec().Clusters) {
		t.Errorf("%d clusters are rendered, %d placed", len(s.rendered), len(s.binding.GetBindingSpec().Clusters))
	}
	for _, r := range s.rendered {
		if r.Err != nil {
			if r.Work != nil || !strings.HasPrefix(r.Err.Error(), fmt.Sprintf("cluster %q: ", r.Cluster)) {
				t.Errorf("error %v with Work %v", r.Err, r.Work)
			}
			continue
		}
		obj := manifestOf(t, r)
		checkIdentity(t, s, r, obj)
		checkWork(t, s, r)
		checkMarks(t, s, r, obj)
		checkPruned(t, s, r, obj)
	}
}

// checkIdentity: it is the same object, wherever it goes.
func checkIdentity(t *testing.T, s shipment, r render.Rendered, obj *unstructured.Unstructured) {
	t.Helper()
	for _, path := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "namespace"}, {"metadata", "name"}} {
		want, _, _ := unstructured.NestedFieldNoCopy(s.template.Object, path...)
		if got, _, _ := unstructured.NestedFieldNoCopy(obj.Object, path...); got != want {
			t.Errorf("%s: %s = %v, want %v", r.Cluster, strings.Join(path, "."), got, want)
		}
	}
}

// bindingAnnotations name the binding, on the Work and in the member.
func bindingAnnotations(s shipment) map[string]string {
	if s.template.GetNamespace() == "" {
		return map[string]string{"clusterresourcebinding.karmada.io/name": s.binding.GetName()}
	}
	return map[string]string{"resourcebinding.karmada.io/namespace": s.template.GetNamespace(), "resourcebinding.karmada.io/name": s.binding.GetName()}
}

func bindingIDLabel(s shipment) string {
	if s.template.GetNamespace() == "" {
		return "clusterresourcebinding.karmada.io/permanent-id"
	}
	return "resourcebinding.karmada.io/permanent-id"
}

// conflicts: the template's own word counts before the policy's.
func conflicts(s shipment) string {
	if own := s.template.GetAnnotations()["work.karmada.io/conflict-resolution"]; own != "" {
		return own
	}
	if s.policy.GetPropagationSpec().ConflictResolution == policyv1alpha1.ConflictOverwrite {
		return "overwrite"
	}
	return "abort"
}

func checkWork(t *testing.T, s shipment, r render.Rendered) {
	t.Helper()
	labels := map[string]string{bindingIDLabel(s): "binding-id", "work.karmada.io/permanent-id": workID(r.Cluster)}
	annotations := bindingAnnotations(s)
	annotations["work.karmada.io/conflict-resolution"] = conflicts(s)
	for key, rules := range map[string][]override.AppliedRule{
		"policy.karmada.io/applied-cluster-overrides": r.Applied.Cluster, "policy.karmada.io/applied-overrides": r.Applied.Namespaced} {
		if len(rules) == 0 {
			continue
		}
		if !slices.IsSortedFunc(rules, func(a, b override.AppliedRule) int { return strings.Compare(a.PolicyName, b.PolicyName) }) {
			t.Errorf("%s: %s is not sorted", r.Cluster, key)
		}
		data, err := json.Marshal(rules)
		if err != nil {
			t.Fatal(err)
		}
		annotations[key] = string(data)
	}
	if diff := cmp.Diff(labels, r.Work.Labels) + cmp.Diff(annotations, r.Work.Annotations) + cmp.Diff([]string{"karmada.io/execution-controller"}, r.Work.Finalizers); diff != "" {
		t.Errorf("%s: metadata of the Work (-want +got):\n%s", r.Cluster, diff)
	}
	if r.Work.Namespace != "karmada-es-"+r.Cluster {
		t.Errorf("%s: the Work is in %s", r.Cluster, r.Work.Namespace)
	}
}

// ownAnnotations are what we add to an object in a member.
var ownAnnotations = []string{
	"clusterpropagationpolicy.karmada.io/name", "propagationpolicy.karmada.io/name", "propagationpolicy.karmada.io/namespace",
	"clusterresourcebinding.karmada.io/name", "resourcebinding.karmada.io/name", "resourcebinding.karmada.io/namespace",
	"resourcetemplate.karmada.io/generation", "resourcetemplate.karmada.io/managed-annotations", "resourcetemplate.karmada.io/managed-labels", "resourcetemplate.karmada.io/uid",
	"work.karmada.io/conflict-resolution", "work.karmada.io/name", "work.karmada.io/namespace",
}

// checkMarks: the object in the member says whose it is, in full, and which keys are ours.
func checkMarks(t *testing.T, s shipment, r render.Rendered, obj *unstructured.Unstructured) {
	t.Helper()
	labels := map[string]string{"karmada.io/managed": "true", bindingIDLabel(s): "binding-id", "work.karmada.io/permanent-id": workID(r.Cluster)}
	annotations := bindingAnnotations(s)
	maps.Copy(annotations, map[string]string{
		"resourcetemplate.karmada.io/uid":                 string(s.template.GetUID()),
		"work.karmada.io/namespace":                       "karmada-es-" + r.Cluster,
		"work.karmada.io/name":                            r.Work.Name,
		"work.karmada.io/conflict-resolution":             conflicts(s),
		"resourcetemplate.karmada.io/managed-labels":      strings.Join(slices.Sorted(maps.Keys(obj.GetLabels())), ","),
		"resourcetemplate.karmada.io/managed-annotations": strings.Join(slices.Sorted(maps.Keys(obj.GetAnnotations())), ","),
	})
	if generation := s.template.GetGeneration(); generation > 0 {
		annotations["resourcetemplate.karmada.io/generation"] = fmt.Sprint(generation)
	}
	if namespace := s.policy.GetNamespace(); namespace != "" {
		labels["propagationpolicy.karmada.io/permanent-id"] = "pp-" + s.policy.GetName()
		annotations["propagationpolicy.karmada.io/namespace"], annotations["propagationpolicy.karmada.io/name"] = namespace, s.policy.GetName()
	} else {
		labels["clusterpropagationpolicy.karmada.io/permanent-id"] = "cpp-" + s.policy.GetName()
		annotations["clusterpropagationpolicy.karmada.io/name"] = s.policy.GetName()
	}
	for key, want := range labels {
		if got := obj.GetLabels()[key]; got != want {
			t.Errorf("%s: label %s = %q, want %q", r.Cluster, key, got, want)
		}
	}
	for _, key := range ownAnnotations {
		got, marked := obj.GetAnnotations()[key]
		if want, wanted := annotations[key]; marked != wanted || got != want {
			t.Errorf("%s: annotation %s = %q, want %q", r.Cluster, key, got, want)
		}
	}
}

// stripped are the fields that belong to the cluster an object was read from, by kind.
var stripped = map[string][][]string{
	"": {
		{"metadata", "creationTimestamp"}, {"metadata", "deletionTimestamp"}, {"metadata", "deletionGracePeriodSeconds"}, {"metadata", "generation"},
		{"metadata", "managedFields"}, {"metadata", "resourceVersion"}, {"metadata", "selfLink"}, {"metadata", "uid"}, {"metadata", "ownerReferences"},
		{"metadata", "finalizers"}, {"status"},
	},
	"Deployment": {{"metadata", "annotations", "deployment.kubernetes.io/revision"}, {"metadata", "annotations", "deployment.kubernetes.io/revision-history"}},
	"Job":        {{"spec", "ttlSecondsAfterFinished"}},
	"Job with a generated selector": {
		{"spec", "selector"},
		{"spec", "template", "metadata", "labels", "controller-uid"}, {"spec", "template", "metadata", "labels", "job-name"},
		{"spec", "template", "metadata", "labels", "batch.kubernetes.io/controller-uid"}, {"spec", "template", "metadata", "labels", "batch.kubernetes.io/job-name"},
	},
	"Service with an address": {{"spec", "clusterIP"}, {"spec", "clusterIPs"}},
	"Secret of an account":    {{"data"}, {"metadata", "annotations", "kubernetes.io/service-account.uid"}},
	"PersistentVolumeClaim":   {{"metadata", "annotations", "volume.kubernetes.io/selected-node"}},
}

// strip is what is left of a template when the fields above are gone.
func strip(template *unstructured.Unstructured) *unstructured.Unstructured {
	out := template.DeepCopy()
	rows := []string{"", out.GetKind()}
	manual, _, _ := unstructured.NestedBool(out.Object, "spec", "manualSelector")
	address, _, _ := unstructured.NestedString(out.Object, "spec", "clusterIP")
	switch {
	case out.GetKind() == "Job" && !manual:
		rows = append(rows, "Job with a generated selector")
	case out.GetKind() == "Service" && address != "None":
		rows = append(rows, "Service with an address")
	case out.GetKind() == "Secret" && out.Object["type"] == "kubernetes.io/service-account-token":
		rows = append(rows, "Secret of an account")
	}
	for _, row := range rows {
		for _, path := range stripped[row] {
			unstructured.RemoveNestedField(out.Object, path...)
		}
	}
	if secrets, ok := out.Object["secrets"].([]any); ok && out.GetKind() == "ServiceAccount" {
		out.Object["secrets"] = slices.DeleteFunc(secrets, func(ref any) bool {
			return strings.HasPrefix(ref.(map[string]any)["name"].(string), out.GetName()+"-token-")
		})
	}
	return unmarked(out)
}

// checkPruned: what belongs to the hub is gone, and nothing else. Where overrides or a division
// changed the object, only the first can be said.
func checkPruned(t *testing.T, s shipment, r render.Rendered, obj *unstructured.Unstructured) {
	t.Helper()
	rest := strip(obj)
	if diff := cmp.Diff(rest.Object, unmarked(obj).Object); diff != "" {
		t.Errorf("%s: the hub's own fields are in the manifest (-without +with):\n%s", r.Cluster, diff)
	}
	again := obj.DeepCopy()
	if manifest.Prune(again); cmp.Diff(obj.Object, again.Object) != "" {
		t.Errorf("%s: pruned twice, it is another: %s", r.Cluster, cmp.Diff(obj.Object, again.Object))
	}
	if !r.Applied.Empty() || placement.IsWorkload(s.binding.GetBindingSpec()) {
		return
	}
	if diff := cmp.Diff(strip(s.template).Object, rest.Object); diff != "" {
		t.Errorf("%s: something else was changed (-template +manifest):\n%s", r.Cluster, diff)
	}
}

// divided are the numbers that a kind's replicas go by.
var divided = map[string][]string{
	"Deployment": {"replicas"}, "ReplicaSet": {"replicas"}, "StatefulSet": {"replicas"}, "Job": {"parallelism", "completions"},
}

// checkDivision: divided, the clusters have together what the template wants, each its part;
// duplicated, each has it all. What is no workload is left alone.
func checkDivision(t *testing.T, s shipment) {
	t.Helper()
	spec := s.binding.GetBindingSpec()
	scheduling := spec.Placement.ReplicaScheduling
	whole := !placement.IsWorkload(spec) || scheduling == nil || scheduling.ReplicaSchedulingType == policyv1alpha1.ReplicaSchedulingTypeDuplicated
	for i, field := range divided[s.template.GetKind()] {
		want, found, err := unstructured.NestedInt64(s.template.Object, "spec", field)
		if err != nil || !found {
			continue
		}
		var sum int64
		failed := false
		for j, r := range s.rendered {
			if failed = failed || r.Err != nil; r.Err != nil {
				continue
			}
			got, _, _ := unstructured.NestedInt64(manifestOf(t, r).Object, "spec", field)
			sum += got
			if whole && got != want {
				t.Errorf("%s: spec.%s = %d, want all %d", r.Cluster, field, got, want)
			}
			if part := int64(spec.Clusters[j].Replicas); !whole && i == 0 && got != part {
				t.Errorf("%s: spec.%s = %d, want the part %d", r.Cluster, field, got, part)
			}
		}
		if !whole && !failed && sum != want {
			t.Errorf("spec.%s of all clusters is %d, want %d", field, sum, want)
		}
	}
}
