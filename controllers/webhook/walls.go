package webhook

import (
	"context"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/affinity"
	"github.com/seaway-io/seaway/controllers/core/some"
)

// walled holds for namespaces that draw a wall.
var walled = []admissionregistrationv1.MatchCondition{{
	Name:       "draws-a-wall",
	Expression: "has(object.metadata.annotations) && '" + names.ResidencyAnnotation + "' in object.metadata.annotations",
}}

// inspectNamespace refuses a wall that can not be read: it would let nothing in.
func inspectNamespace(ns *corev1.Namespace) field.ErrorList {
	text, drawn := ns.Annotations[names.ResidencyAnnotation]
	if !drawn {
		return nil
	}
	if _, err := residency.Parse(text); err != nil {
		return field.ErrorList{field.Invalid(field.NewPath("metadata", "annotations").Key(names.ResidencyAnnotation), text, err.Error())}
	}
	return nil
}

// wallAndClusters are the wall around a namespace and the clusters there are; nil clusters where there
// is no wall.
func wallAndClusters(ctx context.Context, others client.Reader, namespace string) (residency.Wall, []clusterv1alpha1.Cluster, error) {
	var ns corev1.Namespace
	if err := others.Get(ctx, client.ObjectKey{Name: namespace}, &ns); err != nil {
		return residency.Wall{}, nil, client.IgnoreNotFound(err)
	}
	wall, _ := residency.Of(ns.Annotations) // what can not be read lets nothing in
	if !wall.Stands() {
		return wall, nil, nil
	}
	var list clusterv1alpha1.ClusterList
	err := others.List(ctx, &list, client.UnsafeDisableDeepCopy)
	return wall, list.Items, err
}

// compareResidency refuses a TrafficPolicy whose own wall is wider than that of its namespace, by the
// clusters there are.
func compareResidency(ctx context.Context, others client.Reader, obj, old client.Object) (field.ErrorList, error) {
	p := obj.(*trafficv1alpha1.TrafficPolicy)
	if before, _ := old.(*trafficv1alpha1.TrafficPolicy); p.Spec.Residency == nil ||
		before != nil && equality.Semantic.DeepEqual(before.Spec.Residency, p.Spec.Residency) {
		return nil, nil
	}
	wall, clusters, err := wallAndClusters(ctx, others, p.Namespace)
	if err != nil || !wall.Stands() {
		return nil, err
	}
	inside := affinity.New(&p.Spec.Residency.ClusterAffinity)
	var beyond []string
	for i := range clusters {
		if c := &clusters[i]; inside.Matches(c) && !wall.Inside(c) {
			beyond = append(beyond, c.Name)
		}
	}
	if len(beyond) == 0 {
		return nil, nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec", "residency", "clusterAffinity"), fmt.Sprintf(
		"is wider than the namespace's wall (%s: %s): leave out %s", names.ResidencyAnnotation, wall, some.Of(slices.Sorted(slices.Values(beyond)), 5)))}, nil
}

// comparePropagation refuses a PropagationPolicy whose clusters are all on the other side of its
// namespace's wall: nothing of it would ever be placed. So it does a ClusterPropagationPolicy with the
// walls of the namespaces that it names; of others that it may pick from, placement sees to it.
func comparePropagation(ctx context.Context, others client.Reader, obj, old client.Object) (field.ErrorList, error) {
	spec := obj.(policyv1alpha1.Propagation).GetPropagationSpec()
	namespaces := namespacesOf(obj, spec)
	if before, _ := old.(policyv1alpha1.Propagation); before != nil {
		was := before.GetPropagationSpec()
		if equality.Semantic.DeepEqual(was.Placement, spec.Placement) && slices.Equal(namespacesOf(old, was), namespaces) {
			return nil, nil
		}
	}
	var errs field.ErrorList
	for _, namespace := range namespaces {
		wall, clusters, err := wallAndClusters(ctx, others, namespace)
		if err != nil {
			return nil, err
		}
		if !wall.Stands() {
			continue
		}
		if path, beyond := picksOutside(&spec.Placement, wall, clusters); len(beyond) > 0 {
			errs = append(errs, field.Forbidden(path, fmt.Sprintf("picks only clusters outside of the wall of namespace %s (%s: %s): %s; pick one inside",
				namespace, names.ResidencyAnnotation, wall, some.Of(slices.Sorted(slices.Values(beyond)), 5))))
		}
	}
	return errs, nil
}

// namespacesOf are the namespaces that a policy certainly picks from, sorted.
func namespacesOf(policy client.Object, spec *policyv1alpha1.PropagationSpec) []string {
	if policy.GetNamespace() != "" {
		return []string{policy.GetNamespace()}
	}
	var out []string
	for _, s := range spec.ResourceSelectors {
		if s.Namespace != "" {
			out = append(out, s.Namespace)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// picksOutside are the clusters that a placement picks when all of them are outside of a wall, and the
// field that picks them.
func picksOutside(placement *policyv1alpha1.Placement, wall residency.Wall, clusters []clusterv1alpha1.Cluster) (*field.Path, []string) {
	path := field.NewPath("spec", "placement")
	picks := []affinity.Matcher{affinity.New(placement.ClusterAffinity)}
	if terms := placement.ClusterAffinities; len(terms) > 0 {
		path, picks = path.Child("clusterAffinities"), nil
		for i := range terms {
			picks = append(picks, affinity.New(&terms[i].ClusterAffinity))
			for j := range terms[i].OverflowAffinities {
				picks = append(picks, affinity.New(&terms[i].OverflowAffinities[j].ClusterAffinity))
			}
		}
	} else {
		path = path.Child("clusterAffinity")
	}
	var beyond []string
	for i := range clusters {
		c := &clusters[i]
		if !slices.ContainsFunc(picks, func(m affinity.Matcher) bool { return m.Matches(c) }) {
			continue
		}
		if wall.Inside(c) {
			return nil, nil
		}
		beyond = append(beyond, c.Name)
	}
	return path, beyond
}
