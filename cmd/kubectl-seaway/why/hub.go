package why

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/app"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// policies: is what a person wrote in force?
func (w *walker) policies() {
	for i := range w.App.Policies {
		p := &w.App.Policies[i]
		of, describe := "TrafficPolicy "+p.Name, "kubectl describe trafficpolicy "+p.Name+w.inNamespace()
		accepted := meta.FindStatusCondition(p.Status.Conditions, trafficv1alpha1.ConditionAccepted)
		switch {
		case p.DeletionTimestamp != nil:
			w.broken(LinkPolicy, of, "", describe, "it is being deleted")
		case accepted == nil:
			w.unknown(LinkPolicy, of, "", "kubectl seaway check", "no controller has judged it yet")
		case accepted.ObservedGeneration != 0 && accepted.ObservedGeneration < p.Generation:
			w.unknown(LinkPolicy, of, "", "kubectl seaway check", "its generation %d has not been judged yet; generation %d was", p.Generation, accepted.ObservedGeneration)
		case accepted.Status != metav1.ConditionTrue:
			next := describe
			switch accepted.Reason {
			case trafficv1alpha1.ReasonNoZone, trafficv1alpha1.ReasonNamespaceNotAllowed:
				next = "kubectl get zones -o wide"
			case trafficv1alpha1.ReasonHostnameConflict:
				next = "kubectl get trafficpolicies --all-namespaces"
			}
			w.broken(LinkPolicy, of, "", next, "%s: %s", accepted.Reason, accepted.Message)
		default:
			w.ok(LinkPolicy, of, "is in force for %s%s", few(p.Spec.Hostnames), onHold(p))
		}
	}
}

// onHold says that automation is held: it explains why nothing moves that should, and breaks nothing.
func onHold(p *trafficv1alpha1.TrafficPolicy) string {
	if held := meta.FindStatusCondition(p.Status.Conditions, trafficv1alpha1.ConditionHeld); held != nil && held.Status == metav1.ConditionTrue {
		return "; automation is held, " + held.Message
	}
	return ""
}

// targets: is there something that receives the requests, with something behind it?
func (w *walker) targets() {
	for i := range w.App.Policies {
		p := &w.App.Policies[i]
		describe := "kubectl describe trafficpolicy " + p.Name + w.inNamespace()
		if len(p.Spec.TargetRefs) == 0 {
			w.broken(LinkTarget, "TrafficPolicy "+p.Name, "", describe, "spec.targetRefs is empty")
			continue
		}
		ref := p.Spec.TargetRefs[0]
		of := "Service " + ref.Name
		if ref.Kind != "" {
			of = ref.Kind + " " + ref.Name
		}
		service := w.App.Target(p)
		resolved := meta.FindStatusCondition(p.Status.Conditions, trafficv1alpha1.ConditionResolvedRefs)
		switch {
		case resolved != nil && (resolved.Reason == trafficv1alpha1.ReasonUnsupportedKind || resolved.Reason == trafficv1alpha1.ReasonPortNotFound):
			w.broken(LinkTarget, of, "", describe, "%s: %s", resolved.Reason, resolved.Message)
		case service == nil:
			w.broken(LinkTarget, of, "", "kubectl get services"+w.inNamespace(), "it is not on the hub")
		case len(service.Spec.Selector) == 0:
			w.ok(LinkTarget, of, "has no selector: others make its endpoints")
		case len(w.App.Workloads()) == 0:
			w.broken(LinkTarget, of, "", "kubectl get deployments,statefulsets,daemonsets --show-labels"+w.inNamespace(),
				"its selector %s selects the pods of no workload on the hub", labels.Set(service.Spec.Selector))
		default:
			var behind []string
			for _, part := range w.App.Workloads() {
				behind = append(behind, part.Label())
			}
			w.ok(LinkTarget, of, "of type %s, in front of %s", service.Spec.Type, few(behind))
		}
	}
}

// bindings: is it known where it is to run?
func (w *walker) bindings() {
	for i := range w.App.Parts {
		w.binding(&w.App.Parts[i])
	}
}

func (w *walker) binding(p *app.Part) {
	explain := "kubectl seaway explain placement " + p.Argument() + w.inNamespace()
	b := p.Binding
	switch {
	case p.Template.GetDeletionTimestamp() != nil:
		w.broken(LinkBinding, p.Label(), "", "kubectl describe "+p.Argument()+w.inNamespace(), "the template is being deleted")
		return
	case b == nil || !claim.BelongsTo(b, p.Template):
		if _, claimed := claim.MarksOf(p.Template); claimed {
			w.broken(LinkBinding, p.Label(), "", explain, "it is claimed by a policy and has no binding")
			return
		}
		w.broken(LinkBinding, p.Label(), "", explain, "no PropagationPolicy claims it: it stays on the hub")
		return
	}
	spec, status := b.GetBindingSpec(), b.GetBindingStatus()
	scheduled := meta.FindStatusCondition(status.Conditions, workv1alpha2.Scheduled)
	if n, says := p.Replicas(); says && n == 0 && !p.IsService() {
		w.broken(LinkBinding, p.Label(), "", "kubectl get "+p.Argument()+w.inNamespace(), "the template asks for 0 replicas")
		return
	}
	refused := scheduled != nil && scheduled.Status == metav1.ConditionFalse
	if refused {
		w.broken(LinkBinding, p.Label(), "", explain, "%s: %s", scheduled.Reason, scheduled.Message)
	}
	w.notAsWanted(p)
	switch {
	case len(spec.Clusters) > 0:
		var to []string
		for _, t := range spec.Clusters {
			to = append(to, strings.TrimSpace(t.Name+" "+count(t.Replicas)))
		}
		w.ok(LinkBinding, p.Label(), "placed in %s", few(to))
	case refused:
	case claim.Suspended(b):
		w.broken(LinkBinding, p.Label(), "", explain, "its scheduling is suspended")
	default:
		w.unknown(LinkBinding, p.Label(), "", explain, "it has not been placed yet")
	}
}

