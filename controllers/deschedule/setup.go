package deschedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the descheduler.
type Options struct {
	// Unschedulable counts the pods of a workload that no node of the cluster has taken for longer than
	// the threshold. A negative count means that the cluster can not tell. Needed.
	Unschedulable func(ctx context.Context, cluster string, ref workv1alpha2.ObjectReference, longerThan time.Duration) (int32, error)
	// Interval is the time between two passes; 2 minutes when 0.
	Interval time.Duration
	// UnschedulableThreshold is for how long a pod must have hung; 5 minutes when 0.
	UnschedulableThreshold time.Duration
	// AskTimeout is how long a cluster has to answer; 3 seconds when 0.
	AskTimeout time.Duration
	// Kinds are those whose replicas may be taken; Deployments when nil. Such a kind says in
	// status.replicas and status.readyReplicas how many pods it has, and removes pods without a node
	// before others when it is scaled down. A StatefulSet does not.
	Kinds []schema.GroupKind
	// Workers is how many bindings are looked at at a time; 4 when 0.
	Workers int
	// Clock is the real one when nil.
	Clock clock.Clock
}

func (o *Options) complete() error {
	if o.Unschedulable == nil {
		return errors.New("descheduling needs Options.Unschedulable: a function that counts the pods without a node")
	}
	for d, standard := range map[*time.Duration]time.Duration{
		&o.Interval: 2 * time.Minute, &o.UnschedulableThreshold: 5 * time.Minute, &o.AskTimeout: 3 * time.Second,
	} {
		if *d < 0 {
			return fmt.Errorf("descheduling: %s is negative; leave it 0 for %s", *d, standard)
		}
		if *d == 0 {
			*d = standard
		}
	}
	if o.Kinds == nil {
		o.Kinds = []schema.GroupKind{appsv1.SchemeGroupVersion.WithKind("Deployment").GroupKind()}
	}
	if o.Workers == 0 {
		o.Workers = 4
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return nil
}

// Setup adds the descheduler to the manager. It runs where the controllers run, one at a time.
func Setup(mgr ctrl.Manager, o Options) error {
	if err := o.complete(); err != nil {
		return err
	}
	if err := mgr.Add(manager.RunnableFunc(newDescheduler(mgr.GetClient(), hub.Recorder(mgr, "descheduler"), o).run)); err != nil {
		return fmt.Errorf("set up descheduling: %w", err)
	}
	return nil
}

type descheduler struct {
	Options
	client   client.Client
	recorder record.EventRecorder
	taken    history
}

func newDescheduler(c client.Client, recorder record.EventRecorder, o Options) *descheduler {
	return &descheduler{Options: o, client: c, recorder: recorder, taken: history{interval: o.Interval, of: map[place]attempt{}}}
}

// run makes a pass every interval until the context ends. The first waits for one, when the hub has
// settled.
func (d *descheduler) run(ctx context.Context) error {
	next := d.Clock.Now().Add(d.Interval)
	for d.wait(ctx, next.Sub(d.Clock.Now())) {
		next = d.Clock.Now().Add(d.Interval)
		if err := d.pass(ctx); err != nil && ctx.Err() == nil {
			ctrl.LoggerFrom(ctx).Error(err, "descheduling pass")
		}
	}
	return nil
}

// wait lets the time pass, and says whether the context lives on.
func (d *descheduler) wait(ctx context.Context, t time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-d.Clock.After(t):
		return true
	}
}
