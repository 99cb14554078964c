package traffic

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestPartlyServed(t *testing.T) {
	programmed := func(generation int64) metav1.Condition {
		return Programmed(3, []Served{{VantagePoint: "ns1", Generation: generation}}, "")
	}
	problems := func(n int) (out []v1.ZoneProblem) {
		for i := range n {
			out = append(out, v1.ZoneProblem{Field: fmt.Sprintf("spec.records[%d]", i), Message: "is taken"})
		}
		return out
	}
	for name, tc := range map[string]struct {
		condition metav1.Condition
		problems  int
		want      string
	}{
		"nothing is left out": {programmed(3), 0, "True Programmed: all live name servers answer by the newest version"},
		"one record is":       {programmed(3), 1, "False PartlyServed: not served as it stands: spec.records[0]: is taken; the rest is served"},
		"many are": {programmed(3), 9, "False PartlyServed: not served as it stands: spec.records[0]: is taken; spec.records[1]: is taken; " +
			"spec.records[2]: is taken; and 6 more; the rest is served"},
		"what is newer is not there yet": {programmed(2), 1, "False Pending: not yet taken over by name server ns1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := PartlyServed(tc.condition, problems(tc.problems))
			if diff := cmp.Diff(tc.want, fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)); diff != "" || c.Type != v1.ConditionProgrammed {
				t.Error(diff)
			}
		})
	}
}
