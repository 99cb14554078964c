// Package reports writes the statuses of Works: whether they are applied, which package execution knows,
// and what their objects look like, which package status knows. It is the only writer of both.
//
// A report is put down and written later, when the hub has a place for it (package yield), so that nobody
// who brings changes to members waits for the news of the last ones. Reports of one Work that come while
// it waits are one write. They are kept in memory only: after a restart all Works are looked at again.
//
// What is written may have been overtaken while it waited. So package status looks again at every Work
// whose statuses were written.
package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/binding/fresh"
	"github.com/seaway-io/seaway/controllers/core/aggregate"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/yield"
)

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Minute
	// writers is how many reports are written at a time at most; package yield allows fewer while the
	// hub is busy.
	writers = 64
)

// Report is what is to be told about a Work. What it leaves out stays.
type Report struct {
	// Conditions to set, as of the generation of the Work that was looked at.
	Conditions []metav1.Condition
	// Statuses of all its objects, if Reflected. Those that are Aside are written only together with a
	// condition that changes, and never over those that were told since the Work was looked at.
	Statuses         []workv1alpha1.ManifestStatus
	Reflected, Aside bool
}

// Desk takes reports and writes them. It is a Runnable of the manager that runs on the leader.
type Desk struct {
	client   client.Client
	works    *fresh.Reader
	recorder record.EventRecorder

	mu sync.Mutex
	// open are the reports that wait to be written.
	open map[types.NamespacedName]report
	// queue is nil before the start.
	queue workqueue.TypedRateLimitingInterface[types.NamespacedName]
}

// report is a Report about one Work. The generations of its conditions are set.
type report struct {
	Report
	uid types.UID
	// known are the statuses of the Work that was looked at.
	known []workv1alpha1.ManifestStatus
}

// Setup adds a desk to the manager.
func Setup(mgr ctrl.Manager, places *yield.Places) (*Desk, error) {
	d := New(mgr.GetClient(), mgr.GetAPIReader(), hub.Recorder(mgr, "status-controller"), places)
	if err := mgr.Add(d); err != nil {
		return nil, fmt.Errorf("set up reports of Works: %w", err)
	}
	return d, nil
}

// New returns a desk that writes with a client. Nil places do not bound that.
func New(c client.Client, live client.Reader, recorder record.EventRecorder, places *yield.Places) *Desk {
	return &Desk{
		client: places.Client(c), works: fresh.New(c, live), recorder: recorder,
		open: map[types.NamespacedName]report{},
	}
}

// Works reads Works with all that was written about them, though the cache may not show it yet. Whoever
// else writes them tells it.
func (d *Desk) Works() *fresh.Reader { return d.works }

// Put leaves a report about a Work as it was looked at. What is newer of two reports is written.
func (d *Desk) Put(work *workv1alpha1.Work, r Report) {
	key := client.ObjectKeyFromObject(work)
	r.Conditions = slices.Clone(r.Conditions)
	for i := range r.Conditions {
		r.Conditions[i].ObservedGeneration = work.Generation
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[key] = merged(d.open[key], report{r, work.UID, work.Status.ManifestStatuses})
	if d.queue != nil {
		d.queue.Add(key)
	}
}

// merged is what is left to be written of two reports, of which one is newer.
func merged(older, newer report) report {
	if older.uid != newer.uid {
		return newer
	}
	out := newer
	for _, c := range older.Conditions {
		if !slices.ContainsFunc(newer.Conditions, func(n metav1.Condition) bool { return n.Type == c.Type }) {
			out.Conditions = append(out.Conditions, c)
		}
	}
	if older.Reflected && (!newer.Reflected || newer.Aside && !older.Aside) {
		out.Statuses, out.Reflected, out.Aside, out.known = older.Statuses, older.Reflected, older.Aside, older.known
	}
	return out
}

// Start implements manager.Runnable: it writes reports until the context ends.
func (d *Desk) Start(ctx context.Context) error {
	queue := d.begin()
	var ended sync.WaitGroup
	for range writers {
		ended.Go(func() {
			for d.next(ctx, queue) {
			}
		})
	}
	<-ctx.Done()
	queue.ShutDown()
	ended.Wait()
	return nil
}

func (d *Desk) begin() workqueue.TypedRateLimitingInterface[types.NamespacedName] {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstRetry, lastRetry))
	for key := range d.open {
		d.queue.Add(key)
	}
	return d.queue
}

