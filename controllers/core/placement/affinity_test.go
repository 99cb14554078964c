package placement

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func TestGroupsOfAPlacement(t *testing.T) {
	group := func(name string, clusters ...string) policyv1alpha1.ClusterAffinityTerm {
		return policyv1alpha1.ClusterAffinityTerm{AffinityName: name, ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: clusters}}
	}
	p := &policyv1alpha1.Placement{ClusterAffinities: []policyv1alpha1.ClusterAffinityTerm{group("home", "fra"), group("abroad", "iad", "fra")}}
	for name, want := range map[string]int{"fra": 0, "iad": 1, "sin": -1} {
		c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if got := GroupOf(p, c); got != want {
			t.Errorf("%s is in group %d, want %d", name, got, want)
		}
		if got := GroupOf(&policyv1alpha1.Placement{}, c); got != -1 {
			t.Errorf("without groups, %s is in group %d", name, got)
		}
	}
	for name, want := range map[string]int{"home": 0, "abroad": 1, "gone": -1, "": -1} {
		if got := GroupNamed(p, name); got != want {
			t.Errorf("%q is group %d, want %d", name, got, want)
		}
	}
}
