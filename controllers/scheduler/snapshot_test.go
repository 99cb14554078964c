package scheduler

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seaway-io/seaway/api/scheme"
)

func TestSnapshotIsReadAgainOnlyAfterAChange(t *testing.T) {
	lists := 0
	c := clusters{reader: fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(cluster("m1", nil)).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			lists++
			return c.List(ctx, list, opts...)
		},
	}).Build()}
	look := func(want int) {
		t.Helper()
		s, err := c.now(context.Background())
		if err != nil || len(s.all) != 1 {
			t.Fatalf("%v, %v", s, err)
		}
		if lists != want {
			t.Errorf("%d lists, want %d", lists, want)
		}
	}
	look(1)
	look(2) // changes are not followed yet: nothing can be relied on
	c.following.Store(true)
	look(2)
	c.changed()
	look(3)
	look(3)
}
