package execution

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/seaway-io/seaway/controllers/hub"
)

// guarded is apply for manifests of any shape: what nobody has thought of ends as an error of this Work
// that its condition shows, not as a Work about which nothing is heard.
func (a *application) guarded(ctx context.Context) (d done, err error) {
	defer func() {
		if r := recover(); r != nil {
			ctrl.LoggerFrom(ctx).Info("Panic while a manifest was applied", "panic", r, "stack", string(debug.Stack()))
			d, err = done{}, fmt.Errorf("internal error, please report it with the manifest: %v", r)
		}
	}()
	return a.apply(ctx)
}

// explain adds to the answer of a member what can be done about it, where the answer does not say.
func (a *application) explain(err error) error {
	switch {
	case endpointGone(err):
		return fmt.Errorf("cluster %q no longer serves %s %s; install what defines it there: %w", a.cluster, a.desired.GetAPIVersion(), a.desired.GetKind(), err)
	case namespaceMissing(err):
		return fmt.Errorf("namespace %q is not in cluster %q; create it on the hub, whence it goes to every cluster unless it is skipped: %w",
			a.desired.GetNamespace(), a.cluster, err)
	case hub.TooLarge(err):
		return fmt.Errorf("it is larger than the API server of cluster %q stores; make it smaller or split it: %w", a.cluster, err)
	case apierrors.IsInvalid(err) && strings.Contains(err.Error(), "immutable"):
		return fmt.Errorf("a field that was changed cannot be changed in cluster %q; take the change back, or delete the object there to have it made anew: %w", a.cluster, err)
	}
	return err
}

// endpointGone says whether the API server knows no such path: the kind is not served (any more).
func endpointGone(err error) bool {
	details, ok := detailsOf(err)
	if !ok || !apierrors.IsNotFound(err) {
		return false
	}
	for _, cause := range details.Causes {
		if cause.Type == metav1.CauseTypeUnexpectedServerResponse {
			return true
		}
	}
	return false
}

func namespaceMissing(err error) bool {
	details, ok := detailsOf(err)
	return ok && apierrors.IsNotFound(err) && details.Kind == "namespaces"
}

func detailsOf(err error) (*metav1.StatusDetails, bool) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil, false
	}
	return status.Status().Details, true
}
