package corpus

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/controllers/core/render"
)

// document writes a shipment for a person to read: first who placed it where, then what the clusters
// get, each manifest once with the clusters that get it. The marks of ownership, which are the same
// on everything, are left out; see checkMarks.
func document(t *testing.T, s shipment) []byte {
	t.Helper()
	spec := s.binding.GetBindingSpec()
	head := map[string]any{
		"policy":  nameOf("PropagationPolicy", s.policy.GetNamespace(), s.policy.GetName()),
		"binding": nameOf("ResourceBinding", s.binding.GetNamespace(), s.binding.GetName()),
		"work":    names.WorkName(s.template.GetKind(), s.template.GetName(), s.template.GetNamespace()),
	}
	placed := map[string]any{}
	for _, target := range spec.Clusters {
		placed[target.Name] = target.Replicas
	}
	head["placed"] = placed
	var out bytes.Buffer
	write(t, &out, head)

	var bodies []string
	clusters := map[string][]string{}
	for _, r := range s.rendered {
		body := body(t, r)
		if clusters[body] == nil {
			bodies = append(bodies, body)
		}
		clusters[body] = append(clusters[body], r.Cluster)
	}
	for _, body := range bodies {
		out.WriteString("---\nclusters: [" + strings.Join(clusters[body], ", ") + "]\n" + body)
	}
	return out.Bytes()
}

// nameOf names one of two twins.
func nameOf(kind, namespace, name string) string {
	if namespace == "" {
		return "Cluster" + kind + " " + name
	}
	return kind + " " + namespace + "/" + name
}

func body(t *testing.T, r render.Rendered) string {
	t.Helper()
	entry := map[string]any{}
	if r.Err != nil {
		entry["error"] = strings.TrimPrefix(r.Err.Error(), `cluster "`+r.Cluster+`": `)
	} else {
		if *r.Work.Spec.SuspendDispatching {
			entry["suspended"] = true
		}
		if *r.Work.Spec.PreserveResourcesOnDeletion {
			entry["preserved"] = true
		}
		if resolution := r.Work.Annotations[names.ConflictResolutionAnnotation]; resolution != names.ConflictResolutionAbort {
			entry["conflicts"] = resolution
		}
		var applied []string
		for _, rule := range r.Applied.Cluster {
			applied = append(applied, "ClusterOverridePolicy "+rule.PolicyName)
		}
		for _, rule := range r.Applied.Namespaced {
			applied = append(applied, "OverridePolicy "+rule.PolicyName)
		}
		if len(applied) > 0 {
			entry["overrides"] = applied
		}
		entry["manifest"] = unmarked(manifestOf(t, r)).Object
	}
	var out bytes.Buffer
	write(t, &out, entry)
	return out.String()
}

func write(t *testing.T, out *bytes.Buffer, value any) {
	t.Helper()
	data, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
}

// manifestOf is the one object in a Work.
func manifestOf(t *testing.T, r render.Rendered) *unstructured.Unstructured {
	t.Helper()
	if n := len(r.Work.Spec.Workload.Manifests); n != 1 {
		t.Fatalf("%s: %d manifests in the Work", r.Cluster, n)
	}
	obj := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(r.Work.Spec.Workload.Manifests[0].Raw, &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

// unmarked is an object without the marks of ownership.
func unmarked(obj *unstructured.Unstructured) *unstructured.Unstructured {
	out := obj.DeepCopy()
	labels, annotations := out.GetLabels(), out.GetAnnotations()
	maps.DeleteFunc(labels, func(key, _ string) bool { return names.IsOwnershipLabel(key) })
	maps.DeleteFunc(annotations, func(key, _ string) bool { return slices.Contains(ownAnnotations, key) })
	out.SetLabels(orNil(labels))
	out.SetAnnotations(orNil(annotations))
	return out
}

func orNil(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}
