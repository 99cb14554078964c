package keys

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/parent"
)

const (
	domain    = "apps.example.com"
	namespace = "keys"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// fleet is a hub with one Zone, name servers that report, and a parent zone of two servers.
type fleet struct {
	*testing.T
	client.Client
	r      *reconciler
	clock  *clocktesting.FakePassiveClock
	events *record.FakeRecorder
	ds     [2][]*dns.DS
	broken error
	writes int // of Secrets
	fail   error
}

func newFleet(t *testing.T, d *trafficv1alpha1.ZoneDNSSEC, servers ...string) *fleet {
	f := &fleet{T: t, clock: clocktesting.NewFakePassiveClock(start), events: record.NewFakeRecorder(1000)}
	zone := &trafficv1alpha1.Zone{ObjectMeta: metav1.ObjectMeta{Name: "apps", UID: "zone-uid", Generation: 1}, Spec: trafficv1alpha1.ZoneSpec{
		Domain: domain, DNSSEC: d, NameServers: []trafficv1alpha1.NameServer{{Name: "ns.example.net"}},
	}}
	b := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(zone).WithStatusSubresource(zone)
	f.Client = b.WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			f.count(o)
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			f.count(o)
			if f.fail != nil {
				return f.fail
			}
			return c.Update(ctx, o, opts...)
		},
	}).Build()
	f.r = &reconciler{client: f.Client, clock: f.clock, recorder: f.events, parents: f, namespace: namespace, soon: time.Minute, later: 15 * time.Minute, looks: map[types.NamespacedName]look{}}
	for _, s := range servers {
		f.must(f.Create(t.Context(), &trafficv1alpha1.EndpointHealth{ObjectMeta: metav1.ObjectMeta{Name: s}}))
		f.serve(s)
	}
	return f
}

func (f *fleet) count(o client.Object) {
	if _, ok := o.(*corev1.Secret); ok {
		f.writes++
	}
}

func (f *fleet) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// DS is what the parent answers.
func (f *fleet) DS(context.Context, string) (*parent.View, error) {
	v := &parent.View{Zone: "example.com."}
	for i, ds := range f.ds {
		v.Servers = append(v.Servers, parent.Server{Name: fmt.Sprintf("p%d.", i), DS: ds, TTL: time.Hour})
	}
	return v, f.broken
}

// serve has a name server serve what is in the Secret now.
func (f *fleet) serve(name string) {
	f.Helper()
	h := &trafficv1alpha1.EndpointHealth{}
	f.must(f.Get(f.Context(), client.ObjectKey{Name: name}, h))
	served := trafficv1alpha1.ZoneServed{Domain: domain, MaxTTLSeconds: 600}
	if s := f.secret(); s != nil {
		ring, err := dnssec.ParseRing(s.Data)
		f.must(err)
		served.KeysVersion = ring.Version
	}
	h.Spec.Zones = []trafficv1alpha1.ZoneServed{served}
	h.Spec.RenewTime = metav1.NewMicroTime(f.clock.Now())
	f.must(f.Update(f.Context(), h))
}

func (f *fleet) secret() *corev1.Secret {
	s := &corev1.Secret{}
	err := f.Get(f.Context(), client.ObjectKey{Namespace: namespace, Name: "zone-keys-apps"}, s)
	if apierrors.IsNotFound(err) {
		return nil
	}
	f.must(err)
	return s
}

func (f *fleet) zone() *trafficv1alpha1.Zone {
	z := &trafficv1alpha1.Zone{}
	f.must(f.Get(f.Context(), client.ObjectKey{Name: "apps"}, z))
	return z
}

func (f *fleet) edit(change func(*trafficv1alpha1.ZoneSpec)) {
	z := f.zone()
	change(&z.Spec)
	z.Generation++
	f.must(f.Update(f.Context(), z))
}

