package diff

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/controllers/execution"
	"github.com/seaway-io/seaway/controllers/member"
)

// errHubOnly ends errors about clusters that can not be asked.
var errHubOnly = errors.New("with --hub-only it is compared with the Work on the hub instead")

// api is what is used of a cluster.
type api interface {
	Dynamic() dynamic.Interface
	Mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error)
}

// dialer connects to the cluster of an object; what it returns besides ends the connection.
type dialer func(ctx context.Context, e *effective, h hubclient.Hub) (api, func(), error)

// connect takes the credentials that the hub keeps of a cluster, if the caller may read them.
func connect(ctx context.Context, cluster *clusterv1alpha1.Cluster, h hubclient.Hub, timeout time.Duration) (api, func(), error) {
	ref := cluster.Spec.SecretRef
	if ref == nil {
		return nil, nil, fmt.Errorf("the hub has no credentials of cluster %q; %w", cluster.Name, errHubOnly)
	}
	secret := &corev1.Secret{}
	if err := h.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, secret); err != nil {
		return nil, nil, fmt.Errorf("read the credentials of cluster %q: %w; %w", cluster.Name, err, errHubOnly)
	}
	pool := member.NewPool(member.Options{Timeout: timeout, UserAgent: "kubectl-seaway"})
	if err := pool.Set(cluster, secret); err != nil {
		return nil, nil, err
	}
	m, err := pool.Member(cluster.Name)
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return m, pool.Close, nil
}

// inCluster returns what the cluster has, and what it would have; nil for nothing.
func (d *differ) inCluster(ctx context.Context, e *effective) (before, after *unstructured.Unstructured, err error) {
	m, end, err := d.dial(ctx, e, d.Hub)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	obj := e.desired
	if obj == nil {
		obj = e.present
	}
	mapping, err := m.Mapping(obj.GroupVersionKind())
	if meta.IsNoMatchError(err) {
		return nil, nil, fmt.Errorf("cluster %q does not serve %s %s", e.cluster.Name, obj.GetAPIVersion(), obj.GetKind())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w; %w", err, errHubOnly)
	}
	var resource dynamic.ResourceInterface = m.Dynamic().Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		resource = m.Dynamic().Resource(mapping.Resource).Namespace(obj.GetNamespace())
	}
	notes := len(e.notes)
	for try := 1; ; try++ {
		before, after, err = d.compare(ctx, e, resource, obj)
		if try == tries || !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return before, after, err
		}
		e.notes = e.notes[:notes]
	}
}

// tries is how often an object is read again that changed while it was looked at, as the status of one
// that is being rolled out does all the time.
const tries = 5

// compare returns what the cluster has of an object, and what it would have; nil for nothing.
func (d *differ) compare(ctx context.Context, e *effective, resource dynamic.ResourceInterface, obj *unstructured.Unstructured) (before, after *unstructured.Unstructured, err error) {
	before, err = resource.Get(ctx, obj.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		before = nil
	case err != nil:
		return nil, nil, fmt.Errorf("read %s in cluster %q: %w", what(obj), e.cluster.Name, err)
	}
	if e.desired == nil {
		return before, e.afterRemoval(before), nil
	}
	if before != nil {
		if err := d.noteHolder(ctx, e, before); err != nil {
			return nil, nil, err
		}
	}
	after, err = e.tryIn(ctx, resource, before)
	return before, after, err
}

// noteHolder says when an object is another Work's: then nothing is written.
func (d *differ) noteHolder(ctx context.Context, e *effective, observed *unstructured.Unstructured) error {
	annotations := observed.GetAnnotations()
	holder := types.NamespacedName{Namespace: annotations[names.WorkNamespaceAnnotation], Name: annotations[names.WorkNameAnnotation]}
	if holder.Name == "" || holder == e.work || observed.GetLabels()[names.ManagedLabel] != "true" {
		return nil
	}
	other := &workv1alpha1.Work{}
	switch err := d.Get(ctx, holder, other); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get Work %s, which holds the object: %w", holder, err)
	case other.DeletionTimestamp == nil:
		e.note("the object in the cluster is that of Work %s: the hub leaves it as it is until one of the two is deleted", holder)
	}
	return nil
}

// afterRemoval is what stays of an object that the hub no longer wants.
func (e *effective) afterRemoval(observed *unstructured.Unstructured) *unstructured.Unstructured {
	if observed == nil || e.preserve {
		return observed
	}
	if observed.GetLabels()[names.ManagedLabel] != "true" {
		e.note("the object in the cluster is not managed from here: the hub leaves it as it is")
		return observed
	}
	return nil
}

// tryIn asks the cluster what it would make of the object, without having it made.
func (e *effective) tryIn(ctx context.Context, resource dynamic.ResourceInterface, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	dryRun := []string{metav1.DryRunAll}
	if observed == nil {
		answered, err := resource.Create(ctx, e.desired, metav1.CreateOptions{DryRun: dryRun})
		return e.answer(e.desired, answered, err)
	}
	if observed.GetLabels()[names.ManagedLabel] != "true" && e.desired.GetAnnotations()[names.ConflictResolutionAnnotation] != names.ConflictResolutionOverwrite {
		e.note("the object is in the cluster already and not managed from here: the hub leaves it as it is, unless conflictResolution is Overwrite in the policy")
	}
	target, err := execution.Target(e.interpreter, e.desired, observed)
	if err != nil {
		return nil, err
	}
	answered, err := resource.Update(ctx, target, metav1.UpdateOptions{DryRun: dryRun})
	return e.answer(target, answered, err)
}

// answer is what the cluster made of the object, or the object itself where the cluster can not say.
func (e *effective) answer(asked, answered *unstructured.Unstructured, err error) (*unstructured.Unstructured, error) {
	switch {
	case err == nil:
		return answered, nil
	case apierrors.IsNotFound(err):
		e.note("the cluster cannot say yet what it would add: %v", err)
		return asked, nil
	case apierrors.IsBadRequest(err): // admission there that does not support dry runs
		e.note("the cluster does not say what it would add: %v", err)
		return asked, nil
	}
	return nil, fmt.Errorf("cluster %q would refuse it: %w", e.cluster.Name, err)
}
