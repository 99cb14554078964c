package plugin_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/plugin"
)

// TestLive applies, edits and deletes plugins on a real API server.
func TestLive(t *testing.T) {
	ctrl.SetLogger(klog.NewKlogr().WithValues("test", t.Name()))
	home := hubtest.Start(t, hubtest.Options{})
	serve(t, home.Client)
	changes := make(chan struct{}, 100)
	mgr, err := ctrl.NewManager(home.Config, ctrl.Options{Scheme: scheme.New(), Metrics: server.Options{BindAddress: "0"}})
	must(t, err)
	early := plug("early", v1.PlacementPluginSpec{CEL: &v1.CELPlugin{Score: "1"}})
	must(t, home.Client.Create(t.Context(), early))
	a, err := plugin.Setup(mgr, plugin.Options{Changed: func() { changes <- struct{}{} }})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
	mgr.GetCache().WaitForCacheSync(ctx)

	advise := func() []placement.Advice {
		b := &workv1alpha2.ResourceBinding{Spec: workv1alpha2.ResourceBindingSpec{Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment"}}}
		return a.Advise(ctx, b, []*clusterv1alpha1.Cluster{{ObjectMeta: metav1.ObjectMeta{Name: "fra", Labels: map[string]string{"price": "25"}}}})
	}
	said := func() string {
		var out []string
		for _, one := range advise() {
			out = append(out, fmt.Sprintf("%s×%d=%d", one.Plugin, one.Weight, one.Opinions["fra"].Score))
		}
		return strings.Join(out, " ")
	}
	if got := said(); got != "early×1=1" {
		t.Errorf("the first decision: %s", got)
	}

	cheap := plug("cheap", v1.PlacementPluginSpec{Weight: ptr.To[int32](5), CEL: &v1.CELPlugin{Score: `100 - int(cluster.metadata.labels.price)`}})
	must(t, home.Client.Create(ctx, cheap))
	if cheap.Spec.Timeout.Duration != 200*time.Millisecond {
		t.Errorf("timeout %v", cheap.Spec.Timeout)
	}
	eventually(t, "it is asked", func() bool { return said() == "cheap×5=75 early×1=1" })
	must(t, home.Client.Delete(ctx, early))
	eventually(t, "the other is gone", func() bool { return said() == "cheap×5=75" })
	ready := func(want string) func() bool {
		return func() bool {
			p := &v1.PlacementPlugin{}
			must(t, home.Client.Get(ctx, client.ObjectKeyFromObject(cheap), p))
			c := meta.FindStatusCondition(p.Status.Conditions, v1.ConditionPluginReady)
			return c != nil && c.ObservedGeneration == p.Generation && string(c.Status)+" "+c.Reason == want
		}
	}
	eventually(t, "its status says so", ready("True InUse"))

	edit := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"cel":{"score":"int(cluster.metadata.labels.cost)"}}}`))
	must(t, home.Client.Patch(ctx, cheap, edit))
	eventually(t, "the edit is asked and fails", func() bool {
		got := advise()
		return len(got) == 1 && strings.Contains(got[0].Failed, "no such key: cost")
	})
	eventually(t, "its status says so", ready("False Failing"))
	if len(changes) < 3 {
		t.Errorf("%d changes were told", len(changes))
	}

	for name, spec := range map[string]v1.PlacementPluginSpec{
		"give either cel or http":      {},
		"give a filter, a score":       {CEL: &v1.CELPlugin{}},
		"a reason goes with a filter":  {CEL: &v1.CELPlugin{Score: "1", Reason: "'x'"}},
		"must be from 1ms to 200ms":    {CEL: &v1.CELPlugin{Score: "1"}, Timeout: &metav1.Duration{Duration: time.Second}},
		"should be less than or equal": {CEL: &v1.CELPlugin{Score: "1"}, Weight: ptr.To[int32](2000)},
	} {
		if err := home.Client.Create(ctx, plug("wrong", spec)); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func plug(name string, spec v1.PlacementPluginSpec) *v1.PlacementPlugin {
	return &v1.PlacementPlugin{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func serve(t *testing.T, c client.Client) {
	t.Helper()
	text, err := fs.ReadFile(charts.CRDs(), "traffic.seaway.dev_placementplugins.yaml")
	must(t, err)
	crd := &unstructured.Unstructured{}
	must(t, yaml.Unmarshal(text, &crd.Object))
	must(t, c.Create(t.Context(), crd))
	eventually(t, "the API is served", func() bool { return c.List(t.Context(), &v1.PlacementPluginList{}) == nil })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) { return ok(), nil })
	if err != nil {
		t.Fatalf("not in time: %s", what)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
