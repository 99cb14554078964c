package drill

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/core/decision"
	"github.com/seaway-io/seaway/controllers/core/drill"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/hub"
)

// servers is the part of a health.View that is asked.
type servers interface {
	VantagePoints() int
	PlanGenerations(plan types.NamespacedName) map[string]int64
}

// measured is the part of a demand.Table that is asked.
type measured interface {
	Of(policy types.NamespacedName) *traffic.Demand
}

type reconciler struct {
	client client.Client
	// live reads past the cache, where what was written a moment ago counts.
	live     client.Reader
	clock    clock.PassiveClock
	recorder record.EventRecorder
	health   servers
	demand   measured
	// keep is nil where no decisions are kept.
	keep hub.KeepFunc
	// followers of the Drills in progress, by name. Only one Drill is handled at a time.
	followers map[string]*drill.Followers
}

// Reconcile leads one Drill on.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	d := &trafficv1alpha1.Drill{}
	err := r.client.Get(ctx, req.NamespacedName, d)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	if err != nil || d.DeletionTimestamp != nil {
		return hub.Result(ctrl.Result{}, r.leave(ctx, req.Name, d))
	}
	wanted := d.DeepCopy()
	validation.DefaultDrill(wanted)
	in := drill.Input{Drill: wanted, Next: validation.DrillTimes(&wanted.Spec)}
	if errs := validation.ValidateDrill(wanted, nil); len(errs) > 0 {
		in.Invalid = errs.ToAggregate().Error()
	}
	if in.World, err = r.world(ctx, wanted); err != nil {
		return ctrl.Result{}, err
	}
	in.Behind = r.following(d).Behind(in.World, wanted, r.health.PlanGenerations)
	out := drill.Step(in)
	return hub.Result(ctrl.Result{RequeueAfter: out.RequeueAfter}, r.apply(ctx, d, wanted, out))
}

// following is what is known of those who follow a Drill in progress.
func (r *reconciler) following(d *trafficv1alpha1.Drill) *drill.Followers {
	if !d.Status.Phase.InProgress() {
		delete(r.followers, d.Name)
		return &drill.Followers{}
	}
	f := r.followers[d.Name]
	if f == nil {
		f = &drill.Followers{}
		r.followers[d.Name] = f
	}
	return f
}

// apply carries a step out. The status comes first: a run that was written down is known to whoever goes
// on with it. Marks that are to go do so even when the status can not be written.
func (r *reconciler) apply(ctx context.Context, d, defaulted *trafficv1alpha1.Drill, out drill.Output) error {
	if out.Status.Phase.InProgress() {
		if err := r.finalize(ctx, d, true); err != nil {
			return err
		}
	}
	changed, err := hub.PatchStatus(ctx, r.client, d, func(d *trafficv1alpha1.Drill) {
		d.Status = out.Status
		for _, c := range out.Conditions {
			hub.SetCondition(&d.Status.Conditions, d.Generation, c)
		}
	})
	if apierrors.IsConflict(err) {
		return err
	}
	if changed {
		for _, e := range out.Events {
			r.recorder.Event(d, e.Type, e.Reason, e.Message)
		}
		r.note(defaulted, &out.Status)
	}
	if out.Unmark {
		err = errors.Join(err, r.unmark(ctx, d.Name))
	}
	if err != nil {
		return err
	}
	for _, name := range out.Mark {
		if err := r.mark(ctx, d.Name, name); err != nil {
			return err
		}
	}
	if !out.Status.Phase.InProgress() {
		return r.finalize(ctx, d, false)
	}
	return nil
}

// note takes note of what was decided, and of who wrote the Drill.
func (r *reconciler) note(d *trafficv1alpha1.Drill, after *trafficv1alpha1.DrillStatus) {
	spec, decided := decision.Drilled(d, after, r.clock.Now())
	if !decided || r.keep == nil {
		return
	}
	r.keep(spec, func(ctx context.Context, spec *trafficv1alpha1.DecisionSpec) {
		spec.Actor = hub.LastEditor(ctx, r.live, client.ObjectKeyFromObject(d), spec.Subject.APIVersion, spec.Subject.Kind, "f:spec")
	})
}

// mark keeps requests from a cluster. What somebody else has written there stays, and the next step finds
// it.
func (r *reconciler) mark(ctx context.Context, drillName, clusterName string) error {
	c := &clusterv1alpha1.Cluster{}
	if err := r.client.Get(ctx, client.ObjectKey{Name: clusterName}, c); err != nil {
		return client.IgnoreNotFound(err)
	}
	_, err := hub.Patch(ctx, r.client, c, func(c *clusterv1alpha1.Cluster) {
		if _, drained := c.Annotations[names.DrainAnnotation]; drained {
			return
		}
		if c.Annotations == nil {
			c.Annotations = map[string]string{}
		}
		c.Annotations[names.DrainAnnotation] = drill.Mark(drillName)
	})
	return client.IgnoreNotFound(err)
}

// unmark takes all marks of a drill away, wherever they are, and no others.
func (r *reconciler) unmark(ctx context.Context, drillName string) error {
	var list clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	var all error
	for i := range list.Items {
		if by, marked := drill.Marker(&list.Items[i]); !marked || by != drillName {
			continue
		}
		_, err := hub.Patch(ctx, r.client, list.Items[i].DeepCopy(), func(c *clusterv1alpha1.Cluster) { delete(c.Annotations, names.DrainAnnotation) })
		all = errors.Join(all, client.IgnoreNotFound(err))
	}
	return all
}

// leave takes away what is left of a Drill that is being deleted, or is gone.
func (r *reconciler) leave(ctx context.Context, name string, d *trafficv1alpha1.Drill) error {
	delete(r.followers, name)
	if err := r.unmark(ctx, name); err != nil || d.Name == "" {
		return err
	}
	return r.finalize(ctx, d, false)
}

// finalize keeps a Drill from going before its marks, or lets it go.
func (r *reconciler) finalize(ctx context.Context, d *trafficv1alpha1.Drill, keep bool) error {
	_, err := hub.Patch(ctx, r.client, d, func(d *trafficv1alpha1.Drill) {
		if keep {
			controllerutil.AddFinalizer(d, names.DrillFinalizer)
		} else {
			controllerutil.RemoveFinalizer(d, names.DrillFinalizer)
		}
	})
	return client.IgnoreNotFound(err)
}
