package validation

import (
	"slices"

	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// DefaultPropagation fills in what a policy leaves out.
func DefaultPropagation(p policyv1alpha1.Propagation) {
	spec := p.GetPropagationSpec()
	if _, namespaced := p.(*policyv1alpha1.PropagationPolicy); namespaced {
		defaultSelectorNamespace(spec.ResourceSelectors, p.GetNamespace())
	}
	for i := range spec.Placement.SpreadConstraints {
		defaultSpreadConstraint(&spec.Placement.SpreadConstraints[i])
	}
	// What a ServiceImport brings about in a consumer are its dependencies.
	if slices.ContainsFunc(spec.ResourceSelectors, selectsServiceImport) {
		spec.PropagateDeps = true
	}
	if r := spec.Placement.ReplicaScheduling; r != nil && isDivided(r) && r.ReplicaDivisionPreference == "" {
		r.ReplicaDivisionPreference = policyv1alpha1.ReplicaDivisionPreferenceWeighted
	}
	if f := spec.Failover; f != nil && f.Application != nil {
		app := f.Application
		if isGraceful(app.PurgeMode) && app.GracePeriodSeconds == nil {
			app.GracePeriodSeconds = ptr.To(policyv1alpha1.DefaultGracePeriodSeconds)
		}
	}
}

// IdentifyPropagation gives a new policy its permanent id and its finalizer. An id that
// is there already, as after a restore, is kept.
func IdentifyPropagation(p policyv1alpha1.Propagation, permanentID string) {
	identify(p, PropagationIDLabel(p), permanentID)
	finalizer := names.ClusterPropagationPolicyFinalizer
	if _, namespaced := p.(*policyv1alpha1.PropagationPolicy); namespaced {
		finalizer = names.PropagationPolicyFinalizer
	}
	if !slices.Contains(p.GetFinalizers(), finalizer) {
		p.SetFinalizers(append(p.GetFinalizers(), finalizer))
	}
}

// PropagationIDLabel returns the label that holds a policy's permanent id.
func PropagationIDLabel(p policyv1alpha1.Propagation) string {
	if _, namespaced := p.(*policyv1alpha1.PropagationPolicy); namespaced {
		return names.PropagationPolicyPermanentID
	}
	return names.ClusterPropagationPolicyPermanentID
}

func defaultSelectorNamespace(selectors []policyv1alpha1.ResourceSelector, namespace string) {
	for i := range selectors {
		if selectors[i].Namespace == "" {
			selectors[i].Namespace = namespace
		}
	}
}

func defaultSpreadConstraint(c *policyv1alpha1.SpreadConstraint) {
	if c.SpreadByField == "" && c.SpreadByLabel == "" {
		c.SpreadByField = policyv1alpha1.SpreadByFieldCluster
	}
	if c.MinGroups == 0 {
		c.MinGroups = 1
	}
}

func selectsServiceImport(s policyv1alpha1.ResourceSelector) bool {
	return s.APIVersion == "multicluster.x-k8s.io/v1alpha1" && s.Kind == "ServiceImport"
}

// isDivided: the schema's default is Divided.
func isDivided(r *policyv1alpha1.ReplicaSchedulingStrategy) bool {
	return r.ReplicaSchedulingType == policyv1alpha1.ReplicaSchedulingTypeDivided || r.ReplicaSchedulingType == ""
}

// isGraceful: the schema's default is Gracefully.
func isGraceful(mode policyv1alpha1.PurgeMode) bool {
	return mode == policyv1alpha1.PurgeModeGracefully || mode == ""
}
