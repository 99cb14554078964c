package claim

// Input is what a decision depends on.
type Input struct {
	Template Template
	// Owner is the policy that the template's marks name, nil when there is none or no such policy.
	Owner *Policy
	// Policies are those of the template's namespace; none for a cluster-scoped template. Policies
	// that select other kinds may be left out.
	Policies []*Policy
	// ClusterPolicies are the cluster-scoped ones.
	ClusterPolicies []*Policy
	// PolicyChanged says that this is about a change of a policy, not of the template. A policy lets
	// go of what it no longer selects when it changes itself; a template that is edited out of its
	// policy's selection stays with it until then.
	PolicyChanged bool
}

// Action is what to do about a template.
type Action string

const (
	// Wait: no policy selects the template.
	Wait Action = "Wait"
	// Release: as Wait, and the template carries the marks of a policy that is gone.
	Release Action = "Release"
	// Claim: the policy takes a template that has no owner.
	Claim Action = "Claim"
	// Keep: the owner stays, and its policy is applied.
	Keep Action = "Keep"
	// Hold: the owner stays and is not applied, as it no longer selects the template or is not
	// valid.
	Hold Action = "Hold"
	// Preempt: the policy takes the template from its owner.
	Preempt Action = "Preempt"
)

// Decision is what becomes of a template.
type Decision struct {
	Action Action
	// Policy is the one to apply with Claim, Keep and Preempt, else nil.
	Policy *Policy
}

// Decide finds the owner of a template. A namespaced policy beats every cluster-scoped one; a claim
// that stands is not compared with other policies, except with those that preempt. Policies that
// are not valid take no part.
//
// Preemption is always on. It needs no bookkeeping of priorities: when a policy's priority is
// lowered, its templates are decided about again, and the highest that may take each now does.
func Decide(in Input) Decision {
	marks, claimed := MarksOf(in.Template)
	if !claimed || in.Owner == nil || !marks.Names(in.Owner.Propagation) || in.Owner.Propagation.GetDeletionTimestamp() != nil {
		return claimAnew(in, len(MarkedKeys(in.Template)) > 0)
	}
	if p := preemptor(in); p != nil {
		return Decision{Action: Preempt, Policy: p}
	}
	switch {
	case !in.Owner.usable():
		return Decision{Action: Hold}
	case in.Owner.Match(in.Template) != NoMatch:
	case in.PolicyChanged:
		return claimAnew(in, true)
	default:
		return Decision{Action: Hold}
	}
	return Decision{Action: Keep, Policy: in.Owner}
}

func claimAnew(in Input, marked bool) Decision {
	for _, policies := range [][]*Policy{in.Policies, in.ClusterPolicies} {
		if p := best(policies, in.Template, (*Policy).usable); p != nil {
			return Decision{Action: Claim, Policy: p}
		}
	}
	if marked {
		return Decision{Action: Release}
	}
	return Decision{Action: Wait}
}

// preemptor is the policy that may take the template from its owner, or nil. A namespaced policy
// takes from any cluster-scoped one; among their own kind, only a higher priority takes. A
// cluster-scoped policy never takes from a namespaced one.
func preemptor(in Input) *Policy {
	owned := in.Owner.Propagation.GetNamespace() != ""
	if p := best(in.Policies, in.Template, func(p *Policy) bool {
		return p.Preempts() && p.usable() && (!owned || p.priority() > in.Owner.priority())
	}); p != nil || owned {
		return p
	}
	return best(in.ClusterPolicies, in.Template, func(p *Policy) bool {
		return p.Preempts() && p.usable() && p.priority() > in.Owner.priority()
	})
}