// reconcile runs once, and checks that nothing tells a private key.
func (f *fleet) reconcile() time.Duration {
	f.Helper()
	result, err := f.r.Reconcile(f.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "apps"}})
	f.must(err)
	if s := f.secret(); s != nil {
		z := f.zone()
		text := fmt.Sprintf("%+v", z)
		for len(f.events.Events) > 0 {
			text += <-f.events.Events
		}
		for name, data := range s.Data {
			if strings.HasSuffix(name, ".private") {
				for _, line := range strings.Split(string(data), "\n") {
					if _, value, ok := strings.Cut(line, "PrivateKey: "); ok && strings.Contains(text, value) {
						f.Fatal("a private key was told")
					}
				}
			}
		}
	}
	return result.RequeueAfter
}

// later lets time go by, with all servers serving what there is, until a condition has a reason.
func (f *fleet) later(reason string, servers ...string) {
	f.Helper()
	for range 500 {
		wait := f.reconcile()
		for _, s := range servers {
			f.serve(s)
		}
		if f.reason() == reason {
			return
		}
		f.clock.SetTime(f.clock.Now().Add(max(wait, time.Second)))
	}
	f.Fatalf("never %s: %+v %+v", reason, f.zone().Status.Conditions, f.zone().Status.DNSSEC)
}

func (f *fleet) reason() string {
	if c := meta.FindStatusCondition(f.zone().Status.Conditions, trafficv1alpha1.ConditionSecure); c != nil {
		return c.Reason
	}
	return ""
}

// follow has servers of the parent take what the zone asks for.
func (f *fleet) follow(servers ...int) {
	for _, i := range servers {
		f.ds[i] = nil
		for _, text := range f.zone().Status.DNSSEC.DS {
			rr, err := dns.NewRR(text)
			f.must(err)
			f.ds[i] = append(f.ds[i], rr.(*dns.DS))
		}
	}
}

func (f *fleet) keys() string {
	var out []string
	if d := f.zone().Status.DNSSEC; d != nil {
		for _, k := range d.Keys {
			out = append(out, fmt.Sprintf("%s %s %s", k.Role, k.Algorithm, k.State))
		}
	}
	return strings.Join(out, ", ")
}

func TestAZoneIsSigned(t *testing.T) {
	f := newFleet(t, &trafficv1alpha1.ZoneDNSSEC{}, "ns1", "ns2")
	f.reconcile()
	s := f.secret()
	if s == nil || f.writes != 1 || s.Type != trafficv1alpha1.ZoneKeysSecretType || s.Labels[trafficv1alpha1.ZoneKeysLabel] != "apps" ||
		len(s.OwnerReferences) != 1 || s.OwnerReferences[0].UID != "zone-uid" || len(s.Data) != 3 {
		t.Fatalf("%d writes of %+v", f.writes, s)
	}
	if got := f.keys(); got != "CSK ECDSAP256SHA256 Signing" || f.reason() != "Unsigned" {
		t.Errorf("%s, %s", got, f.reason())
	}
	// One server has the key. The other one is waited for, however long that takes, by name.
	f.serve("ns1")
	f.clock.SetTime(start.Add(48 * time.Hour))
	f.reconcile()
	f.reconcile()
	if w := f.zone().Status.DNSSEC.WaitsFor; !strings.Contains(w, "served by ns2 (last heard 2026-03-01T00:00:00Z)") || f.writes != 1 {
		t.Errorf("waits for %q, %d writes", w, f.writes)
	}
	f.serve("ns2")
	f.reconcile()
	if w := f.zone().Status.DNSSEC.WaitsFor; w != "every resolver to know the new key" || f.reason() != "Unsigned" {
		t.Errorf("waits for %q, %s", w, f.reason())
	}
	// From that moment on caches are waited for: 600 s and 5 m.
	f.clock.SetTime(start.Add(48*time.Hour + 14*time.Minute))
	f.reconcile()
	if f.reason() != "Unsigned" {
		t.Errorf("too early: %s", f.reason())
	}
	f.later("AwaitingDS", "ns1", "ns2")
	if len(f.zone().Status.DNSSEC.DS) != 1 || f.clock.Now().Before(start.Add(48*time.Hour+15*time.Minute)) {
		t.Errorf("at %s: %v", f.clock.Now(), f.zone().Status.DNSSEC.DS)
	}
	f.follow(0)
	for range 5 {
		f.clock.SetTime(f.clock.Now().Add(time.Hour))
		f.reconcile()
	}
	if f.reason() != "AwaitingDS" {
		t.Errorf("one server of the parent has no DS: %s", f.reason())
	}
	f.follow(1)
	f.later("Secure", "ns1", "ns2")
	if wait := f.reconcile(); wait < 10*time.Minute || f.zone().Status.DNSSEC.WaitsFor != "" || !f.zone().Status.DNSSEC.Keys[0].AtParent {
		t.Errorf("again in %s, %+v", wait, f.zone().Status.DNSSEC)
	}
	writes := f.writes
	f.reconcile()
	if f.writes != writes {
		t.Error("a Secret was written although nothing has changed")
	}
}

