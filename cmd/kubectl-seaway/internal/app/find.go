package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/render"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// always are the kinds of workloads that are looked for even if nothing of them is bound: a workload
// that no policy claims is what people ask about.
var always = []schema.GroupVersionKind{
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"},
	{Group: "apps", Version: "v1", Kind: "DaemonSet"},
}

// Find finds an application by what people call it: the name of a TrafficPolicy, or the KIND/NAME of
// one or of a workload, in the namespace of the hub.
func Find(ctx context.Context, h hubclient.Hub, name string) (*App, error) {
	kind, object, named := strings.Cut(name, "/")
	if !named {
		kind, object = "TrafficPolicy", name
	}
	if named {
		m, err := hubclient.Mapping(h.Mapper, kind)
		if err != nil {
			return nil, err
		}
		kind = m.GroupVersionKind.Kind
		if m.GroupVersionKind.GroupKind() != trafficv1alpha1.GroupVersion.WithKind("TrafficPolicy").GroupKind() {
			return ofTemplate(ctx, h, name)
		}
	}
	p := trafficv1alpha1.TrafficPolicy{}
	if err := h.Get(ctx, client.ObjectKey{Namespace: h.Namespace, Name: object}, &p); err != nil {
		switch {
		case meta.IsNoMatchError(err):
			return nil, fmt.Errorf("the hub serves no TrafficPolicies: is Seaway installed there? (%w)", err)
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("get traffic policy %q: %w", object, err)
		case object == "" || strings.Contains(object, "/"):
			return nil, fmt.Errorf("%q is no name of a TrafficPolicy and no KIND/NAME, such as web or deploy/web", name)
		}
		return nil, fmt.Errorf("there is no TrafficPolicy %q in namespace %s; a workload is named as KIND/NAME, such as deploy/%s", object, h.Namespace, object)
	}
	a := &App{Name: kind + " " + p.Namespace + "/" + p.Name, Namespace: p.Namespace, Policies: []trafficv1alpha1.TrafficPolicy{p}}
	return a, a.complete(ctx, h, nil)
}

// ofTemplate starts from a workload, or from a Service.
func ofTemplate(ctx context.Context, h hubclient.Hub, name string) (*App, error) {
	kind, object, _ := strings.Cut(name, "/")
	template, err := h.Object(ctx, kind, object)
	if err != nil {
		return nil, err
	}
	if template.GetNamespace() == "" {
		return nil, fmt.Errorf("%s %s is in no namespace; an application is a TrafficPolicy or a workload", template.GetKind(), template.GetName())
	}
	a := &App{Name: fmt.Sprintf("%s %s/%s", template.GetKind(), template.GetNamespace(), template.GetName()), Namespace: template.GetNamespace()}
	stand := &workv1alpha2.ResourceBinding{}
	stand.Namespace = a.Namespace
	stand.Spec.Resource = workv1alpha2.ObjectReference{
		APIVersion: template.GetAPIVersion(), Kind: template.GetKind(), Namespace: template.GetNamespace(), Name: template.GetName(),
	}
	found, err := policies.Finder{Cached: h.Reader, Live: h.Reader}.Of(ctx, stand)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		a.Policies = append(a.Policies, *p)
	}
	slices.SortFunc(a.Policies, func(x, y trafficv1alpha1.TrafficPolicy) int { return cmp.Compare(x.Name, y.Name) })
	return a, a.complete(ctx, h, template)
}

// complete finds the targets, the workloads behind them, and what became of each. Asked is the one
// workload that was asked for, or nil for all.
func (a *App) complete(ctx context.Context, h hubclient.Hub, asked *unstructured.Unstructured) error {
	var templates []*unstructured.Unstructured
	for i := range a.Policies {
		service, err := target(ctx, h, &a.Policies[i])
		if err != nil {
			return err
		}
		if service == nil || slices.ContainsFunc(templates, func(t *unstructured.Unstructured) bool { return t.GetName() == service.GetName() }) {
			continue
		}
		templates = append(templates, service)
		var typed corev1.Service
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(service.Object, &typed); err != nil {
			return fmt.Errorf("read service %s: %w", service.GetName(), err)
		}
		a.Targets = append(a.Targets, typed)
	}
	workloads := []*unstructured.Unstructured{asked}
	switch {
	case asked == nil:
		var err error
		if workloads, err = a.behind(ctx, h); err != nil {
			return err
		}
	case slices.ContainsFunc(templates, func(t *unstructured.Unstructured) bool {
		return t.GetKind() == asked.GetKind() && t.GetName() == asked.GetName()
	}):
		workloads = nil // it is the target itself
	}
	for _, t := range append(templates, workloads...) {
		p := Part{Template: t}
		if err := p.follow(ctx, h); err != nil {
			return err
		}
		a.Parts = append(a.Parts, p)
	}
	return nil
}