// notAsWanted tells of the conditions that say why a binding is not where it should be, or not in full.
func (w *walker) notAsWanted(p *app.Part) {
	for _, known := range []struct{ condition, says, next string }{
		{workv1alpha2.ConditionFailoverHeld, "workloads stay where they are", "kubectl seaway explain failover " + p.Argument()},
		{workv1alpha2.ConditionEvictionHeld, "it stays in a cluster that it should leave", "kubectl describe " + bindingArgument(p.Binding)},
		{names.ConditionPreempted, "it has fewer replicas than it wants", "kubectl seaway timeline " + p.Argument()},
	} {
		if c := meta.FindStatusCondition(p.Binding.GetBindingStatus().Conditions, known.condition); c != nil && c.Status == metav1.ConditionTrue {
			w.broken(LinkBinding, p.Label(), "", known.next+w.inNamespace(), "%s, %s: %s", known.says, c.Reason, c.Message)
		}
	}
}

func count(n int32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// works: does each cluster get its orders?
func (w *walker) works() {
	for i := range w.App.Parts {
		p := &w.App.Parts[i]
		if p.Binding == nil || len(p.Binding.GetBindingSpec().Clusters) == 0 {
			continue
		}
		describe := "kubectl describe " + bindingArgument(p.Binding) + w.inNamespace()
		if p.WorksUnread != "" {
			w.unknown(LinkWork, p.Label(), "", describe, "%s", p.WorksUnread)
			continue
		}
		var good []string
		for _, t := range p.Binding.GetBindingSpec().Clusters {
			work, found := p.Works[t.Name]
			switch {
			case !found && ptr.Deref(suspended(p.Binding), false):
				w.broken(LinkWork, p.Label(), t.Name, describe, "its policy suspends dispatching, and there is no Work yet")
			case !found:
				w.broken(LinkWork, p.Label(), t.Name, describe, "there is no Work in %s", names.ExecutionNamespace(t.Name))
			default:
				if w.work(p, t.Name, &work) {
					good = append(good, t.Name)
				}
			}
		}
		if len(good) > 0 {
			w.ok(LinkWork, p.Label(), "dispatched to %s", few(good))
		}
	}
}

func bindingArgument(b workv1alpha2.Binding) string { return "resourcebinding/" + b.GetName() }

func suspended(b workv1alpha2.Binding) *bool {
	if s := b.GetBindingSpec().Suspension; s != nil {
		return s.Dispatching
	}
	return nil
}

// work says whether a Work is on its way.
func (w *walker) work(p *app.Part, cluster string, work *workv1alpha1.Work) bool {
	describe := "kubectl describe work " + work.Name + " -n " + work.Namespace
	if work.DeletionTimestamp != nil {
		w.broken(LinkWork, p.Label(), cluster, describe, "Work %s is being deleted", work.Name)
		return false
	}
	if ptr.Deref(work.Spec.SuspendDispatching, false) {
		w.broken(LinkWork, p.Label(), cluster, describe, "dispatching of Work %s is suspended", work.Name)
		return false
	}
	applied := meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.WorkApplied)
	switch {
	case applied == nil:
		w.unknown(LinkWork, p.Label(), cluster, describe, "Work %s has not been applied yet", work.Name)
	case applied.Status != metav1.ConditionTrue:
		w.broken(LinkWork, p.Label(), cluster, describe, "%s: %s", applied.Reason, applied.Message)
	default:
		return true
	}
	return false
}

// clusters of a part, those it is placed in, by name.
func placed(p *app.Part) map[string]workv1alpha2.TargetCluster {
	out := map[string]workv1alpha2.TargetCluster{}
	if p.Binding != nil {
		for _, t := range p.Binding.GetBindingSpec().Clusters {
			out[t.Name] = t
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// runs says whether the part has pods of its own.
func runs(p *app.Part) bool {
	return !p.IsService() && (p.Binding == nil || placement.IsWorkload(p.Binding.GetBindingSpec()) || hasPods(p))
}

func hasPods(p *app.Part) bool {
	spec, _ := p.Template.Object["spec"].(map[string]any)
	_, has := spec["template"]
	return has
}
