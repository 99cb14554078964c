package quota

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	core "github.com/seaway-io/seaway/controllers/core/quota"
)

var key = client.ObjectKey{Namespace: "shop", Name: "team"}

// world is a hub with the quota shop/team and the execution namespaces of fra and iad.
type world struct {
	*reconciler
	t      *testing.T
	clock  *clocktesting.FakeClock
	events *record.FakeRecorder
	writes []string
	// before is called before a write.
	before func(what string) error
}

func list(text string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for _, part := range strings.Split(text, ",") {
		if name, amount, ok := strings.Cut(part, "="); ok {
			out[corev1.ResourceName(name)] = resource.MustParse(amount)
		}
	}
	return out
}

func teamQuota(overall string, shares ...string) *policyv1alpha1.FederatedResourceQuota {
	q := &policyv1alpha1.FederatedResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	q.Spec.Overall = list(overall)
	for _, s := range shares {
		cluster, hard, _ := strings.Cut(s, ":")
		q.Spec.StaticAssignments = append(q.Spec.StaticAssignments, policyv1alpha1.StaticClusterAssignment{ClusterName: cluster, Hard: list(hard)})
	}
	return q
}

func newWorld(t *testing.T, enforce bool, objs ...client.Object) *world {
	t.Helper()
	w := &world{t: t, clock: clocktesting.NewFakeClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)), events: record.NewFakeRecorder(100), before: func(string) error { return nil }}
	for _, cluster := range []string{"fra", "iad"} {
		objs = append(objs, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: names.ExecutionNamespace(cluster)}})
	}
	wrote := func(verb string, obj client.Object) error {
		what := verb + " " + client.ObjectKeyFromObject(obj).String()
		w.writes = append(w.writes, what)
		return w.before(what)
	}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).
		WithStatusSubresource(&policyv1alpha1.FederatedResourceQuota{}).
		WithIndex(&workv1alpha1.Work{}, IndexWorkByQuota, quotaOfWork).
		WithIndex(&policyv1alpha1.FederatedResourceQuota{}, IndexQuotaByCluster, clustersOfQuota).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				return errors.Join(wrote("create", obj), c.Create(ctx, obj, opts...))
			},
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, opts ...client.PatchOption) error {
				if err := wrote("patch", obj); err != nil {
					return err
				}
				return c.Patch(ctx, obj, p, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
				return errors.Join(wrote("delete", obj), c.Delete(ctx, obj, opts...))
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if err := wrote(sub, obj); err != nil {
					return err
				}
				return c.SubResource(sub).Patch(ctx, obj, p, opts...)
			},
		}).Build()
	w.reconciler = &reconciler{client: c, live: c, recorder: w.events, clock: w.clock, enforce: enforce}
	return w
}

// sync reconciles and returns the writes and the events' reasons.
func (w *world) sync() (writes, reasons []string, result ctrl.Result) {
	w.t.Helper()
	w.writes = nil
	result, err := w.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: key})
	if err != nil {
		w.t.Fatal(err)
	}
	for len(w.events.Events) > 0 {
		reasons = append(reasons, strings.Fields(<-w.events.Events)[1])
	}
	return w.writes, reasons, result
}

func (w *world) quota() *policyv1alpha1.FederatedResourceQuota {
	w.t.Helper()
	q := &policyv1alpha1.FederatedResourceQuota{}
	if err := w.client.Get(w.t.Context(), key, q); err != nil {
		w.t.Fatal(err)
	}
	return q
}

func (w *world) used(want string) {
	w.t.Helper()
	if got := w.quota().Status.OverallUsed; !core.Equal(got, list(want)) {
		w.t.Errorf("overallUsed %v, want %s", got, want)
	}
}

func (w *world) expect(what string, wantWrites, wantReasons []string) {
	w.t.Helper()
	writes, reasons, _ := w.sync()
	if diff := cmp.Diff(wantWrites, writes); diff != "" {
		w.t.Errorf("%s: writes (-want +got):\n%s", what, diff)
	}
	if diff := cmp.Diff(wantReasons, reasons); diff != "" {
		w.t.Errorf("%s: events (-want +got):\n%s", what, diff)
	}
}

func workKey(cluster string) string {
	return names.ExecutionNamespace(cluster) + "/" + names.WorkName("ResourceQuota", "team", "shop")
}

