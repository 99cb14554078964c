package policies

import (
	"strings"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

// Orders are what people say about the failover of a binding, in itself and in the TrafficPolicies that
// speak for it: the terms that satisfy all of them, the hold that ends last, and what is to move now.
// Clusters is how many there are.
func Orders(b workv1alpha2.Binding, speaking []*trafficv1alpha1.TrafficPolicy, clusters int) failover.Binding {
	out := failover.Binding{Terms: failover.DefaultTerms(), MoveNow: list(b.GetAnnotations()[names.MoveNowAnnotation])}
	for i, p := range speaking {
		if terms := failover.TermsOf(p); i == 0 {
			out.Terms = terms
		} else {
			out.Terms = out.Terms.Stricter(terms, clusters)
		}
		out.MoveNow = append(out.MoveNow, list(p.Annotations[names.MoveNowAnnotation])...)
		if until, why, ordered := HoldOf(p); ordered {
			out.Hold = longer(out.Hold, &failover.Pause{Until: until, Why: why})
		}
	}
	return out
}

// longer is the one of two holds that ends later; one without an end does.
func longer(a, b *failover.Pause) *failover.Pause {
	if a == nil || !a.Until.IsZero() && (b.Until.IsZero() || b.Until.After(a.Until)) {
		return b
	}
	return a
}

func list(text string) (out []string) {
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