func target(ctx context.Context, h hubclient.Hub, p *trafficv1alpha1.TrafficPolicy) (*unstructured.Unstructured, error) {
	if len(p.Spec.TargetRefs) == 0 || !traffic.IsService(p.Spec.TargetRefs[0]) {
		return nil, nil
	}
	s := &unstructured.Unstructured{}
	s.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
	err := h.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Spec.TargetRefs[0].Name}, s)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get service %s: %w", p.Spec.TargetRefs[0].Name, err)
	}
	return s, nil
}

// behind are the workloads whose pods the targets select, by kind and name.
func (a *App) behind(ctx context.Context, h hubclient.Hub) ([]*unstructured.Unstructured, error) {
	var selectors []labels.Selector
	for i := range a.Targets {
		if s := a.Targets[i].Spec.Selector; len(s) > 0 {
			selectors = append(selectors, labels.SelectorFromSet(s))
		}
	}
	if len(selectors) == 0 {
		return nil, nil
	}
	kinds, err := workloadKinds(ctx, h, a.Namespace)
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for _, gvk := range kinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		err := hubclient.Pages(ctx, h, list, func(list *unstructured.UnstructuredList) bool {
			for i := range list.Items {
				pods, _, _ := unstructured.NestedStringMap(list.Items[i].Object, "spec", "template", "metadata", "labels")
				if slices.ContainsFunc(selectors, func(s labels.Selector) bool { return len(pods) > 0 && s.Matches(labels.Set(pods)) }) {
					out = append(out, list.Items[i].DeepCopy())
				}
			}
			return true
		}, client.InNamespace(a.Namespace))
		if err != nil && !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("list %ss: %w", gvk.Kind, err)
		}
	}
	slices.SortStableFunc(out, func(x, y *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(x.GetKind(), y.GetKind()), cmp.Compare(x.GetName(), y.GetName()))
	})
	return out, nil
}

// workloadKinds are the kinds in a namespace that have pods.
func workloadKinds(ctx context.Context, h hubclient.Hub, namespace string) ([]schema.GroupVersionKind, error) {
	kinds := slices.Clone(always)
	err := hubclient.Pages(ctx, h, &workv1alpha2.ResourceBindingList{}, func(list *workv1alpha2.ResourceBindingList) bool {
		for i := range list.Items {
			spec := &list.Items[i].Spec
			gvk := schema.FromAPIVersionAndKind(spec.Resource.APIVersion, spec.Resource.Kind)
			if placement.IsWorkload(spec) && !slices.Contains(kinds, gvk) {
				kinds = append(kinds, gvk)
			}
		}
		return true
	}, client.InNamespace(namespace))
	if err != nil {
		return nil, fmt.Errorf("list resource bindings: %w", err)
	}
	return kinds, nil
}

// follow finds the binding of a part and its Works.
func (p *Part) follow(ctx context.Context, h hubclient.Hub) error {
	b := &workv1alpha2.ResourceBinding{}
	key := client.ObjectKey{Namespace: p.Template.GetNamespace(), Name: names.BindingName(p.Template.GetKind(), p.Template.GetName())}
	if err := h.Get(ctx, key, b); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("get binding %s: %w", key, err)
	}
	p.Binding, p.Works = b, map[string]workv1alpha1.Work{}
	label := render.BindingIDLabel(b)
	id := b.Labels[label]
	if id == "" {
		return nil
	}
	err := hubclient.Pages(ctx, h, &workv1alpha1.WorkList{}, func(list *workv1alpha1.WorkList) bool {
		for i := range list.Items {
			if cluster, ok := names.ClusterFromExecutionNamespace(list.Items[i].Namespace); ok {
				p.Works[cluster] = list.Items[i]
			}
		}
		return true
	}, client.MatchingLabels{label: id})
	if apierrors.IsForbidden(err) {
		p.WorksUnread = "you may not list Works on the hub"
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the works of %s: %w", p.Label(), err)
	}
	return nil
}
