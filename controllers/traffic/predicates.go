package traffic

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// when passes updates that differ. Objects that come or go always pass.
func when[T client.Object](differ func(before, after T) bool) predicate.Funcs {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(T)
		after, also := e.ObjectNew.(T)
		return ok && also && differ(before, after)
	}}
}

// updatesOnly keeps a predicate from passing what comes: nothing can depend on it yet.
func updatesOnly(p predicate.Funcs) predicate.Funcs {
	p.CreateFunc = func(event.CreateEvent) bool { return false }
	return p
}

var (
	// edited passes plans that were changed or deleted, by whomever. A new one was made here.
	edited = updatesOnly(when(func(before, after *trafficv1alpha1.TrafficPlan) bool {
		return before.Generation != after.Generation
	}))

	// claimsChanged passes policies whose host names concern others.
	claimsChanged = when(func(before, after *trafficv1alpha1.TrafficPolicy) bool {
		return !slices.Equal(before.Spec.Hostnames, after.Spec.Hostnames) || leaves(before, after)
	})

	// zoneChanged passes Zones that were edited, judged anew or are leaving.
	zoneChanged = when(func(before, after *trafficv1alpha1.Zone) bool {
		return before.Generation != after.Generation || leaves(before, after) ||
			reasonOf(before.Status.Conditions) != reasonOf(after.Status.Conditions)
	})

	// mapChanged passes RegionMaps that were edited or judged anew.
	mapChanged = when(func(before, after *trafficv1alpha1.RegionMap) bool {
		return before.Generation != after.Generation || reasonOf(before.Status.Conditions) != reasonOf(after.Status.Conditions)
	})

	// namespaceChanged passes namespaces whose labels, by which Zones allow them, or whose wall changed.
	namespaceChanged = updatesOnly(when(func(before, after *corev1.Namespace) bool {
		return !maps.Equal(before.Labels, after.Labels) || !sameAnnotation(before, after, names.ResidencyAnnotation)
	}))

	// serviceChanged passes Services as far as a policy's target is concerned.
	serviceChanged = when(func(before, after *corev1.Service) bool {
		return before.Spec.Type != after.Spec.Type || !equality.Semantic.DeepEqual(before.Spec.Ports, after.Spec.Ports)
	})

	// clusterChanged passes Clusters as far as the planner looks at them.
	clusterChanged = updatesOnly(when(func(before, after *clusterv1alpha1.Cluster) bool {
		return readiness(before) != readiness(after) || leaves(before, after) || !maps.Equal(before.Labels, after.Labels) ||
			traffic.Withdrawn(before) != traffic.Withdrawn(after) || before.Spec.Region != after.Spec.Region || before.Spec.Provider != after.Spec.Provider ||
			before.Spec.Zone != after.Spec.Zone || !slices.Equal(before.Spec.Zones, after.Spec.Zones) ||
			!sameAnnotation(before, after, names.DrainAnnotation)
	}))

	// hostsChanged passes plans whose host names changed.
	hostsChanged = when(func(before, after *trafficv1alpha1.TrafficPlan) bool {
		return !slices.Equal(before.Spec.Hostnames, after.Spec.Hostnames)
	})
)

func sameAnnotation(before, after client.Object, name string) bool {
	was, had := before.GetAnnotations()[name]
	is, has := after.GetAnnotations()[name]
	return had == has && was == is
}

func leaves(before, after client.Object) bool {
	return (before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil)
}

func reasonOf(conditions []metav1.Condition) string {
	if c := meta.FindStatusCondition(conditions, trafficv1alpha1.ConditionAccepted); c != nil {
		return c.Reason
	}
	return ""
}

func readiness(c *clusterv1alpha1.Cluster) metav1.ConditionStatus {
	if ready := meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady); ready != nil {
		return ready.Status
	}
	return ""
}
