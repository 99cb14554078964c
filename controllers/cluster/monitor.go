package cluster

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	corecluster "github.com/seaway-io/seaway/controllers/core/cluster"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/member"
)

// monitor has a worker for each connected member.
type monitor struct {
	client  client.Client
	reader  client.Reader
	options Options

	mu      sync.Mutex
	workers map[string]*worker
	stopped bool
	running sync.WaitGroup
}

func newMonitor(c client.Client, reader client.Reader, o Options) *monitor {
	return &monitor{client: c, reader: reader, options: o, workers: map[string]*worker{}}
}

// Start watches the pool until the context ends; the manager calls it.
func (m *monitor) Start(ctx context.Context) error {
	m.options.Members.Subscribe(func(name string) { m.refresh(ctx, name) })
	<-ctx.Done()
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	m.running.Wait()
	return nil
}

// refresh gives a member that was connected or replaced a new worker. The worker of a
// connection that is gone ends by itself.
func (m *monitor) refresh(ctx context.Context, name string) {
	connection, err := m.options.Members.Member(name)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.workers[name]; m.stopped || (w != nil && w.member == connection) {
		return
	}
	w := &worker{
		client:    m.client,
		reader:    m.reader,
		options:   m.options,
		member:    connection,
		collector: newCollector(connection, m.options),
	}
	m.workers[name] = w
	m.running.Add(1)
	go func() {
		defer m.running.Done()
		w.run(ctx)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.workers[name] == w {
			delete(m.workers, name)
		}
	}()
}

// worker looks after one connection of one member.
type worker struct {
	client    client.Client
	reader    client.Reader
	options   Options
	member    *member.Member
	collector *collector
	memory    corecluster.Memory
	// met is when the member was first ready while nothing was known of it.
	met time.Time
}

// run probes and writes until the connection or the context ends. Collecting runs
// beside it: a member that is slow to list its APIs is probed on time.
func (w *worker) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-w.member.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	var collecting sync.WaitGroup
	collecting.Go(func() { w.collector.run(ctx) })
	defer collecting.Wait()

	ticker := w.options.Clock.NewTicker(w.options.StatusUpdateFrequency)
	defer ticker.Stop()
	for {
		w.look(ctx)
		select {
		case <-ticker.C():
		case <-w.collector.fresh:
		case <-ctx.Done():
			return
		}
	}
}

// look takes one sample and writes what follows from it.
func (w *worker) look(ctx context.Context) {
	health := w.member.Probe(ctx)
	if ctx.Err() != nil {
		return
	}
	began := w.options.Clock.Now()
	w.collector.allow(health.Ready)
	sample := corecluster.Sample{At: began, Reachable: health.Reachable, Ready: health.Ready, Message: health.Message}
	if err := w.report(ctx, sample); err != nil && ctx.Err() == nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot write the status of a cluster; trying again with the next probe", "cluster", w.member.Name)
	}
	observeSync(w.member.Name, w.options.Clock.Since(began))
}

// report writes the status, if it changed. The first try works on the cached Cluster; a
// conflict means that the cache is behind, and the second reads anew.
func (w *worker) report(ctx context.Context, sample corecluster.Sample) error {
	var err error
	for _, from := range []client.Reader{w.client, w.reader} {
		cluster := &clusterv1alpha1.Cluster{}
		if err = from.Get(ctx, key(w.member.Name), cluster); err != nil {
			return client.IgnoreNotFound(err)
		}
		if err = w.write(ctx, cluster, sample); !apierrors.IsConflict(err) {
			return client.IgnoreNotFound(err)
		}
	}
	return err
}

// write changes the conditions this controller owns and the facts it collects; the
// conditions of others stay. While the cluster does not answer, facts stay as they were.
func (w *worker) write(ctx context.Context, cluster *clusterv1alpha1.Cluster, sample corecluster.Sample) error {
	shown := readyStatus(cluster)
	ready, memory := corecluster.Ready(readyCondition(cluster), w.memory, sample, w.options.thresholds())
	if ready.Status == metav1.ConditionTrue && shown != metav1.ConditionTrue && w.strange(cluster, sample.At) {
		return nil
	}
	w.collector.grade(cluster.Spec.ResourceModels)
	_, err := hub.PatchStatus(ctx, w.client, cluster, func(c *clusterv1alpha1.Cluster) {
		hub.SetCondition(&c.Status.Conditions, c.Generation, ready)
		if sample.Ready {
			w.collector.apply(c)
		}
	})
	if err != nil && ready.Status != shown {
		return err // the run of samples must be remembered until the change is written
	}
	w.memory = memory
	recordMetrics(cluster)
	return err
}

// strange says whether nobody knows yet what a cluster serves: told to be ready, it would be passed over
// for whatever is placed at that moment. What its first list tells wakes the worker; one that fails is told
// as such, and one that does not come is not waited for without end.
func (w *worker) strange(cluster *clusterv1alpha1.Cluster, now time.Time) bool {
	if meta.FindStatusCondition(cluster.Status.Conditions, clusterv1alpha1.ClusterConditionCompleteAPIEnablements) != nil || w.collector.listed() {
		return false
	}
	if w.met.IsZero() {
		w.met = now
	}
	return now.Sub(w.met) < apiRetry
}
