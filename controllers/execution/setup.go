// Package execution carries Works out: it creates, changes and deletes the objects in members that
// Works describe, and repairs what was changed there by others. It runs on the hub for members that
// are pushed to.
//
// An object is written when it is not what it should be, and only then: after a restart nothing is
// written. What "is not what it should be" means is in merge.go and apply.go.
//
// Objects are written whole, as Karmada does, and not by server-side apply. What users see depends on
// it: whatever somebody adds to an object in a member, a field, a container, an item of a list, is
// drift and goes again, which apply would keep as another manager's; a foreign object is refused as a
// whole, for which apply has no word; and kinds without a schema are merged by the same rules as all
// others. What apply does better is done here by the object's own records: labels and annotations of
// others stay, those of ours that were taken out of the template go (the managed-keys annotations are
// the field ownership), finalizers, owners and status are the member's, and fields that members fill
// in by kind are kept by the interpreter. What else a member makes of an object, by defaults or
// admission, is remembered by fingerprint, so that nobody fights over it. A write carries the resource
// version that was compared: it never goes over a change that nobody has looked at.
//
// Each member has a queue and workers of its own (lanes.go). What a member answers ends in the condition
// Applied of the Work, with what to do about it (trouble.go), and is tried again at a growing distance,
// behind everything that has not been tried.
package execution

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/binding/fresh"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/reports"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the controller.
type Options struct {
	// Managed follows the objects in members; it is shared with package status.
	Managed *managed.Watcher
	// Interpreter knows what of an object belongs to the member.
	Interpreter *interpret.Interpreter
	// Interpretations tells when that changes; nil when it never does.
	Interpretations *hub.Interpretations
	// Reports writes the statuses of Works; it is shared with package status.
	Reports *reports.Desk
	// WorkersPerMember bounds the Works that are applied to one member at a time; 8 when 0.
	WorkersPerMember int
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.WorkersPerMember == 0 {
		o.WorkersPerMember = 8
	}
	r := &reconciler{
		client:      mgr.GetClient(),
		works:       o.Reports.Works(),
		reports:     o.Reports,
		recorder:    hub.Recorder(mgr, "execution-controller"),
		members:     o.Managed,
		interpreter: o.Interpreter,
	}
	f := &feeder{
		cache: mgr.GetCache(), client: mgr.GetClient(), managed: o.Managed,
		interpretations: o.Interpretations,
		echo:            r.isEcho,
		lanes:           &lanes{reconcile: r.reconcile, workers: o.WorkersPerMember, log: mgr.GetLogger().WithName("execution")},
	}
	if err := mgr.Add(f); err != nil {
		return fmt.Errorf("set up execution: %w", err)
	}
	return nil
}

type reconciler struct {
	client      client.Client
	works       *fresh.Reader
	reports     *reports.Desk
	recorder    record.EventRecorder
	members     *managed.Watcher
	interpreter *interpret.Interpreter
	// written holds, by Work, the resource version of the last write in its member.
	written sync.Map
}

// isEcho says whether an event is the last write of the Work coming back from the member. There is
// nothing to do about it: the answer to the write has been looked at already.
func (r *reconciler) isEcho(e managed.Event) bool {
	return !e.Deleted && r.written.CompareAndDelete(e.Work, e.ResourceVersion)
}

// feeder puts Works into the lanes of their clusters when something about them changed: the Work,
// its object in the member, the connection, the cluster. It is a Runnable of the manager that runs
// on the leader.
type feeder struct {
	cache   cache.Cache
	client  client.Client
	managed *managed.Watcher
	// interpretations tells of kinds of whose objects something else belongs to members.
	interpretations *hub.Interpretations
	// echo says whether an event is only our own write coming back.
	echo  func(managed.Event) bool
	lanes *lanes
}

// Start implements manager.Runnable.
func (f *feeder) Start(ctx context.Context) error {
	f.lanes.start(ctx)
	if err := f.listen(ctx); err != nil {
		return err
	}
	f.lanes.wait(ctx)
	return nil
}

func (f *feeder) listen(ctx context.Context) error {
	for obj, handler := range map[client.Object]toolscache.ResourceEventHandler{
		&workv1alpha1.Work{}:       f.workHandler(ctx),
		&clusterv1alpha1.Cluster{}: f.clusterHandler(ctx),
	} {
		informer, err := f.cache.GetInformer(ctx, obj)
		if err != nil {
			return fmt.Errorf("watch %T: %w", obj, err)
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch %T: %w", obj, err)
		}
	}
	f.managed.Notify(func(e managed.Event) {
		// what was there at the beginning is compared when its Work comes up
		if !e.StatusOnly && !e.Initial && !f.echo(e) {
			f.lanes.add(e.Cluster, urgent, e.Work)
		}
	})
	f.managed.Subscribe(func(cluster string) { f.addAll(ctx, cluster) })
	f.interpretations.Follow(ctx, f.addKind)
	return nil
}

