package estimate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	coreestimate "github.com/seaway-io/seaway/controllers/core/estimate"
)

// ErrUnknown says that nothing is known of a member at present. It comes wrapped with the cluster's
// name.
var ErrUnknown = errors.New("its nodes and pods are not known at present")

// Request is a question about room.
type Request struct {
	// Spec of the binding. With several components the answer is in whole sets, else in replicas.
	Spec *workv1alpha2.ResourceBindingSpec
	// Assumed is what was placed in each cluster and is not there yet: requests by resource, and a pod
	// for each replica under "pods".
	Assumed map[string]corev1.ResourceList
}

// Estimator knows how much room members have. It is safe for concurrent use.
type Estimator struct {
	options  Options
	follower *follower
	remotes  *remotes
}

// Estimates is how many more replicas, or sets, each cluster has room for. A cluster of which that is
// not known is absent. Clusters followed here are answered from memory; external estimators, where
// there are any, are asked all at once and have until the deadline, and of two answers the smaller
// counts. One that fails or is late is passed over.
func (e *Estimator) Estimates(ctx context.Context, clusters []string, req Request) map[string]int32 {
	estimates := make(map[string]int32, len(clusters))
	if req.Spec == nil {
		return estimates
	}
	ctx, cancel := context.WithTimeout(ctx, e.options.Timeout)
	defer cancel()
	w := workloadOf(req.Spec)
	collect := e.remotes.estimates(ctx, clusters, w, req.Assumed)
	for _, cluster := range clusters {
		if ctx.Err() != nil {
			break
		}
		var assumed []coreestimate.Assumed
		if sum := req.Assumed[cluster]; len(sum) > 0 {
			assumed = append(assumed, coreestimate.AssumedOf("", sum))
		}
		if room, err := e.estimate(cluster, w, assumed); err == nil {
			estimates[cluster] = room
		}
	}
	for cluster, room := range collect() {
		if here, known := estimates[cluster]; !known || room < here {
			estimates[cluster] = room
		}
	}
	return estimates
}

// workload is what an estimate depends on.
type workload struct {
	namespace    string
	requirements *workv1alpha2.ReplicaRequirements
	// components are set when whole sets are counted
	components []workv1alpha2.Component
}

func workloadOf(spec *workv1alpha2.ResourceBindingSpec) workload {
	w := workload{namespace: spec.Resource.Namespace, requirements: spec.ReplicaRequirements}
	switch {
	case len(spec.Components) > 1:
		w.components = spec.Components
	case len(spec.Components) == 1 && w.requirements == nil && spec.Components[0].ReplicaRequirements != nil:
		// A workload of one part is like any other.
		part := spec.Components[0].ReplicaRequirements
		w.requirements = &workv1alpha2.ReplicaRequirements{
			NodeClaim: part.NodeClaim, ResourceRequest: part.ResourceRequest, PriorityClassName: part.PriorityClassName,
		}
	}
	if w.requirements != nil && w.requirements.Namespace != "" {
		w.namespace = w.requirements.Namespace
	}
	return w
}

// estimate answers from memory.
func (e *Estimator) estimate(cluster string, w workload, assumed []coreestimate.Assumed) (room int32, err error) {
	meter := &replicasMeter
	if len(w.components) > 0 {
		meter = &setsMeter
	}
	start := e.options.Clock.Now()
	defer func() { meter.observe(e.options.Clock.Since(start), err == nil) }()
	l, err := e.ledger(cluster)
	if err != nil {
		return 0, err
	}
	bounds := coreestimate.Bounds{Namespace: w.namespace, Quotas: l.quotasOf(w.namespace), Assumed: assumed}
	l.ask(func(c *coreestimate.Cluster) {
		if len(w.components) > 0 {
			room = c.Sets(w.components, bounds)
		} else {
			room = c.Replicas(w.requirements, bounds)
		}
	})
	return room, nil
}

func (e *Estimator) ledger(cluster string) (*ledger, error) {
	l := e.follower.ledger(cluster)
	if l == nil || !l.trusted() {
		return nil, fmt.Errorf("cluster %q: %w", cluster, ErrUnknown)
	}
	return l, nil
}

// Unschedulable is how many replicas of a workload have waited for a node in a member for longer than a
// time, by the word of the member's own scheduler. Where nothing is known of the member, its external
// estimator is asked, if there is one; else the error satisfies errors.Is(err, ErrUnknown). Pods are
// the workload's when it is their controller, or a Deployment whose ReplicaSet is.
func (e *Estimator) Unschedulable(ctx context.Context, cluster string, ref workv1alpha2.ObjectReference, longerThan time.Duration) (int32, error) {
	n, err := e.unschedulable(cluster, ref, longerThan)
	if err == nil || !e.remotes.has(cluster) {
		return n, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.options.Timeout)
	defer cancel()
	return e.remotes.unschedulable(ctx, cluster, ref, longerThan)
}

func (e *Estimator) unschedulable(cluster string, ref workv1alpha2.ObjectReference, longerThan time.Duration) (n int32, err error) {
	start := e.options.Clock.Now()
	defer func() { unschedulableMeter.observe(e.options.Clock.Since(start), err == nil) }()
	l, err := e.ledger(cluster)
	if err != nil {
		return 0, err
	}
	l.ask(func(c *coreestimate.Cluster) { n = c.Unschedulable(ref, e.options.Clock.Now(), longerThan) })
	return n, nil
}

// collector returns what has been answered, when that is all or the time is up.
type collector func() map[string]int32

// gather asks every cluster at once. A failed or negative answer is none.
func gather(ctx context.Context, clusters []string, ask func(ctx context.Context, cluster string) (int32, error)) collector {
	var (
		mu       sync.Mutex
		waiting  sync.WaitGroup
		answers  = map[string]int32{}
		finished = make(chan struct{})
	)
	for _, cluster := range clusters {
		waiting.Go(func() {
			if n, err := ask(ctx, cluster); err == nil && n >= 0 {
				mu.Lock()
				answers[cluster] = n
				mu.Unlock()
			}
		})
	}
	go func() {
		waiting.Wait()
		close(finished)
	}()
	return func() map[string]int32 {
		select {
		case <-finished:
		case <-ctx.Done():
		}
		mu.Lock()
		defer mu.Unlock()
		got := answers
		answers = map[string]int32{} // late ones are nobody's
		return got
	}
}