// report is what execution and status write of a share.
func (w *world) reportShare(cluster, status string) {
	w.t.Helper()
	work := &workv1alpha1.Work{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: names.ExecutionNamespace(cluster), Name: names.WorkName("ResourceQuota", "team", "shop")}, work); err != nil {
		w.t.Fatal(err)
	}
	work.Status.Conditions = []metav1.Condition{{Type: workv1alpha1.WorkApplied, Status: metav1.ConditionTrue}}
	work.Status.ManifestStatuses = []workv1alpha1.ManifestStatus{{Status: &runtime.RawExtension{Raw: []byte(status)}}}
	if err := w.client.Update(w.t.Context(), work); err != nil {
		w.t.Fatal(err)
	}
}

func TestSharesGoToTheirClusters(t *testing.T) {
	w := newWorld(t, false, teamQuota("cpu=4,pods=9", "fra:cpu=3", "iad:cpu=1", "not-there:cpu=0"))
	status := "status shop/team"
	w.expect("a new quota", []string{"create " + workKey("fra"), "create " + workKey("iad"), status}, []string{"SyncWorkSucceed", "CollectOverallStatusSucceed"})
	w.expect("nothing changed", nil, nil)

	w.reportShare("fra", `{"hard":{"cpu":"3"},"used":{"cpu":"2","pods":"4"}}`)
	w.reportShare("iad", `{"hard":{"cpu":"1"},"used":{"cpu":"500m"}}`)
	w.expect("the clusters report", []string{status}, []string{"AggregateStatusSucceed", "CollectOverallStatusSucceed"})
	w.used("cpu=2500m,pods=4")
	if items := w.quota().Status.AggregatedStatus; len(items) != 2 || items[0].ClusterName != "fra" || items[1].ClusterName != "iad" {
		t.Errorf("aggregated %+v", items)
	}
	w.reportShare("iad", `{"hard":{"cpu":"much"}}`)
	w.expect("one reports nonsense", []string{status}, []string{"AggregateStatusFailed", "AggregateStatusSucceed", "CollectOverallStatusSucceed"})

	q := w.quota()
	q.Spec.StaticAssignments = q.Spec.StaticAssignments[:1]
	q.Spec.StaticAssignments[0].Hard = list("cpu=4")
	if err := w.client.Update(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	w.expect("a cluster is taken off, the other's share grows", []string{"delete " + workKey("iad"), "patch " + workKey("fra")}, []string{"SyncWorkSucceed"})

	if err := w.client.Delete(t.Context(), w.quota()); err != nil {
		t.Fatal(err)
	}
	w.expect("the quota is deleted", []string{"delete " + workKey("fra")}, nil)
	w.expect("it is gone", nil, nil)
}

func TestAClusterThatJoinsLaterGetsItsShare(t *testing.T) {
	w := newWorld(t, false, teamQuota("cpu=4", "late:cpu=1"))
	w.expect("it is not there", []string{"status shop/team"}, []string{"CollectOverallStatusSucceed"})
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "karmada-es-late"}}
	if err := w.client.Create(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	if !appeared.Create(event.CreateEvent{Object: space}) || appeared.Create(event.CreateEvent{Object: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}}) {
		t.Error("the wrong namespaces are looked at")
	}
	if reqs := w.ofCluster(t.Context(), space); len(reqs) != 1 || reqs[0].NamespacedName != key {
		t.Errorf("who is waiting: %v", reqs)
	}
	w.expect("it joins", []string{"create " + workKey("late")}, []string{"SyncWorkSucceed"})
}

func TestAWorkOfSomebodyElseIsLeftAlone(t *testing.T) {
	theirs := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-es-fra", Name: names.WorkName("ResourceQuota", "team", "shop"), Labels: map[string]string{names.ResourceBindingPermanentID: "x"}}}
	w := newWorld(t, false, theirs, teamQuota("cpu=4", "fra:cpu=1", "iad:cpu=1"))
	_, err := w.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
	if !errors.Is(err, errTaken) || !slices.Contains(w.writes, "create "+workKey("iad")) || slices.Contains(w.writes, "patch "+workKey("fra")) {
		t.Errorf("%v; writes %v", err, w.writes)
	}
	if got := <-w.events.Events; !strings.Contains(got, "SyncWorkFailed") {
		t.Errorf("event %q", got)
	}
}

func TestAQuotaThatCanNotBeRightIsTold(t *testing.T) {
	w := newWorld(t, false, teamQuota("cpu=1", "fra:cpu=2"))
	w.expect("more is assigned than there is", []string{"status shop/team"}, []string{"SyncWorkFailed", "CollectOverallStatusSucceed"})
}

func binding(name string, generation int64, cpu string, replicas int32) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), Generation: generation}}
	b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: list("cpu=" + cpu)}
	b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra", Replicas: replicas}}
	return b
}

