package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// maxAnnotation is the longest annotation that algorithms see, in bytes. Longer ones hold objects, and
// make an expression that searches them costly.
const maxAnnotation = 4096

// Cluster is a cluster as algorithms see it. It is made once for each version of a cluster, does not
// change, and may be used by several decisions at a time.
type Cluster struct {
	Name    string
	object  map[string]any
	metrics map[string]float64
	encoded func() ([]byte, error)
}

// NewCluster makes the view of a cluster. Its credentials, how it is reached, and the APIs it serves are
// left out.
func NewCluster(c *clusterv1alpha1.Cluster) (*Cluster, error) {
	seen := clusterv1alpha1.Cluster{Spec: c.Spec, Status: c.Status}
	seen.Spec.SecretRef, seen.Spec.ImpersonatorSecretRef = nil, nil
	seen.Spec.ProxyURL, seen.Spec.ProxyHeader = "", nil
	seen.Status.APIEnablements = nil
	object, err := convert(&seen, c, clusterv1alpha1.GroupVersion.String(), "Cluster")
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	out := &Cluster{Name: c.Name, object: object, metrics: Metrics(&c.Status)}
	out.encoded = sync.OnceValues(func() ([]byte, error) {
		raw, err := json.Marshal(out.object)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", out.Name, err)
		}
		return json.Marshal(trafficv1alpha1.PlacementReviewCluster{Name: out.Name, Cluster: runtime.RawExtension{Raw: raw}, Metrics: out.metrics})
	})
	return out, nil
}

// Binding is a binding as algorithms see it. It may be used by several of them at a time; the work is
// done when the first one looks.
type Binding struct {
	object func() (map[string]any, error)
}

// NewBinding makes the view of a binding, which must not change as long as the view is in use. Its
// status is left out.
func NewBinding(b workv1alpha2.Binding) *Binding {
	return &Binding{object: sync.OnceValues(func() (map[string]any, error) {
		kind := "ResourceBinding"
		if b.GetNamespace() == "" {
			kind = "ClusterResourceBinding"
		}
		object, err := convert(&workv1alpha2.ResourceBinding{Spec: *b.GetBindingSpec()}, b, workv1alpha2.GroupVersion.String(), kind)
		if err != nil {
			return nil, fmt.Errorf("binding %s: %w", b.GetName(), err)
		}
		delete(object, "status")
		return object, nil
	})}
}

// convert makes an object of maps and lists. metadata, spec and status are there in any case, and so
// are metadata.labels and metadata.annotations, so that an expression can look into them.
func convert(seen any, meta metav1.Object, apiVersion, kind string) (map[string]any, error) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(seen)
	if err != nil {
		return nil, err
	}
	if _, ok := object["status"]; !ok {
		object["status"] = map[string]any{}
	}
	metadata := map[string]any{
		"name": meta.GetName(), "uid": string(meta.GetUID()), "creationTimestamp": meta.GetCreationTimestamp().UTC().Format(time.RFC3339),
		"labels": texts(meta.GetLabels()), "annotations": texts(readable(meta.GetAnnotations())),
	}
	if ns := meta.GetNamespace(); ns != "" {
		metadata["namespace"] = ns
	}
	object["apiVersion"], object["kind"], object["metadata"] = apiVersion, kind, metadata
	return object, nil
}

// readable leaves out annotations that are long, and the one in which kubectl keeps the whole object:
// that has what was taken out of it.
func readable(annotations map[string]string) map[string]string {
	out := maps.Clone(annotations)
	maps.DeleteFunc(out, func(key, value string) bool {
		return len(value) > maxAnnotation || key == corev1.LastAppliedConfigAnnotation
	})
	return out
}

func texts(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
