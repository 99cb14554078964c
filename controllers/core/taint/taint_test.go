package taint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func minutesAgo(n int) metav1.Time { return metav1.NewTime(now.Add(-time.Duration(n) * time.Minute)) }

// tests reads "Ready In False,Unknown; DNS NotIn True".
func tests(text string) []policyv1alpha1.MatchCondition {
	var out []policyv1alpha1.MatchCondition
	for _, part := range strings.Split(text, ";") {
		if f := strings.Fields(part); len(f) == 3 {
			c := policyv1alpha1.MatchCondition{ConditionType: f[0], Operator: policyv1alpha1.MatchConditionOperator(f[1])}
			for _, v := range strings.Split(f[2], ",") {
				c.StatusValues = append(c.StatusValues, metav1.ConditionStatus(v))
			}
			out = append(out, c)
		}
	}
	return out
}

// taints reads "key=value:effect".
func taints(text ...string) []policyv1alpha1.Taint {
	var out []policyv1alpha1.Taint
	for _, t := range text {
		kv, effect, _ := strings.Cut(t, ":")
		key, value, _ := strings.Cut(kv, "=")
		out = append(out, policyv1alpha1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
	}
	return out
}

func policy(age int, name, addOn, removeOn string, t ...string) *policyv1alpha1.ClusterTaintPolicy {
	return &policyv1alpha1.ClusterTaintPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: minutesAgo(age)},
		Spec: policyv1alpha1.ClusterTaintPolicySpec{AddOnConditions: tests(addOn), RemoveOnConditions: tests(removeOn), Taints: taints(t...)}}
}

// member is a cluster with conditions "Ready=False" and taints put on it an hour ago.
func member(conditions string, t ...string) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra", Labels: map[string]string{"tier": "edge"}}}
	for _, part := range strings.Fields(conditions) {
		name, status, _ := strings.Cut(part, "=")
		c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: name, Status: metav1.ConditionStatus(status)})
	}
	for _, x := range taints(t...) {
		hour := minutesAgo(60)
		c.Spec.Taints = append(c.Spec.Taints, corev1.Taint{Key: x.Key, Value: x.Value, Effect: x.Effect, TimeAdded: &hour})
	}
	return c
}

// shown are taints as text, with their age in minutes.
func shown(list []corev1.Taint) []string {
	var out []string
	for _, t := range list {
		out = append(out, fmt.Sprintf("%s=%s:%s %v", t.Key, t.Value, t.Effect, now.Sub(t.TimeAdded.Time).Minutes()))
	}
	return out
}

func TestTaints(t *testing.T) {
	lost := policy(9, "lost", "Ready In False,Unknown", "Ready In True", "lost:NoExecute")
	targeted := policy(9, "targeted", "Ready In False", "", "lost:NoExecute")
	targeted.Spec.TargetClusters = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"iad"}}
	byLabel := policy(9, "by-label", "Ready In False", "", "lost:NoExecute")
	byLabel.Spec.TargetClusters = &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "edge"}}}
	type policies = []*policyv1alpha1.ClusterTaintPolicy
	cases := map[string]struct {
		cluster  *clusterv1alpha1.Cluster
		policies policies
		want     []string
	}{
		"a condition adds":                       {member("Ready=False"), policies{lost}, []string{"lost=:NoExecute 0"}},
		"any of the values will do":              {member("Ready=Unknown"), policies{lost}, []string{"lost=:NoExecute 0"}},
		"one that is there keeps its time":       {member("Ready=False", "lost:NoExecute"), policies{lost}, []string{"lost=:NoExecute 60"}},
		"and its value":                          {member("Ready=False", "lost=mine:NoExecute"), policies{lost}, []string{"lost=mine:NoExecute 60"}},
		"another effect is another taint":        {member("Ready=False", "lost:NoSchedule"), policies{lost}, []string{"lost=:NoSchedule 60", "lost=:NoExecute 0"}},
		"a condition removes":                    {member("Ready=True", "lost:NoExecute", "mine:NoExecute"), policies{lost}, []string{"mine=:NoExecute 60"}},
		"whoever put it there":                   {member("Ready=True", "lost=mine:NoExecute"), policies{lost}, nil},
		"taints of others stay":                  {member("Ready=True", "a:NoSchedule", "b=c:NoExecute"), policies{lost}, []string{"a=:NoSchedule 60", "b=c:NoExecute 60"}},
		"nothing is known of the condition":      {member("", "lost:NoExecute"), policies{lost}, []string{"lost=:NoExecute 60"}},
		"nothing known is not NotIn either":      {member(""), policies{policy(9, "p", "DNS NotIn True", "", "dns:NoSchedule")}, nil},
		"NotIn":                                  {member("DNS=Unknown"), policies{policy(9, "p", "DNS NotIn True", "", "dns:NoSchedule")}, []string{"dns=:NoSchedule 0"}},
		"all tests must hold":                    {member("Ready=True DNS=False"), policies{policy(9, "p", "Ready In False; DNS In False", "", "dns:NoSchedule")}, nil},
		"all tests hold":                         {member("Ready=False DNS=False"), policies{policy(9, "p", "Ready In False; DNS In False", "", "dns:NoSchedule")}, []string{"dns=:NoSchedule 0"}},
		"no tests never hold":                    {member("Ready=False", "dns:NoSchedule"), policies{policy(9, "p", "", "", "dns:NoSchedule", "b:NoSchedule")}, []string{"dns=:NoSchedule 60"}},
		"an operator nobody knows":               {member("Ready=False"), policies{policy(9, "p", "Ready Was False", "", "dns:NoSchedule")}, nil},
		"another cluster":                        {member("Ready=False"), policies{targeted}, nil},
		"a cluster by its labels":                {member("Ready=False"), policies{byLabel}, []string{"lost=:NoExecute 0"}},
		"added and removed at once is removed":   {member("Ready=False", "x:NoSchedule"), policies{policy(9, "p", "Ready In False", "Ready In False", "x:NoSchedule", "y:NoSchedule")}, nil},
		"no policy":                              {member("Ready=False", "lost:NoExecute"), nil, []string{"lost=:NoExecute 60"}},
		"the younger has the last word":          {member("Ready=False"), policies{policy(1, "young", "", "Ready In False", "x:NoSchedule"), policy(9, "old", "Ready In False", "", "x:NoSchedule")}, nil},
		"the younger gives back what there is":   {member("Ready=False", "x:NoSchedule"), policies{policy(9, "old", "", "Ready In False", "x:NoSchedule"), policy(1, "young", "Ready In False", "", "x:NoSchedule")}, []string{"x=:NoSchedule 60"}},
		"the younger's value is not the older's": {member("Ready=False"), policies{policy(1, "young", "Ready In False", "", "x=2:NoSchedule"), policy(9, "old", "Ready In False", "", "x=1:NoSchedule")}, []string{"x=1:NoSchedule 0"}},
		"of one age the first by name":           {member("Ready=False"), policies{policy(1, "b", "Ready In False", "", "x=2:NoSchedule"), policy(1, "a", "Ready In False", "", "x=1:NoSchedule")}, []string{"x=1:NoSchedule 0"}},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			before := tt.cluster.DeepCopy()
			got := Taints(tt.cluster, tt.policies, now)
			if diff := cmp.Diff(tt.want, shown(got)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, tt.cluster); diff != "" {
				t.Errorf("the cluster changed: %s", diff)
			}
		})
	}
}

