package quota

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// counted is a quota whose use is known.
func counted(t *testing.T, overall, used string) policyv1alpha1.FederatedResourceQuota {
	t.Helper()
	a := account(overall, used)
	if err := a.Ledger.Write(a.Quota); err != nil {
		t.Fatal(err)
	}
	return *a.Quota
}

func TestLeft(t *testing.T) {
	leaving := counted(t, "cpu=0", "cpu=0")
	leaving.DeletionTimestamp = &metav1.Time{Time: start}
	reserved := account("cpu=10", "cpu=2")
	reserved.Ledger = reserved.Ledger.reserve(Claim{UID: "a", Wants: list("cpu=3")}, start)
	if err := reserved.Ledger.Write(reserved.Quota); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		quotas []policyv1alpha1.FederatedResourceQuota
		want   string
	}{
		"nothing is bounded":          {nil, ""},
		"what is not used":            {[]policyv1alpha1.FederatedResourceQuota{counted(t, "requests.cpu=10,memory=1Gi,pods=5", "cpu=4")}, "cpu=6,memory=1Gi"},
		"what is not reserved either": {[]policyv1alpha1.FederatedResourceQuota{*reserved.Quota}, "cpu=5"},
		"the least counts":            {[]policyv1alpha1.FederatedResourceQuota{counted(t, "cpu=10", "cpu=4"), counted(t, "cpu=7,memory=1Gi", "cpu=4")}, "cpu=3,memory=1Gi"},
		"too much is used":            {[]policyv1alpha1.FederatedResourceQuota{counted(t, "cpu=3", "cpu=4")}, "cpu=-1"},
		"one that is on its way out":  {[]policyv1alpha1.FederatedResourceQuota{counted(t, "cpu=10", "cpu=4"), leaving}, "cpu=6"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := Left(tt.quotas)
			if !ok {
				t.Fatal("not counted")
			}
			for resource, want := range list(tt.want) {
				if have, bounded := got[resource]; !bounded || have.Cmp(want) != 0 {
					t.Errorf("%s: %s left, want %s", resource, have.String(), want.String())
				}
				delete(got, resource)
			}
			if len(got) > 0 {
				t.Errorf("also bounded: %v", got)
			}
		})
	}
	if _, ok := Left([]policyv1alpha1.FederatedResourceQuota{*account("cpu=1", "").Quota}); ok {
		t.Error("a use that was not counted")
	}
}

func TestMoreLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after string
		want          bool
	}{
		"the same":            {"cpu=1,memory=1Gi", "cpu=1000m,memory=1Gi", false},
		"less":                {"cpu=1,memory=1Gi", "cpu=0,memory=1Gi", false},
		"more of one":         {"cpu=1,memory=1Gi", "cpu=0,memory=2Gi", true},
		"no longer bounded":   {"cpu=1,memory=1Gi", "cpu=1", true},
		"bounded in addition": {"cpu=1", "cpu=1,memory=1Gi", false},
	} {
		if got := MoreLeft(list(tt.before), list(tt.after)); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestFits(t *testing.T) {
	for name, tt := range map[string]struct {
		growth, left string
		want         bool
	}{
		"exactly":             {"cpu=1", "cpu=1", true},
		"too much of one":     {"cpu=1,memory=2Gi", "cpu=1,memory=1Gi", false},
		"what is not bounded": {"cpu=1,nvidia.com/gpu=8", "cpu=1", true},
		"nothing more":        {"", "cpu=-1", true},
	} {
		if got := Fits(list(tt.growth), list(tt.left)); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	left := list("cpu=3")
	Take(list("cpu=2,memory=1Gi"), left)
	same(t, "left", list("cpu=1"), left)
	same(t, "growth", list("cpu=2"), Growth(list("cpu=1,memory=2Gi"), list("cpu=3,memory=1Gi")))
}
