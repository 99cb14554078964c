// Package override changes a manifest on its way to one cluster, as ClusterOverridePolicies and
// OverridePolicies say.
//
// The identity of the object (apiVersion, kind, name, namespace, uid, and the labels and annotations
// that say who owns it) is out of reach: a change of it is refused before it is made, the marks of
// ownership are not even there while changes are made, and the result is compared with the original
// afterwards. Nor can an OverridePolicy change what an object grants that says who may do what: the hub
// has checked the one who wrote the object, and not the one who wrote the policy.
//
// An override that cannot be applied is an error that names the policy and the field; it is for the
// caller to see that it holds up one cluster only. A policy that is not valid holds up the clusters that
// any of its rules is for: an object that lacks half of what somebody wanted of it, or all, may do harm
// where the one before it does none.
package override

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// Policies are the policies that concern one template, in the order in which they apply, ready to be
// applied for many clusters. The zero value changes nothing.
type Policies struct {
	policies []policy
	// grants is set for a template that grants power.
	grants bool
}

type policy struct {
	name        string
	clustered   bool
	specificity int
	rules       []rule
	// fault is what is wrong with the policy; nil when nothing is.
	fault error
}

type rule struct {
	target affinity.Matcher
	// anywhere is set when it can not be told what the target is.
	anywhere   bool
	overriders *policyv1alpha1.Overriders
	path       *field.Path
}

// Error is an override that could not be applied.
type Error struct {
	// Policy is the kind and the name of the policy.
	Policy string
	// Err is a *field.Error that names the field of the policy and says what to do, or several of them.
	Err error
}

// longestError bounds what an error quotes of a policy: it becomes an event and part of a condition.
const longestError = 1024

// Error implements error.
func (e *Error) Error() string {
	text := e.Err.Error()
	if len(text) > longestError {
		text = strings.ToValidUTF8(text[:longestError/2], "") + " … " + strings.ToValidUTF8(text[len(text)-longestError/2:], "")
	}
	return e.Policy + ": " + text
}

// Unwrap returns the error of the field.
func (e *Error) Unwrap() error { return e.Err }

// Select picks the policies that concern the template: those without selectors and those with one
// that matches; of the OverridePolicies only those in the template's own namespace. Within each kind
// the least specific selector comes first, then the smaller name, so that the last one, which wins,
// is the most specific. The policies must not change while the result is in use.
func Select(template *unstructured.Unstructured, cops []policyv1alpha1.ClusterOverridePolicy, ops []policyv1alpha1.OverridePolicy) Policies {
	var global, local []policy
	for i := range cops {
		if specificity := specificityFor(template, cops[i].Spec.ResourceSelectors); specificity > 0 {
			global = append(global, compile(&cops[i], true, specificity))
		}
	}
	for i := range ops {
		if template.GetNamespace() == "" || ops[i].Namespace != template.GetNamespace() {
			continue
		}
		if specificity := specificityFor(template, ops[i].Spec.ResourceSelectors); specificity > 0 {
			local = append(local, compile(&ops[i], false, specificity))
		}
	}
	for _, policies := range [][]policy{global, local} {
		slices.SortFunc(policies, func(a, b policy) int {
			return cmp.Or(cmp.Compare(a.specificity, b.specificity), cmp.Compare(a.name, b.name))
		})
	}
	return Policies{policies: append(global, local...), grants: validation.GrantsPower(template.GroupVersionKind().Group)}
}

func compile(p policyv1alpha1.Override, clustered bool, specificity int) policy {
	spec := p.GetOverrideSpec()
	out := policy{name: p.GetName(), clustered: clustered, specificity: specificity, fault: faultOf(p)}
	path := field.NewPath("spec")
	add := func(target *policyv1alpha1.ClusterAffinity, o *policyv1alpha1.Overriders, path *field.Path) {
		out.rules = append(out.rules, rule{
			target: affinity.New(target), overriders: o, path: path,
			anywhere: out.fault != nil && len(validation.ValidateClusterAffinity(target, path)) > 0,
		})
	}
	if len(spec.OverrideRules) == 0 {
		add(spec.TargetCluster, &spec.Overriders, path.Child("overriders"))
	}
	for i := range spec.OverrideRules {
		r := &spec.OverrideRules[i]
		add(r.TargetCluster, &r.Overriders, path.Child("overrideRules").Index(i).Child("overriders"))
	}
	return out
}

