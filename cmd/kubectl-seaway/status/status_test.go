package status

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
)

func TestPrint(t *testing.T) {
	failOpen := goldentest.Federation(t)
	failOpen.Plans[0].Spec.FailOpen = true
	for name, v := range map[string]view.View{
		"federation": goldentest.Federation(t),
		"fail-open":  failOpen,
		"empty":      {},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Print(&out, v); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

func TestClients(t *testing.T) {
	plan := &goldentest.Federation(t).Plans[0]
	for name, tc := range map[string]struct {
		cluster string
		want    []string
	}{
		"nearest, or a part of others": {"fra", []string{"eu-central-1=100%", "us-east-1=100%", "ap-southeast-1=75%", "elsewhere=80%"}},
		"only first tiers count":       {"sin", []string{"ap-southeast-1=25%", "elsewhere=20%"}},
		"a cluster that is down":       {"iad", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Clients(plan, tc.cluster)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	idle := &trafficv1alpha1.TrafficPlan{}
	idle.Spec.Tiers = []trafficv1alpha1.PlanTier{{Clusters: []trafficv1alpha1.WeightedCluster{{Name: "fra"}}}}
	if got := Clients(idle, "fra"); got != nil {
		t.Errorf("weight 0 receives %v", got)
	}
}