func (f *feeder) workHandler(ctx context.Context) toolscache.ResourceEventHandler {
	add := func(work *workv1alpha1.Work, priority int) {
		if cluster, ok := names.ClusterFromExecutionNamespace(work.Namespace); ok {
			f.lanes.add(cluster, priority, client.ObjectKeyFromObject(work))
		}
	}
	return toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(obj any, initial bool) {
			work, ok := obj.(*workv1alpha1.Work)
			if !ok {
				return
			}
			priority := urgent
			if initial {
				priority = routine
			}
			add(work, priority)
		},
		UpdateFunc: func(before, after any) {
			was, ok := before.(*workv1alpha1.Work)
			is, ok2 := after.(*workv1alpha1.Work)
			if ok && ok2 && (was.Generation != is.Generation || (was.DeletionTimestamp == nil) != (is.DeletionTimestamp == nil)) {
				add(is, urgent)
			}
		},
		DeleteFunc: func(obj any) {
			if unknown, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
				obj = unknown.Obj
			}
			if gone, ok := obj.(*workv1alpha1.Work); ok {
				f.retire(ctx, gone.Namespace)
			}
		},
	}
}

// retire ends the lane of a cluster that is gone once the last of its Works is: they needed it to be let
// go, and nothing else ends its workers.
func (f *feeder) retire(ctx context.Context, namespace string) {
	name, ok := names.ClusterFromExecutionNamespace(namespace)
	if !ok {
		return
	}
	err := f.client.Get(ctx, types.NamespacedName{Name: name}, &clusterv1alpha1.Cluster{}, client.UnsafeDisableDeepCopy)
	if !apierrors.IsNotFound(err) {
		return
	}
	var left workv1alpha1.WorkList
	err = f.client.List(ctx, &left, client.InNamespace(namespace), client.Limit(1), client.UnsafeDisableDeepCopy)
	if err == nil && len(left.Items) == 0 {
		f.lanes.close(name)
	}
}

func (f *feeder) clusterHandler(ctx context.Context) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		UpdateFunc: func(before, after any) {
			was, ok := before.(*clusterv1alpha1.Cluster)
			is, ok2 := after.(*clusterv1alpha1.Cluster)
			if ok && ok2 && (ready(was) != ready(is) || (was.DeletionTimestamp == nil) != (is.DeletionTimestamp == nil)) {
				f.addAll(ctx, is.Name)
			}
		},
		DeleteFunc: func(obj any) {
			if unknown, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
				obj = unknown.Obj
			}
			if gone, ok := obj.(*clusterv1alpha1.Cluster); ok {
				f.lanes.close(gone.Name)
				f.addAll(ctx, gone.Name)
			}
		},
	}
}

// addAll queues every Work of a cluster. Most turn out to be as they should be, so anything that
// comes up by itself goes first.
func (f *feeder) addAll(ctx context.Context, cluster string) {
	var list workv1alpha1.WorkList
	if err := f.client.List(ctx, &list, client.InNamespace(names.ExecutionNamespace(cluster)), client.UnsafeDisableDeepCopy); err != nil {
		if ctx.Err() == nil {
			f.lanes.log.Error(err, "list the Works of a cluster", "cluster", cluster)
		}
		return
	}
	keys := make([]types.NamespacedName, 0, len(list.Items))
	for i := range list.Items {
		keys = append(keys, client.ObjectKeyFromObject(&list.Items[i]))
	}
	f.lanes.add(cluster, routine, keys...)
}

// addKind queues every Work of the templates of a kind: see addAll.
func (f *feeder) addKind(ctx context.Context, kind schema.GroupVersionKind) {
	keys := map[string][]types.NamespacedName{}
	err := works.OfKind(ctx, f.client, kind, func(work *workv1alpha1.Work) {
		if cluster, ok := names.ClusterFromExecutionNamespace(work.Namespace); ok {
			keys[cluster] = append(keys[cluster], client.ObjectKeyFromObject(work))
		}
	})
	if err != nil && ctx.Err() == nil {
		f.lanes.log.Error(err, "list the Works of a kind", "kind", kind)
	}
	for cluster, these := range keys {
		f.lanes.add(cluster, routine, these...)
	}
}

func ready(cluster *clusterv1alpha1.Cluster) bool {
	return meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
}