func TestKeysAreReplacedAndRemoved(t *testing.T) {
	lifetime := &metav1.Duration{Duration: 90 * 24 * time.Hour}
	f := newFleet(t, &trafficv1alpha1.ZoneDNSSEC{Keys: "Split", KeyLifetime: lifetime, ZoneKeyLifetime: lifetime}, "ns1")
	f.later("AwaitingDS", "ns1")
	f.follow(0, 1)
	f.later("Secure", "ns1")
	first := f.zone().Status.DNSSEC.Keys
	if got := f.keys(); got != "KSK ECDSAP256SHA256 Signing, ZSK ECDSAP256SHA256 Signing" {
		t.Fatal(got)
	}
	f.clock.SetTime(f.clock.Now().Add(lifetime.Duration))
	f.later("RollingOver", "ns1")
	if c := meta.FindStatusCondition(f.zone().Status.Conditions, "Secure"); c.Status != metav1.ConditionTrue {
		t.Errorf("not secure while keys are replaced: %+v", c)
	}
	for range 30 {
		f.clock.SetTime(f.clock.Now().Add(max(f.reconcile(), 10*time.Minute)))
		f.serve("ns1")
		f.follow(0, 1)
	}
	f.later("Secure", "ns1")
	second := f.zone().Status.DNSSEC.Keys
	if len(second) != 2 || second[0].ID == first[0].ID || second[1].ID == first[1].ID || len(f.secret().Data) != 5 {
		t.Fatalf("%+v", second)
	}
	// Another algorithm.
	f.edit(func(s *trafficv1alpha1.ZoneSpec) { s.DNSSEC = &trafficv1alpha1.ZoneDNSSEC{Algorithm: "ED25519"} })
	f.later("RollingOver", "ns1")
	for range 40 {
		f.clock.SetTime(f.clock.Now().Add(max(f.reconcile(), 10*time.Minute)))
		f.serve("ns1")
		f.follow(0, 1)
	}
	f.later("Secure", "ns1")
	if got := f.keys(); got != "CSK ED25519 Signing" {
		t.Fatal(got)
	}
	// And none.
	f.edit(func(s *trafficv1alpha1.ZoneSpec) { s.DNSSEC = nil })
	f.later("Unsigning", "ns1")
	f.clock.SetTime(f.clock.Now().Add(100 * time.Hour))
	f.reconcile()
	if got := f.keys(); got != "CSK ED25519 Signing" {
		t.Fatalf("unsigned while the parent has a DS: %s", got)
	}
	f.ds = [2][]*dns.DS{}
	f.later("Unsigned", "ns1")
	for range 3 {
		f.reconcile()
	}
	if z := f.zone(); z.Status.DNSSEC != nil || len(f.secret().Data) != 1 {
		t.Errorf("%+v, and %d things in the Secret", z.Status.DNSSEC, len(f.secret().Data))
	}
}

