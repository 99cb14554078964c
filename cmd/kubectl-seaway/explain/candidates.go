package explain

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// candidate is a template that the policies of a file may concern.
type candidate struct {
	*unstructured.Unstructured
	// partial says that only its kind and metadata were read.
	partial bool
}

// candidates are the templates to look at, by kind and name: those named if any are, else all that
// the policies select now or have selected; and those of the files.
func (h *hub) candidates(ctx context.Context, r *Rehearsal, own []*policy, inFiles []*unstructured.Unstructured, only [][2]string) ([]*candidate, error) {
	found := map[string]*candidate{}
	add := func(t *candidate) {
		found[strings.Join([]string{t.GetKind(), t.GetAPIVersion(), t.GetNamespace(), t.GetName()}, "\x00")] = t
	}
	for _, name := range only {
		t, err := h.Object(ctx, name[0], name[1])
		if err != nil {
			return nil, err
		}
		add(&candidate{Unstructured: t})
	}
	for i, p := range own {
		if len(only) > 0 {
			break
		}
		selected, notes, err := h.selected(ctx, p)
		if err != nil {
			return nil, err
		}
		r.Policies[i].Notes = append(r.Policies[i].Notes, notes...)
		for _, t := range selected {
			add(t)
		}
	}
	for _, t := range inFiles {
		if err := h.complete(ctx, t); err != nil {
			return nil, err
		}
		add(&candidate{Unstructured: t})
	}
	out := make([]*candidate, 0, len(found))
	for _, k := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[k])
	}
	return out, nil
}

// complete gives a template of a file its namespace and, when it is on the hub already, its identity.
func (h *hub) complete(ctx context.Context, t *unstructured.Unstructured) error {
	m, err := h.Mapper.RESTMapping(t.GroupVersionKind().GroupKind())
	switch {
	case meta.IsNoMatchError(err): // its CRD may come with it
		return nil
	case err != nil:
		return fmt.Errorf("look %s up on the hub: %w", t.GetKind(), err)
	case m.Scope.Name() != meta.RESTScopeNameNamespace:
		t.SetNamespace("")
	case t.GetNamespace() == "":
		t.SetNamespace(h.Namespace)
	}
	t.SetGroupVersionKind(m.GroupVersionKind) // as the hub shows it to policies
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(t.GroupVersionKind())
	if err := h.Get(ctx, client.ObjectKeyFromObject(t), live); err != nil {
		return client.IgnoreNotFound(err)
	}
	t.SetUID(live.UID)
	marks := func(all, own map[string]string) map[string]string {
		for _, k := range claim.MarkedKeys(live) {
			if v, ok := all[k]; ok {
				if own == nil {
					own = map[string]string{}
				}
				own[k] = v
			}
		}
		return own
	}
	t.SetLabels(marks(live.Labels, t.GetLabels()))
	t.SetAnnotations(marks(live.Annotations, t.GetAnnotations()))
	return nil
}

// selected are the templates on the hub that a policy selects, or selected before it was edited, by
// their metadata. Notes say which selectors select nothing.
func (h *hub) selected(ctx context.Context, p *policy) (out []*candidate, notes []string, err error) {
	selectors := p.GetPropagationSpec().ResourceSelectors
	current := len(selectors)
	if p.live != nil {
		selectors = slices.Concat(selectors, p.live.GetPropagationSpec().ResourceSelectors)
	}
	for i := range selectors {
		s := &selectors[i]
		gvk := schema.FromAPIVersionAndKind(s.APIVersion, s.Kind)
		if why, err := h.unserved(gvk); err != nil {
			return nil, nil, err
		} else if why != "" {
			if i < current {
				notes = append(notes, fmt.Sprintf("spec.resourceSelectors[%d] selects nothing: %s", i, why))
			}
			continue
		}
		found, err := h.selectedBy(ctx, p, s, gvk)
		if err != nil {
			return nil, nil, err
		}
		if len(found) == 0 && i < current {
			notes = append(notes, fmt.Sprintf("spec.resourceSelectors[%d] selects nothing for now", i))
		}
		out = append(out, found...)
	}
	return out, notes, nil
}

// unserved says why the hub has no templates of a kind.
func (h *hub) unserved(gvk schema.GroupVersionKind) (string, error) {
	what := gvk.GroupVersion().String() + " " + gvk.Kind
	m, err := h.Mapper.RESTMapping(gvk.GroupKind())
	switch {
	case meta.IsNoMatchError(err):
		return what + " is not served by the hub; check the spelling, or apply its CRD", nil
	case err != nil:
		return "", fmt.Errorf("look %s up on the hub: %w", gvk.Kind, err)
	case m.GroupVersionKind != gvk:
		return fmt.Sprintf("%s is matched by its preferred version; write apiVersion: %s", what, m.GroupVersionKind.GroupVersion()), nil
	}
	return "", nil
}

func (h *hub) selectedBy(ctx context.Context, p *policy, s *policyv1alpha1.ResourceSelector, gvk schema.GroupVersionKind) (out []*candidate, err error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	namespace := s.Namespace
	if p.GetNamespace() != "" {
		namespace = p.GetNamespace()
	}
	opts := []client.ListOption{client.InNamespace(namespace)}
	if s.Name == "" && s.LabelSelector != nil {
		selector, err := metav1.LabelSelectorAsSelector(s.LabelSelector)
		if err != nil {
			return nil, nil // it is not valid, and said to be
		}
		opts = append(opts, client.MatchingLabelsSelector{Selector: selector})
	}
	if err := h.List(ctx, &list, opts...); err != nil {
		return nil, fmt.Errorf("list %s: %w", gvk.Kind, err)
	}
	for i := range list.Items {
		item := &list.Items[i]
		if s.Name != "" && item.Name != s.Name {
			continue
		}
		t := &unstructured.Unstructured{Object: map[string]any{}}
		t.SetGroupVersionKind(gvk)
		t.SetNamespace(item.Namespace)
		t.SetName(item.Name)
		t.SetUID(item.UID)
		t.SetLabels(item.Labels)
		t.SetAnnotations(item.Annotations)
		t.SetDeletionTimestamp(item.DeletionTimestamp)
		out = append(out, &candidate{Unstructured: t, partial: true})
	}
	return out, nil
}
