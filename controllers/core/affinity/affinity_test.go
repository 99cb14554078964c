package affinity

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func TestMatches(t *testing.T) {
	frankfurt := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "fra", Labels: map[string]string{"tier": "primary"}},
		Spec:       clusterv1alpha1.ClusterSpec{Provider: "aws", Region: "eu-central-1", Zones: []string{"eu-central-1a", "eu-central-1b"}},
	}
	bare := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "bare"}}
	oldStyle := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "old"}, Spec: clusterv1alpha1.ClusterSpec{Zone: "z1"}}
	field := func(key string, op corev1.NodeSelectorOperator, values ...string) *policyv1alpha1.ClusterAffinity {
		return &policyv1alpha1.ClusterAffinity{FieldSelector: &policyv1alpha1.FieldSelector{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: op, Values: values}},
		}}
	}
	labelled := func(op metav1.LabelSelectorOperator, key string, values ...string) *policyv1alpha1.ClusterAffinity {
		return &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: op, Values: values}},
		}}
	}
	tests := map[string]struct {
		cluster  *clusterv1alpha1.Cluster
		affinity *policyv1alpha1.ClusterAffinity
		want     bool
	}{
		"no affinity picks every cluster":       {frankfurt, nil, true},
		"an empty affinity picks every cluster": {frankfurt, &policyv1alpha1.ClusterAffinity{}, true},
		"nothing picks a missing cluster":       {nil, nil, false},
		"a name in the list":                    {frankfurt, &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"iad", "fra"}}, true},
		"a name not in the list":                {frankfurt, &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"iad"}}, false},
		"exclusion beats the list": {frankfurt, &policyv1alpha1.ClusterAffinity{
			ClusterNames: []string{"fra"}, ExcludeClusters: []string{"fra"}}, false},
		"labels that match": {frankfurt, &policyv1alpha1.ClusterAffinity{
			LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "primary"}}}, true},
		"labels that do not":                           {frankfurt, labelled(metav1.LabelSelectorOpNotIn, "tier", "primary"), false},
		"a label selector that makes no sense":         {frankfurt, labelled("Sometimes", "tier"), false},
		"the region is in":                             {frankfurt, field("region", corev1.NodeSelectorOpIn, "eu-central-1"), true},
		"the region is not in":                         {frankfurt, field("region", corev1.NodeSelectorOpIn, "us-east-1"), false},
		"the provider is kept out":                     {frankfurt, field("provider", corev1.NodeSelectorOpNotIn, "aws"), false},
		"an unset provider is not in anything":         {bare, field("provider", corev1.NodeSelectorOpIn, "aws", ""), false},
		"an unset provider is kept out by nothing":     {bare, field("provider", corev1.NodeSelectorOpNotIn, "aws", ""), true},
		"one of several zones is enough for In":        {frankfurt, field("zone", corev1.NodeSelectorOpIn, "eu-central-1b"), true},
		"one of several zones is enough to be out":     {frankfurt, field("zone", corev1.NodeSelectorOpNotIn, "eu-central-1b"), false},
		"the deprecated single zone counts":            {oldStyle, field("zone", corev1.NodeSelectorOpIn, "z1"), true},
		"an unknown field key picks nothing":           {frankfurt, field("planet", corev1.NodeSelectorOpNotIn, "mars"), false},
		"an operator fields do not know picks nothing": {frankfurt, field("region", corev1.NodeSelectorOpExists), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Matches(tt.cluster, tt.affinity); got != tt.want {
				t.Errorf("Matches = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMismatchNamesThePart(t *testing.T) {
	cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}, Spec: clusterv1alpha1.ClusterSpec{Region: "eu"}}
	region := &policyv1alpha1.FieldSelector{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "region", Operator: corev1.NodeSelectorOpIn, Values: []string{"us"}}}}
	many := make([]string, 10000)
	for i := range many {
		many[i] = fmt.Sprintf("m%d", i)
	}
	tests := map[string]struct {
		affinity *policyv1alpha1.ClusterAffinity
		want     string
	}{
		"excluded":                     {&policyv1alpha1.ClusterAffinity{ExcludeClusters: []string{"fra"}}, MismatchExclude},
		"excluded in a long list":      {&policyv1alpha1.ClusterAffinity{ExcludeClusters: append(many, "fra")}, MismatchExclude},
		"labels":                       {&policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}, MismatchLabels},
		"labels that make no sense":    {&policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "not a value!"}}}, MismatchLabels},
		"fields":                       {&policyv1alpha1.ClusterAffinity{FieldSelector: region}, MismatchFields},
		"names":                        {&policyv1alpha1.ClusterAffinity{ClusterNames: []string{"iad"}}, MismatchNames},
		"a long list of names":         {&policyv1alpha1.ClusterAffinity{ClusterNames: many}, MismatchNames},
		"in a long list of names":      {&policyv1alpha1.ClusterAffinity{ClusterNames: append(many, "fra")}, ""},
		"labels are told before names": {&policyv1alpha1.ClusterAffinity{ClusterNames: []string{"iad"}, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}, MismatchLabels},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := New(tt.affinity)
			if got := m.Mismatch(cluster); got != tt.want {
				t.Errorf("Mismatch = %q, want %q", got, tt.want)
			}
			if n := testing.AllocsPerRun(10, func() { m.Mismatch(cluster) }); n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
