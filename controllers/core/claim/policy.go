package claim

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
)

// Policy is a policy made ready to be compared with many templates. It is not changed any more.
type Policy struct {
	// Propagation is the policy with its defaults filled in.
	Propagation policyv1alpha1.Propagation
	// Errors say what is wrong with it. A policy with errors claims nothing.
	Errors field.ErrorList

	selectors selectors
	// stamp stands for what of the policy goes into a binding.
	stamp string
}

// Prepare fills in the defaults of a policy and checks it. Admission has done both, unless it was
// away. The policy itself is left alone.
func Prepare(p policyv1alpha1.Propagation) *Policy {
	p = p.DeepCopyObject().(policyv1alpha1.Propagation)
	validation.DefaultPropagation(p)
	return &Policy{
		Propagation: p,
		Errors:      validation.ValidatePropagation(p, nil),
		selectors:   sortSelectors(p.GetPropagationSpec().ResourceSelectors),
		stamp:       IDOf(p) + "/" + digest(bound(p.GetPropagationSpec())),
	}
}

// bound is the part of a policy that goes into a binding. The rest, which templates it selects and
// whether it may take them, changes no binding it has built.
func bound(spec *policyv1alpha1.PropagationSpec) policyv1alpha1.PropagationSpec {
	out := *spec
	out.ResourceSelectors, out.DependentOverrides = nil, nil
	out.Priority, out.Preemption, out.ActivationPreference = nil, "", ""
	return out
}

// Match returns the closest match of the policy's selectors. A namespaced policy has no say outside
// its namespace.
func (p *Policy) Match(t Template) Match {
	if own := p.Propagation.GetNamespace(); own != "" && own != t.GetNamespace() {
		return NoMatch
	}
	return p.selectors.match(t)
}

// Preempts says whether the policy takes templates from others.
func (p *Policy) Preempts() bool {
	return p.Propagation.GetPropagationSpec().Preemption == policyv1alpha1.PreemptAlways
}

// Lazy says whether the policy takes effect only at the next edit of a template.
func (p *Policy) Lazy() bool {
	return p.Propagation.GetPropagationSpec().ActivationPreference == policyv1alpha1.LazyActivation
}

// shownErrors bounds what is said about a policy: of thousands of faults the first are enough.
const shownErrors = 5

// Faults says in one line what is wrong with the policy: fields and fixes.
func (p *Policy) Faults() string {
	shown := p.Errors[:min(len(p.Errors), shownErrors)]
	text := make([]string, 0, len(shown)+1)
	for _, err := range shown {
		text = append(text, err.Error())
	}
	if more := len(p.Errors) - len(shown); more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(text, "; ")
}

// usable leaves out policies that are on their way out or not valid.
func (p *Policy) usable() bool {
	return p.Propagation.GetDeletionTimestamp() == nil && len(p.Errors) == 0
}

func (p *Policy) priority() int32 { return p.Propagation.GetPropagationSpec().GetPriority() }
