// Package conversion converts bindings between work.karmada.io/v1alpha1 and v1alpha2.
// It is pure; the webhook that calls it is elsewhere.
//
// v1alpha1 keeps replicas and the requests of a replica under spec.resource, and knows
// of a binding only template, clusters, conditions and status per cluster. Everything
// else travels in an annotation on the way to v1alpha1 and back: see RestAnnotation.
package conversion

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Convert returns a binding in the version asked for, with apiVersion and kind set. An
// object that has that version already is returned as it is. The result may share
// memory with the object.
func Convert(obj runtime.Object, to schema.GroupVersion) (runtime.Object, error) {
	switch to {
	case workv1alpha1.GroupVersion:
		switch in := obj.(type) {
		case *workv1alpha1.ResourceBinding, *workv1alpha1.ClusterResourceBinding:
			return obj, nil
		case *workv1alpha2.ResourceBinding:
			meta, err := pack(in.ObjectMeta, in.Spec, in.Status)
			return &workv1alpha1.ResourceBinding{
				TypeMeta: typeMeta(to, "ResourceBinding"), ObjectMeta: meta,
				Spec: SpecToV1alpha1(in.Spec), Status: StatusToV1alpha1(in.Status),
			}, err
		case *workv1alpha2.ClusterResourceBinding:
			meta, err := pack(in.ObjectMeta, in.Spec, in.Status)
			return &workv1alpha1.ClusterResourceBinding{
				TypeMeta: typeMeta(to, "ClusterResourceBinding"), ObjectMeta: meta,
				Spec: SpecToV1alpha1(in.Spec), Status: StatusToV1alpha1(in.Status),
			}, err
		}
	case workv1alpha2.GroupVersion:
		switch in := obj.(type) {
		case *workv1alpha2.ResourceBinding, *workv1alpha2.ClusterResourceBinding:
			return obj, nil
		case *workv1alpha1.ResourceBinding:
			spec, status := SpecToV1alpha2(in.Spec), StatusToV1alpha2(in.Status)
			meta, err := unpack(in.ObjectMeta, &spec, &status)
			return &workv1alpha2.ResourceBinding{
				TypeMeta: typeMeta(to, "ResourceBinding"), ObjectMeta: meta, Spec: spec, Status: status,
			}, err
		case *workv1alpha1.ClusterResourceBinding:
			spec, status := SpecToV1alpha2(in.Spec), StatusToV1alpha2(in.Status)
			meta, err := unpack(in.ObjectMeta, &spec, &status)
			return &workv1alpha2.ClusterResourceBinding{
				TypeMeta: typeMeta(to, "ClusterResourceBinding"), ObjectMeta: meta, Spec: spec, Status: status,
			}, err
		}
	default:
		return nil, fmt.Errorf("no bindings in version %s: ask for %s or %s",
			to, workv1alpha1.GroupVersion, workv1alpha2.GroupVersion)
	}
	return nil, fmt.Errorf("%T is not a binding", obj)
}

func typeMeta(version schema.GroupVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: version.String(), Kind: kind}
}

// SpecToV1alpha1 converts a spec. The result may share memory with the input.
func SpecToV1alpha1(in workv1alpha2.ResourceBindingSpec) workv1alpha1.ResourceBindingSpec {
	out := workv1alpha1.ResourceBindingSpec{
		Resource: workv1alpha1.ObjectReference{
			APIVersion:      in.Resource.APIVersion,
			Kind:            in.Resource.Kind,
			Namespace:       in.Resource.Namespace,
			Name:            in.Resource.Name,
			ResourceVersion: in.Resource.ResourceVersion,
			Replicas:        in.Replicas,
		},
	}
	if in.ReplicaRequirements != nil {
		out.Resource.ReplicaResourceRequirements = in.ReplicaRequirements.ResourceRequest
	}
	for _, c := range in.Clusters {
		out.Clusters = append(out.Clusters, workv1alpha1.TargetCluster{Name: c.Name, Replicas: c.Replicas})
	}
	return out
}

// SpecToV1alpha2 converts a spec. The result may share memory with the input.
func SpecToV1alpha2(in workv1alpha1.ResourceBindingSpec) workv1alpha2.ResourceBindingSpec {
	out := workv1alpha2.ResourceBindingSpec{
		Resource: workv1alpha2.ObjectReference{
			APIVersion:      in.Resource.APIVersion,
			Kind:            in.Resource.Kind,
			Namespace:       in.Resource.Namespace,
			Name:            in.Resource.Name,
			ResourceVersion: in.Resource.ResourceVersion,
		},
		Replicas: in.Resource.Replicas,
	}
	// requirements, even empty ones, would make a workload of what asks for nothing
	if len(in.Resource.ReplicaResourceRequirements) > 0 {
		out.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: in.Resource.ReplicaResourceRequirements}
	}
	for _, c := range in.Clusters {
		out.Clusters = append(out.Clusters, workv1alpha2.TargetCluster{Name: c.Name, Replicas: c.Replicas})
	}
	return out
}

// StatusToV1alpha1 converts a status. The result may share memory with the input.
func StatusToV1alpha1(in workv1alpha2.ResourceBindingStatus) workv1alpha1.ResourceBindingStatus {
	out := workv1alpha1.ResourceBindingStatus{Conditions: in.Conditions}
	for _, item := range in.AggregatedStatus {
		out.AggregatedStatus = append(out.AggregatedStatus, workv1alpha1.AggregatedStatusItem{
			ClusterName: item.ClusterName, Status: item.Status,
			Applied: item.Applied, AppliedMessage: item.AppliedMessage,
		})
	}
	return out
}

// StatusToV1alpha2 converts a status. The result may share memory with the input.
func StatusToV1alpha2(in workv1alpha1.ResourceBindingStatus) workv1alpha2.ResourceBindingStatus {
	out := workv1alpha2.ResourceBindingStatus{Conditions: in.Conditions}
	for _, item := range in.AggregatedStatus {
		out.AggregatedStatus = append(out.AggregatedStatus, workv1alpha2.AggregatedStatusItem{
			ClusterName: item.ClusterName, Status: item.Status,
			Applied: item.Applied, AppliedMessage: item.AppliedMessage,
		})
	}
	return out
}
