package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/quota"
)

// desk is a hub with quotas, whose reads and writes are counted.
type desk struct {
	*quotaDesk
	gate          *quotaGate
	reads, writes int
	// onWrite is asked before each write of a ledger.
	onWrite func() error
}

func newDesk(objs ...client.Object) *desk {
	d := &desk{onWrite: func() error { return nil }}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, opts ...client.PatchOption) error {
			d.writes++
			if err := d.onWrite(); err != nil {
				return err
			}
			return c.Patch(ctx, obj, p, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			d.reads++
			return c.List(ctx, list, opts...)
		},
	}).Build()
	d.quotaDesk = &quotaDesk{live: c, client: c, clock: clock.RealClock{}}
	d.gate = &quotaGate{cached: c, decoder: decoder, desk: d.quotaDesk}
	return d
}

func (d *desk) total(t *testing.T, name string) string {
	t.Helper()
	q := &policyv1alpha1.FederatedResourceQuota{}
	if err := d.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, q); err != nil {
		t.Fatal(err)
	}
	l, _ := quota.Read(q)
	total := l.Total()["cpu"]
	return total.String()
}

func encoded(t *testing.T, b *workv1alpha2.ResourceBinding) runtime.RawExtension {
	t.Helper()
	b.APIVersion, b.Kind = workv1alpha2.GroupVersion.String(), "ResourceBinding"
	data, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: data}
}

// asks is the request of a write of a binding; old is nil at creation.
func asks(t *testing.T, b, old *workv1alpha2.ResourceBinding) admission.Request {
	t.Helper()
	b.UID = "u-" + types.UID(b.Name)
	req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: admissionv1.Create, Namespace: b.Namespace, Object: encoded(t, b)}}
	if old != nil {
		old.Generation = 4
		req.Operation, req.OldObject = admissionv1.Update, encoded(t, old)
	}
	return req
}

func TestQuotaGate(t *testing.T) {
	uncounted := counting(t, "team", "10")
	uncounted.Annotations = nil
	leaving := counting(t, "team", "1")
	leaving.DeletionTimestamp, leaving.Finalizers, leaving.Annotations = ptr.To(metav1.Now()), []string{"x"}, nil
	going := placed("web", "1", 50)
	going.DeletionTimestamp = ptr.To(metav1.Now())
	tests := map[string]struct {
		quotas   []client.Object
		new, old *workv1alpha2.ResourceBinding
		dryRun   bool
		reason   metav1.StatusReason // of the refusal
		code     int32
		total    string // of the quota team
		reads    int
		writes   int
	}{
		"there is room":                      {quotas: []client.Object{counting(t, "team", "10")}, new: placed("web", "1", 4, 6), total: "10", reads: 2, writes: 1},
		"there is not":                       {quotas: []client.Object{counting(t, "team", "10")}, new: placed("web", "1", 4, 7), reason: "QuotaExceeded", code: 403, total: "0", reads: 2},
		"a dry run with room":                {quotas: []client.Object{counting(t, "team", "10")}, new: placed("web", "1", 10), dryRun: true, total: "0", reads: 2},
		"a dry run without":                  {quotas: []client.Object{counting(t, "team", "10")}, new: placed("web", "1", 11), dryRun: true, reason: "QuotaExceeded", code: 403, total: "0", reads: 2},
		"a larger request for what is there": {quotas: []client.Object{counting(t, "team", "10")}, new: placed("web", "3", 4), old: placed("web", "1", 4), total: "8", reads: 2, writes: 1},
		"less is not looked at":              {quotas: []client.Object{counting(t, "team", "10")}, new: placed("web", "1", 40), old: placed("web", "1", 50), total: "0"},
		"what is going is let go":            {quotas: []client.Object{counting(t, "team", "10")}, new: going, total: "0"},
		"no quota in this namespace":         {new: placed("web", "1", 50), reads: 1},
		"a quota that is not counted yet":    {quotas: []client.Object{uncounted}, new: placed("web", "1", 1), reason: "ServiceUnavailable", code: 503, total: "0", reads: 2},
		"a quota on its way out":             {quotas: []client.Object{leaving}, new: placed("web", "1", 50), total: "0", reads: 2},
		"two quotas, one without room":       {quotas: []client.Object{counting(t, "team", "10"), counting(t, "tight", "1")}, new: placed("web", "1", 2), reason: "QuotaExceeded", code: 403, total: "0", reads: 2},
		"two quotas with room":               {quotas: []client.Object{counting(t, "team", "10"), counting(t, "other", "2")}, new: placed("web", "1", 2), total: "2", reads: 2, writes: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDesk(tt.quotas...)
			req := asks(t, tt.new, tt.old)
			req.DryRun = &tt.dryRun
			resp := d.gate.Handle(t.Context(), req)
			if resp.Allowed != (tt.reason == "") || !resp.Allowed && (resp.Result.Reason != tt.reason || resp.Result.Code != tt.code) {
				t.Errorf("answered %+v", resp)
			}
			if d.reads != tt.reads || d.writes != tt.writes {
				t.Errorf("%d reads and %d writes, want %d and %d", d.reads, d.writes, tt.reads, tt.writes)
			}
			if tt.total != "" && d.total(t, "team") != tt.total {
				t.Errorf("total %s, want %s", d.total(t, "team"), tt.total)
			}
		})
	}
}

func TestQuotaGateRefusesWhatItCanNotRead(t *testing.T) {
	d := newDesk(counting(t, "team", "1"))
	for name, req := range map[string]admission.Request{
		"the object":     {AdmissionRequest: admissionv1.AdmissionRequest{Object: runtime.RawExtension{Raw: []byte("{")}}},
		"the old object": {AdmissionRequest: admissionv1.AdmissionRequest{Operation: admissionv1.Update, Object: encoded(t, placed("web", "1", 1)), OldObject: runtime.RawExtension{Raw: []byte("{")}}},
	} {
		if resp := d.gate.Handle(t.Context(), req); resp.Allowed || resp.Result.Code != http.StatusBadRequest {
			t.Errorf("%s: %+v", name, resp)
		}
	}
}

