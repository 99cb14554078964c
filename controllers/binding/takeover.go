package binding

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/hub"
)

// errTaken says that the Work a binding would have is somebody else's. The name of a Work ends in 32 bits
// of a hash of namespace, name and kind: objects of one name in two namespaces can share it, and whoever
// may choose the name of a namespace can make them.
var errTaken = errors.New("its Work is taken")

// takenCheck is how long to wait before looking whether the Work has become free. Nothing tells.
const takenCheck = 30 * time.Second

// takeOver makes a Work that is there already, and is nobody else's, name the binding. What it holds is
// changed in the next round, when it is known as the binding's own, with its permanent id.
func (r *reconciler) takeOver(ctx context.Context, b workv1alpha2.Binding, want *workv1alpha1.Work) error {
	present := &workv1alpha1.Work{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(want), present); err != nil {
		return client.IgnoreNotFound(err)
	}
	switch {
	case works.Names(present, b):
		return nil
	case present.DeletionTimestamp != nil:
		return errLeaving
	}
	if err := r.free(ctx, b, present); err != nil {
		return err
	}
	_, err := hub.Patch(ctx, r.client, present, func(w *workv1alpha1.Work) { rename(w, want) })
	return err
}

// free says whether a Work may be taken over: that of a binding that is gone, and one without a binding
// that holds the template itself, as that of a namespace.
func (r *reconciler) free(ctx context.Context, b workv1alpha2.Binding, present *workv1alpha1.Work) error {
	if quota := present.Labels[names.FederatedResourceQuotaName]; quota != "" {
		return fmt.Errorf("%w: Work %s is that of FederatedResourceQuota %s; rename one of the two objects", errTaken, client.ObjectKeyFromObject(present), quota)
	}
	key, global, ok := works.Binding(present)
	if !ok {
		if err := verify(present, b.GetBindingSpec().Resource); err != nil {
			return fmt.Errorf("%w: Work %s holds another object: %w", errTaken, client.ObjectKeyFromObject(present), err)
		}
		return nil
	}
	var other client.Object = &workv1alpha2.ResourceBinding{}
	if global {
		other = &workv1alpha2.ClusterResourceBinding{}
	}
	err := r.live.Get(ctx, key, other)
	if err == nil {
		return fmt.Errorf("%w: Work %s is that of binding %s; rename one of the two objects, or delete one of the two bindings if they are about one object",
			errTaken, client.ObjectKeyFromObject(present), key)
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("read binding %s: %w", key, err)
	}
	return nil
}

// rename makes a Work name the binding of want and no other.
func rename(w, want *workv1alpha1.Work) {
	for _, key := range []string{names.ResourceBindingNamespaceAnnotation, names.ResourceBindingNameAnnotation, names.ClusterResourceBindingNameAnnotation} {
		delete(w.Annotations, key)
	}
	for _, label := range []string{names.ResourceBindingPermanentID, names.ClusterResourceBindingPermanentID} {
		delete(w.Labels, label)
	}
	if w.Annotations == nil {
		w.Annotations = map[string]string{}
	}
	if w.Labels == nil {
		w.Labels = map[string]string{}
	}
	id := w.Labels[names.WorkPermanentID]
	maps.Copy(w.Annotations, want.Annotations)
	maps.Copy(w.Labels, want.Labels)
	if id != "" {
		w.Labels[names.WorkPermanentID] = id
	}
}
