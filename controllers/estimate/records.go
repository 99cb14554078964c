package estimate

import (
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	coreestimate "github.com/seaway-io/seaway/controllers/core/estimate"
)

// A member may have a hundred thousand pods. Of each object only a record is kept, without the large
// metadata that every object of Kubernetes has: a name, a version, and what counts.
type record struct {
	key     types.NamespacedName
	version string
}

// GetObjectKind makes a record an object that can be cached.
func (r *record) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// GetObjectMeta is what a cache asks an object; it is made when asked for, which is seldom.
func (r *record) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: r.key.Namespace, Name: r.key.Name, ResourceVersion: r.version}
}

type nodeRecord struct {
	record
	node coreestimate.Node
}

type podRecord struct {
	version string
	pod     coreestimate.Pod
	counts  bool
}

type quotaRecord struct {
	record
	quota coreestimate.Quota
}

// GetObjectKind and GetObjectMeta are as above, with the name that the pod has anyway.
func (r *podRecord) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// GetObjectMeta is as above.
func (r *podRecord) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: r.pod.Namespace, Name: r.pod.Name, ResourceVersion: r.version}
}

// DeepCopyObject makes a record an object that can be cached. Records are never changed.
func (r *nodeRecord) DeepCopyObject() runtime.Object { c := *r; return &c }

// DeepCopyObject is as above.
func (r *podRecord) DeepCopyObject() runtime.Object { c := *r; return &c }

// DeepCopyObject is as above.
func (r *quotaRecord) DeepCopyObject() runtime.Object { c := *r; return &c }

// shared keeps one copy of a text that many objects have.
func shared(s string) string { return unique.Make(s).Value() }

func recordOf(u *unstructured.Unstructured) record {
	return record{types.NamespacedName{Namespace: shared(u.GetNamespace()), Name: u.GetName()}, u.GetResourceVersion()}
}

// reduceNode makes a record of a node. An error would keep the whole watch from arriving, so one that
// can not be read is a node without room.
func reduceNode(obj runtime.Object) (runtime.Object, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil // a record already
	}
	r := &nodeRecord{record: recordOf(u), node: coreestimate.Node{Name: u.GetName()}}
	var node corev1.Node
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &node); err != nil {
		return r, nil
	}
	r.node = coreestimate.NodeOf(&node)
	r.node.Labels = make(map[string]string, len(node.Labels))
	for key, value := range node.Labels {
		r.node.Labels[shared(key)] = shared(value)
	}
	return r, nil
}

// reducePod makes a record of a pod; one that can not be read takes nothing.
func reducePod(obj runtime.Object) (runtime.Object, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil
	}
	r := &podRecord{version: u.GetResourceVersion()}
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &pod); err == nil {
		r.pod, r.counts = coreestimate.PodOf(&pod)
	}
	r.pod.NamespacedName = types.NamespacedName{Namespace: shared(u.GetNamespace()), Name: u.GetName()}
	r.pod.Node = shared(r.pod.Node)
	return r, nil
}

// reduceQuota makes a record of a ResourceQuota; one that can not be read bounds nothing.
func reduceQuota(obj runtime.Object) (runtime.Object, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil
	}
	r := &quotaRecord{record: recordOf(u)}
	var quota corev1.ResourceQuota
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &quota); err == nil {
		r.quota = coreestimate.QuotaOf(&quota)
	} else {
		r.quota = coreestimate.QuotaOf(&corev1.ResourceQuota{})
	}
	return r, nil
}
