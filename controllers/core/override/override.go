// Package override changes a manifest on its way to one cluster, as ClusterOverridePolicies and
// OverridePolicies say.
//
// What makes the object itself (apiVersion, kind, name, namespace, uid) and the labels that say who
// owns it are out of reach: a change that touches them is refused before it is made, and the result
// is compared with the original afterwards. An override that cannot be applied is an error that
// names the policy and the field; it is for the caller to see that it holds up one cluster only.
package override

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// Policies are the policies that concern one template, in the order in which they apply, ready to be
// applied for many clusters. The zero value changes nothing.
type Policies struct {
	policies []policy
}

type policy struct {
	name        string
	clustered   bool
	specificity int
	rules       []rule
}

type rule struct {
	target     affinity.Matcher
	overriders *policyv1alpha1.Overriders
	path       *field.Path
}

// Applied lists what changed a manifest, in the form in which Works keep it.
type Applied struct {
	// Cluster are the rules of ClusterOverridePolicies, Namespaced those of OverridePolicies; sorted
	// by policy.
	Cluster, Namespaced []AppliedRule
}

// AppliedRule is one rule of a policy that was applied.
type AppliedRule struct {
	PolicyName string                    `json:"policyName"`
	Overriders policyv1alpha1.Overriders `json:"overriders"`
}

// Error is an override that could not be applied.
type Error struct {
	// Policy is the kind and the name of the policy.
	Policy string
	// Err is a *field.Error that names the field of the policy and says what to do.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.Policy + ": " + e.Err.Error() }

// Unwrap returns the error of the field.
func (e *Error) Unwrap() error { return e.Err }

// Empty says whether nothing was applied.
func (a Applied) Empty() bool { return len(a.Cluster)+len(a.Namespaced) == 0 }

// Annotations returns the annotations that a Work keeps about what was applied.
func (a Applied) Annotations() (map[string]string, error) {
	out := map[string]string{}
	for key, rules := range map[string][]AppliedRule{
		names.AppliedClusterOverridesAnnotation: a.Cluster,
		names.AppliedOverridesAnnotation:        a.Namespaced,
	} {
		if len(rules) == 0 {
			continue
		}
		data, err := json.Marshal(rules)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", key, err)
		}
		out[key] = string(data)
	}
	return out, nil
}

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
	return Policies{policies: append(global, local...)}
}

