package cluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/member"
)

// fakeHub returns a client of a hub that holds the objects.
func fakeHub(intercept interceptor.Funcs, objects ...client.Object) client.Client {
	byCluster := func(obj client.Object) []string {
		spec := obj.(workv1alpha2.Binding).GetBindingSpec()
		var out []string
		for _, c := range spec.Clusters {
			out = append(out, c.Name)
		}
		for _, task := range spec.GracefulEvictionTasks {
			out = append(out, task.FromCluster)
		}
		return out
	}
	return fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objects...).
		WithStatusSubresource(&clusterv1alpha1.Cluster{}).
		WithIndex(&workv1alpha2.ResourceBinding{}, hub.IndexBindingByCluster, byCluster).
		WithIndex(&workv1alpha2.ClusterResourceBinding{}, hub.IndexBindingByCluster, byCluster).
		WithInterceptorFuncs(intercept).
		Build()
}

func newCluster() *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "fra", Generation: 1, Finalizers: []string{names.ClusterFinalizer}},
		Spec: clusterv1alpha1.ClusterSpec{
			SyncMode:    clusterv1alpha1.Push,
			APIEndpoint: "https://127.0.0.1:1",
			SecretRef:   &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: "fra"},
		},
	}
}

func newSecret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "fra"},
		Data:       map[string][]byte{names.SecretKeyToken: []byte("secret-token")},
	}
}

func executionNamespace() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "karmada-es-fra"}}
}

// result is what a reconcile left behind.
type result struct {
	Cluster    *clusterv1alpha1.Cluster
	Namespace  *corev1.Namespace
	Connected  bool
	Events     []string
	Requeued   bool
	Err        string
	reconciler *reconciler
}

func reconcileOnce(t *testing.T, pool *member.Pool, objects ...client.Object) result {
	t.Helper()
	c := fakeHub(interceptor.Funcs{}, objects...)
	recorder := record.NewFakeRecorder(10)
	r := &reconciler{client: c, reader: c, members: pool, recorder: recorder}
	got := result{reconciler: r}
	res, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: key("fra")})
	got.Requeued = res.RequeueAfter > 0
	if err != nil {
		got.Err = err.Error()
	}
	got.Cluster = &clusterv1alpha1.Cluster{}
	if err := c.Get(t.Context(), key("fra"), got.Cluster); apierrors.IsNotFound(err) {
		got.Cluster = nil
	}
	got.Namespace = &corev1.Namespace{}
	if err := c.Get(t.Context(), key("karmada-es-fra"), got.Namespace); apierrors.IsNotFound(err) {
		got.Namespace = nil
	}
	_, err = pool.Member("fra")
	got.Connected = err == nil
	for len(recorder.Events) > 0 {
		got.Events = append(got.Events, <-recorder.Events)
	}
	return got
}

func ready(status metav1.ConditionStatus) []metav1.Condition {
	return []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: status, Reason: "Test"}}
}

func taintKeys(c *clusterv1alpha1.Cluster) []string {
	var keys []string
	for _, t := range c.Spec.Taints {
		keys = append(keys, t.Key+":"+string(t.Effect))
	}
	return keys
}

func TestANewClusterIsTakenIn(t *testing.T) {
	c := newCluster()
	c.Finalizers = nil
	got := reconcileOnce(t, member.NewPool(member.Options{}), c, newSecret())
	if got.Err != "" || !got.Connected {
		t.Errorf("error %q, connected %t", got.Err, got.Connected)
	}
	if diff := cmp.Diff([]string{names.ClusterFinalizer}, got.Cluster.Finalizers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cluster.karmada.io/not-ready:NoSchedule"}, taintKeys(got.Cluster)); diff != "" {
		t.Error(diff)
	}
	if got.Namespace == nil || got.Namespace.Labels["karmada.io/system"] != "true" {
		t.Errorf("execution namespace %+v", got.Namespace)
	}
	want := []string{
		"Normal TaintClusterSucceed Taints follow the condition Ready, which is not known yet",
		"Normal CreateExecutionSpaceSucceed Created execution namespace karmada-es-fra",
	}
	if diff := cmp.Diff(want, got.Events); diff != "" {
		t.Error(diff)
	}
}