func (d *Desk) next(ctx context.Context, queue workqueue.TypedRateLimitingInterface[types.NamespacedName]) bool {
	key, shutdown := queue.Get()
	if shutdown {
		return false
	}
	defer queue.Done(key)
	if err := d.handle(ctx, key); err != nil {
		if ctx.Err() == nil {
			ctrl.LoggerFrom(ctx).Info("The status of a Work is not written; trying again", "work", key, "reason", err.Error())
		}
		queue.AddRateLimited(key)
		return true
	}
	queue.Forget(key)
	return true
}

// Drain writes what waits, where nothing has been started.
func (d *Desk) Drain(ctx context.Context) error {
	var errs []error
	for _, key := range d.waiting() {
		errs = append(errs, d.handle(ctx, key))
	}
	return errors.Join(errs...)
}

func (d *Desk) waiting() []types.NamespacedName {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.open))
}

// handle writes what is open about a Work.
func (d *Desk) handle(ctx context.Context, key types.NamespacedName) error {
	r, ok := d.take(key)
	if !ok {
		return nil
	}
	before := &workv1alpha1.Work{}
	err := d.works.Get(ctx, key, before)
	if err == nil && before.UID == r.uid { // not another one of that name
		err = d.write(ctx, before, r)
	}
	if client.IgnoreNotFound(err) == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if newer, waits := d.open[key]; waits {
		r = merged(r, newer)
	}
	d.open[key] = r
	return err
}

func (d *Desk) take(key types.NamespacedName) (report, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.open[key]
	delete(d.open, key)
	return r, ok
}

// write patches what a report changes. The patch names the Work's UID: it never reaches another Work of the
// same name. It needs no other lock, as nobody else writes these fields.
func (d *Desk) write(ctx context.Context, before *workv1alpha1.Work, r report) error {
	status := map[string]any{}
	conditions := slices.Clone(before.Status.Conditions)
	changed := false
	for _, c := range r.Conditions {
		changed = hub.SetCondition(&conditions, c.ObservedGeneration, c) || changed
	}
	if changed {
		status["conditions"] = conditions
	}
	due := !r.Aside || changed && aggregate.SameStatuses(r.known, before.Status.ManifestStatuses)
	if r.Reflected && due && !aggregate.SameStatuses(before.Status.ManifestStatuses, r.Statuses) {
		status["manifestStatuses"] = r.Statuses
	}
	if len(status) == 0 {
		return nil
	}
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": before.UID}, "status": status})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	after := before.DeepCopy()
	if err := d.client.Status().Patch(ctx, after, client.RawPatch(types.MergePatchType, data)); err != nil {
		return fmt.Errorf("patch status of Work %s: %w", client.ObjectKeyFromObject(before), err)
	}
	d.works.Wrote(after)
	d.tell(before, after)
	return nil
}

// tell records events when there is something new to know: whether the Work is carried out, a first status
// of an object, another health. Every change of a counter would be too many.
func (d *Desk) tell(before, after *workv1alpha1.Work) {
	was := meta.FindStatusCondition(before.Status.Conditions, workv1alpha1.WorkDispatching)
	if is := meta.FindStatusCondition(after.Status.Conditions, workv1alpha1.WorkDispatching); is != nil && (was == nil || was.Status != is.Status) {
		d.recorder.Event(before, "Normal", names.EventReasonWorkDispatching, is.Message)
	}
	for i := range after.Status.ManifestStatuses {
		status := &after.Status.ManifestStatuses[i]
		what := status.Identifier.Kind + " " + status.Identifier.Name
		last := aggregate.Last(before, status.Identifier.Ordinal)
		if last == nil {
			d.recorder.Eventf(before, "Normal", names.EventReasonReflectStatusSucceed, "Reflected the status of %s", what)
		}
		if status.Health != workv1alpha1.ResourceUnknown && (last == nil || last.Health != status.Health) {
			d.recorder.Eventf(before, "Normal", names.EventReasonInterpretHealthSucceed, "%s is %s", what, status.Health)
		}
	}
}
