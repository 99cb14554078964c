package timeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/app"
	"github.com/seaway-io/seaway/controllers/core/decision"
)

// Bounds of one reading.
const (
	// mostRead is how many objects of one kind are looked at.
	mostRead = 50_000
	// mostDecisions is how many Decisions are read whole, the newest.
	mostDecisions = 500
)

// gatherer reads the records of one application, of a namespace, or of all.
type gatherer struct {
	hubclient.Hub
	since     time.Time
	namespace string // empty for all
	notes     []string
}

func (g *gatherer) note(format string, args ...any) {
	g.notes = append(g.notes, fmt.Sprintf(format, args...))
}

func (g *gatherer) gather(ctx context.Context, args []string, cluster string) (Records, error) {
	if len(args) > 0 {
		return g.one(ctx, args[0], cluster)
	}
	var r Records
	for _, read := range []func(context.Context, *Records) error{g.bindings, g.policies, g.plans} {
		if err := read(ctx, &r); err != nil {
			return r, err
		}
	}
	if err := g.decisions(ctx, &r); err != nil {
		return r, err
	}
	if err := g.events(ctx, &r, g.namespace, func(*corev1.Event) bool { return true }); err != nil {
		return r, err
	}
	return r, g.clusters(ctx, &r, func(name string) bool { return g.namespace == "" || name == cluster })
}

// one reads what is about one application: its policies, targets and workloads, and the clusters they
// are in.
func (g *gatherer) one(ctx context.Context, name, cluster string) (Records, error) {
	var r Records
	a, err := app.Find(ctx, g.Hub, name)
	if err != nil {
		return r, err
	}
	in := map[string]bool{cluster: true}
	subjects := map[string]bool{}
	r.Policies = a.Policies
	for i := range a.Policies {
		p := &a.Policies[i]
		s := trafficv1alpha1.DecisionSubject{APIVersion: trafficv1alpha1.GroupVersion.String(), Kind: "TrafficPolicy", Namespace: p.Namespace, Name: p.Name}
		if err := g.decisionsAbout(ctx, s, &r); err != nil {
			return r, err
		}
		subjects[subject(s.Kind, s.Namespace, s.Name)] = true
		var plan trafficv1alpha1.TrafficPlan
		if err := g.Get(ctx, client.ObjectKeyFromObject(p), &plan); err == nil {
			r.Plans = append(r.Plans, plan)
		} else if !apierrors.IsNotFound(err) {
			return r, fmt.Errorf("get traffic plan: %w", err)
		}
	}
	for i := range r.Plans {
		for _, e := range r.Plans[i].Spec.Endpoints {
			in[e.Cluster] = true
		}
	}
	for i := range a.Parts {
		p := &a.Parts[i]
		t := p.Template
		s := trafficv1alpha1.DecisionSubject{APIVersion: t.GetAPIVersion(), Kind: t.GetKind(), Namespace: t.GetNamespace(), Name: t.GetName()}
		if err := g.decisionsAbout(ctx, s, &r); err != nil {
			return r, err
		}
		subjects[subject(s.Kind, s.Namespace, s.Name)] = true
		if p.Binding == nil {
			continue
		}
		subjects[subject("ResourceBinding", p.Binding.GetNamespace(), p.Binding.GetName())] = true
		r.Bindings = append(r.Bindings, p.Binding)
		for _, c := range p.Binding.GetBindingSpec().Clusters {
			in[c.Name] = true
		}
		for _, c := range p.Binding.GetBindingSpec().GracefulEvictionTasks {
			in[c.FromCluster] = true
		}
	}
	err = g.events(ctx, &r, a.Namespace, func(e *corev1.Event) bool {
		return subjects[subject(e.InvolvedObject.Kind, e.InvolvedObject.Namespace, e.InvolvedObject.Name)]
	})
	if err != nil {
		return r, err
	}
	return r, g.clusters(ctx, &r, func(name string) bool { return in[name] })
}

// pages reads a kind within bounds.
func pages[L client.ObjectList](ctx context.Context, g *gatherer, what string, empty L, take func(L) int, opts ...client.ListOption) error {
	n := 0
	err := hubclient.Pages(ctx, g.Hub, empty, func(l L) bool {
		if n += take(l); n < mostRead || l.GetContinue() == "" {
			return true
		}
		g.note("there are more than %d %s: only those are looked at; narrow it down with -n", mostRead, what)
		return false
	}, opts...)
	if apierrors.IsForbidden(err) {
		g.note("you may not list %s", what)
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", what, err)
	}
	return nil
}

func (g *gatherer) recent(conditions []metav1.Condition) bool {
	return slices.ContainsFunc(conditions, func(c metav1.Condition) bool { return !c.LastTransitionTime.Time.Before(g.since) })
}

