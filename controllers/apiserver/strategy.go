package apiserver

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/storage/names"
	"k8s.io/utils/clock"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
)

// strategy says what a write to a Cluster may change.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	clock clock.PassiveClock
}

func newStrategy(typer runtime.ObjectTyper, c clock.PassiveClock) strategy {
	return strategy{ObjectTyper: typer, NameGenerator: names.SimpleNameGenerator, clock: c}
}

func (strategy) NamespaceScoped() bool { return false }

// AllowCreateOnUpdate is false: a PUT of a name that is not there is a mistake.
func (strategy) AllowCreateOnUpdate(context.Context) bool { return false }

// AllowUnconditionalUpdate is true: a PUT without a resourceVersion wins.
func (strategy) AllowUnconditionalUpdate(context.Context) bool { return true }

func (s strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	cluster := obj.(*clusterv1alpha1.Cluster)
	cluster.Status = clusterv1alpha1.ClusterStatus{}
	cluster.Generation = 1
	validation.DefaultCluster(cluster, true, metav1.NewTime(s.clock.Now()))
}

// PrepareForUpdate keeps the status, which has a resource of its own, and counts
// changes of the spec.
func (s strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	cluster, before := obj.(*clusterv1alpha1.Cluster), old.(*clusterv1alpha1.Cluster)
	cluster.Status = before.Status
	validation.DefaultCluster(cluster, false, metav1.NewTime(s.clock.Now()))
	cluster.Generation = before.Generation
	if !equality.Semantic.DeepEqual(cluster.Spec, before.Spec) {
		cluster.Generation++
	}
}

func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return validation.ValidateCluster(obj.(*clusterv1alpha1.Cluster))
}

func (strategy) ValidateUpdate(_ context.Context, obj, _ runtime.Object) field.ErrorList {
	return validation.ValidateCluster(obj.(*clusterv1alpha1.Cluster))
}

func (strategy) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	return warnings(obj.(*clusterv1alpha1.Cluster))
}

func (strategy) WarningsOnUpdate(_ context.Context, obj, _ runtime.Object) []string {
	return warnings(obj.(*clusterv1alpha1.Cluster))
}

func warnings(cluster *clusterv1alpha1.Cluster) []string {
	if cluster.Spec.InsecureSkipTLSVerification {
		return []string{"spec.insecureSkipTLSVerification: the cluster's certificate is not checked; its credentials can be stolen on the way"}
	}
	return nil
}

func (strategy) Canonicalize(runtime.Object) {}

// GetResetFields tells server-side apply what this resource never writes.
func (strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(clusterv1alpha1.GroupVersion.String()): fieldpath.NewSet(fieldpath.MakePathOrDie("status")),
	}
}

// statusStrategy says what a write to clusters/status may change: the status.
type statusStrategy struct{ strategy }

func (statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	cluster, before := obj.(*clusterv1alpha1.Cluster), old.(*clusterv1alpha1.Cluster)
	cluster.Spec = before.Spec
	// Managed fields belong to the write; everything else of the metadata to the
	// main resource.
	managed := cluster.ManagedFields
	version := cluster.ResourceVersion
	before.ObjectMeta.DeepCopyInto(&cluster.ObjectMeta)
	cluster.ManagedFields, cluster.ResourceVersion = managed, version
}

// ValidateUpdate checks nothing: an agent or controller that reports something odd
// must not be kept from reporting the rest.
func (statusStrategy) ValidateUpdate(context.Context, runtime.Object, runtime.Object) field.ErrorList {
	return nil
}

func (statusStrategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func (statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(clusterv1alpha1.GroupVersion.String()): fieldpath.NewSet(
			fieldpath.MakePathOrDie("spec"),
			fieldpath.MakePathOrDie("metadata", "labels"),
			fieldpath.MakePathOrDie("metadata", "annotations"),
		),
	}
}
