package quota

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/quota"
	"github.com/seaway-io/seaway/controllers/hub"
)

// share makes sure of a Work for each assigned cluster, and of none elsewhere. A cluster that refuses its Work
// does not keep others from theirs.
func (r *reconciler) share(ctx context.Context, q *policyv1alpha1.FederatedResourceQuota, works []workv1alpha1.Work) error {
	if err := valid(q); err != nil {
		r.tellFailed(q, names.EventReasonSyncWorkFailed, err)
		return nil // its next edit brings it back
	}
	shares := quota.Shares(&q.Spec)
	errs := []error{r.withdraw(ctx, works, shares)}
	var sent []string
	for _, cluster := range slices.Sorted(maps.Keys(shares)) {
		wrote, err := r.send(ctx, q, cluster, shares[cluster])
		if err != nil {
			errs = append(errs, fmt.Errorf("cluster %s: %w", cluster, err))
		} else if wrote {
			sent = append(sent, cluster)
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		r.tellFailed(q, names.EventReasonSyncWorkFailed, err)
	} else if len(sent) > 0 {
		r.recorder.Eventf(q, corev1.EventTypeNormal, names.EventReasonSyncWorkSucceed, "Sent their shares to clusters %v", sent)
	}
	return err
}

// errTaken: the Work that a share would have belongs to somebody else.
var errTaken = errors.New("a policy propagates a ResourceQuota of the same name; rename one of them")

// send makes the Work of one cluster. One that has not joined yet is sent its share when it does.
func (r *reconciler) send(ctx context.Context, q *policyv1alpha1.FederatedResourceQuota, cluster string, hard corev1.ResourceList) (wrote bool, err error) {
	var space corev1.Namespace
	if err := r.client.Get(ctx, client.ObjectKey{Name: names.ExecutionNamespace(cluster)}, &space); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	if space.DeletionTimestamp != nil {
		return false, nil
	}
	work := &workv1alpha1.Work{}
	work.Namespace, work.Name = space.Name, quota.WorkName(q)
	newID := string(uuid.NewUUID())
	err = r.client.Get(ctx, client.ObjectKeyFromObject(work), work)
	switch {
	case apierrors.IsNotFound(err):
		if err := quota.Fill(work, q, hard, newID); err != nil {
			return false, err
		}
		err = r.client.Create(ctx, work)
		return err == nil, client.IgnoreAlreadyExists(err) // there: the cache is behind, and will bring it back here
	case err != nil:
		return false, err
	case work.DeletionTimestamp != nil:
		return false, nil // when it is gone, there will be another
	}
	if key, ok := keyOfWork(work); !ok || key != client.ObjectKeyFromObject(q) {
		return false, errTaken
	}
	var failed error
	wrote, err = hub.Patch(ctx, r.client, work, func(work *workv1alpha1.Work) { failed = quota.Fill(work, q, hard, newID) })
	return wrote, errors.Join(failed, err)
}

// withdraw deletes the Works of clusters that are not assigned a share.
func (r *reconciler) withdraw(ctx context.Context, works []workv1alpha1.Work, shares map[string]corev1.ResourceList) error {
	var errs []error
	for i := range works {
		work := &works[i]
		cluster, _ := names.ClusterFromExecutionNamespace(work.Namespace)
		if _, assigned := shares[cluster]; assigned || work.DeletionTimestamp != nil {
			continue
		}
		if err := r.client.Delete(ctx, work, client.Preconditions{UID: &work.UID}); client.IgnoreNotFound(err) != nil {
			errs = append(errs, fmt.Errorf("cluster %s: %w", cluster, err))
		}
	}
	return errors.Join(errs...)
}