// shownFaults bounds what is said about one policy.
const shownFaults = 5

// faultOf says what admission would have said, had it been there.
func faultOf(p policyv1alpha1.Override) error {
	faults := validation.ValidateOverride(p)
	errs := make([]error, 0, shownFaults)
	for _, f := range faults[:min(len(faults), shownFaults)] {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// concerns says whether one of the policy's rules is for the cluster, as far as can be told.
func (p *policy) concerns(cluster *clusterv1alpha1.Cluster) bool {
	return slices.ContainsFunc(p.rules, func(r rule) bool {
		return !empty(r.overriders) && (r.anywhere || r.target.Matches(cluster))
	})
}

// specificityFor is 0 if no selector matches, else that of the best: 1 for all objects of a kind or
// at all, 2 for a label selector, 3 for a name.
func specificityFor(template *unstructured.Unstructured, selectors []policyv1alpha1.ResourceSelector) int {
	if len(selectors) == 0 {
		return 1
	}
	best := 0
	for i := range selectors {
		best = max(best, specificity(template, &selectors[i]))
	}
	return best
}

func specificity(template *unstructured.Unstructured, s *policyv1alpha1.ResourceSelector) int {
	if s.APIVersion != template.GetAPIVersion() || s.Kind != template.GetKind() ||
		(s.Namespace != "" && s.Namespace != template.GetNamespace()) {
		return 0
	}
	if s.Name != "" {
		if s.Name == template.GetName() {
			return 3
		}
		return 0
	}
	if s.LabelSelector == nil {
		return 1
	}
	selector, err := metav1.LabelSelectorAsSelector(s.LabelSelector)
	if err != nil || !selector.Matches(labels.Set(template.GetLabels())) {
		return 0
	}
	return 2
}

// Apply changes obj in place as the policies say for the cluster. After an error obj is half changed
// and good for nothing.
func (p Policies) Apply(obj *unstructured.Unstructured, cluster *clusterv1alpha1.Cluster) (Applied, error) {
	var applied Applied
	a := application{obj: obj, left: workLimit}
	for i := range p.policies {
		pol := &p.policies[i]
		if pol.fault != nil && pol.concerns(cluster) {
			return Applied{}, &Error{Policy: pol.id(obj), Err: pol.fault}
		}
		a.grants = p.grants && !pol.clustered
		for _, r := range pol.rules {
			if empty(r.overriders) || !r.target.Matches(cluster) {
				continue
			}
			a.begin()
			if err := a.apply(r); err != nil {
				return Applied{}, &Error{Policy: pol.id(obj), Err: err}
			}
			list := &applied.Namespaced
			if pol.clustered {
				list = &applied.Cluster
			}
			*list = append(*list, AppliedRule{PolicyName: pol.name, Overriders: *r.overriders})
		}
	}
	if err := a.end(); err != nil {
		return Applied{}, err
	}
	for _, rules := range [][]AppliedRule{applied.Cluster, applied.Namespaced} {
		slices.SortStableFunc(rules, func(a, b AppliedRule) int { return cmp.Compare(a.PolicyName, b.PolicyName) })
	}
	return applied, nil
}

// Apply is Select and Policies.Apply for a single cluster.
func Apply(obj *unstructured.Unstructured, cluster *clusterv1alpha1.Cluster, cops []policyv1alpha1.ClusterOverridePolicy, ops []policyv1alpha1.OverridePolicy) (Applied, error) {
	return Select(obj, cops, ops).Apply(obj, cluster)
}

func (p *policy) id(obj *unstructured.Unstructured) string {
	if p.clustered {
		return "ClusterOverridePolicy " + p.name
	}
	return "OverridePolicy " + obj.GetNamespace() + "/" + p.name
}

func empty(o *policyv1alpha1.Overriders) bool {
	return len(o.Plaintext)+len(o.ImageOverrider)+len(o.CommandOverrider)+len(o.ArgsOverrider)+
		len(o.LabelsOverrider)+len(o.AnnotationsOverrider)+len(o.FieldOverrider) == 0
}
