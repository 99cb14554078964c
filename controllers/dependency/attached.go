package dependency

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	ctrl "sigs.k8s.io/controller-runtime"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deps"
	"github.com/seaway-io/seaway/controllers/hub"
)

// attached is the reconciler of dependencies.
type attached struct {
	*shared

	// conflicts are those of dependencies that were looked at before.
	mu        sync.Mutex
	conflicts map[deps.Key][]string
}

func newAttached(s *shared) *attached {
	return &attached{shared: s, conflicts: map[deps.Key][]string{}}
}

// Reconcile makes the binding of one dependency what its parents need.
func (r *attached) Reconcile(ctx context.Context, key deps.Key) (ctrl.Result, error) {
	in, err := r.gather(ctx, key)
	if err != nil {
		return ctrl.Result{}, err
	}
	out := deps.Attach(in)
	if err := out.Err; err != nil {
		r.tellFailed(in, err)
		return ctrl.Result{}, err
	}
	if err := r.write(ctx, in, out); err != nil {
		if !apierrors.IsConflict(err) {
			r.tellFailed(in, err)
		}
		return hub.Result(ctrl.Result{}, err)
	}
	if r.newConflict(key, in, out) {
		r.tellConflicts(in, out)
	}
	return ctrl.Result{}, nil
}

// gather reads what the decision needs, all of it from memory.
func (r *attached) gather(ctx context.Context, key deps.Key) (deps.Input, error) {
	in := deps.Input{Dependency: key, NewID: string(uuid.NewUUID())}
	var err error
	if in.Present, err = r.binding(ctx, bindingName(key)); err != nil {
		return in, err
	}
	var has labels.Set
	kind, obj, known := r.objects.Get(key)
	if known {
		in.Kind, in.Object, has = kind, obj, obj.GetLabels()
	}
	needing, unread := r.parentsOf(key, has, known, in.Present)
	if in.Parents, err = r.leading(ctx, needing); err != nil {
		return in, err
	}
	in.Unread, err = r.leading(ctx, unread)
	return in, err
}

// parentsOf asks the graph who needs the dependency, and of whom that is not known although the
// binding has a snapshot of them.
func (r *attached) parentsOf(key deps.Key, has labels.Set, known bool, present *workv1alpha2.ResourceBinding) (needing, unread []types.NamespacedName) {
	r.graphLock.RLock()
	defer r.graphLock.RUnlock()
	needing = r.graph.Parents(key, has)
	for name := range snapshots(present) {
		if !slices.Contains(needing, name) && (!r.graph.Read(name) || !known && r.graph.May(name, key)) {
			unread = append(unread, name)
		}
	}
	return needing, unread
}

// leading returns the bindings that are parents and still there, in the order of their names.
func (r *attached) leading(ctx context.Context, all []types.NamespacedName) (out []*workv1alpha2.ResourceBinding, err error) {
	slices.SortFunc(all, func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
	for _, name := range all {
		b, err := r.binding(ctx, name)
		if err != nil {
			return nil, err
		}
		if b != nil && deps.Leads(b) {
			out = append(out, b)
		}
	}
	return out, nil
}

// write creates or changes the binding, if there is something to write.
func (r *attached) write(ctx context.Context, in deps.Input, out deps.Result) error {
	switch {
	case out.Binding == nil:
		return nil
	case out.Create:
		err := r.client.Create(ctx, out.Binding)
		if apierrors.IsAlreadyExists(err) { // the cache does not have it yet
			return apierrors.NewConflict(schema.GroupResource{Group: workv1alpha2.GroupName, Resource: "resourcebindings"}, out.Binding.Name, err)
		}
		if err != nil {
			return fmt.Errorf("create binding %s: %w", deps.NameOf(out.Binding), err)
		}
		return nil
	}
	_, err := hub.Patch(ctx, r.client, in.Present.DeepCopy(), func(b *workv1alpha2.ResourceBinding) { *b = *out.Binding })
	return err
}

// newConflict notes the conflicts of a dependency and says whether they are news. Those that are found
// after a restart, with nothing to write, are none. Before the object is known they can not be told.
func (r *attached) newConflict(key deps.Key, in deps.Input, out deps.Result) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.conflicts[key]
	if in.Object == nil {
		if in.Present == nil {
			delete(r.conflicts, key)
		}
		return false
	}
	r.conflicts[key] = out.Conflicts
	return len(out.Conflicts) > 0 && !slices.Equal(before, out.Conflicts) && (known || out.Binding != nil)
}