func compile(p policyv1alpha1.Override, clustered bool, specificity int) policy {
	spec := p.GetOverrideSpec()
	out := policy{name: p.GetName(), clustered: clustered, specificity: specificity}
	path := field.NewPath("spec")
	if len(spec.OverrideRules) == 0 {
		out.rules = []rule{{affinity.New(spec.TargetCluster), &spec.Overriders, path.Child("overriders")}}
		return out
	}
	for i := range spec.OverrideRules {
		r := &spec.OverrideRules[i]
		out.rules = append(out.rules, rule{affinity.New(r.TargetCluster), &r.Overriders, path.Child("overrideRules").Index(i).Child("overriders")})
	}
	return out
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
	for i := range p.policies {
		pol := &p.policies[i]
		for _, r := range pol.rules {
			if empty(r.overriders) || !r.target.Matches(cluster) {
				continue
			}
			if err := applyRule(obj, r); err != nil {
				return Applied{}, &Error{Policy: pol.id(obj), Err: err}
			}
			list := &applied.Namespaced
			if pol.clustered {
				list = &applied.Cluster
			}
			*list = append(*list, AppliedRule{PolicyName: pol.name, Overriders: *r.overriders})
		}
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

// applyRule applies the changes of one rule in the order that is promised for them.
func applyRule(obj *unstructured.Unstructured, r rule) error {
	before := identityOf(obj)
	o := r.overriders
	for i := range o.ImageOverrider {
		if err := overrideImage(obj, &o.ImageOverrider[i], r.path.Child("imageOverrider").Index(i)); err != nil {
			return err
		}
	}
	for i := range o.CommandOverrider {
		if err := overrideWords(obj, "command", &o.CommandOverrider[i], r.path.Child("commandOverrider").Index(i)); err != nil {
			return err
		}
	}
	for i := range o.ArgsOverrider {
		if err := overrideWords(obj, "args", &o.ArgsOverrider[i], r.path.Child("argsOverrider").Index(i)); err != nil {
			return err
		}
	}
	for i := range o.LabelsOverrider {
		if err := overrideKeys(obj, "labels", &o.LabelsOverrider[i], r.path.Child("labelsOverrider").Index(i)); err != nil {
			return err
		}
	}
	for i := range o.AnnotationsOverrider {
		if err := overrideKeys(obj, "annotations", &o.AnnotationsOverrider[i], r.path.Child("annotationsOverrider").Index(i)); err != nil {
			return err
		}
	}
	for i := range o.FieldOverrider {
		if err := overrideText(obj, &o.FieldOverrider[i], r.path.Child("fieldOverrider").Index(i)); err != nil {
			return err
		}
	}
	for i := range o.Plaintext {
		if err := overridePlain(obj, &o.Plaintext[i], r.path.Child("plaintext").Index(i)); err != nil {
			return err
		}
	}
	if changed := before.difference(identityOf(obj)); changed != "" {
		return field.Forbidden(r.path, "changes "+changed+", which an override can not change; take that change out")
	}
	return nil
}

// overridePlain applies one operation of a JSON patch, unless it would reach the identity.
func overridePlain(obj *unstructured.Unstructured, o *policyv1alpha1.PlaintextOverrider, path *field.Path) error {
	at := path.Child("path")
	p, err := parse(o.Path)
	if err != nil {
		return field.Invalid(at, o.Path, err.Error())
	}
	if part := p.reaches(); part != "" {
		return forbidden(at, part)
	}
	// a pointer to the whole object reaches the identity, so the root stays the map it is
	_, bad := operation{o.Operator, o.Value}.apply(any(obj.Object), p)
	return bad.at(at, o.Path, path.Child("value"), o.Value)
}

func forbidden(at *field.Path, part string) error {
	return field.Forbidden(at, "an override can not change "+part+"; take that change out")
}

// overrideKeys changes labels or annotations: add sets keys, replace and remove act on those that
// exist.
func overrideKeys(obj *unstructured.Unstructured, what string, o *policyv1alpha1.LabelAnnotationOverrider, path *field.Path) error {
	metadata, ok := obj.Object["metadata"].(map[string]any)
	if !ok {
		return field.Invalid(path, what, "the object has no metadata")
	}
	present, ok := metadata[what].(map[string]any)
	if metadata[what] != nil && !ok {
		return field.Invalid(path, what, fmt.Sprintf("metadata.%s of the object is %s, not a map", what, describe(metadata[what])))
	}
	for _, key := range sortedKeys(o.Value) {
		if what == "labels" && names.IsOwnershipLabel(key) {
			return forbidden(path.Child("value").Key(key), ownership)
		}
		_, exists := present[key]
		switch o.Operator {
		case policyv1alpha1.OverriderOpAdd:
			if present == nil {
				present = map[string]any{}
				metadata[what] = present
			}
			present[key] = o.Value[key]
		case policyv1alpha1.OverriderOpReplace:
			if exists {
				present[key] = o.Value[key]
			}
		case policyv1alpha1.OverriderOpRemove:
			delete(present, key)
		default:
			return unknownOperator(path, o.Operator)
		}
	}
	return nil
}

func unknownOperator(path *field.Path, operator policyv1alpha1.OverriderOperator) error {
	return field.NotSupported(path.Child("operator"), operator, []policyv1alpha1.OverriderOperator{
		policyv1alpha1.OverriderOpAdd, policyv1alpha1.OverriderOpRemove, policyv1alpha1.OverriderOpReplace})
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