func TestAnotherProcessIsQuicker(t *testing.T) {
	d := newDesk(counting(t, "team", "10"))
	conflict := apierrors.NewConflict(policyv1alpha1.GroupVersion.WithResource("federatedresourcequotas").GroupResource(), "team", errors.New("changed"))
	d.onWrite = func() error {
		if d.writes == 1 { // the other one takes 9 of 10
			d.onWrite = func() error { return nil }
			if err := d.decide(t.Context(), "shop", quota.Claim{UID: "other", Wants: quota.Usage(&placed("other", "1", 9).Spec)}, false); err != nil {
				t.Error(err)
			}
			return conflict
		}
		return nil
	}
	mine := d.quotaDesk // a desk of its own on the same hub
	d.quotaDesk = &quotaDesk{live: mine.live, client: mine.client, clock: mine.clock}
	resp := d.gate.Handle(t.Context(), asks(t, placed("web", "1", 2), nil))
	if resp.Allowed || resp.Result.Reason != "QuotaExceeded" || d.total(t, "team") != "9" {
		t.Errorf("answered %+v, total %s", resp, d.total(t, "team"))
	}

	d = newDesk(counting(t, "team", "10"))
	d.onWrite = func() error { return conflict }
	if err := d.decide(t.Context(), "shop", quota.Claim{UID: "a", Wants: quota.Usage(&placed("web", "1", 1).Spec)}, false); !apierrors.IsConflict(err) || d.writes != deskTries {
		t.Errorf("after %d writes: %v", d.writes, err)
	}
}

// TestClaimsAreDecidedTogether has many claims wait while one is written: all of them cost one more write.
func TestClaimsAreDecidedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(counting(t, "team", "10"))
		hold := make(chan struct{})
		d.onWrite = func() error {
			<-hold
			return nil
		}
		answers := make(chan error, 30)
		claim := func(i int) {
			answers <- d.decide(t.Context(), "shop", quota.Claim{UID: types.UID(fmt.Sprint(i)), Wants: quota.Usage(&placed("web", "1", 1).Spec)}, false)
		}
		go claim(0)
		synctest.Wait()
		for i := 1; i < 30; i++ {
			go claim(i)
		}
		synctest.Wait()
		gaveUp, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.decide(gaveUp, "shop", quota.Claim{UID: "late"}, false); !errors.Is(err, context.Canceled) {
			t.Errorf("one that gave up: %v", err)
		}
		close(hold)
		admitted := 0
		for range 30 {
			if err := <-answers; err == nil {
				admitted++
			}
		}
		synctest.Wait()
		if admitted != 10 || d.writes != 2 || d.reads != 2 || len(d.waiting) != 0 {
			t.Errorf("%d admitted with %d reads and %d writes; waiting %v", admitted, d.reads, d.writes, d.waiting)
		}
	})
}

func TestTheAPIServerAsksWhereThereAreQuotas(t *testing.T) {
	writes := 0
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			writes++
			return c.Create(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, opts ...client.PatchOption) error {
			writes++
			return c.Patch(ctx, obj, p, opts...)
		},
	}).Build()
	r := &quotaScope{client: c, base: parse(t, "https://hub.example.com:9443"), caBundle: []byte("trusted")}
	expect := func(what string, wantWrites int, where ...string) {
		t.Helper()
		writes = 0
		for range 2 {
			if _, err := r.Reconcile(t.Context(), ctrl.Request{}); err != nil {
				t.Fatal(err)
			}
		}
		got := &admissionregistrationv1.ValidatingWebhookConfiguration{}
		if err := c.Get(t.Context(), client.ObjectKey{Name: "seaway-quota"}, got); err != nil {
			t.Fatal(err)
		}
		w := got.Webhooks[0]
		if diff := cmp.Diff(where, w.NamespaceSelector.MatchExpressions[0].Values); diff != "" || writes != wantWrites {
			t.Errorf("%s: %d writes, want %d; namespaces (-want +got):\n%s", what, writes, wantWrites, diff)
		}
		if w.Name != "resourcebinding.karmada.io" || *w.SideEffects != admissionregistrationv1.SideEffectClassNoneOnDryRun || *w.FailurePolicy != admissionregistrationv1.Fail ||
			*w.ClientConfig.URL != "https://hub.example.com:9443/validate-resourcebinding-quota" || string(w.ClientConfig.CABundle) != "trusted" || slices.Contains(w.Rules[0].Resources, "resourcebindings/status") {
			t.Errorf("%s: %+v", what, w)
		}
	}
	put := func(namespace, name string, counted bool) *policyv1alpha1.FederatedResourceQuota {
		q := counting(t, name, "1")
		q.Namespace = namespace
		if !counted {
			q.Annotations = nil
		}
		if err := c.Create(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		return q
	}
	expect("no quota", 1)
	put("zoo", "a", true)
	shop := put("shop", "a", true)
	put("shop", "b", true)
	put("new", "a", false)
	writes = 0
	expect("quotas", 1, "shop", "zoo")
	if err := c.Delete(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	expect("another one is still there", 0, "shop", "zoo")
	r.caBundle = []byte("trusted")
	if err := c.DeleteAllOf(t.Context(), &policyv1alpha1.FederatedResourceQuota{}, client.InNamespace("shop")); err != nil {
		t.Fatal(err)
	}
	expect("the last of a namespace is gone", 1, "zoo")
}
