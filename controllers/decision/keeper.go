package decision

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/hub"
)

// kind is Decision, for the cache of its metadata.
var kind = trafficv1alpha1.GroupVersion.WithKind("Decision")

// indexGroup finds the Decisions of a template.
const indexGroup = "metadata.labels.decision-of"

func groupOf(obj client.Object) []string {
	if group := obj.GetLabels()[names.DecisionOfLabel]; group != "" {
		return []string{group}
	}
	return nil
}

// keeper deletes Decisions: those whose time is over, and the oldest of a template that has too many.
// It knows their metadata only.
type keeper struct {
	client client.Client
	clock  clock.PassiveClock
	pace   *pace
	keep   int
	ttl    time.Duration // of Decisions that do not say when they end
	seen   func(*metav1.PartialObjectMetadata)
}

// Reconcile looks at one Decision, and at the older ones that it may have made too many.
func (k *keeper) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	d := &metav1.PartialObjectMetadata{}
	d.SetGroupVersionKind(kind)
	if err := k.client.Get(ctx, req.NamespacedName, d); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	k.seen(d)
	if d.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	left := k.expires(d).Sub(k.clock.Now())
	if left <= 0 {
		return ctrl.Result{}, k.delete(ctx, d)
	}
	if group := d.Labels[names.DecisionOfLabel]; group != "" {
		all, err := siblings(ctx, k.client, d.Namespace, group)
		if err != nil {
			return ctrl.Result{}, err
		}
		for i := range all[min(len(all), k.keep):] {
			if err := k.delete(ctx, &all[k.keep+i]); err != nil {
				return hub.Result(ctrl.Result{}, err)
			}
		}
	}
	return ctrl.Result{RequeueAfter: left}, nil
}

// expires is when a Decision is to go.
func (k *keeper) expires(d *metav1.PartialObjectMetadata) time.Time {
	if at, err := time.Parse(time.RFC3339, d.Annotations[names.DecisionExpiresAnnotation]); err == nil {
		return at
	}
	return d.CreationTimestamp.Add(k.ttl)
}

func (k *keeper) delete(ctx context.Context, d *metav1.PartialObjectMetadata) error {
	if d.DeletionTimestamp != nil {
		return nil
	}
	if err := k.pace.wait(ctx); err != nil {
		return err
	}
	d = d.DeepCopy()
	d.SetGroupVersionKind(kind)
	if err := k.client.Delete(ctx, d, client.Preconditions{UID: &d.UID}); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("delete decision %s: %w", client.ObjectKeyFromObject(d), err))
	}
	records.WithLabelValues(resultDeleted).Inc()
	return nil
}

// siblings are the Decisions of one template, the newest first. They are the cache's own.
func siblings(ctx context.Context, c client.Reader, namespace, group string) ([]metav1.PartialObjectMetadata, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	err := c.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{indexGroup: group}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list decisions: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b metav1.PartialObjectMetadata) int { return made(&b).Compare(made(&a)) })
	return list.Items, nil
}

// made is when a Decision was made.
func made(d *metav1.PartialObjectMetadata) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, d.Annotations[names.DecisionTimeAnnotation]); err == nil {
		return at
	}
	return d.CreationTimestamp.Time
}
