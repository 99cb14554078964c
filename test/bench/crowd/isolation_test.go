package crowd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/test/bench/crowd"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/cluster"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/execution"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/reports"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/yield"
	"github.com/seaway-io/seaway/controllers/member"
	"github.com/seaway-io/seaway/controllers/status"
)

// house is a real hub with the controllers from Work to status, and members of a crowd.
type house struct {
	*hubtest.ControlPlane
	t     *testing.T
	crowd *crowd.Crowd
}

func newHouse(t *testing.T, members ...string) *house {
	h := &house{ControlPlane: hubtest.Start(t, hubtest.Options{Hub: true}), t: t, crowd: crowd.New(members, crowd.Options{})}
	h.define()
	h.must(client.IgnoreAlreadyExists(h.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: names.ClusterNamespace}})))
	h.manage()
	for _, name := range members {
		h.join(name, h.serve())
	}
	h.Eventually("every member is Ready", func(ctx context.Context) error {
		for _, name := range members {
			c := &clusterv1alpha1.Cluster{}
			if err := h.Client.Get(ctx, client.ObjectKey{Name: name}, c); err != nil {
				return err
			}
			if !meta.IsStatusConditionTrue(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady) {
				return fmt.Errorf("%s: %+v", name, c.Status.Conditions)
			}
		}
		return nil
	})
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// serve opens a port of its own, so that a member can be cut off alone.
func (h *house) serve() *httptest.Server {
	server := httptest.NewUnstartedServer(h.crowd)
	server.EnableHTTP2 = true
	server.StartTLS()
	h.t.Cleanup(func() {
		h.crowd.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

func (h *house) define() {
	files, err := fs.Glob(charts.CRDs(), "work.*.yaml")
	h.must(err)
	for _, file := range files {
		text, err := fs.ReadFile(charts.CRDs(), file)
		h.must(err)
		crd := &unstructured.Unstructured{}
		h.must(yaml.Unmarshal(text, &crd.Object))
		h.must(h.Client.Create(h.t.Context(), crd))
	}
	h.Eventually("Works and bindings are served", func(ctx context.Context) error {
		for _, list := range []client.ObjectList{&workv1alpha1.WorkList{}, &workv1alpha2.ResourceBindingList{}, &workv1alpha2.ClusterResourceBindingList{}} {
			if err := h.Client.List(ctx, list); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *house) manage() {
	mgr, err := ctrl.NewManager(h.Config, ctrl.Options{Scheme: scheme.New(), Metrics: metricsserver.Options{BindAddress: "0"}})
	h.must(err)
	h.must(hub.SetupIndexes(h.t.Context(), mgr.GetFieldIndexer()))
	h.must(works.SetupIndex(h.t.Context(), mgr.GetFieldIndexer()))
	members := member.NewPool(member.Options{})
	following, interpreter := managed.New(managed.Pool(members), clock.RealClock{}), interpret.New()
	h.must(cluster.Setup(mgr, cluster.Options{Members: members}))
	desk, err := reports.Setup(mgr, yield.New(clock.RealClock{}))
	h.must(err)
	h.must(execution.Setup(mgr, execution.Options{Managed: following, Reports: desk, Interpreter: interpreter}))
	h.must(status.Setup(mgr, status.Options{Managed: following, Reports: desk, Interpreter: interpreter}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("manager: %v", err)
		}
		members.Close()
	})
}

func (h *house) join(name string, server *httptest.Server) {
	ref := &clusterv1alpha1.LocalSecretReference{Namespace: names.ClusterNamespace, Name: name}
	h.must(h.Client.Create(h.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}, Data: map[string][]byte{names.SecretKeyToken: []byte("t")}}))
	h.must(h.Client.Create(h.t.Context(), &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: clusterv1alpha1.ClusterSpec{ID: name, SyncMode: clusterv1alpha1.Push, APIEndpoint: server.URL + "/" + name,
			InsecureSkipTLSVerification: true, SecretRef: ref},
	}))
}

// work makes a Work with one object.
func (h *house) work(cluster, name string, obj map[string]any) client.ObjectKey {
	h.t.Helper()
	raw, err := json.Marshal(obj)
	h.must(err)
	w := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: names.ExecutionNamespace(cluster), Name: name}}
	w.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: raw}}}
	h.must(h.Client.Create(h.t.Context(), w))
	return client.ObjectKeyFromObject(w)
}

