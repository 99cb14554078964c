package execution

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// A cluster that leaves has Works until they are let go, for which its lane opens again. With the last of
// them it has to end, or each cluster that ever left would keep its workers.
func TestTheLaneOfAClusterThatLeftEndsWithItsLastWork(t *testing.T) {
	work := func(cluster, name string) *workv1alpha1.Work {
		return &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: names.ExecutionNamespace(cluster), Name: name}}
	}
	fra := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}}
	for name, tc := range map[string]struct {
		hub  []client.Object
		gone any // the Work that went
		open bool
	}{
		"the last Work of a cluster that left":            {nil, work("fra", "a"), false},
		"the same, seen late":                             {nil, toolscache.DeletedFinalStateUnknown{Obj: work("fra", "a")}, false},
		"one of several Works of a cluster that left":     {[]client.Object{work("fra", "b")}, work("fra", "a"), true},
		"the last Work of a cluster that is there":        {[]client.Object{fra}, work("fra", "a"), true},
		"the last Work of another cluster that left":      {nil, work("iad", "a"), true},
		"a Work that is in no cluster's namespace at all": {nil, &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a"}}, true},
		"something that is no Work":                       {nil, fra, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				f := &feeder{
					client: fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(tc.hub...).Build(),
					lanes: &lanes{workers: 1, log: logr.Discard(), reconcile: func(context.Context, types.NamespacedName) (ctrl.Result, error) {
						return ctrl.Result{}, nil
					}},
				}
				f.lanes.start(ctx)
				f.lanes.add("fra", urgent, client.ObjectKeyFromObject(work("fra", "a")))
				f.workHandler(ctx).OnDelete(tc.gone)
				expect(t, "the lane is open", tc.open, f.lanes.open["fra"] != nil)
				cancel()
				f.lanes.wait(ctx)
			})
		})
	}
}
