package cluster

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	corecluster "github.com/seaway-io/seaway/controllers/core/cluster"
	"github.com/seaway-io/seaway/controllers/member"
)

// A member may have a hundred thousand pods. Of each only a record is kept: its name and
// what it uses.

// nodeRecord stands for a node in a cache.
type nodeRecord struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	node corecluster.Node
}

// DeepCopyObject makes the record a runtime.Object. Records are never changed, so the
// copy shares what it refers to.
func (r *nodeRecord) DeepCopyObject() runtime.Object {
	c := *r
	return &c
}

// podRecord stands for a pod in a cache.
type podRecord struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	pod    corecluster.Pod
	counts bool
}

// DeepCopyObject is as above.
func (r *podRecord) DeepCopyObject() runtime.Object {
	c := *r
	return &c
}

// reduceNode makes a record of a node. A node that cannot be read, whatever it is, is one
// that offers nothing.
func reduceNode(obj runtime.Object) (runtime.Object, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil // a record already
	}
	r := &nodeRecord{ObjectMeta: identity(u), node: corecluster.Node{Name: u.GetName()}}
	var node corev1.Node
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &node); err == nil {
		r.node = corecluster.NodeOf(&node)
	}
	return r, nil
}

// reducePod makes a record of a pod. One that cannot be read uses nothing.
func reducePod(obj runtime.Object) (runtime.Object, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil
	}
	r := &podRecord{ObjectMeta: identity(u)}
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &pod); err == nil {
		r.pod, r.counts = corecluster.PodOf(&pod)
	}
	return r, nil
}

func identity(u *unstructured.Unstructured) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: u.GetName(), Namespace: u.GetNamespace(), ResourceVersion: u.GetResourceVersion()}
}

func nodesOf(l member.Lister) []corecluster.Node {
	objects := l.List("")
	out := make([]corecluster.Node, 0, len(objects))
	for _, obj := range objects {
		if r, ok := obj.(*nodeRecord); ok {
			out = append(out, r.node)
		}
	}
	return out
}

func podsOf(l member.Lister) []corecluster.Pod {
	objects := l.List("")
	out := make([]corecluster.Pod, 0, len(objects))
	for _, obj := range objects {
		if r, ok := obj.(*podRecord); ok && r.counts {
			out = append(out, r.pod)
		}
	}
	return out
}