func TestTheWholeIsCounted(t *testing.T) {
	elsewhere := binding("far", 1, "9", 9)
	elsewhere.Namespace = "zoo"
	w := newWorld(t, true, teamQuota("cpu=10,pods=5"), binding("a", 2, "500m", 4), binding("b", 1, "1", 1), elsewhere)
	both := []string{"patch shop/team", "status shop/team"}
	collected := []string{"CollectOverallStatusSucceed"}
	w.expect("a new quota", both, collected)
	w.used("cpu=3")
	w.expect("nothing changed", nil, nil)

	// admission lets b grow to 4
	q := w.quota()
	l, ok := core.Read(q)
	if !ok {
		t.Fatal("no ledger")
	}
	account := &core.Account{Quota: q, Ledger: l}
	if err := core.Admit([]*core.Account{account}, core.Claim{UID: "b", Generation: 1, Had: list("cpu=1"), Wants: list("cpu=4")}, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(account.Ledger.Write(q), w.client.Update(t.Context(), q)); err != nil {
		t.Fatal(err)
	}
	w.expect("what is reserved is used", []string{"status shop/team"}, collected)
	w.used("cpu=6")
	if _, _, result := w.sync(); result.RequeueAfter != core.Patience {
		t.Errorf("looked at again after %s", result.RequeueAfter)
	}
	b := binding("b", 2, "1", 4)
	if err := errors.Join(w.client.Delete(t.Context(), binding("b", 1, "1", 1)), w.client.Create(t.Context(), b)); err != nil {
		t.Fatal(err)
	}
	w.expect("the growth is seen: only the ledger knows more", []string{"patch shop/team"}, nil)
	if err := w.client.Delete(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.expect("it is deleted", both, collected)
	w.used("cpu=2")

	q = w.quota()
	q.Annotations[names.QuotaLedgerAnnotation] = "spoilt"
	if err := w.client.Update(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	w.expect("a ledger that makes no sense is made anew", []string{"patch shop/team"}, nil)
}

func TestCountingBesideAdmission(t *testing.T) {
	w := newWorld(t, true, teamQuota("cpu=10"), binding("a", 1, "1", 1))
	conflicts := 2
	w.before = func(what string) error {
		if what == "patch shop/team" && conflicts > 0 {
			conflicts--
			return apierrors.NewConflict(policyv1alpha1.Resource("federatedresourcequotas"), "team", errors.New("changed"))
		}
		return nil
	}
	writes, _, _ := w.sync()
	if diff := cmp.Diff([]string{"patch shop/team", "patch shop/team", "patch shop/team", "status shop/team"}, writes); diff != "" {
		t.Error(diff)
	}
	w.used("cpu=1")
}

func TestWhatIsWorthALook(t *testing.T) {
	quiet, busy := binding("a", 1, "1", 1), binding("a", 2, "1", 2)
	unplaced := binding("a", 2, "1", 1)
	unplaced.Spec.Clusters = nil
	update := func(before, after client.Object) bool {
		return usageMayChange.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	labelled := quiet.DeepCopy()
	labelled.Labels = map[string]string{"a": "b"}
	for what, ok := range map[string]bool{
		"another spec":                    update(quiet, busy),
		"no longer placed":                update(quiet, unplaced),
		"a label":                         !update(quiet, labelled),
		"never placed":                    !update(unplaced, unplaced),
		"a placed one appears":            usageMayChange.Create(event.CreateEvent{Object: quiet}),
		"not those the cache begins with": !usageMayChange.Create(event.CreateEvent{Object: quiet, IsInInitialList: true}),
		"a placed one goes":               usageMayChange.Delete(event.DeleteEvent{Object: quiet}),
		"one that was never placed goes":  !usageMayChange.Delete(event.DeleteEvent{Object: unplaced}),
	} {
		if !ok {
			t.Errorf("wrong: %s", what)
		}
	}
	share := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{names.FederatedResourceQuotaNamespace: "shop", names.FederatedResourceQuotaName: "team"}}}
	applied := share.DeepCopy()
	applied.Status.Conditions = []metav1.Condition{{Type: "Applied"}}
	if !shareOfACluster.Update(event.UpdateEvent{ObjectOld: share, ObjectNew: applied}) || shareOfACluster.Update(event.UpdateEvent{ObjectOld: share, ObjectNew: share}) ||
		shareOfACluster.Create(event.CreateEvent{Object: &workv1alpha1.Work{}}) {
		t.Error("the wrong Works are looked at")
	}
	if reqs := ofWork(t.Context(), share); len(reqs) != 1 || reqs[0].NamespacedName != key {
		t.Errorf("of a Work: %v", reqs)
	}
}
