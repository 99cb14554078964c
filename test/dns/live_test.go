package dns

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/keys"
	"github.com/seaway-io/seaway/dns/parent"
)

// registry stands in for a parent zone.
type registry struct {
	mu sync.Mutex
	ds []*miekg.DS
}

// DS is what its servers have.
func (r *registry) DS(context.Context, string) (*parent.View, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &parent.View{Zone: "example.com.", Servers: []parent.Server{{Name: "a.example.com.", DS: r.ds, TTL: time.Second}}}, nil
}

func (r *registry) have(texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ds = nil
	for _, text := range texts {
		rr, err := miekg.NewRR(text)
		if err != nil {
			panic(err)
		}
		rr.Header().Ttl = 1
		r.ds = append(r.ds, rr.(*miekg.DS))
	}
}

// From a field in a Zone to answers that are validated: the controller and two name servers at a real
// API server, which then is gone.
func TestAZoneIsSignedByEverybody(t *testing.T) {
	program := tool(t, "delv")
	home := hubtest.Start(t, hubtest.Options{})
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	installTrafficKinds(t, home)
	must(home.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "keys"}}))
	second := &metav1.Duration{Duration: time.Second}
	zone := &trafficv1alpha1.Zone{ObjectMeta: metav1.ObjectMeta{Name: "apps"}, Spec: trafficv1alpha1.ZoneSpec{
		Domain: "apps.example.com", TTL: second, SOA: &trafficv1alpha1.SOA{NegativeTTL: second},
		NameServers: []trafficv1alpha1.NameServer{{Name: "ns1.example.net"}},
		Records:     []trafficv1alpha1.Record{{Name: "www", Type: "A", Values: []string{"192.0.2.1"}}},
		DNSSEC:      &trafficv1alpha1.ZoneDNSSEC{Propagation: &metav1.Duration{}},
	}}
	must(home.Client.Create(ctx, zone))

	mgr, err := ctrl.NewManager(home.Config, ctrl.Options{Scheme: scheme.New(), Logger: klog.Background(), Metrics: metricsserver.Options{BindAddress: "0"},
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}}})
	must(err)
	r := &registry{}
	must(keys.Setup(mgr, keys.Options{Clock: clock.RealClock{}, Parents: r, Namespace: "keys", LookSoon: time.Second, LookLater: 2 * time.Second}))
	running, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(running) }()
	t.Cleanup(func() { stop(); <-done })

	dir := t.TempDir()
	serve := func(name, dir string) *dns.Server {
		s, err := dns.New(dns.Options{Name: name, Config: func() (*rest.Config, error) { return home.Config, nil }, Listen: []string{"127.0.0.1:0"}, StateDir: dir,
			KeysNamespace: "keys", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		must(err)
		return s
	}
	one, two := serve("ns1", t.TempDir()), serve("ns2", dir)
	run(t, one)
	second2, stop2 := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- two.Run(second2) }()
	t.Cleanup(stop2)

	reason := func(want string) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := home.Client.Get(ctx, client.ObjectKey{Name: "apps"}, zone); err != nil {
				return err
			}
			c := meta.FindStatusCondition(zone.Status.Conditions, trafficv1alpha1.ConditionSecure)
			if c == nil || c.Reason != want {
				return fmt.Errorf("%+v, %+v", c, zone.Status.DNSSEC)
			}
			return nil
		}
	}
	home.Eventually("the zone waits for the parent", reason(trafficv1alpha1.ReasonAwaitingDS))
	r.have(zone.Status.DNSSEC.DS)
	home.Eventually("the zone is secure", reason(trafficv1alpha1.ReasonSecure))

	secret := &corev1.Secret{}
	must(home.Client.Get(ctx, client.ObjectKey{Namespace: "keys", Name: keys.SecretName("apps")}, secret))
	secret.Type = corev1.SecretTypeOpaque
	if err := home.Client.Update(ctx, secret); !apierrors.IsInvalid(err) {
		t.Errorf("the type of the Secret could be changed: %v", err)
	}
	ring, err := dnssec.ParseRing(secret.Data)
	must(err)
	anchor := anchorFile(t, ring.Entry)
	validated := func(s *dns.Server) {
		t.Helper()
		for _, name := range []string{"www", "nope"} {
			if got := delv(t, program, s.Addresses()[0], anchor, full(name), "A"); !strings.Contains(got, "fully validated") {
				t.Error(got)
			}
		}
	}
	validated(one)
	validated(two)

	// Another algorithm, while one server is away: nothing goes on before it is back.
	stop2()
	must(<-ended)
	must(home.Client.Get(ctx, client.ObjectKey{Name: "apps"}, zone))
	zone.Spec.DNSSEC.Algorithm = trafficv1alpha1.DNSSECAlgorithmED25519
	must(home.Client.Update(ctx, zone))
	home.Eventually("the server that is away is waited for", func(ctx context.Context) error {
		if err := reason(trafficv1alpha1.ReasonRollingOver)(ctx); err != nil {
			return err
		}
		if w := zone.Status.DNSSEC.WaitsFor; !strings.Contains(w, "served by ns2") || strings.Contains(w, "ns1") {
			return fmt.Errorf("waits for %q", w)
		}
		return nil
	})
	two = serve("ns2", dir)
	run(t, two)
	home.Eventually("the algorithm is replaced", func(ctx context.Context) error {
		if err := home.Client.Get(ctx, client.ObjectKey{Name: "apps"}, zone); err != nil {
			return err
		}
		r.have(zone.Status.DNSSEC.DS)
		if k := zone.Status.DNSSEC.Keys; len(k) != 1 || k[0].Algorithm != trafficv1alpha1.DNSSECAlgorithmED25519 || zone.Status.DNSSEC.WaitsFor != "" {
			return fmt.Errorf("%+v", zone.Status.DNSSEC)
		}
		return nil
	})
	must(home.Client.Get(ctx, client.ObjectKey{Namespace: "keys", Name: keys.SecretName("apps")}, secret))
	ring, err = dnssec.ParseRing(secret.Data)
	must(err)
	anchor = anchorFile(t, ring.Entry)

	// Without the hub.
	home.Stop()
	validated(one)
	validated(two)
}

func installTrafficKinds(t *testing.T, home *hubtest.ControlPlane) {
	t.Helper()
	err := fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "traffic.seaway.dev") {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil {
			return err
		}
		var crd unstructured.Unstructured
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return err
		}
		return home.Client.Create(t.Context(), &crd)
	})
	if err != nil {
		t.Fatal(err)
	}
	home.Eventually("the kinds are served", func(ctx context.Context) error {
		for _, list := range []client.ObjectList{&trafficv1alpha1.ZoneList{}, &trafficv1alpha1.TrafficPlanList{}, &trafficv1alpha1.RegionMapList{}, &trafficv1alpha1.EndpointHealthList{}} {
			if err := home.Client.List(ctx, list); err != nil {
				return err
			}
		}
		return nil
	})
}