func drawPolicies(t *rapid.T) []*policyv1alpha1.ClusterTaintPolicy {
	list := func(label string) string {
		return rapid.SampledFrom([]string{"", "Ready In False", "Ready In True,Unknown", "DNS NotIn True", "Ready In False; DNS In False"}).Draw(t, label)
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *policyv1alpha1.ClusterTaintPolicy {
		some := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a:NoSchedule", "a:NoExecute", "b=1:NoSchedule", "b=2:NoSchedule"}), 1, 3, rapid.ID).Draw(t, "taints")
		return policy(rapid.IntRange(1, 3).Draw(t, "age"), rapid.StringMatching("[a-z]{4}").Draw(t, "name"), list("add"), list("remove"), some...)
	}), 0, 4).Draw(t, "policies")
}

// Written once is enough; the order in which policies are listed does not count; taints that no policy names stay,
// with their time; and no key and effect is there twice.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := drawPolicies(t)
		cluster := member(rapid.SampledFrom([]string{"", "Ready=False", "Ready=True DNS=False", "Ready=False DNS=False"}).Draw(t, "conditions"),
			rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a:NoExecute", "b=1:NoSchedule", "mine:NoExecute", "lost=x:NoSchedule"}), 0, 4, rapid.ID).Draw(t, "has")...)
		once := Taints(cluster, policies, now)
		again := cluster.DeepCopy()
		again.Spec.Taints = once
		if twice := Taints(again, policies, now.Add(time.Hour)); !Equal(once, twice) {
			t.Errorf("once %v, twice %v", shown(once), shown(twice))
		}
		if other := Taints(cluster, rapid.Permutation(policies).Draw(t, "listed"), now); !Equal(once, other) && !sameNames(policies) {
			t.Errorf("%v, and in another order %v", shown(once), shown(other))
		}
		for _, foreign := range cluster.Spec.Taints {
			if (foreign.Key == "mine" || foreign.Key == "lost") && !slices.Contains(shown(once), shown([]corev1.Taint{foreign})[0]) {
				t.Errorf("%v is gone or changed", foreign)
			}
		}
		seen := map[string]bool{}
		for _, x := range once {
			if k := x.Key + ":" + string(x.Effect); seen[k] {
				t.Errorf("%s twice", k)
			} else {
				seen[k] = true
			}
		}
	})
}

func sameNames(policies []*policyv1alpha1.ClusterTaintPolicy) bool {
	seen := map[string]bool{}
	for _, p := range policies {
		if seen[p.Name] {
			return true
		}
		seen[p.Name] = true
	}
	return false
}
