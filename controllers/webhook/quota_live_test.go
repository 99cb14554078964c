package webhook

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/core/quota"
)

func placed(name, cpu string, replicas ...int32) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}
	b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse(cpu)}}
	for i, n := range replicas {
		b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: fmt.Sprintf("m%d", i), Replicas: n})
	}
	return b
}

func counting(t testing.TB, name, cpu string) *policyv1alpha1.FederatedResourceQuota {
	t.Helper()
	q := &policyv1alpha1.FederatedResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: policyv1alpha1.FederatedResourceQuotaSpec{Overall: corev1.ResourceList{"cpu": resource.MustParse(cpu)}}}
	if err := quota.Recount(quota.Ledger{}, q.Spec.Overall, nil, time.Now()).Write(q); err != nil {
		t.Fatal(err)
	}
	return q
}

// TestQuotaOnARealAPIServer has many bindings grow at once, by two processes, with a quota that has not room for
// all.
func TestQuotaOnARealAPIServer(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{})
	ctx := t.Context()
	install(t, home, "resourcebindings.work.karmada.io", "federatedresourcequotas.policy.karmada.io")
	home.Eventually("the kinds are served", func(ctx context.Context) error {
		if err := home.Client.List(ctx, &policyv1alpha1.FederatedResourceQuotaList{}); err != nil {
			return err
		}
		return home.Client.List(ctx, &workv1alpha2.ResourceBindingList{})
	})
	gate := func() http.Handler {
		return &webhook.Admission{Handler: &quotaGate{cached: home.Client, decoder: decoder, desk: &quotaDesk{live: home.Client, client: home.Client, clock: clock.RealClock{}}}}
	}
	var turn sync.Mutex
	processes, next := []http.Handler{gate(), gate()}, 0
	base, trusted, asked := answer(t, map[string]http.Handler{quotaPath: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		next = 1 - next
		h := processes[next]
		turn.Unlock()
		h.ServeHTTP(w, r)
	})})
	for _, name := range []string{"shop", "free"} {
		if err := home.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	team := counting(t, "team", "10")
	if err := home.Client.Create(ctx, team); err != nil {
		t.Fatal(err)
	}
	if err := home.Client.Create(ctx, quotaConfiguration(base, trusted, []string{"shop"})); err != nil {
		t.Fatal(err)
	}
	home.Eventually("the quota binds", func(ctx context.Context) error {
		b := placed("probe", "11", 1)
		switch err := home.Client.Create(ctx, b); {
		case err == nil:
			return fmt.Errorf("let through: %w", home.Client.Delete(ctx, b))
		case apierrors.ReasonForError(err) != "QuotaExceeded":
			return err
		default:
			const want = `admission webhook "resourcebinding.karmada.io" denied the request: FederatedResourceQuota(shop/team) exceeded: requested: cpu=11, used: cpu=0, limited: cpu=10`
			if !strings.Contains(err.Error(), want) {
				t.Errorf("refused with %q", err)
			}
			return nil
		}
	})
	reserved := func() quota.Ledger {
		t.Helper()
		if err := home.Client.Get(ctx, client.ObjectKeyFromObject(team), team); err != nil {
			t.Fatal(err)
		}
		l, ok := quota.Read(team)
		if !ok {
			t.Fatalf("no ledger: %v", team.Annotations[names.QuotaLedgerAnnotation])
		}
		return l
	}
	questions := func(what string, want int32, write func() error) {
		t.Helper()
		before := asked.Load()
		if err := write(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := asked.Load() - before; got != want {
			t.Errorf("%s: asked %d times, want %d", what, got, want)
		}
	}

	b := placed("web", "1")
	questions("nothing is placed", 0, func() error { return home.Client.Create(ctx, b) })
	b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 3}}
	questions("a dry run", 1, func() error { return home.Client.Update(ctx, b.DeepCopy(), client.DryRunAll) })
	if n := len(reserved().Pending); n != 0 {
		t.Errorf("a dry run reserved %d", n)
	}
	questions("placed", 1, func() error { return home.Client.Update(ctx, b) })
	if r, ok := reserved().Pending[b.UID]; !ok || r.Generation != 1 {
		t.Errorf("reserved %+v for binding %s", reserved(), b.UID)
	}
	b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 1}, {Name: "m2", Replicas: 2}}
	questions("moved", 0, func() error { return home.Client.Update(ctx, b) })
	b.Spec.Clusters = b.Spec.Clusters[:1]
	questions("less", 0, func() error { return home.Client.Update(ctx, b) })
	b.Labels, b.Spec.PropagateDeps = map[string]string{"a": "b"}, true
	questions("something else", 0, func() error { return home.Client.Update(ctx, b) })
	b.Spec.ReplicaRequirements.ResourceRequest["cpu"] = resource.MustParse("2")
	questions("more for each", 1, func() error { return home.Client.Update(ctx, b) })
	parts := placed("parts", "1", 0)
	parts.Spec.ReplicaRequirements, parts.Spec.Components = nil, []workv1alpha2.Component{{Name: "c", Replicas: 1}}
	questions("components", 1, func() error { return home.Client.Create(ctx, parts) })
	free := placed("web", "99", 9)
	free.Namespace = "free"
	questions("a namespace without a quota", 0, func() error { return home.Client.Create(ctx, free) })
	b.Status.LastScheduledTime = ptr.To(metav1.Now())
	questions("a status", 0, func() error { return home.Client.Status().Update(ctx, b) })
	questions("a deletion", 0, func() error { return home.Client.Delete(ctx, b) })

	var crowd sync.WaitGroup
	results := make([]error, 40)
	for i := range results {
		crowd.Go(func() { results[i] = home.Client.Create(ctx, placed(fmt.Sprintf("crowd-%d", i), "500m", 1)) })
	}
	crowd.Wait()
	admitted := 0
	for _, err := range results {
		if err == nil {
			admitted++
		} else if apierrors.ReasonForError(err) != "QuotaExceeded" {
			t.Errorf("refused with %v", err)
		}
	}
	l := reserved()
	total := l.Total()["cpu"]
	if admitted != 16 || total.Cmp(resource.MustParse("10")) != 0 { // web still holds its 2 of 10: nobody recounts here
		t.Errorf("admitted %d, total %s", admitted, total.String())
	}
}
