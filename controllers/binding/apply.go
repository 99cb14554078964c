package binding

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/core/render"
	"github.com/seaway-io/seaway/controllers/hub"
)

// outdatedCheck is how long the cache gets to catch up.
const outdatedCheck = 20 * time.Millisecond

// parallelWrites is how many Works of one binding are written at a time.
const parallelWrites = 8

// outcome is what came of the Works of a binding.
type outcome struct {
	mu sync.Mutex
	// written and overridden are clusters whose Work was written, and with overrides in it.
	written, overridden []string
	// refused are the errors of rendering, and of Works too large: the same again until an object changes.
	refused []error
	// unanswered are those of them that may pass by themselves: see interpret.ErrUnanswered.
	unanswered []error
	// failed are the errors of writing, worth another try.
	failed []error
	// outdated is set when a Work was not as the cache had it.
	outdated bool
	// waiting is set when the old Work of a cluster has not gone yet.
	waiting bool
	// taken is set when the Work of a cluster is somebody else's.
	taken bool
	// held is how long the Works of some clusters are held back at most; 0 when none is.
	held time.Duration
}

// refuse adds an error of rendering.
func (o *outcome) refuse(err error) {
	o.mu.Lock() // the Works of other clusters are being written
	defer o.mu.Unlock()
	o.refused = append(o.refused, err)
	if errors.Is(err, interpret.ErrUnanswered) {
		o.unanswered = append(o.unanswered, err)
	}
}

// note adds what came of one cluster.
func (o *outcome) note(cluster string, overridden, written bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case errors.Is(err, errLeaving):
		o.waiting = true
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		o.outdated = true
	case errors.Is(err, errTaken):
		o.refused, o.taken = append(o.refused, fmt.Errorf("cluster %q: %w", cluster, err)), true
	case hub.TooLarge(err):
		o.refused = append(o.refused, fmt.Errorf("cluster %q: its Work is larger than the hub stores, make the template or its overrides smaller: %w", cluster, err))
	case err != nil:
		o.failed = append(o.failed, fmt.Errorf("cluster %q: %w", cluster, err))
	case written:
		o.written = append(o.written, cluster)
		if overridden {
			o.overridden = append(o.overridden, cluster)
		}
	}
}

// result says when to look at the binding again.
func (o *outcome) result() (ctrl.Result, error) {
	switch {
	case len(o.failed) > 0:
		return ctrl.Result{}, errors.Join(o.failed...)
	case len(o.unanswered) > 0:
		return ctrl.Result{}, errors.Join(o.unanswered...)
	case o.outdated:
		return ctrl.Result{RequeueAfter: outdatedCheck}, nil
	case o.waiting && (o.held == 0 || o.held > goneCheck):
		return ctrl.Result{RequeueAfter: goneCheck}, nil
	case o.held > 0:
		return ctrl.Result{RequeueAfter: o.held}, nil
	case o.taken:
		return ctrl.Result{RequeueAfter: takenCheck}, nil
	}
	return ctrl.Result{}, nil
}

// errLeaving says that a Work of that name is still on its way out.
var errLeaving = errors.New("the old Work is still being deleted")

// apply writes the Works that differ from those present.
func (r *reconciler) apply(ctx context.Context, b workv1alpha2.Binding, rendered []render.Rendered, present map[string]*workv1alpha1.Work) *outcome {
	out := &outcome{}
	var group errgroup.Group
	group.SetLimit(parallelWrites)
	for _, want := range rendered {
		if want.Err != nil {
			out.refuse(want.Err)
			continue
		}
		group.Go(func() error {
			written, err := r.write(ctx, b, present[want.Cluster], want.Work)
			out.note(want.Cluster, !want.Applied.Empty(), written, err)
			return nil // one cluster's failure does not stop the others
		})
	}
	_ = group.Wait() // the functions return none
	return out
}

// write creates or changes one Work, and says whether that was necessary.
func (r *reconciler) write(ctx context.Context, b workv1alpha2.Binding, present, want *workv1alpha1.Work) (written bool, err error) {
	if present == nil || !sameBytes(present.Spec.Workload.Manifests, want.Spec.Workload.Manifests) {
		if err := verify(want, b.GetBindingSpec().Resource); err != nil {
			return false, err
		}
	}
	if present == nil {
		err := r.client.Create(ctx, want)
		if apierrors.IsAlreadyExists(err) {
			if taken := r.takeOver(ctx, b, want); taken != nil {
				return false, taken
			}
		}
		if err == nil || apierrors.IsAlreadyExists(err) {
			// One that exists and was not known is read live next time, so that its permanent id stays.
			r.created.Note(client.ObjectKeyFromObject(b), want)
		}
		if err != nil {
			return false, fmt.Errorf("create Work %s: %w", client.ObjectKeyFromObject(want), err)
		}
		return true, nil
	}
	if present.DeletionTimestamp != nil {
		return false, errLeaving
	}
	return hub.Patch(ctx, r.client, present.DeepCopy(), func(w *workv1alpha1.Work) { become(w, want) })
}

// verify makes sure that a Work is about the binding's template and nothing else.
func verify(work *workv1alpha1.Work, template workv1alpha2.ObjectReference) error {
	for i := range work.Spec.Workload.Manifests {
		obj := &unstructured.Unstructured{}
		if err := utiljson.Unmarshal(work.Spec.Workload.Manifests[i].Raw, &obj.Object); err != nil {
			return fmt.Errorf("manifest %d: %w", i, err)
		}
		if err := override.Verify(obj, template); err != nil {
			return err
		}
	}
	return nil
}

func sameBytes(a, b []workv1alpha1.Manifest) bool {
	return slices.EqualFunc(a, b, func(x, y workv1alpha1.Manifest) bool { return bytes.Equal(x.Raw, y.Raw) })
}

// become makes a Work what is wanted, and leaves what others keep on it.
func become(w, want *workv1alpha1.Work) {
	if w.Labels == nil {
		w.Labels = map[string]string{}
	}
	maps.Copy(w.Labels, want.Labels)
	if w.Annotations == nil {
		w.Annotations = map[string]string{}
	}
	for _, key := range []string{names.AppliedOverridesAnnotation, names.AppliedClusterOverridesAnnotation} {
		delete(w.Annotations, key)
	}
	maps.Copy(w.Annotations, want.Annotations)
	for _, finalizer := range want.Finalizers {
		controllerutil.AddFinalizer(w, finalizer)
	}
	manifests := w.Spec.Workload.Manifests
	w.Spec = *want.Spec.DeepCopy()
	if sameManifests(manifests, want.Spec.Workload.Manifests) {
		w.Spec.Workload.Manifests = manifests
	}
}

// sameManifests compares what manifests say, not how they are written: the API server may order and
// escape differently.
func sameManifests(a, b []workv1alpha1.Manifest) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if bytes.Equal(a[i].Raw, b[i].Raw) {
			continue
		}
		var x, y any
		if utiljson.Unmarshal(a[i].Raw, &x) != nil || utiljson.Unmarshal(b[i].Raw, &y) != nil || !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}