func settings(name string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": "shop", "name": name}, "data": map[string]any{"a": "1"}}
}

// reported says what the hub knows of a Work.
func (h *house) reported(ctx context.Context, key client.ObjectKey) (*metav1.Condition, int, error) {
	w := &workv1alpha1.Work{}
	if err := h.Client.Get(ctx, key, w); err != nil {
		return nil, 0, err
	}
	return meta.FindStatusCondition(w.Status.Conditions, workv1alpha1.WorkApplied), len(w.Status.ManifestStatuses), nil
}

// latency makes Works one after the other and returns how long each took until it was applied and its
// status was on the hub, sorted.
func (h *house) latency(cluster, prefix string, n int) []time.Duration {
	var took []time.Duration
	for i := range n {
		name := fmt.Sprintf("%s-%d", prefix, i)
		began := time.Now()
		key := h.work(cluster, name, settings(name))
		h.Eventually(name+" is applied", func(ctx context.Context) error {
			applied, statuses, err := h.reported(ctx, key)
			if err == nil && (applied == nil || applied.Status != metav1.ConditionTrue || statuses == 0) {
				err = fmt.Errorf("applied = %+v, %d statuses", applied, statuses)
			}
			return err
		})
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took
}

// TestNoMemberDelaysAnother: one member hangs, one says it is busy, one is gone, all with many Works to
// be carried out; the good one's Works take as long as before, all the way to their status on the hub.
func TestNoMemberDelaysAnother(t *testing.T) {
	h := newHouse(t, "good", "hung", "busy", "refusing", "gone")
	bad := []string{"hung", "busy", "refusing", "gone"}
	for _, name := range append(bad, "good") {
		h.work(name, "space", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "shop"}})
	}
	h.Eventually("the namespace is everywhere", func(context.Context) error {
		for _, name := range append(bad, "good") {
			if h.crowd.Member(name).Count(schema.GroupResource{Resource: "namespaces"}) == 0 {
				return fmt.Errorf("not in %s", name)
			}
		}
		return nil
	})
	before := h.latency("good", "before", 20)

	h.crowd.Member("hung").Set(&crowd.Fault{Hang: true})
	h.crowd.Member("busy").Set(&crowd.Fault{Status: http.StatusTooManyRequests})
	h.crowd.Member("refusing").Set(&crowd.Fault{Refuse: "not today"})
	h.crowd.Member("gone").Set(&crowd.Fault{Cut: true})
	keys := map[string]client.ObjectKey{}
	for _, name := range bad {
		for i := range 40 {
			keys[name] = h.work(name, fmt.Sprintf("w-%d", i), settings(fmt.Sprintf("w-%d", i)))
		}
	}
	after := h.latency("good", "after", 30)
	t.Logf("before: p50 %v, longest %v; after: p50 %v, longest %v", before[10], before[19], after[15], after[29])
	if after[29] > 2*time.Second {
		t.Errorf("a Work of the good member took %v while others are in trouble", after[29])
	}

	for name, says := range map[string]string{"busy": "too busy", "refusing": "not today", "hung": "", "gone": ""} {
		h.Eventually("the trouble of "+name+" is told", func(ctx context.Context) error {
			applied, _, err := h.reported(ctx, keys[name])
			if err == nil && (applied == nil || applied.Status != metav1.ConditionFalse || !strings.Contains(applied.Message, says)) {
				err = fmt.Errorf("applied = %+v", applied)
			}
			return err
		})
		h.crowd.Member(name).Set(nil)
	}
	for _, name := range bad {
		h.Eventually(name+" catches up", func(ctx context.Context) error {
			if n := h.crowd.Member(name).Count(schema.GroupResource{Resource: "configmaps"}); n < 40 {
				return fmt.Errorf("%d objects", n)
			}
			return nil
		})
	}
}
