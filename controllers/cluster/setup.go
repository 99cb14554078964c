// Package cluster looks after Cluster objects: it gives each an execution namespace and
// a connection, watches its health, writes down what it is and holds, taints it while it
// is not ready, and lets it go only when nothing is left of it.
//
// The Reconcile loop handles the object; it never calls a member. A monitor has one
// worker for each connected member, which probes and collects on its own time, so that a
// member that hangs delays nobody. What to say of a member is decided in
// controllers/core/cluster.
package cluster

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	corecluster "github.com/seaway-io/seaway/controllers/core/cluster"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/member"
)

// Options of the cluster controller.
type Options struct {
	// Members is where connections are made and dropped; this controller alone does
	// that. Required.
	Members *member.Pool
	// Clock dates samples. Default: the real clock.
	Clock clock.WithTicker
	// StatusUpdateFrequency is the time between two probes of a member. Default 2 s.
	StatusUpdateFrequency time.Duration
	// FailureThreshold is how long a Ready member must fail before it is not Ready.
	// Default 5 s.
	FailureThreshold time.Duration
	// SuccessThreshold is how long another must answer before it is. Default 5 s.
	SuccessThreshold time.Duration
	// SummaryFrequency is the shortest time between two summaries of a member's nodes
	// and pods. Default 5 s.
	SummaryFrequency time.Duration
	// Workers bounds the Clusters reconciled at a time. Default 8.
	Workers int
}

// Defaults of Options.
const (
	DefaultStatusUpdateFrequency = 2 * time.Second
	DefaultFailureThreshold      = 5 * time.Second
	DefaultSuccessThreshold      = 5 * time.Second
	DefaultSummaryFrequency      = 5 * time.Second
	DefaultWorkers               = 8
)

// AddFlags adds flags for the times.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.DurationVar(&o.StatusUpdateFrequency, "cluster-status-update-frequency", DefaultStatusUpdateFrequency,
		"How often the API server of each push cluster is probed.")
	fs.DurationVar(&o.FailureThreshold, "cluster-failure-threshold", DefaultFailureThreshold,
		"How long a ready cluster must fail, without a break, before it counts as not ready.")
	fs.DurationVar(&o.SuccessThreshold, "cluster-success-threshold", DefaultSuccessThreshold,
		"How long a cluster that is not ready must answer, without a break, before it counts as ready.")
}

func (o Options) withDefaults() Options {
	fallback := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	fallback(&o.StatusUpdateFrequency, DefaultStatusUpdateFrequency)
	fallback(&o.FailureThreshold, DefaultFailureThreshold)
	fallback(&o.SuccessThreshold, DefaultSuccessThreshold)
	fallback(&o.SummaryFrequency, DefaultSummaryFrequency)
	if o.Workers <= 0 {
		o.Workers = DefaultWorkers
	}
	return o
}

func (o Options) thresholds() corecluster.Thresholds {
	return corecluster.Thresholds{
		Failure: o.FailureThreshold,
		Success: o.SuccessThreshold,
		// Three probes missed in a row, each with its own time limit.
		Hole: 3 * (o.StatusUpdateFrequency + member.DefaultProbeTimeout),
	}
}

// Setup adds the controller and the monitor to the manager. It needs the index
// hub.IndexBindingByCluster.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Members == nil {
		return fmt.Errorf("cluster controller: Options.Members is required")
	}
	o = o.withDefaults()
	r := &reconciler{
		client:   mgr.GetClient(),
		reader:   mgr.GetAPIReader(),
		members:  o.Members,
		recorder: recorder(mgr),
	}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("cluster").
		For(&clusterv1alpha1.Cluster{}, builder.WithPredicates(worthALook())).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.usersOfSecret), builder.WithPredicates(credentials())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             retryDelays(),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("cluster controller: %w", err)
	}
	registerMetrics()
	return mgr.Add(newMonitor(mgr.GetClient(), mgr.GetAPIReader(), o))
}

// recorder records core/v1 events: clients look them up by involvedObject.
func recorder(mgr ctrl.Manager) record.EventRecorder {
	return hub.Recorder(mgr, "cluster-controller")
}

// key is the name of a cluster-scoped object.
func key(name string) client.ObjectKey { return client.ObjectKey{Name: name} }
