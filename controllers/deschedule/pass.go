package deschedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deschedule"
	"github.com/seaway-io/seaway/controllers/hub"
)

const (
	// widestGap between two bindings of a pass: few of them need not wait for each other.
	widestGap = 100 * time.Millisecond
	// askedAtOnce bounds how many clusters of one binding are asked at a time.
	askedAtOnce = 8
	// patience is how often in a row a cluster may fail to answer before it is left alone for the rest
	// of a pass.
	patience = 3
)

// pass looks at every binding once. The error is about the clusters that did not answer and the
// bindings that could not be written; the others have been seen to.
func (d *descheduler) pass(ctx context.Context) error {
	d.taken.forget(d.Clock.Now())
	candidates, err := d.candidates(ctx)
	if err != nil || len(candidates) == 0 {
		return err
	}
	// A pass takes half of the interval at the most, so that it is over before the next.
	gap := min(d.Interval/2/time.Duration(len(candidates)), widestGap)
	heard := &hearing{failures: map[string]int{}, last: map[string]error{}}
	failed := make([]error, len(candidates))
	var group errgroup.Group
	group.SetLimit(d.Workers)
	for i, b := range candidates {
		if i > 0 && !d.wait(ctx, gap) {
			break
		}
		group.Go(func() error {
			failed[i] = d.one(ctx, b, heard)
			return nil
		})
	}
	_ = group.Wait() // errors are kept by binding: one does not end the others
	return errors.Join(summary(failed), heard.silent())
}

// summary is one of the errors and how many there are: when the hub is away that is all of them.
func summary(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%d bindings failed, such as: %w", len(errs), errs[0])
}

// candidates are empty bindings with the keys of those that are short of replicas somewhere. The pass
// reads each of them again when its turn has come.
func (d *descheduler) candidates(ctx context.Context) ([]workv1alpha2.Binding, error) {
	all, err := hub.Bindings(ctx, d.client, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	var out []workv1alpha2.Binding
	for _, b := range all {
		if len(deschedule.Shortages(b, d.Kinds)) == 0 || validation.ValidateReach(b) != nil {
			continue
		}
		var empty workv1alpha2.Binding = &workv1alpha2.ResourceBinding{}
		if b.GetNamespace() == "" {
			empty = &workv1alpha2.ClusterResourceBinding{}
		}
		empty.SetNamespace(b.GetNamespace())
		empty.SetName(b.GetName())
		out = append(out, empty)
	}
	return out, nil
}

// one reads a binding, asks about it and takes what hangs, in one patch. Whoever changes the binding
// meanwhile wins; the next pass looks again.
func (d *descheduler) one(ctx context.Context, b workv1alpha2.Binding, heard *hearing) error {
	obj := b.(client.Object)
	if err := d.client.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
		return client.IgnoreNotFound(err)
	}
	shortages := slices.DeleteFunc(deschedule.Shortages(b, d.Kinds), func(s deschedule.Shortage) bool {
		return d.taken.rests(place{b.GetUID(), s.Cluster}, d.Clock.Now())
	})
	if len(shortages) == 0 {
		return nil
	}
	to, taken := deschedule.Lower(b.GetBindingSpec().Clusters, shortages, d.ask(ctx, b, shortages, heard))
	if len(taken) == 0 {
		return nil
	}
	_, err := hub.Patch(ctx, d.client, obj, func(client.Object) { b.GetBindingSpec().Clusters = to })
	switch {
	case err == nil:
		for _, t := range taken {
			d.taken.note(place{b.GetUID(), t.Cluster}, d.Clock.Now())
		}
		d.tellTaken(b, taken)
	case apierrors.IsConflict(err) || apierrors.IsNotFound(err):
		return nil
	default:
		d.tellFailed(b, taken, err)
	}
	return err
}

// ask counts the pods that hang, in all clusters that are short at once. A cluster that does not answer
// is not in the counts.
func (d *descheduler) ask(ctx context.Context, b workv1alpha2.Binding, shortages []deschedule.Shortage, heard *hearing) map[string]int32 {
	counts := make([]int32, len(shortages))
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	for i, s := range shortages {
		if heard.gaveUp(s.Cluster) {
			continue
		}
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, d.AskTimeout)
			defer cancel()
			n, err := d.Unschedulable(ctx, s.Cluster, b.GetBindingSpec().Resource, d.UnschedulableThreshold)
			if heard.note(s.Cluster, err); err == nil {
				counts[i] = n
			}
			return nil
		})
	}
	_ = group.Wait() // the functions return none
	hanging := make(map[string]int32, len(shortages))
	for i, s := range shortages {
		hanging[s.Cluster] = counts[i]
	}
	return hanging
}

// hearing is which clusters answer in one pass.
type hearing struct {
	mu       sync.Mutex
	failures map[string]int // in a row
	last     map[string]error
}

func (h *hearing) note(cluster string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.failures[cluster] = 0
		return
	}
	h.failures[cluster]++
	h.last[cluster] = err
}

func (h *hearing) gaveUp(cluster string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures[cluster] >= patience
}

// silent is an error that names each cluster that failed to answer once, and why.
func (h *hearing) silent() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var clusters []string
	for c := range h.last {
		clusters = append(clusters, c)
	}
	slices.Sort(clusters)
	var errs []error
	for _, c := range clusters {
		errs = append(errs, fmt.Errorf("count unschedulable pods in %s: %w", c, h.last[c]))
	}
	return errors.Join(errs...)
}
