package template

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// claimedBy returns the templates whose marks name a policy, by whatever permanent id.
func (w *watcher) claimedBy(policy types.NamespacedName) (out []claim.Template) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for gvk, watch := range w.watches {
		for _, t := range found(gvk, watch.informer, byPolicy, policy.String()) {
			if !w.rules.Skips(gvk, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// selected returns the templates that a policy selects, each once.
func (w *watcher) selected(p *claim.Policy) (out []claim.Template) {
	seen, searched := map[Key]bool{}, map[search]bool{}
	for _, s := range p.Propagation.GetPropagationSpec().ResourceSelectors {
		scope := searchFor(s)
		if searched[scope] {
			continue
		}
		searched[scope] = true
		for _, t := range w.candidates(scope) {
			key := keyOf(t.GVK, t)
			if !seen[key] && !w.rules.Skips(t.GVK, t) && p.Match(t) != claim.NoMatch {
				seen[key] = true
				out = append(out, t)
			}
		}
	}
	return out
}

// search is what of a selector is indexed. Selectors that differ in their labels only search the
// same templates.
type search struct {
	schema.GroupVersionKind
	namespace, name string
}

func searchFor(s policyv1alpha1.ResourceSelector) search {
	return search{schema.FromAPIVersionAndKind(s.APIVersion, s.Kind), s.Namespace, s.Name}
}

func (w *watcher) candidates(s search) []claim.Template {
	informer := w.informer(s.GroupVersionKind)
	switch {
	case informer == nil:
		return nil
	case s.name != "" && s.namespace != "":
		return one(s, informer)
	case s.name != "":
		return found(s.GroupVersionKind, informer, byName, s.name)
	case s.namespace != "":
		return found(s.GroupVersionKind, informer, cache.NamespaceIndex, s.namespace)
	}
	return templates(s.GroupVersionKind, informer.GetIndexer().List())
}

func one(s search, informer cache.SharedIndexInformer) []claim.Template {
	obj, ok, err := informer.GetIndexer().GetByKey(cache.NewObjectName(s.namespace, s.name).String())
	if err != nil || !ok {
		return nil // a cache has no errors
	}
	return templates(s.GroupVersionKind, []any{obj})
}

// found are the templates at a value of one of the indexers.
func found(gvk schema.GroupVersionKind, informer cache.SharedIndexInformer, index, value string) []claim.Template {
	objs, err := informer.GetIndexer().ByIndex(index, value)
	if err != nil {
		return nil // not reached: every informer has all indexers
	}
	return templates(gvk, objs)
}

func templates(gvk schema.GroupVersionKind, objs []any) []claim.Template {
	out := make([]claim.Template, 0, len(objs))
	for _, obj := range objs {
		out = append(out, claim.Template{GVK: gvk, Object: obj.(*metav1.PartialObjectMetadata)})
	}
	return out
}
