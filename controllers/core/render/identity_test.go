package render

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// layer is a script that divides replicas.
type layer func(obj *unstructured.Unstructured, replicas int32) (*unstructured.Unstructured, error)

func (l layer) Hooks(schema.GroupVersionKind) interpret.Hooks {
	return interpret.Hooks{ReviseReplica: l}
}

// TestAScriptCanNotRename: what divides the replicas may be a user's script.
func TestAScriptCanNotRename(t *testing.T) {
	for name, change := range map[string]func(*unstructured.Unstructured){
		"apiVersion":         func(obj *unstructured.Unstructured) { obj.SetAPIVersion("rbac.authorization.k8s.io/v1") },
		"kind":               func(obj *unstructured.Unstructured) { obj.SetKind("ClusterRole") },
		"metadata.namespace": func(obj *unstructured.Unstructured) { obj.SetNamespace("kube-system") },
		"metadata.name":      func(obj *unstructured.Unstructured) { obj.SetName("other") },
		"metadata.uid":       func(obj *unstructured.Unstructured) { obj.SetUID("other") },
		"the labels and annotations that say who owns the object": func(obj *unstructured.Unstructured) {
			obj.SetAnnotations(map[string]string{"work.karmada.io/conflict-resolution": "overwrite"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "testdata/deployment-divided.in.yaml")
			in.Interpreter = interpret.New(layer(func(obj *unstructured.Unstructured, _ int32) (*unstructured.Unstructured, error) {
				change(obj)
				return obj, nil
			}))
			for _, r := range Works(in) {
				if r.Work != nil || r.Err == nil || !strings.Contains(r.Err.Error(), "change "+name) {
					t.Errorf("%s: %v", r.Cluster, r.Err)
				}
			}
		})
	}
}
