// Package render turns a binding, its template and the overrides into Works: what each cluster is to
// hold. Equal input makes equal Works, byte for byte. It reads and writes nothing; a cluster that
// cannot be served is an error of that cluster alone.
package render

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Input is everything that decides what the clusters of a binding hold.
type Input struct {
	// Binding has its permanent id.
	Binding workv1alpha2.Binding
	// Template is not changed.
	Template *unstructured.Unstructured
	// Clusters holds the Cluster objects by name; one that is missing does not exist.
	Clusters map[string]*clusterv1alpha1.Cluster
	// Overrides are those selected for the template.
	Overrides override.Policies
	// Interpreter knows what the template's kind means.
	Interpreter *interpret.Interpreter
	// WorkID returns the permanent id for the Work of a cluster: that of the Work that exists, or a
	// new one.
	WorkID func(cluster string) string
}

// Rendered is what one cluster is to hold: a Work, or the error that is in the way.
type Rendered struct {
	Cluster string
	Work    *workv1alpha1.Work
	// Applied are the overrides in the Work.
	Applied override.Applied
	Err     error
}

// Works renders every target of the binding, and every lost cluster it waits for, in the order of the
// clusters' names. A Job whose completions are divided is left as it is in a lost cluster: its part
// has been given to others.
func Works(in Input) []Rendered {
	spec := in.Binding.GetBindingSpec()
	targets := Targets(spec)
	completions, err := divideCompletions(in, targets)
	if completions == nil {
		targets = append(targets, Awaited(spec)...)
	}
	slices.SortFunc(targets, func(a, b workv1alpha2.TargetCluster) int { return cmp.Compare(a.Name, b.Name) })
	out := make([]Rendered, 0, len(targets))
	for _, target := range targets {
		rendered := Rendered{Cluster: target.Name, Err: err}
		if err == nil {
			rendered.Work, rendered.Applied, rendered.Err = work(in, target, completions)
		}
		if rendered.Err != nil {
			rendered.Work, rendered.Err = nil, fmt.Errorf("cluster %q: %w", target.Name, rendered.Err)
		}
		out = append(out, rendered)
	}
	return out
}

func work(in Input, target workv1alpha2.TargetCluster, completions map[string]int32) (*workv1alpha1.Work, override.Applied, error) {
	cluster := in.Clusters[target.Name]
	if cluster == nil {
		return nil, override.Applied{}, fmt.Errorf("there is no such cluster; join it, or take it out of the placement")
	}
	spec := in.Binding.GetBindingSpec()
	obj := withoutManagedFields(in.Template).DeepCopy()
	obj, err := divide(in, obj, target, completions)
	if err != nil {
		return nil, override.Applied{}, err
	}
	applied, err := in.Overrides.Apply(obj, cluster)
	if err != nil {
		return nil, override.Applied{}, err
	}
	// the interpreter may be a user's script, so what it made is looked at, too
	if changed := override.IdentityOf(in.Template).Difference(override.IdentityOf(obj)); changed != "" {
		return nil, override.Applied{}, fmt.Errorf("interpreter and overrides together change %s of the template, which they can not", changed)
	}
	w, err := emptyWork(in, target.Name, applied)
	if err != nil {
		return nil, override.Applied{}, err
	}
	mergeLabels(obj, preservedLabels(spec, target.Name))
	mergeLabels(obj, bindingLabels(in.Binding))
	mergeAnnotations(obj, templateAnnotations(in))
	manifest.Prune(obj)
	manifest.Mark(obj, w)
	raw, err := json.Marshal(obj.Object)
	if err != nil {
		return nil, override.Applied{}, fmt.Errorf("encode the manifest: %w", err)
	}
	w.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: raw}}}
	suspended := isSuspended(spec, target.Name)
	preserve := spec.PreserveResourcesOnDeletion != nil && *spec.PreserveResourcesOnDeletion
	w.Spec.SuspendDispatching, w.Spec.PreserveResourcesOnDeletion = &suspended, &preserve
	return w, applied, nil
}

// withoutManagedFields saves copying what may be the greater part of an object.
func withoutManagedFields(template *unstructured.Unstructured) *unstructured.Unstructured {
	metadata, ok := template.Object["metadata"].(map[string]any)
	if !ok || metadata["managedFields"] == nil {
		return template
	}
	metadata = maps.Clone(metadata)
	delete(metadata, "managedFields")
	object := maps.Clone(template.Object)
	object["metadata"] = metadata
	return &unstructured.Unstructured{Object: object}
}

