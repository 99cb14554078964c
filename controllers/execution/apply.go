package execution

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/execution/managed"
)

// application is one manifest on its way into one member.
type application struct {
	*reconciler
	member  managed.Member
	cluster string
	work    *workv1alpha1.Work
	desired *unstructured.Unstructured
	// plural is known once the member was asked.
	plural schema.GroupVersionResource
}

// done is what came of an application.
type done struct {
	wrote bool
	// object is what the member has.
	object *unstructured.Unstructured
	// settled is the fingerprint to keep: see AnnotationSettled.
	settled string
}

// apply makes the object in the member what it should be.
func (a *application) apply(ctx context.Context) (done, error) {
	if err := a.verify(ctx, a.work, a.desired); err != nil {
		return done{}, err
	}
	resource, objects, err := a.resource()
	if err != nil {
		return done{}, err
	}
	observed, exists := objects.Get(a.desired.GetNamespace(), a.desired.GetName())
	if exists {
		return a.update(ctx, resource, observed)
	}
	state := objects.State()
	if state == managed.Filling {
		return done{}, errFilling
	}
	// After a failure the member is asked first: what is in the way may be an object that is not ours,
	// which the watch does not show, and to try again and again to create it would be a write each time.
	if state == managed.Hopeless || failedBefore(a.work) {
		observed, err := resource.Get(ctx, a.desired.GetName(), metav1.GetOptions{})
		if err == nil {
			return a.update(ctx, resource, observed)
		}
		if !apierrors.IsNotFound(err) {
			return done{}, err
		}
	}
	return a.create(ctx, resource)
}

// errScope refuses an object with a namespace for a member that has the kind without: an API server would
// drop the namespace, and what somebody may do in one namespace would reach the whole cluster.
var errScope = errors.New("the cluster has the kind without namespaces; install the same definition of it there as on the hub")

// resource finds out where the object goes.
func (a *application) resource() (dynamic.ResourceInterface, *managed.Cache, error) {
	kind, err := a.members.Follow(a.cluster, a.member, a.desired.GroupVersionKind())
	if meta.IsNoMatchError(err) {
		return nil, nil, fmt.Errorf("cluster %q does not serve %s %s; install what defines it there: %w",
			a.cluster, a.desired.GetAPIVersion(), a.desired.GetKind(), err)
	}
	if err != nil {
		return nil, nil, err
	}
	mapping, objects := kind.Mapping, kind.Objects
	a.plural = mapping.Resource
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		if a.desired.GetNamespace() != "" {
			return nil, nil, fmt.Errorf("metadata.namespace: %w", errScope)
		}
		return a.member.Dynamic().Resource(mapping.Resource), objects, nil
	}
	if a.desired.GetNamespace() == "" {
		return nil, nil, fmt.Errorf("cluster %q has it in namespaces: metadata.namespace must be set", a.cluster)
	}
	return a.member.Dynamic().Resource(mapping.Resource).Namespace(a.desired.GetNamespace()), objects, nil
}

func (a *application) create(ctx context.Context, resource dynamic.ResourceInterface) (done, error) {
	created, err := resource.Create(ctx, a.desired, metav1.CreateOptions{})
	a.count("create", a.desired, err)
	if err == nil {
		return a.settle(created)
	}
	if !apierrors.IsAlreadyExists(err) {
		return done{}, err
	}
	// not ours, or ours and not in the cache yet
	observed, err := resource.Get(ctx, a.desired.GetName(), metav1.GetOptions{})
	if err != nil {
		return done{}, err
	}
	return a.update(ctx, resource, observed)
}

// update writes the object over the observed one if that is not as it should be. When the observed
// one turns out to be old, the present one is looked at at once.
func (a *application) update(ctx context.Context, resource dynamic.ResourceInterface, observed *unstructured.Unstructured) (done, error) {
	out, err := a.write(ctx, resource, observed)
	if !apierrors.IsConflict(err) {
		return out, err
	}
	if observed, err = resource.Get(ctx, a.desired.GetName(), metav1.GetOptions{}); err != nil {
		return done{}, err
	}
	return a.write(ctx, resource, observed)
}

func (a *application) write(ctx context.Context, resource dynamic.ResourceInterface, observed *unstructured.Unstructured) (done, error) {
	if err := a.mayOverwrite(ctx, observed); err != nil {
		return done{}, err
	}
	target, is, answer, err := a.compare(observed)
	if err != nil {
		return done{}, err
	}
	if is {
		return done{object: observed}, nil
	}
	if settledWith(a.work, answer) {
		return done{object: observed, settled: answer}, nil
	}
	updated, err := resource.Update(ctx, target, metav1.UpdateOptions{})
	a.count("update", target, err)
	if err != nil {
		return done{}, err
	}
	return a.settle(updated)
}

// compare returns what is to be written over the observed object, whether that is what it is
// already, and the fingerprint of the two if not.
func (a *application) compare(observed *unstructured.Unstructured) (target *unstructured.Unstructured, is bool, answer string, err error) {
	if target, err = Target(a.interpreter, a.desired, observed); err != nil {
		return nil, false, "", err
	}
	want, have := comparableOf(target), comparableOf(observed)
	if same(want, have) {
		return target, true, "", nil
	}
	answer, err = fingerprint(want, have)
	return target, false, answer, err
}

// settle looks at what the member made of a write.
func (a *application) settle(answered *unstructured.Unstructured) (done, error) {
	a.written.Store(types.NamespacedName{Namespace: a.work.Namespace, Name: a.work.Name}, answered.GetResourceVersion())
	_, _, answer, err := a.compare(answered)
	return done{wrote: true, object: answered, settled: answer}, err
}

// mayOverwrite refuses to touch what is not ours: an object nobody gave us, unless the policy says
// to take it over, and one that another Work holds.
func (a *application) mayOverwrite(ctx context.Context, observed *unstructured.Unstructured) error {
	if observed.GetLabels()[names.ManagedLabel] != "true" {
		if a.desired.GetAnnotations()[names.ConflictResolutionAnnotation] == names.ConflictResolutionOverwrite {
			return nil
		}
		return fmt.Errorf("it is in cluster %q already and not managed from here; set conflictResolution to Overwrite in the policy, or annotate the template with %s=%s, to take it over; or delete it there",
			a.cluster, names.ConflictResolutionAnnotation, names.ConflictResolutionOverwrite)
	}
	holder := holderOf(observed)
	if holder.Name == "" || holder == (types.NamespacedName{Namespace: a.work.Namespace, Name: a.work.Name}) {
		return nil
	}
	other := &workv1alpha1.Work{}
	err := a.client.Get(ctx, holder, other)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Work %s, which holds it: %w", holder, err)
	}
	if other.DeletionTimestamp != nil {
		return nil
	}
	return fmt.Errorf("it is managed by Work %s already; delete one of the two", holder)
}

// holderOf is the Work that an object in a member names as its own.
func holderOf(observed *unstructured.Unstructured) types.NamespacedName {
	annotations := observed.GetAnnotations()
	return types.NamespacedName{Namespace: annotations[names.WorkNamespaceAnnotation], Name: annotations[names.WorkNameAnnotation]}
}
