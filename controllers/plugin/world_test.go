package plugin

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// world is a hub with a reconciler and an advisor.
type world struct {
	client.Client
	t          testing.TB
	clock      *clocktesting.FakePassiveClock
	recorder   *record.FakeRecorder
	reconciler *reconciler
	advisor    *Advisor
	writes     int
	changes    int
}

func newWorld(t testing.TB, objects []client.Object, compiled ...Plugin) *world {
	t.Helper()
	w := &world{t: t, clock: clocktesting.NewFakePassiveClock(noon), recorder: record.NewFakeRecorder(100)}
	w.Client = fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objects...).WithStatusSubresource(&v1.PlacementPlugin{}).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
				w.writes++
				return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
			},
		}).Build()
	w.advisor = advisor(t, w.Client, w.clock, func() { w.changes++ }, compiled...)
	w.reconciler = &reconciler{client: w.Client, recorder: w.recorder, advisor: w.advisor, clock: w.clock}
	return w
}

func advisor(t testing.TB, c client.Client, clk clock.PassiveClock, changed func(), compiled ...Plugin) *Advisor {
	t.Helper()
	a, err := newAdvisor(c, c, Options{Compiled: compiled, Clock: clk, Changed: changed})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// reconcile looks at a plugin and returns when that is to be done again.
func (w *world) reconcile(name string) time.Duration {
	w.t.Helper()
	result, err := w.reconciler.Reconcile(context.Background(), ctrl.Request{NamespacedName: types.NamespacedName{Name: name}})
	if err != nil {
		w.t.Fatal(err)
	}
	return result.RequeueAfter
}

// conditions are Accepted and Ready as text.
func (w *world) conditions(name string) (accepted, ready string) {
	w.t.Helper()
	p := &v1.PlacementPlugin{}
	if err := w.Get(context.Background(), types.NamespacedName{Name: name}, p); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range p.Status.Conditions {
		text := fmt.Sprintf("%s/%s: %s", c.Status, c.Reason, c.Message)
		if c.ObservedGeneration != p.Generation {
			text += fmt.Sprintf(" (of generation %d)", c.ObservedGeneration)
		}
		switch c.Type {
		case v1.ConditionAccepted:
			accepted = text
		case v1.ConditionPluginReady:
			ready = text
		}
	}
	return accepted, ready
}

func (w *world) events() []string {
	var out []string
	for {
		select {
		case e := <-w.recorder.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func (w *world) advise() []placement.Advice {
	w.patient()
	return w.advisor.Advise(context.Background(), web(), clusters())
}

// patient reads the plugins and lets them take as long as a loaded machine needs.
func (w *world) patient() {
	w.t.Helper()
	all, err := w.advisor.algorithms(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range all {
		a.timeout = time.Minute
	}
}

func cel(name string, spec v1.CELPlugin) *v1.PlacementPlugin {
	return &v1.PlacementPlugin{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Generation: 1}, Spec: v1.PlacementPluginSpec{CEL: &spec}}
}

func web() *workv1alpha2.ResourceBinding {
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-deployment"},
		Spec:       workv1alpha2.ResourceBindingSpec{Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, Replicas: 3},
	}
}

func cluster(name string, labels map[string]string) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), ResourceVersion: "1", Labels: labels}}
}

func clusters() []*clusterv1alpha1.Cluster {
	return []*clusterv1alpha1.Cluster{cluster("fra", map[string]string{"price": "25"}), cluster("iad", map[string]string{"price": "40"})}
}

func secret(name, token string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.SystemNamespace, Name: name}, Data: map[string][]byte{"token": []byte(token)}}
}

// goPlugin is a plugin that is compiled in.
type goPlugin struct {
	name   string
	advise func(ctx context.Context) (map[string]placement.Opinion, error)
}

func (p goPlugin) Name() string { return p.name }

func (p goPlugin) Advise(ctx context.Context, _ workv1alpha2.Binding, _ []*clusterv1alpha1.Cluster) (map[string]placement.Opinion, error) {
	return p.advise(ctx)
}

var errBroken = errors.New("broken")
