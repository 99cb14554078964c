package manifest

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// serverFields of metadata belong to one API server. Owners and finalizers name what
// does not exist in another cluster.
var serverFields = []string{
	"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields",
	"resourceVersion", "selfLink", "uid", "ownerReferences", "finalizers",
}

// pruners remove what the control plane's API server or controllers filled in, by kind.
var pruners = map[schema.GroupKind]func(*unstructured.Unstructured){
	{Group: "apps", Kind: "Deployment"}: pruneDeployment,
	{Group: "batch", Kind: "Job"}:       pruneJob,
	{Kind: "Service"}:                   pruneService,
	{Kind: "ServiceAccount"}:            pruneServiceAccount,
	{Kind: "Secret"}:                    pruneSecret,
	{Kind: "PersistentVolumeClaim"}:     pruneVolumeClaim,
}

// Prune removes from an object what belongs to the cluster it was read from: the
// metadata an API server sets, the status, and what is filled in by kind. Fields of
// an unexpected type are left as they are.
func Prune(obj *unstructured.Unstructured) {
	for _, name := range serverFields {
		unstructured.RemoveNestedField(obj.Object, "metadata", name)
	}
	unstructured.RemoveNestedField(obj.Object, "status")
	if prune := pruners[obj.GroupVersionKind().GroupKind()]; prune != nil {
		prune(obj)
	}
}

func pruneDeployment(obj *unstructured.Unstructured) {
	removeAnnotations(obj, "deployment.kubernetes.io/revision", "deployment.kubernetes.io/revision-history")
}

// pruneJob removes what the API server generates, since the member's would refuse it,
// and the time to live: a Job that deletes itself in the member would be made again.
func pruneJob(obj *unstructured.Unstructured) {
	unstructured.RemoveNestedField(obj.Object, "spec", "ttlSecondsAfterFinished")
	if manual, _, _ := unstructured.NestedBool(obj.Object, "spec", "manualSelector"); manual {
		return
	}
	for _, label := range []string{"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"} {
		unstructured.RemoveNestedField(obj.Object, "spec", "selector", "matchLabels", label)
		unstructured.RemoveNestedField(obj.Object, "spec", "template", "metadata", "labels", label)
	}
	removeIfEmpty(obj, "spec", "selector", "matchLabels")
	removeIfEmpty(obj, "spec", "selector")
}

// pruneService keeps "None", which the user chose, and drops addresses, which only mean
// something in one cluster.
func pruneService(obj *unstructured.Unstructured) {
	if ip, _, _ := unstructured.NestedString(obj.Object, "spec", "clusterIP"); ip == "None" {
		return
	}
	unstructured.RemoveNestedField(obj.Object, "spec", "clusterIP")
	unstructured.RemoveNestedField(obj.Object, "spec", "clusterIPs")
}

func pruneServiceAccount(obj *unstructured.Unstructured) {
	secrets, found, err := unstructured.NestedFieldNoCopy(obj.Object, "secrets")
	list, ok := secrets.([]any)
	if !found || err != nil || !ok {
		return
	}
	var kept []any
	for _, item := range list {
		ref, _ := item.(map[string]any)
		if name, _ := ref["name"].(string); !strings.HasPrefix(name, obj.GetName()+"-token-") {
			kept = append(kept, item)
		}
	}
	if len(kept) == 0 {
		unstructured.RemoveNestedField(obj.Object, "secrets")
		return
	}
	obj.Object["secrets"] = kept
}

func pruneSecret(obj *unstructured.Unstructured) {
	if kind, _, _ := unstructured.NestedString(obj.Object, "type"); kind != "kubernetes.io/service-account-token" {
		return
	}
	unstructured.RemoveNestedField(obj.Object, "data")
	removeAnnotations(obj, "kubernetes.io/service-account.uid")
}

func pruneVolumeClaim(obj *unstructured.Unstructured) {
	removeAnnotations(obj, "volume.kubernetes.io/selected-node")
}

func removeAnnotations(obj *unstructured.Unstructured, keys ...string) {
	for _, key := range keys {
		unstructured.RemoveNestedField(obj.Object, "metadata", "annotations", key)
	}
	removeIfEmpty(obj, "metadata", "annotations")
}

func removeIfEmpty(obj *unstructured.Unstructured, fields ...string) {
	if m, found, err := unstructured.NestedMap(obj.Object, fields...); found && err == nil && len(m) == 0 {
		unstructured.RemoveNestedField(obj.Object, fields...)
	}
}
