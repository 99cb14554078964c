package quota

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// list reads "cpu=2,memory=1Gi".
func list(text string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for _, part := range strings.Split(text, ",") {
		if name, amount, ok := strings.Cut(part, "="); ok {
			out[corev1.ResourceName(name)] = resource.MustParse(amount)
		}
	}
	return out
}

func same(t *testing.T, what string, want, got corev1.ResourceList) {
	t.Helper()
	if !Equal(want, got) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestUsage(t *testing.T) {
	each := func(text string) *workv1alpha2.ReplicaRequirements {
		return &workv1alpha2.ReplicaRequirements{ResourceRequest: list(text)}
	}
	part := func(name string, n int32, text string) workv1alpha2.Component {
		return workv1alpha2.Component{Name: name, Replicas: n, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: list(text)}}
	}
	tests := map[string]struct {
		spec workv1alpha2.ResourceBindingSpec
		want string
	}{
		"nothing placed uses nothing": {workv1alpha2.ResourceBindingSpec{Replicas: 3, ReplicaRequirements: each("cpu=1")}, ""},
		"replicas where they run": {workv1alpha2.ResourceBindingSpec{Replicas: 3, ReplicaRequirements: each("cpu=500m,memory=1Gi"),
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}, {Name: "iad", Replicas: 1}}}, "cpu=1500m,memory=3Gi"},
		"all replicas in each cluster": {workv1alpha2.ResourceBindingSpec{Replicas: 3, ReplicaRequirements: each("cpu=1"),
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 3}, {Name: "iad", Replicas: 3}}}, "cpu=6"},
		"what has no replicas uses nothing": {workv1alpha2.ResourceBindingSpec{Clusters: []workv1alpha2.TargetCluster{{Name: "fra"}}}, ""},
		"a cluster that is being left": {workv1alpha2.ResourceBindingSpec{ReplicaRequirements: each("cpu=1"),
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 1}}, GracefulEvictionTasks: []workv1alpha2.GracefulEvictionTask{{FromCluster: "iad"}}}, "cpu=1"},
		"negative requests and replicas count for nothing": {workv1alpha2.ResourceBindingSpec{ReplicaRequirements: each("cpu=1,memory=-1Gi"),
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 1}, {Name: "iad", Replicas: -5}}}, "cpu=1"},
		"a whole set of components in each cluster": {workv1alpha2.ResourceBindingSpec{Components: []workv1alpha2.Component{part("jm", 1, "cpu=1"), part("tm", 3, "cpu=2")},
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra"}, {Name: "iad"}}}, "cpu=14"},
		"a cluster that says which components": {workv1alpha2.ResourceBindingSpec{Components: []workv1alpha2.Component{part("jm", 1, "cpu=1"), part("tm", 3, "cpu=2")},
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra", Components: []workv1alpha2.TargetComponent{{Name: "tm", Replicas: 1}}}}}, "cpu=3"},
		"one component is divided": {workv1alpha2.ResourceBindingSpec{Components: []workv1alpha2.Component{part("w", 4, "cpu=1")},
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 3}}}, "cpu=3"},
		"a component without requests": {workv1alpha2.ResourceBindingSpec{Components: []workv1alpha2.Component{{Name: "w", Replicas: 4}},
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra"}}}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { same(t, "usage", list(tt.want), Usage(&tt.spec)) })
	}
}

func TestRequested(t *testing.T) {
	want := map[corev1.ResourceName]corev1.ResourceName{
		"cpu": "cpu", "requests.cpu": "cpu", "memory": "memory", "requests.memory": "memory", "ephemeral-storage": "ephemeral-storage",
		"hugepages-2Mi": "hugepages-2Mi", "requests.hugepages-2Mi": "hugepages-2Mi", "nvidia.com/gpu": "nvidia.com/gpu", "requests.nvidia.com/gpu": "nvidia.com/gpu",
		"limits.cpu": "", "limits.nvidia.com/gpu": "", "pods": "", "services": "", "count/deployments.apps": "", "requests.storage": "", "": "",
		"gold.storageclass.storage.k8s.io/requests.storage": "",
	}
	got := map[corev1.ResourceName]corev1.ResourceName{}
	for key := range want {
		got[key], _ = Requested(key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func account(overall, used string) *Account {
	return &Account{
		Quota:  &policyv1alpha1.FederatedResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "team"}, Spec: policyv1alpha1.FederatedResourceQuotaSpec{Overall: list(overall)}},
		Ledger: Ledger{Used: list(used)},
	}
}

func TestAdmit(t *testing.T) {
	tests := map[string]struct {
		overall, used string
		had, wants    string
		refusal       string
		total         string
	}{
		"there is room":                                     {"cpu=4", "cpu=1", "", "cpu=3", "", "cpu=4"},
		"there is not":                                      {"cpu=4", "cpu=2", "", "cpu=3", "FederatedResourceQuota(shop/team) exceeded: requested: cpu=3, used: cpu=2, limited: cpu=4", "cpu=2"},
		"all that is short is named":                        {"cpu=4,memory=1Gi", "cpu=4,memory=1Gi", "", "cpu=1,memory=1Mi", "FederatedResourceQuota(shop/team) exceeded: requested: cpu=1,memory=1Mi, used: cpu=4,memory=1Gi, limited: cpu=4,memory=1Gi", "cpu=4,memory=1Gi"},
		"only the difference is asked of":                   {"cpu=4", "cpu=3", "cpu=2", "cpu=3", "", "cpu=4"},
		"what it does not bound":                            {"cpu=4", "cpu=4", "", "memory=9Gi", "", "cpu=4"},
		"less is always allowed":                            {"cpu=1", "cpu=4", "cpu=2", "cpu=1", "", "cpu=4"},
		"less of one that is over, more of one that is not": {"cpu=1,memory=2Gi", "cpu=4,memory=1Gi", "cpu=2,memory=1Gi", "cpu=1,memory=2Gi", "", "cpu=4,memory=2Gi"},
		"requests.cpu is cpu":                               {"requests.cpu=1", "cpu=1", "", "cpu=1", "FederatedResourceQuota(shop/team) exceeded: requested: requests.cpu=1, used: requests.cpu=1, limited: requests.cpu=1", "cpu=1"},
		"nothing is allowed of nothing":                     {"cpu=0", "", "", "cpu=1m", "FederatedResourceQuota(shop/team) exceeded: requested: cpu=1m, used: cpu=0, limited: cpu=0", ""},
		"limits are the clusters' matter":                   {"limits.cpu=0,pods=0", "", "", "cpu=1,pods=3", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := account(tt.overall, tt.used)
			err := Admit([]*Account{a}, Claim{UID: "web", Had: list(tt.had), Wants: list(tt.wants)}, start)
			if tt.refusal == "" && err != nil || tt.refusal != "" && (err == nil || err.Error() != tt.refusal) {
				t.Errorf("got %v, want %q", err, tt.refusal)
			}
			same(t, "total", list(tt.total), a.Ledger.Total())
		})
	}
}

func TestAdmitAsksEveryQuotaOfTheNamespace(t *testing.T) {
	roomy, tight := account("cpu=9", "cpu=1"), account("memory=1Gi", "")
	claim := Claim{UID: "web", Wants: list("cpu=1,memory=2Gi")}
	var exceeded *Exceeded
	if err := Admit([]*Account{roomy, tight}, claim, start); !errors.As(err, &exceeded) {
		t.Fatalf("got %v", err)
	}
	if len(roomy.Ledger.Pending)+len(tight.Ledger.Pending) > 0 {
		t.Error("something is reserved for what was refused")
	}
	claim.Wants = list("cpu=1,memory=1Gi")
	if err := Admit([]*Account{roomy, tight}, claim, start); err != nil {
		t.Fatal(err)
	}
	same(t, "the first", list("cpu=2"), roomy.Ledger.Total())
	same(t, "the second", list("memory=1Gi"), tight.Ledger.Total())
}

func TestTheSameBindingReservesNothingTwice(t *testing.T) {
	a := account("cpu=4", "cpu=1")
	admit := func(generation int64, had, wants string) error {
		return Admit([]*Account{a}, Claim{UID: "web", Generation: generation, Had: list(had), Wants: list(wants)}, start)
	}
	for range 3 { // a write that never comes about, and is tried again
		if err := admit(4, "cpu=1", "cpu=4"); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "total", list("cpu=4"), a.Ledger.Total())
	if err := admit(4, "cpu=1", "cpu=2"); err != nil {
		t.Fatal(err)
	}
	same(t, "either write may come about", list("cpu=4"), a.Ledger.Total())
	if err := admit(5, "cpu=2", "cpu=3"); err != nil {
		t.Fatal(err)
	}
	same(t, "the earlier one is decided", list("cpu=3"), a.Ledger.Total())
	if r := a.Ledger.Pending["web"]; r.Generation != 5 || !Equal(r.Counted, list("cpu=1")) {
		t.Errorf("reservation %+v", r)
	}
}

func TestRecount(t *testing.T) {
	overall := list("cpu=10,memory=10Gi")
	pending := map[types.UID]Reservation{"web": {Generation: 4, Counted: list("cpu=1"), Usage: list("cpu=3"), Until: metav1.NewTime(start.Add(Patience))}}
	web := func(generation int64, usage string) Counted {
		return Counted{UID: "web", Generation: generation, Usage: list(usage)}
	}
	other := Counted{UID: "other", Generation: 1, Usage: list("cpu=2,nvidia.com/gpu=1")}
	tests := map[string]struct {
		bindings []Counted
		after    time.Duration
		total    string
		pending  int
	}{
		"the write is not seen yet":         {[]Counted{web(4, "cpu=1"), other}, 0, "cpu=5", 1},
		"an older state of the binding":     {[]Counted{web(3, "cpu=2"), other}, 0, "cpu=5", 1},
		"more than was reserved":            {[]Counted{web(4, "cpu=5"), other}, 0, "cpu=7", 1},
		"the write is seen":                 {[]Counted{web(5, "cpu=3"), other}, 0, "cpu=5", 0},
		"another one came about":            {[]Counted{web(6, "cpu=2"), other}, 0, "cpu=4", 0},
		"it was never written":              {[]Counted{web(4, "cpu=1"), other}, Patience, "cpu=3", 0},
		"the binding is gone, or not there": {[]Counted{other}, 0, "cpu=5", 1},
		"and stays away":                    {[]Counted{other}, Patience, "cpu=2", 0},
		"another binding of the same name":  {[]Counted{{UID: "another", Generation: 1, Usage: list("cpu=1")}, other}, 0, "cpu=6", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Recount(Ledger{Used: list("cpu=9"), Pending: pending}, overall, tt.bindings, start.Add(tt.after))
			same(t, "total", list(tt.total), got.Total())
			if len(got.Pending) != tt.pending {
				t.Errorf("reservations %+v", got.Pending)
			}
		})
	}
}

func TestTheLedgerIsKeptOnTheQuota(t *testing.T) {
	q := account("cpu=4", "").Quota
	if _, ok := Read(q); ok {
		t.Error("a new quota has a ledger")
	}
	l := Recount(Ledger{}, list("cpu=4"), []Counted{{UID: "a", Usage: list("cpu=1500m")}, {UID: "b", Usage: list("cpu=0.5")}}, start)
	a := &Account{Quota: q, Ledger: l}
	if err := Admit([]*Account{a}, Claim{UID: "c", Generation: 2, Wants: list("cpu=1")}, start); err != nil {
		t.Fatal(err)
	}
	if err := a.Ledger.Write(q); err != nil {
		t.Fatal(err)
	}
	const want = `{"used":{"cpu":"2"},"pending":{"c":{"generation":2,"usage":{"cpu":"1"},"until":"2026-11-01T12:02:00Z"}}}`
	if got := q.Annotations["seaway.dev/quota-ledger"]; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	read, ok := Read(q)
	if !ok || !Equal(read.Total(), list("cpu=3")) || !read.Lapses().Equal(start.Add(Patience)) {
		t.Errorf("read %+v, %v", read, ok)
	}
	for _, bad := range []string{"", "{", "null", "{}", `{"used":{"cpu":"much"}}`} {
		q.Annotations["seaway.dev/quota-ledger"] = bad
		if _, ok := Read(q); ok {
			t.Errorf("%q is a ledger", bad)
		}
	}
}

func TestALedgerKeepsSoManyReservations(t *testing.T) {
	a := account("cpu=100000", "")
	a.Ledger.Pending = map[types.UID]Reservation{}
	for i := range MaxPending {
		a.Ledger.Pending[types.UID(fmt.Sprint(i))] = Reservation{Usage: list("cpu=1")}
	}
	var crowded *Crowded
	if err := Admit([]*Account{a}, Claim{UID: "one more", Wants: list("cpu=1")}, start); !errors.As(err, &crowded) {
		t.Errorf("got %v", err)
	}
	if err := Admit([]*Account{a}, Claim{UID: "3", Wants: list("cpu=2")}, start); err != nil {
		t.Errorf("one that is there already: %v", err)
	}
}

func TestOverallUsed(t *testing.T) {
	clusters := []policyv1alpha1.ClusterQuotaStatus{
		{ClusterName: "fra", ResourceQuotaStatus: corev1.ResourceQuotaStatus{Used: list("cpu=1,pods=2")}},
		{ClusterName: "iad", ResourceQuotaStatus: corev1.ResourceQuotaStatus{Used: list("cpu=2,pods=3")}},
	}
	overall := list("requests.cpu=9,memory=1Gi,pods=9,services=2")
	same(t, "as the clusters say", list("cpu=3,pods=5"), OverallUsed(overall, nil, clusters))
	enforced := OverallUsed(overall, &Ledger{Used: list("cpu=4")}, clusters)
	same(t, "by the bindings", list("requests.cpu=4,pods=5"), enforced)
	if _, told := enforced["memory"]; !told {
		t.Error("what is bounded and not used is not told")
	}
}
