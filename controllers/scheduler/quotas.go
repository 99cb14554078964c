package scheduler

import (
	"cmp"
	"context"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/quota"
)

// beside is how many bindings are tried beside those that a quota has room for: some of these will ask
// for less by then, or find no cluster.
const beside = 8

// refusals remembers what quotas had no room for. When one has more room, as many bindings are tried as
// fit into it, the most important first: the others would only be refused again. It is nil where nobody
// follows quotas, and remembers nothing.
type refusals struct {
	mu     sync.Mutex
	spaces map[string]*space
}

// space is a namespace.
type space struct {
	// left is what its quotas have left, as the watch shows it; gains counts how often it grew.
	left    corev1.ResourceList
	gains   int
	refused map[types.NamespacedName]refusal
}

type refusal struct {
	growth   corev1.ResourceList
	priority int
}

func newRefusals() *refusals { return &refusals{spaces: map[string]*space{}} }

func (x *refusals) space(namespace string) *space {
	s := x.spaces[namespace]
	if s == nil {
		s = &space{refused: map[types.NamespacedName]refusal{}}
		x.spaces[namespace] = s
	}
	return s
}

// try begins an attempt to place a binding. The result is for refuse, should it come to that.
func (x *refusals) try(key types.NamespacedName) (gains int) {
	if x == nil {
		return 0
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.spaces[key.Namespace]
	if s == nil {
		return 0
	}
	delete(s.refused, key)
	return s.gains
}

// refuse notes what an attempt asked for. It says whether there has been room since it began: then
// nobody wakes the binding, and it has to try again by itself.
func (x *refusals) refuse(key types.NamespacedName, r refusal, gains int) (again bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.space(key.Namespace)
	if s.gains != gains && quota.Fits(r.growth, s.left) {
		return true
	}
	s.refused[key] = r
	return false
}

func (x *refusals) forget(key types.NamespacedName) { x.try(key) }

// observe notes what the quotas of a namespace have left, and returns whom to try again.
func (x *refusals) observe(namespace string, left corev1.ResourceList) []types.NamespacedName {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.space(namespace)
	grew := s.left == nil || quota.MoreLeft(s.left, left)
	s.left = left
	if !grew {
		return nil
	}
	s.gains++
	return s.pick()
}

// pick takes out those that fit.
func (s *space) pick() (out []types.NamespacedName) {
	waiting := make([]types.NamespacedName, 0, len(s.refused))
	for key, r := range s.refused {
		if quota.Fits(r.growth, s.left) {
			waiting = append(waiting, key)
		}
	}
	slices.SortFunc(waiting, func(a, b types.NamespacedName) int {
		return cmp.Or(cmp.Compare(s.refused[b].priority, s.refused[a].priority), cmp.Compare(a.Name, b.Name))
	})
	left, more := s.left.DeepCopy(), beside
	for _, key := range waiting {
		if growth := s.refused[key].growth; quota.Fits(growth, left) {
			quota.Take(growth, left)
		} else if more--; more < 0 {
			break
		}
		out = append(out, key)
		delete(s.refused, key)
	}
	return out
}

// quotas queues bindings that quotas had no room for and have now.
func (f *follower) quotas(reader client.Reader) handler.EventHandler {
	changed := func(ctx context.Context, obj client.Object, q queue) {
		var list policyv1alpha1.FederatedResourceQuotaList
		if err := reader.List(ctx, &list, client.InNamespace(obj.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "list the quotas of a namespace", "namespace", obj.GetNamespace())
			return
		}
		left, counted := quota.Left(list.Items)
		if !counted {
			return // that they are is another change
		}
		keys := f.refusals.observe(obj.GetNamespace(), left)
		incoming.WithLabelValues("QuotaChange").Add(float64(len(keys)))
		enqueue(q, background, keys...)
	}
	return plainFuncs{handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { changed(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { changed(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { changed(ctx, e.Object, q) },
	}}
}
