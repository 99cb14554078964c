package hub

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// UseAffinity notes which group of clusterAffinities a placement is in that others than the scheduler are
// about to write, as the scheduler does: the next placement begins there. It comes before the placement:
// when that can not be written, both are done again.
func UseAffinity(ctx context.Context, c client.Client, b workv1alpha2.Binding, name string) error {
	_, err := PatchStatus(ctx, c, b.(client.Object), func(client.Object) {
		b.GetBindingStatus().SchedulerObservedAffinityName = name
	})
	return err
}
