package explain

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/decision"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Account is what there is to tell about the placement of one template.
type Account struct {
	Template trafficv1alpha1.DecisionSubject `json:"template"`
	// Policy is the one that owns it, as KIND/NAMESPACE/NAME or KIND/NAME.
	Policy  string `json:"policy"`
	Binding string `json:"binding"`
	// Replicas is how many it asks for; nil for a template without.
	Replicas *int32                       `json:"replicas,omitempty"`
	Clusters []workv1alpha2.TargetCluster `json:"clusters"`
	// Leaving are clusters in which copies are kept although they are no target.
	Leaving []string `json:"leaving,omitempty"`
	// Since is when it was placed last.
	Since     *metav1.Time      `json:"since,omitempty"`
	Scheduled *metav1.Condition `json:"scheduled,omitempty"`
	Notes     []string          `json:"notes,omitempty"`
	// Decision is the last one that was kept or, with Computed, one made for this account.
	Decision *trafficv1alpha1.DecisionSpec `json:"decision,omitempty"`
	Computed bool                          `json:"computed,omitempty"`
	// History are the earlier decisions, the newest first.
	History []trafficv1alpha1.DecisionSpec `json:"history,omitempty"`
}

// explainOne tells about one template of the hub.
func (q *inquiry) explainOne(ctx context.Context, w io.Writer, h *hub, args []string) error {
	name := hubclient.Named(args)[0]
	template, err := h.Object(ctx, name[0], name[1])
	if err != nil {
		return err
	}
	a, err := h.account(ctx, template)
	if err != nil {
		return err
	}
	if !q.history {
		a.History = nil
	}
	return output.Show(w, q.output, a, func(w io.Writer) { a.text(w, h.now(), q.history) })
}

// account gathers what there is to tell.
func (h *hub) account(ctx context.Context, template *unstructured.Unstructured) (*Account, error) {
	b, exists, err := h.binding(ctx, template)
	if err != nil {
		return nil, err
	}
	if !exists || !claim.BelongsTo(b, template) {
		return nil, h.unbound(ctx, template, exists)
	}
	spec, status := b.GetBindingSpec(), b.GetBindingStatus()
	a := &Account{
		Template:  trafficv1alpha1.DecisionSubject{APIVersion: template.GetAPIVersion(), Kind: template.GetKind(), Namespace: template.GetNamespace(), Name: template.GetName(), UID: template.GetUID()},
		Policy:    decision.PolicyOf(b),
		Binding:   strings.TrimPrefix(b.GetNamespace()+"/"+b.GetName(), "/"),
		Clusters:  spec.Clusters,
		Since:     status.LastScheduledTime,
		Scheduled: meta.FindStatusCondition(status.Conditions, workv1alpha2.Scheduled),
		Notes:     bindingNotes(b),
	}
	if placement.IsWorkload(spec) {
		a.Replicas = ptr.To(spec.Replicas)
	}
	for i := range spec.GracefulEvictionTasks {
		a.Leaving = append(a.Leaving, spec.GracefulEvictionTasks[i].FromCluster)
	}
	kept, err := h.decisions(ctx, a.Template)
	if err != nil {
		return nil, err
	}
	switch {
	case len(kept) > 0:
		a.Decision, a.History = &kept[0], kept[1:]
		if !agrees(a.Decision, spec.Clusters) {
			a.Notes = append(a.Notes, "the placement is not that of the last decision: it has been changed since, or the newest decision is still to be written")
		}
	case spec.Placement != nil:
		clusters, err := h.clusters(ctx)
		if err != nil {
			return nil, err
		}
		wall, err := h.wall(ctx, b.GetNamespace())
		if err != nil {
			return nil, err
		}
		made := h.compute(b, a.Policy, clusters, wall)
		a.Decision, a.Computed = &made, true
	}
	return a, nil
}

// bindingNotes say what keeps a scheduler from placing a binding.
func bindingNotes(b workv1alpha2.Binding) (notes []string) {
	switch {
	case b.GetDeletionTimestamp() != nil:
		notes = append(notes, "the binding is being deleted")
	case b.GetBindingSpec().Placement == nil:
		notes = append(notes, "it has no placement of its own: it follows what requires it")
	case !claim.Claimed(b):
		notes = append(notes, "no policy owns it any more: it stays where it is")
	}
	if claim.Suspended(b) {
		notes = append(notes, "its scheduling is suspended")
	}
	return notes
}

// agrees says whether the clusters are where the decision put them.
func agrees(d *trafficv1alpha1.DecisionSpec, targets []workv1alpha2.TargetCluster) bool {
	if d.ClustersOmitted[trafficv1alpha1.DecisionOmittedTarget] > 0 {
		return true // it does not name them all
	}
	after := map[string]int32{}
	for _, c := range d.Clusters {
		if c.After != nil {
			after[c.Cluster] = *c.After
		}
	}
	for _, t := range targets {
		if n, ok := after[t.Name]; !ok || n != t.Replicas {
			return false
		}
	}
	return len(after) == len(targets)
}