func TestTaintsFollowReadiness(t *testing.T) {
	byHand := corev1.Taint{Key: "maintenance", Effect: corev1.TaintEffectNoExecute}
	for name, tc := range map[string]struct {
		status metav1.ConditionStatus
		want   []string
	}{
		"ready":     {metav1.ConditionTrue, []string{"maintenance:NoExecute"}},
		"not ready": {metav1.ConditionFalse, []string{"maintenance:NoExecute", "cluster.karmada.io/not-ready:NoSchedule"}},
		"unknown":   {metav1.ConditionUnknown, []string{"maintenance:NoExecute", "cluster.karmada.io/unreachable:NoSchedule"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster()
			c.Spec.Taints = []corev1.Taint{byHand, {Key: names.TaintClusterNotReady, Effect: corev1.TaintEffectNoSchedule}}
			c.Status.Conditions = ready(tc.status)
			got := reconcileOnce(t, member.NewPool(member.Options{}), c, newSecret(), executionNamespace())
			if diff := cmp.Diff(tc.want, taintKeys(got.Cluster)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAClusterThatCannotBeConnectedSaysWhy(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*clusterv1alpha1.Cluster, *corev1.Secret)
		says   string
	}{
		"no Secret":      {func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) { c.Spec.SecretRef.Name = "gone" }, "spec.secretRef"},
		"no reference":   {func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) { c.Spec.SecretRef = nil }, "spec.secretRef"},
		"an empty token": {func(_ *clusterv1alpha1.Cluster, s *corev1.Secret) { s.Data = nil }, `has no key "token"`},
		"no endpoint":    {func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) { c.Spec.APIEndpoint = "" }, "spec.apiEndpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			pool := member.NewPool(member.Options{})
			defer pool.Close()
			if err := pool.Set(newCluster(), newSecret()); err != nil {
				t.Fatal(err)
			}
			c, s := newCluster(), newSecret()
			tc.change(c, s)
			got := reconcileOnce(t, pool, c, s, executionNamespace())
			if got.Err != "" || got.Connected {
				t.Errorf("error %q, connected %t; want neither", got.Err, got.Connected)
			}
			condition := readyCondition(got.Cluster)
			if condition == nil || condition.Status != metav1.ConditionFalse || condition.Reason != "StatusCollectionFailed" || !strings.Contains(condition.Message, tc.says) {
				t.Errorf("Ready is %+v, want one that says %q", condition, tc.says)
			}
		})
	}
}

func TestConnectionsFollowTheSpec(t *testing.T) {
	pool := member.NewPool(member.Options{})
	defer pool.Close()
	if err := pool.Set(newCluster(), newSecret()); err != nil {
		t.Fatal(err)
	}
	before, _ := pool.Member("fra")

	rotated := newSecret()
	rotated.Data[names.SecretKeyToken] = []byte("rotated")
	if got := reconcileOnce(t, pool, newCluster(), rotated, executionNamespace()); !got.Connected {
		t.Fatal("not connected after the rotation")
	}
	if after, _ := pool.Member("fra"); after == before {
		t.Error("the old token is still in use")
	}

	pull := newCluster()
	pull.Spec.SyncMode = clusterv1alpha1.Pull
	if got := reconcileOnce(t, pool, pull, newSecret(), executionNamespace()); got.Connected {
		t.Error("a pull cluster is connected to")
	}
}

func TestAnOldNamespaceIsWaitedFor(t *testing.T) {
	ns := executionNamespace()
	ns.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	ns.Finalizers = []string{"kubernetes"}
	got := reconcileOnce(t, member.NewPool(member.Options{}), newCluster(), newSecret(), ns)
	if !strings.Contains(got.Err, "karmada-es-fra") || got.Connected {
		t.Errorf("error %q, connected %t", got.Err, got.Connected)
	}
}

func TestRemoval(t *testing.T) {
	leaving := func() *clusterv1alpha1.Cluster {
		c := newCluster()
		c.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		return c
	}
	binding := func(change func(*workv1alpha2.ResourceBindingSpec)) client.Object {
		b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-deployment"}}
		change(&b.Spec)
		return b
	}
	emptying := executionNamespace()
	emptying.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	emptying.Finalizers = []string{"kubernetes"}
	cases := map[string]struct {
		objects  []client.Object
		gone     bool
		requeued bool
		events   []string
	}{
		"first its namespace is deleted": {
			objects: []client.Object{executionNamespace()}, requeued: true,
			events: []string{"Normal RemoveExecutionSpaceSucceed Removed execution namespace karmada-es-fra"},
		},
		"which may take its time": {objects: []client.Object{emptying}, requeued: true},
		"then no binding may name it": {
			objects: []client.Object{binding(func(s *workv1alpha2.ResourceBindingSpec) {
				s.Clusters = []workv1alpha2.TargetCluster{{Name: "fra"}}
			})},
			requeued: true,
		},
		"but one may be leaving it": {
			objects: []client.Object{binding(func(s *workv1alpha2.ResourceBindingSpec) {
				s.Clusters = []workv1alpha2.TargetCluster{{Name: "iad"}}
				s.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "fra"}}
			})},
			gone: true,
		},
		"and then it goes": {gone: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pool := member.NewPool(member.Options{})
			defer pool.Close()
			if err := pool.Set(newCluster(), newSecret()); err != nil {
				t.Fatal(err)
			}
			got := reconcileOnce(t, pool, append(tc.objects, leaving(), newSecret())...)
			if got.Err != "" {
				t.Fatal(got.Err)
			}
			if (got.Cluster == nil) != tc.gone || got.Requeued != tc.requeued {
				t.Errorf("gone %t, requeued %t; want %t and %t", got.Cluster == nil, got.Requeued, tc.gone, tc.requeued)
			}
			if got.Connected == tc.gone {
				t.Errorf("connected %t; the connection must last as long as the Cluster", got.Connected)
			}
			if diff := cmp.Diff(tc.events, got.Events); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecretsFindTheirClusters(t *testing.T) {
	r := &reconciler{client: fakeHub(interceptor.Funcs{}, newCluster())}
	for name, want := range map[string]int{"fra": 1, "other": 0} {
		s := newSecret()
		s.Name = name
		if got := r.usersOfSecret(context.Background(), s); len(got) != want {
			t.Errorf("%s: %v, want %d", name, got, want)
		}
	}
}