func (g *gatherer) bindings(ctx context.Context, r *Records) error {
	keep := func(b workv1alpha2.Binding) {
		moved := slices.ContainsFunc(b.GetBindingSpec().GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
			return t.CreationTimestamp != nil && !t.CreationTimestamp.Time.Before(g.since)
		})
		if moved || g.recent(b.GetBindingStatus().Conditions) {
			r.Bindings = append(r.Bindings, b)
		}
	}
	err := pages(ctx, g, "resource bindings", &workv1alpha2.ResourceBindingList{}, func(l *workv1alpha2.ResourceBindingList) int {
		for i := range l.Items {
			keep(&l.Items[i])
		}
		return len(l.Items)
	}, client.InNamespace(g.namespace))
	if err != nil || g.namespace != "" {
		return err
	}
	return pages(ctx, g, "cluster resource bindings", &workv1alpha2.ClusterResourceBindingList{}, func(l *workv1alpha2.ClusterResourceBindingList) int {
		for i := range l.Items {
			keep(&l.Items[i])
		}
		return len(l.Items)
	})
}

func (g *gatherer) policies(ctx context.Context, r *Records) error {
	return pages(ctx, g, "traffic policies", &trafficv1alpha1.TrafficPolicyList{}, func(l *trafficv1alpha1.TrafficPolicyList) int {
		r.Policies = append(r.Policies, l.Items...)
		return len(l.Items)
	}, client.InNamespace(g.namespace))
}

func (g *gatherer) plans(ctx context.Context, r *Records) error {
	return pages(ctx, g, "traffic plans", &trafficv1alpha1.TrafficPlanList{}, func(l *trafficv1alpha1.TrafficPlanList) int {
		r.Plans = append(r.Plans, l.Items...)
		return len(l.Items)
	}, client.InNamespace(g.namespace))
}

func (g *gatherer) clusters(ctx context.Context, r *Records, wanted func(string) bool) error {
	return pages(ctx, g, "clusters", &clusterv1alpha1.ClusterList{}, func(l *clusterv1alpha1.ClusterList) int {
		for i := range l.Items {
			if wanted(l.Items[i].Name) {
				r.Clusters = append(r.Clusters, l.Items[i])
			}
		}
		return len(l.Items)
	})
}

func (g *gatherer) events(ctx context.Context, r *Records, namespace string, wanted func(*corev1.Event) bool) error {
	return pages(ctx, g, "events", &corev1.EventList{}, func(l *corev1.EventList) int {
		for i := range l.Items {
			if e := &l.Items[i]; !lastSeen(e).Before(g.since) && wanted(e) {
				r.Events = append(r.Events, *e)
			}
		}
		return len(l.Items)
	}, client.InNamespace(namespace))
}

// decisionsAbout reads what was decided about one subject: there are few.
func (g *gatherer) decisionsAbout(ctx context.Context, s trafficv1alpha1.DecisionSubject, r *Records) error {
	return pages(ctx, g, "decisions", &trafficv1alpha1.DecisionList{}, func(l *trafficv1alpha1.DecisionList) int {
		for i := range l.Items {
			r.Decisions = append(r.Decisions, l.Items[i].Spec)
		}
		return len(l.Items)
	}, client.InNamespace(names.DecisionNamespace(s.Namespace)), client.MatchingLabels{names.DecisionOfLabel: decision.Group(s)})
}

// decisions reads the metadata of all, which says when each was made, and then the newest.
func (g *gatherer) decisions(ctx context.Context, r *Records) error {
	type made struct {
		key client.ObjectKey
		at  time.Time
	}
	var found []made
	empty := &metav1.PartialObjectMetadataList{}
	empty.SetGroupVersionKind(trafficv1alpha1.GroupVersion.WithKind("DecisionList"))
	err := pages(ctx, g, "decisions", empty, func(l *metav1.PartialObjectMetadataList) int {
		for i := range l.Items {
			d := &l.Items[i]
			at, err := time.Parse(time.RFC3339Nano, d.Annotations[names.DecisionTimeAnnotation])
			if err != nil {
				at = d.CreationTimestamp.Time
			}
			if !at.Before(g.since) {
				found = append(found, made{client.ObjectKeyFromObject(d), at})
			}
		}
		return len(l.Items)
	}, client.InNamespace(g.namespace))
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b made) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.key.String(), b.key.String())) })
	if len(found) > mostDecisions {
		g.note("of %d decisions the newest %d are shown", len(found), mostDecisions)
		found = found[:mostDecisions]
	}
	for _, f := range found {
		var d trafficv1alpha1.Decision
		if err := g.Get(ctx, f.key, &d); apierrors.IsNotFound(err) {
			continue // its time was over
		} else if err != nil {
			return fmt.Errorf("get decision %s: %w", f.key, err)
		}
		r.Decisions = append(r.Decisions, d.Spec)
	}
	return nil
}
