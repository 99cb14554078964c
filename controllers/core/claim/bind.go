package claim

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Source is what a binding is built from.
type Source struct {
	// Template is the whole object, as the hub has it.
	Template *unstructured.Unstructured
	// Policy owns the template.
	Policy *Policy
	// Demand is what the template asks for.
	Demand
	// Priority is the resolved scheduling priority; nil when the policy names none.
	Priority *int32
	// Stamp is that of the template and the policy.
	Stamp Stamp
	// NewID becomes the permanent id of a binding that has none.
	NewID string
}

// Demand is what a template asks of clusters: replicas and what one of them needs, or components, or
// nothing at all.
type Demand struct {
	Replicas     int32
	Requirements *workv1alpha2.ReplicaRequirements
	// Components are those of a workload with several pod templates; it has no replicas of its own.
	Components []workv1alpha2.Component
}

// SetOn writes the demand into a binding, and nothing else.
func (d Demand) SetOn(b workv1alpha2.Binding) {
	spec := b.GetBindingSpec()
	spec.Replicas, spec.ReplicaRequirements, spec.Components = d.Replicas, d.Requirements, d.Components
}

// Bind writes into a binding what comes from its template and policy, and leaves what others own:
// the clusters, the evictions, who requires it, when it was to be rescheduled, and whether
// scheduling is suspended. Labels and annotations of others stay as well.
func Bind(b workv1alpha2.Binding, s Source) {
	bindMeta(b, s)
	p := bound(s.Policy.Propagation.GetPropagationSpec()) // a policy may name thousands of objects
	p = *p.DeepCopy()
	spec := b.GetBindingSpec()
	spec.Resource = workv1alpha2.ObjectReference{
		APIVersion:      s.Template.GetAPIVersion(),
		Kind:            s.Template.GetKind(),
		Namespace:       s.Template.GetNamespace(),
		Name:            s.Template.GetName(),
		UID:             s.Template.GetUID(),
		ResourceVersion: s.Template.GetResourceVersion(),
	}
	s.Demand.SetOn(b)
	spec.PropagateDeps = p.PropagateDeps
	spec.SchedulerName = p.SchedulerName
	spec.Placement = &p.Placement
	spec.Failover = p.Failover
	spec.ConflictResolution = p.ConflictResolution
	spec.PreserveResourcesOnDeletion = p.PreserveResourcesOnDeletion
	spec.SchedulePriority = nil
	if s.Priority != nil {
		spec.SchedulePriority = &workv1alpha2.SchedulePriority{Priority: *s.Priority}
	}
	spec.Suspension = suspension(p.Suspension, spec.Suspension)
	spec.WorkloadAffinityGroups = affinityGroups(p.Placement.WorkloadAffinity, s.Template.GetLabels())
}

func bindMeta(b workv1alpha2.Binding, s Source) {
	id, finalizer := names.ResourceBindingPermanentID, names.BindingFinalizer
	if s.Template.GetNamespace() == "" {
		id, finalizer = names.ClusterResourceBindingPermanentID, names.ClusterBindingFinalizer
	}
	b.SetNamespace(s.Template.GetNamespace())
	b.SetName(names.BindingName(s.Template.GetKind(), s.Template.GetName()))
	b.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(s.Template, s.Template.GroupVersionKind())})
	if !slices.Contains(b.GetFinalizers(), finalizer) {
		b.SetFinalizers(append(b.GetFinalizers(), finalizer))
	}
	Mark(b, s.Policy.Propagation)
	if b.GetLabels()[id] == "" {
		labels := b.GetLabels()
		labels[id] = s.NewID
		b.SetLabels(labels)
	}
	annotations := b.GetAnnotations()
	annotations[names.BuiltFromAnnotation] = s.Stamp.String()
	b.SetAnnotations(annotations)
}

// suspension joins the policy's part with the part that queues outside set on the binding.
func suspension(policy *policyv1alpha1.Suspension, present *workv1alpha2.Suspension) *workv1alpha2.Suspension {
	var out workv1alpha2.Suspension
	if policy != nil {
		out.Suspension = *policy
	}
	if present != nil {
		out.Scheduling = present.Scheduling
	}
	if out.Dispatching == nil && out.DispatchingOnClusters == nil && out.Scheduling == nil {
		return nil
	}
	return &out
}

// affinityGroups names the groups of the template's labels. A template without the label is in none.
func affinityGroups(a *policyv1alpha1.WorkloadAffinity, labels map[string]string) *workv1alpha2.WorkloadAffinityGroups {
	if a == nil {
		return nil
	}
	group := func(key string) string {
		if value, ok := labels[key]; ok {
			return key + "=" + value
		}
		return ""
	}
	out := &workv1alpha2.WorkloadAffinityGroups{}
	if a.Affinity != nil {
		out.AffinityGroup = group(a.Affinity.GroupByLabelKey)
	}
	if a.AntiAffinity != nil {
		out.AntiAffinityGroup = group(a.AntiAffinity.GroupByLabelKey)
	}
	if *out == (workv1alpha2.WorkloadAffinityGroups{}) {
		return nil
	}
	return out
}

// BelongsTo says whether an existing binding is that of the template. It is false while one of an
// earlier object of the same name waits to be deleted, and when two kinds share a binding name.
func BelongsTo(b workv1alpha2.Binding, template metav1.Object) bool {
	owner := metav1.GetControllerOf(b)
	return owner == nil || owner.UID == template.GetUID()
}

// Current says whether the binding was built from the very template and policy: then nothing of them
// has to be read to know that there is nothing to do.
func Current(b workv1alpha2.Binding, template metav1.Object, p *Policy) bool {
	ref := &b.GetBindingSpec().Resource
	return ref.UID == template.GetUID() && ref.ResourceVersion == template.GetResourceVersion() && StampOf(b).Policy == p.stamp
}

// Shares says whether a merge patch between two states of a binding replaces as a whole what others
// write into as well: lists, and a suspension that goes altogether.
func Shares(before, after workv1alpha2.Binding) bool {
	return !slices.Equal(before.GetFinalizers(), after.GetFinalizers()) ||
		!equality.Semantic.DeepEqual(before.GetOwnerReferences(), after.GetOwnerReferences()) ||
		before.GetBindingSpec().Suspension != nil && after.GetBindingSpec().Suspension == nil
}

// Suspended says whether scheduling of the binding is suspended.
func Suspended(b workv1alpha2.Binding) bool {
	s := b.GetBindingSpec().Suspension
	return s != nil && ptr.Deref(s.Scheduling, false)
}

// Claimed says whether a binding is any scheduler's concern: a policy owns it, or something that
// manages bindings of its own.
func Claimed(b workv1alpha2.Binding) bool {
	l := b.GetLabels()
	return l[names.PropagationPolicyPermanentID] != "" || l[names.ClusterPropagationPolicyPermanentID] != "" || l[names.BindingManagedByLabel] != ""
}

// Unbind takes the marks of its policy off a binding and leaves everything else. A policy that
// claims the template later builds the binding again, even if it is the same policy restored.
func Unbind(b workv1alpha2.Binding) {
	Mark(b, nil)
	stamp := StampOf(b)
	if stamp == (Stamp{}) {
		return
	}
	stamp.Policy = "none"
	annotations := b.GetAnnotations()
	annotations[names.BuiltFromAnnotation] = stamp.String()
	b.SetAnnotations(annotations)
}