func TestWhatIsWrong(t *testing.T) {
	secure := func(t *testing.T) *fleet {
		f := newFleet(t, &trafficv1alpha1.ZoneDNSSEC{}, "ns1")
		f.later("AwaitingDS", "ns1")
		f.follow(0, 1)
		f.later("Secure", "ns1")
		return f
	}
	look := func(f *fleet) {
		f.clock.SetTime(f.clock.Now().Add(time.Hour))
		f.reconcile()
	}
	t.Run("the Secret is gone", func(t *testing.T) {
		f := secure(t)
		f.must(f.Delete(t.Context(), f.secret()))
		look(f)
		if f.reason() != "KeysUnavailable" || f.secret() != nil {
			t.Errorf("%s, %v", f.reason(), f.secret())
		}
		f.ds = [2][]*dns.DS{}
		f.serve("ns1")
		look(f)
		if f.secret() == nil {
			t.Error("no new keys although nobody misses the old")
		}
	})
	t.Run("the Secret is broken", func(t *testing.T) {
		f := secure(t)
		s := f.secret()
		for name := range s.Data {
			if strings.HasSuffix(name, ".private") {
				s.Data[name] = []byte("nonsense")
			}
		}
		f.must(f.Update(t.Context(), s))
		writes := f.writes
		look(f)
		if f.reason() != "KeysUnavailable" || f.writes != writes {
			t.Errorf("%s, %d writes", f.reason(), f.writes-writes)
		}
	})
	t.Run("the parent has a foreign DS", func(t *testing.T) {
		f := secure(t)
		rr, err := dns.NewRR(domain + ". 3600 IN DS 1 13 2 " + strings.Repeat("AB", 32))
		f.must(err)
		f.ds[1] = append(f.ds[1], rr.(*dns.DS))
		look(f)
		if f.reason() != "ParentForeignDS" {
			t.Error(f.reason())
		}
	})
	t.Run("the parent cannot be asked", func(t *testing.T) {
		f := secure(t)
		f.broken = fmt.Errorf("no way")
		look(f)
		if c := meta.FindStatusCondition(f.zone().Status.Conditions, "Secure"); c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, "no way") {
			t.Errorf("%+v", c)
		}
	})
	t.Run("somebody else was faster", func(t *testing.T) {
		f := newFleet(t, &trafficv1alpha1.ZoneDNSSEC{}, "ns1")
		f.reconcile()
		f.serve("ns1")
		f.fail = apierrors.NewConflict(schema.GroupResource{Resource: "secrets"}, "zone-keys-apps", nil)
		before := f.zone().ResourceVersion
		if wait := f.reconcile(); wait > time.Second || f.zone().ResourceVersion != before {
			t.Errorf("again in %s", wait)
		}
	})
	t.Run("a server goes back", func(t *testing.T) {
		f := secure(t)
		h := &trafficv1alpha1.EndpointHealth{}
		f.must(f.Get(t.Context(), client.ObjectKey{Name: "ns1"}, h))
		h.Spec.Zones[0].KeysVersion = "older"
		f.must(f.Update(t.Context(), h))
		look(f)
		if w := f.zone().Status.DNSSEC.WaitsFor; !strings.Contains(w, "served by ns1") {
			t.Errorf("waits for %q", w)
		}
		f.must(f.Delete(t.Context(), h))
		f.must(f.Create(t.Context(), &trafficv1alpha1.EndpointHealth{ObjectMeta: metav1.ObjectMeta{Name: "ns2"}}))
		f.serve("ns2")
		look(f)
		if w := f.zone().Status.DNSSEC.WaitsFor; w != "" || f.reason() != "Secure" {
			t.Errorf("waits for %q, %s", w, f.reason())
		}
	})
}

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 250)
	if got := SecretName(long); len(got) > 253 || !strings.HasPrefix(got, "zone-keys-aaa") || got == SecretName(long+"b") {
		t.Error(got)
	}
	if got := short(strings.Repeat("a.", 100), 63); len(got) > 63 {
		t.Error(got)
	}
}