// unbound says why a template has no binding.
func (h *hub) unbound(ctx context.Context, template *unstructured.Unstructured, taken bool) error {
	what := strings.TrimSuffix(template.GetKind()+" "+template.GetNamespace(), " ") + "/" + template.GetName()
	if template.GetNamespace() == "" {
		what = template.GetKind() + " " + template.GetName()
	}
	if why := neverPropagated(template); why != "" {
		return fmt.Errorf("%s is placed nowhere: %s", what, why)
	}
	p := h.policies()
	v, err := p.decide(ctx, templateOf(template))
	if err != nil {
		return err
	}
	switch {
	case v.policy != nil && taken:
		return fmt.Errorf("%s is claimed by %s, but the binding of that name belongs to another object", what, v.policy)
	case v.policy != nil:
		return fmt.Errorf("%s is claimed by %s, but has no binding yet; `kubectl describe` it to see why", what, v.policy)
	case v.owner != nil:
		return fmt.Errorf("%s was claimed by %s, which selects it no more or is not valid, and it has no binding", what, v.owner)
	}
	var all []*policy
	for _, namespace := range slices.Compact([]string{"", template.GetNamespace()}) {
		found, err := p.in(ctx, namespace)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	text := what + " is claimed by no policy"
	near := nearest(all, templateOf(template))
	if len(near) == 0 {
		return fmt.Errorf("%s, and none is about %ss here", text, template.GetKind())
	}
	for _, m := range near {
		text += "\n  " + m.Policy + " " + m.Why
	}
	return fmt.Errorf("%s", text)
}

// neverPropagated says why an object is no template at all.
func neverPropagated(obj *unstructured.Unstructured) string {
	rules, err := claim.ParseRules(nil, claim.DefaultSkippedNamespaces)
	switch {
	case err != nil:
		return "" // not reached: nothing was given to parse
	case rules.SkipsKind(obj.GroupVersionKind()):
		return "objects of its kind are never propagated"
	case obj.GetDeletionTimestamp() != nil:
		return "it is being deleted"
	case rules.Skips(obj.GroupVersionKind(), obj):
		if owner := obj.GetLabels()[names.ClaimedByLabel]; owner != "" {
			return owner + " owns it instead of a policy"
		}
		return "nothing in its namespace is propagated"
	}
	return ""
}

// binding is the template's binding; false with an empty one when there is none.
func (h *hub) binding(ctx context.Context, template *unstructured.Unstructured) (workv1alpha2.Binding, bool, error) {
	var b workv1alpha2.Binding = &workv1alpha2.ResourceBinding{}
	if template.GetNamespace() == "" {
		b = &workv1alpha2.ClusterResourceBinding{}
	}
	key := client.ObjectKey{Namespace: template.GetNamespace(), Name: names.BindingName(template.GetKind(), template.GetName())}
	err := h.Get(ctx, key, b.(client.Object))
	if err != nil && !apierrors.IsNotFound(err) {
		if meta.IsNoMatchError(err) {
			return nil, false, fmt.Errorf("the hub serves no bindings: is Seaway installed there? (%w)", err)
		}
		return nil, false, fmt.Errorf("get binding %s: %w", key, err)
	}
	return b, err == nil, nil
}

// decisions are those kept about a template, the newest first.
func (h *hub) decisions(ctx context.Context, s trafficv1alpha1.DecisionSubject) ([]trafficv1alpha1.DecisionSpec, error) {
	var list trafficv1alpha1.DecisionList
	err := h.List(ctx, &list, client.InNamespace(names.DecisionNamespace(s.Namespace)), client.MatchingLabels{names.DecisionOfLabel: decision.Group(s)})
	if err != nil {
		return nil, fmt.Errorf("list decisions: %w", err)
	}
	var out []trafficv1alpha1.DecisionSpec
	for i := range list.Items {
		out = append(out, list.Items[i].Spec)
	}
	slices.SortFunc(out, func(a, b trafficv1alpha1.DecisionSpec) int { return b.Time.Compare(a.Time.Time) })
	return out, nil
}

func (h *hub) clusters(ctx context.Context) ([]*clusterv1alpha1.Cluster, error) {
	var list clusterv1alpha1.ClusterList
	if err := h.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	out := make([]*clusterv1alpha1.Cluster, len(list.Items))
	for i := range list.Items {
		out[i] = &list.Items[i]
	}
	return out, nil
}

// wall is the wall around a namespace.
func (h *hub) wall(ctx context.Context, namespace string) (residency.Wall, error) {
	if namespace == "" {
		return residency.Wall{}, nil
	}
	var ns corev1.Namespace
	if err := h.Get(ctx, client.ObjectKey{Name: namespace}, &ns); client.IgnoreNotFound(err) != nil {
		return residency.Wall{}, fmt.Errorf("get namespace: %w", err)
	}
	wall, _ := residency.Of(ns.Annotations) // what can not be read lets nothing in
	return wall, nil
}

// compute places a binding as its scheduler would, going by what clusters report of themselves.
func (h *hub) compute(b workv1alpha2.Binding, policy string, clusters []*clusterv1alpha1.Cluster, wall residency.Wall) trafficv1alpha1.DecisionSpec {
	in := placement.Input{Clusters: clusters, Wall: wall, Spec: b.GetBindingSpec(), Status: b.GetBindingStatus()}
	result, d := placement.Place(in)
	return decision.Of(decision.Made{
		Controller: cmp.Or(in.Spec.SchedulerName, policyv1alpha1.DefaultSchedulerName), Policy: policy,
		Input: in, Result: result, Diagnosis: d, Now: h.now(),
		InputHash: placement.InputHash(in), Steps: d.Steps(), Counterfactual: placement.Counterfactual(in, result, d),
	})
}
