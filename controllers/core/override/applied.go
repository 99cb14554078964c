package override

import (
	"encoding/json"
	"fmt"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

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

// Empty says whether nothing was applied.
func (a Applied) Empty() bool { return len(a.Cluster)+len(a.Namespaced) == 0 }

// longestList bounds each of the two lists that a Work keeps: an API server refuses an object whose
// annotations are longer than 256 KiB together.
const longestList = 96 << 10

// Annotations returns the annotations that a Work keeps about what was applied. A list that is too
// long for one names each policy once, without what it changed; one that is still too long ends early.
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
		if err == nil && len(data) > longestList {
			data, err = json.Marshal(policiesOf(rules))
		}
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", key, err)
		}
		out[key] = string(data)
	}
	return out, nil
}

// policiesOf names each policy once, as far as there is room.
func policiesOf(rules []AppliedRule) (out []AppliedRule) {
	room := longestList
	for _, r := range rules {
		if len(out) > 0 && out[len(out)-1].PolicyName == r.PolicyName {
			continue
		}
		if room -= len(r.PolicyName) + len(`{"policyName":"","overriders":{}},`); room < 0 {
			break
		}
		out = append(out, AppliedRule{PolicyName: r.PolicyName})
	}
	return out
}
