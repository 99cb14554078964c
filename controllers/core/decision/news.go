package decision

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"

	"k8s.io/utils/ptr"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Says is equal for decisions that say the same: the outcome, why, where everything is now, and what
// keeps the other clusters out. Numbers in sentences, scores and room do not count: they change with
// every report of a cluster. The second part is the hash of the input, where there is one.
func Says(spec *trafficv1alpha1.DecisionSpec) string {
	type place struct {
		Cluster, Affinity, Filter, Detail string
		After                             *int32
	}
	said := struct {
		Controller, Outcome, Reason, Message, Policy, Affinity string
		Places                                                 map[string]place
		Omitted                                                map[string]int32
		Changes                                                []string `json:",omitempty"`
	}{
		spec.Controller, string(spec.Outcome), spec.Reason, shape(spec.Message), spec.Policy, spec.Affinity,
		map[string]place{}, spec.ClustersOmitted, nil,
	}
	for i := range spec.Changes {
		c := &spec.Changes[i]
		said.Changes = append(said.Changes, c.Cluster+" "+Change(c)+" "+c.Reason)
	}
	for _, c := range spec.Clusters {
		if len(spec.ClustersOmitted) > 0 && c.After == nil && c.Before == nil {
			continue // which near misses there is space for depends on their room
		}
		said.Places[c.Cluster] = place{c.Cluster, c.Affinity, c.Filter, shape(c.Detail), c.After}
	}
	h := fnv.New64a()
	if err := json.NewEncoder(h).Encode(said); err != nil {
		return "" // not reached: there is nothing in it that JSON has not
	}
	return strings.TrimSuffix(fmt.Sprintf("%016x/%s", h.Sum64(), spec.InputHash), "/")
}

var numbers = regexp.MustCompile(`\b\d+\b`)

func shape(sentence string) string { return numbers.ReplaceAllString(sentence, "#") }

// News says whether a decision is worth keeping after the last one of its template, which said last;
// empty when there is none. One that moves nothing and says what the last one said is not, and
// neither is the same decision from the same input: it was made again since it could not be written.
func News(spec *trafficv1alpha1.DecisionSpec, last string) bool {
	says := Says(spec)
	if last == "" || says == "" {
		return true
	}
	if spec.InputHash != "" && says == last {
		return false
	}
	was, _, _ := strings.Cut(last, "/")
	is, _, _ := strings.Cut(says, "/")
	return Moves(spec) || was != is
}

// Moves says whether anything is elsewhere after the decision. What moves is never among the
// clusters left out, unless more move than there is space for.
func Moves(spec *trafficv1alpha1.DecisionSpec) bool {
	if len(spec.Changes) > 0 {
		return true
	}
	for _, c := range spec.Clusters {
		if (c.Before == nil) != (c.After == nil) || ptr.Deref(c.Before, 0) != ptr.Deref(c.After, 0) {
			return true
		}
	}
	return false
}
