// Package policies finds the TrafficPolicies that speak for a workload: those whose target is the
// workload's template, or a Service that selects its pods. It writes nothing.
package policies

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// Finder finds policies.
type Finder struct {
	// Cached reads policies, Live templates and Services, which are not cached. They are read only in
	// namespaces with policies.
	Cached, Live client.Reader
}

// Of returns the policies that speak for the binding's template. Nobody changes them.
func (f Finder) Of(ctx context.Context, b workv1alpha2.Binding) ([]*trafficv1alpha1.TrafficPolicy, error) {
	if b.GetNamespace() == "" {
		return nil, nil
	}
	var all trafficv1alpha1.TrafficPolicyList
	if err := f.Cached.List(ctx, &all, client.InNamespace(b.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list traffic policies: %w", err)
	}
	if len(all.Items) == 0 {
		return nil, nil
	}
	ref := b.GetBindingSpec().Resource
	pods, err := f.podLabels(ctx, ref)
	if err != nil {
		return nil, err
	}
	var out []*trafficv1alpha1.TrafficPolicy
	for i := range all.Items {
		speaks, err := f.speaks(ctx, &all.Items[i], ref, pods)
		if err != nil {
			return nil, err
		}
		if speaks {
			out = append(out, &all.Items[i])
		}
	}
	return out, nil
}

func (f Finder) speaks(ctx context.Context, p *trafficv1alpha1.TrafficPolicy, ref workv1alpha2.ObjectReference, pods labels.Set) (bool, error) {
	for _, target := range p.Spec.TargetRefs {
		if kindOf(target) == schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind() && ref.Name == target.Name {
			return true, nil
		}
		if len(pods) == 0 || !traffic.IsService(target) {
			continue
		}
		if selects, err := f.selects(ctx, p.Namespace, target.Name, pods); selects || err != nil {
			return selects, err
		}
	}
	return false, nil
}

// kindOf is the kind of a target; a Service when it names none.
func kindOf(target trafficv1alpha1.TargetRef) schema.GroupKind {
	return schema.GroupKind{Group: target.Group, Kind: cmp.Or(target.Kind, "Service")}
}

func (f Finder) selects(ctx context.Context, namespace, service string, pods labels.Set) (bool, error) {
	var svc corev1.Service
	if err := f.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: service}, &svc); err != nil {
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return false, fmt.Errorf("get service %s/%s: %w", namespace, service, err)
	}
	return len(svc.Spec.Selector) > 0 && labels.SelectorFromSet(svc.Spec.Selector).Matches(pods), nil
}

// podLabels are the labels of the pods that a template makes; none for a template of another kind.
func (f Finder) podLabels(ctx context.Context, ref workv1alpha2.ObjectReference) (labels.Set, error) {
	var obj unstructured.Unstructured
	obj.SetAPIVersion(ref.APIVersion)
	obj.SetKind(ref.Kind)
	if err := f.Live.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, &obj); err != nil {
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("get %s %s/%s: %w", ref.Kind, ref.Namespace, ref.Name, err)
	}
	if ref.Kind == "Pod" && ref.APIVersion == "v1" {
		return obj.GetLabels(), nil
	}
	found, _, _ := unstructured.NestedStringMap(obj.Object, "spec", "template", "metadata", "labels")
	return found, nil
}