// divide gives the object the replicas and completions of the cluster. A workload of several components
// is in its cluster as a whole: its targets have no replicas, which is not the same as none.
func divide(in Input, obj *unstructured.Unstructured, target workv1alpha2.TargetCluster, completions map[string]int32) (*unstructured.Unstructured, error) {
	revise := configv1alpha1.InterpreterOperationReviseReplica
	spec := in.Binding.GetBindingSpec()
	if placement.IsWorkload(spec) && len(spec.Components) < 2 && in.Interpreter.Handles(obj.GroupVersionKind(), revise) {
		var err error
		if obj, err = in.Interpreter.ReviseReplica(obj, target.Replicas); err != nil {
			return nil, err
		}
	}
	if n, divided := completions[target.Name]; divided {
		if err := unstructured.SetNestedField(obj.Object, int64(n), "spec", "completions"); err != nil {
			return nil, fmt.Errorf("spec.completions: %w", err)
		}
	}
	return obj, nil
}

// divideCompletions divides the completions of a Job whose replicas are divided, in proportion to
// them. It is nil for everything else.
func divideCompletions(in Input, targets []workv1alpha2.TargetCluster) (map[string]int32, error) {
	gvk := in.Template.GroupVersionKind()
	if gvk.Group != "batch" || gvk.Kind != "Job" || !isDivided(in.Binding.GetBindingSpec()) {
		return nil, nil
	}
	total, found, err := unstructured.NestedInt64(in.Template.Object, "spec", "completions")
	if err != nil || !found {
		return nil, err
	}
	if total < 0 || int64(int32(total)) != total {
		return nil, fmt.Errorf("spec.completions of the Job must fit into 32 bits and not be negative, is %d", total)
	}
	shares := make([]placement.Share, 0, len(targets))
	for _, target := range targets {
		shares = append(shares, placement.Share{Cluster: target.Name, Weight: int64(target.Replicas)})
	}
	placement.Divide(int32(total), shares, placement.NamesDescend(in.Template.GetUID()))
	out := make(map[string]int32, len(shares))
	for _, share := range shares {
		out[share.Cluster] = share.Replicas
	}
	return out, nil
}

// emptyWork is the Work without its manifest.
func emptyWork(in Input, cluster string, applied override.Applied) (*workv1alpha1.Work, error) {
	annotations, err := applied.Annotations()
	if err != nil {
		return nil, err
	}
	maps.Copy(annotations, bindingAnnotations(in.Binding))
	annotations[names.ConflictResolutionAnnotation] = conflictResolution(in)
	w := &workv1alpha1.Work{}
	w.Namespace = names.ExecutionNamespace(cluster)
	w.Name = names.WorkName(in.Template.GetKind(), in.Template.GetName(), in.Template.GetNamespace())
	w.Labels = bindingLabels(in.Binding)
	w.Labels[names.WorkPermanentID] = in.WorkID(cluster)
	w.Annotations = annotations
	w.Finalizers = []string{names.ExecutionFinalizer}
	return w, nil
}

// BindingIDLabel returns the label with which a binding marks itself and its Works.
func BindingIDLabel(binding workv1alpha2.Binding) string {
	if _, global := binding.(*workv1alpha2.ClusterResourceBinding); global {
		return names.ClusterResourceBindingPermanentID
	}
	return names.ResourceBindingPermanentID
}

func bindingLabels(binding workv1alpha2.Binding) map[string]string {
	key := BindingIDLabel(binding)
	return map[string]string{key: binding.GetLabels()[key]}
}

func bindingAnnotations(binding workv1alpha2.Binding) map[string]string {
	if _, global := binding.(*workv1alpha2.ClusterResourceBinding); global {
		return map[string]string{names.ClusterResourceBindingNameAnnotation: binding.GetName()}
	}
	return map[string]string{
		names.ResourceBindingNamespaceAnnotation: binding.GetNamespace(),
		names.ResourceBindingNameAnnotation:      binding.GetName(),
	}
}

// templateAnnotations tie the object in a member to its template and binding.
func templateAnnotations(in Input) map[string]string {
	out := bindingAnnotations(in.Binding)
	out[names.TemplateUIDAnnotation] = string(in.Template.GetUID())
	if generation := in.Template.GetGeneration(); generation > 0 {
		out[names.TemplateGenerationAnnotation] = strconv.FormatInt(generation, 10)
	}
	out[names.ConflictResolutionAnnotation] = conflictResolution(in)
	return out
}

// conflictResolution is what the template says in its annotation, if that makes sense, else what the
// policy said.
func conflictResolution(in Input) string {
	known := sets.New(names.ConflictResolutionOverwrite, names.ConflictResolutionAbort)
	if own := in.Template.GetAnnotations()[names.ConflictResolutionAnnotation]; known.Has(own) {
		return own
	}
	if in.Binding.GetBindingSpec().ConflictResolution == policyv1alpha1.ConflictOverwrite {
		return names.ConflictResolutionOverwrite
	}
	return names.ConflictResolutionAbort
}

func mergeLabels(obj *unstructured.Unstructured, more map[string]string) {
	if len(more) == 0 {
		return
	}
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, more)
	obj.SetLabels(labels)
}

func mergeAnnotations(obj *unstructured.Unstructured, more map[string]string) {
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, more)
	obj.SetAnnotations(annotations)
}
