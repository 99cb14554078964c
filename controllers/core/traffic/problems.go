package traffic

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// tellProblems is how many problems a condition tells.
const tellProblems = 3

// PartlyServed is a condition of an object as it is, or false where it would be true and name servers do
// not serve some of the object as it stands.
func PartlyServed(c metav1.Condition, problems []trafficv1alpha1.ZoneProblem) metav1.Condition {
	if c.Status != metav1.ConditionTrue || len(problems) == 0 {
		return c
	}
	return condition(c.Type, false, trafficv1alpha1.ReasonPartlyServed, "not served as it stands: "+Tell(problems)+"; the rest is served")
}

// Tell are the first few problems, with their fields, in one line.
func Tell(problems []trafficv1alpha1.ZoneProblem) string {
	var texts []string
	for i, p := range problems {
		if i == tellProblems {
			texts = append(texts, fmt.Sprintf("and %d more", len(problems)-i))
			break
		}
		texts = append(texts, p.Field+": "+p.Message)
	}
	return strings.Join(texts, "; ")
}
