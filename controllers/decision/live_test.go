package decision

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// On a real API server: the schema takes a Decision, the cache of their metadata knows what the last
// one said, and the bounds are kept.
func TestLive(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{})
	ctx := t.Context()
	text, err := fs.ReadFile(charts.CRDs(), "traffic.seaway.dev_decisions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(text, &crd.Object); err != nil {
		t.Fatal(err)
	}
	if err := home.Client.Create(ctx, crd); err != nil {
		t.Fatal(err)
	}
	if err := home.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		var list trafficv1alpha1.DecisionList
		if err := home.Client.List(ctx, &list); err != nil {
			return -1 // not served yet
		}
		return len(list.Items)
	}
	eventually(t, "decisions are served", func() bool { return count() == 0 })

	mgr, err := ctrl.NewManager(home.Config, ctrl.Options{Scheme: scheme.New(), Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	recorder, err := Setup(mgr, Options{Keep: 3, TTL: 8 * time.Second, PerSecond: 100})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := mgr.Start(ctx); err != nil {
			t.Error(err)
		}
	}()

	b := binding("web", 3, "fra")
	decide := func(cause placement.Cause) {
		in := placement.Input{Clusters: fleet, Spec: &b.Spec, Status: &b.Status}
		result, d := placement.Place(in)
		recorder.Record(b, cause, in, result, d)
		b.Spec.Clusters = result.Clusters
	}
	decide(placement.CausePlacement)
	eventually(t, "the first is kept", func() bool { return count() == 1 })
	decide(placement.CauseEvery)
	for i := range 6 {
		b.Spec.Replicas = int32(4 + i)
		decide(placement.CauseReplicas)
		message := fmt.Sprintf("%d replicas are told of, and no more than three decisions are kept", b.Spec.Replicas)
		eventually(t, message, func() bool {
			var list trafficv1alpha1.DecisionList
			if err := home.Client.List(ctx, &list); err != nil || len(list.Items) != min(i+2, 3) {
				return false
			}
			for _, d := range list.Items {
				if *d.Spec.Clusters[0].After == b.Spec.Replicas {
					return true
				}
			}
			return false
		})
	}
	eventually(t, "their time is over", func() bool { return count() == 0 })
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		t.Fatalf("waited in vain: %s", what)
	}
}
