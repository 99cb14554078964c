package hub

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
)

// conflictPause lets the cache catch up with the write that was in the way.
const conflictPause = 20 * time.Millisecond

// Result ends a reconcile. A conflict is not an error: somebody else was quicker, and the next
// round sees what they wrote.
func Result(result ctrl.Result, err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictPause}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return result, nil
}
