package quota_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	webhookserver "sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/yaml"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	core "github.com/seaway-io/seaway/controllers/core/quota"
	"github.com/seaway-io/seaway/controllers/quota"
	"github.com/seaway-io/seaway/controllers/webhook"
)

// install makes the hub know the kinds that quotas are about.
func install(t *testing.T, home *hubtest.ControlPlane) {
	t.Helper()
	kinds := []string{"resourcebindings.work.karmada.io", "works.work.karmada.io", "federatedresourcequotas.policy.karmada.io"}
	err := fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil || !slices.Contains(kinds, crd.GetName()) {
			return err
		}
		return home.Client.Create(t.Context(), crd)
	})
	if err != nil {
		t.Fatal(err)
	}
	home.Eventually("the kinds are served", func(ctx context.Context) error {
		return errors.Join(home.Client.List(ctx, &policyv1alpha1.FederatedResourceQuotaList{}),
			home.Client.List(ctx, &workv1alpha2.ResourceBindingList{}), home.Client.List(ctx, &workv1alpha1.WorkList{}))
	})
}

// run starts a manager with quotas enforced.
func run(t *testing.T, home *hubtest.ControlPlane) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	base, dir := &url.URL{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", port)}, t.TempDir()
	trusted, err := webhook.Certificate(dir, base)
	if err != nil {
		t.Fatal(err)
	}
	mgr, err := ctrl.NewManager(home.Config, ctrl.Options{
		Scheme: scheme.New(), Metrics: metricsserver.Options{BindAddress: "0"},
		WebhookServer: webhookserver.NewServer(webhookserver.Options{Host: "127.0.0.1", Port: port, CertDir: dir}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(quota.Setup(mgr, quota.Options{Enforce: true}), webhook.SetupQuota(mgr, base, trusted)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func binding(name string, replicas int32) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}
	b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1")}}
	b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra", Replicas: replicas}}
	return b
}

// TestTheLimitHoldsOnARealAPIServer lets workloads grow and shrink at random, many at once, beside the counting: at
// no moment is more placed than the quota has, and in the end the status tells what is placed.
func TestTheLimitHoldsOnARealAPIServer(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{})
	ctx := t.Context()
	install(t, home)
	for _, name := range []string{"shop", "karmada-es-fra"} {
		if err := home.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	run(t, home)
	const limit = 20
	team := &policyv1alpha1.FederatedResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "team"}, Spec: policyv1alpha1.FederatedResourceQuotaSpec{
		Overall:           corev1.ResourceList{"cpu": *resource.NewQuantity(limit, resource.DecimalSI)},
		StaticAssignments: []policyv1alpha1.StaticClusterAssignment{{ClusterName: "fra", Hard: corev1.ResourceList{"cpu": resource.MustParse("5")}}},
	}}
	if err := home.Client.Create(ctx, team); err != nil {
		t.Fatal(err)
	}
	home.Eventually("fra is sent its share", func(ctx context.Context) error {
		return home.Client.Get(ctx, client.ObjectKey{Namespace: "karmada-es-fra", Name: core.WorkName(team)}, &workv1alpha1.Work{})
	})
	home.Eventually("the quota binds", func(ctx context.Context) error {
		probe := binding("probe", limit+1)
		err := home.Client.Create(ctx, probe)
		if err == nil {
			return errors.Join(errors.New("let through"), home.Client.Delete(ctx, probe))
		}
		if apierrors.ReasonForError(err) != workv1alpha2.ReasonQuotaExceeded {
			return err
		}
		return nil
	})
	placed := func() (n int64) {
		var all workv1alpha2.ResourceBindingList
		if err := home.Client.List(ctx, &all, client.InNamespace("shop")); err != nil {
			t.Error(err)
		}
		for i := range all.Items {
			q := core.Usage(&all.Items[i].Spec)["cpu"]
			n += q.Value()
		}
		return n
	}
	var workers sync.WaitGroup
	var mu sync.Mutex
	allowed, refused := 0, 0
	start := time.Now()
	for w := range 8 {
		dice := rand.New(rand.NewPCG(1, uint64(w)))
		workers.Go(func() {
			b := binding(fmt.Sprintf("w%d", w), 0)
			if err := home.Client.Create(ctx, b); err != nil {
				t.Error(err)
				return
			}
			for range 40 {
				had := b.Spec.Clusters[0].Replicas
				b.Spec.Clusters[0].Replicas = int32(dice.IntN(8))
				err := home.Client.Update(ctx, b)
				if err != nil {
					b.Spec.Clusters[0].Replicas = had
				}
				mu.Lock()
				switch {
				case err == nil:
					allowed++
				case apierrors.ReasonForError(err) == workv1alpha2.ReasonQuotaExceeded:
					refused++
				default:
					t.Errorf("worker %d: %v", w, err)
				}
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()
	looks := 0
	for working := true; working; looks++ {
		select {
		case <-done:
			working = false
		default:
		}
		if n := placed(); n > limit {
			t.Errorf("%d placed of %d", n, limit)
		}
	}
	t.Logf("%d writes allowed and %d refused in %s, looked at %d times", allowed, refused, time.Since(start).Round(time.Millisecond), looks)
	if refused == 0 || allowed == 0 {
		t.Error("the limit was never reached, or nothing was allowed")
	}
	home.Eventually("the status tells what is placed", func(ctx context.Context) error {
		if err := home.Client.Get(ctx, client.ObjectKeyFromObject(team), team); err != nil {
			return err
		}
		ledger, _ := core.Read(team)
		if used := team.Status.OverallUsed["cpu"]; used.Value() != placed() || len(ledger.Pending) > 0 {
			return fmt.Errorf("%s told, %d placed, ledger %+v", used.String(), placed(), ledger)
		}
		return nil
	})
	if err := home.Client.DeleteAllOf(ctx, &workv1alpha2.ResourceBinding{}, client.InNamespace("shop")); err != nil {
		t.Fatal(err)
	}
	home.Eventually("and that nothing is", func(ctx context.Context) error {
		if err := home.Client.Get(ctx, client.ObjectKeyFromObject(team), team); err != nil {
			return err
		}
		if used := team.Status.OverallUsed["cpu"]; !used.IsZero() {
			return fmt.Errorf("%s told", used.String())
		}
		return nil
	})
	if err := home.Client.Delete(ctx, team); err != nil {
		t.Fatal(err)
	}
	home.Eventually("without a quota nothing is refused", func(ctx context.Context) error {
		return client.IgnoreAlreadyExists(home.Client.Create(ctx, binding("free", 100)))
	})
}
