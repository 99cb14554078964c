package tenant

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/google/go-cmp/cmp"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/binding/works"
)

// restless are groups whose objects an API server writes by itself.
var restless = []string{"flowcontrol.apiserver.k8s.io", "apiregistration.k8s.io", "coordination.k8s.io", "events.k8s.io"}

// inventory lists every object of every kind of a control plane that is kept: its UID and its version.
func (w *world) inventory(home *hubtest.ControlPlane, keep func(gvr schema.GroupVersionResource, obj *unstructured.Unstructured) bool) map[string]string {
	w.Helper()
	kinds, err := discovery.NewDiscoveryClientForConfig(home.Config)
	w.must(err)
	objects, err := dynamic.NewForConfig(home.Config)
	w.must(err)
	lists, err := discovery.ServerPreferredResources(kinds)
	w.must(err)
	out := map[string]string{}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		w.must(err)
		for _, r := range list.APIResources {
			gvr := gv.WithResource(r.Name)
			if slices.Contains(restless, gv.Group) || r.Name == "events" || !slices.Contains(r.Verbs, "watch") || !slices.Contains(r.Verbs, "list") {
				continue
			}
			found, err := objects.Resource(gvr).List(w.Context(), metav1.ListOptions{})
			w.must(err)
			for i := range found.Items {
				if obj := &found.Items[i]; keep(gvr, obj) {
					out[fmt.Sprintf("%s %s/%s", gvr.GroupResource(), obj.GetNamespace(), obj.GetName())] = string(obj.GetUID()) + " " + obj.GetResourceVersion()
				}
			}
		}
	}
	return out
}

// belongings is what nobody in the tenant's namespace may change: all in the member that lies elsewhere,
// and on the hub what is the victim's, the Works of all others and what grants power everywhere.
func (w *world) belongings() map[string]string {
	out := map[string]string{}
	for key, value := range w.inventory(w.member, func(_ schema.GroupVersionResource, obj *unstructured.Unstructured) bool {
		return obj.GetNamespace() != w.tenant
	}) {
		out["member: "+key] = value
	}
	for key, value := range w.inventory(w.hub, func(gvr schema.GroupVersionResource, obj *unstructured.Unstructured) bool {
		if _, execution := names.ClusterFromExecutionNamespace(obj.GetNamespace()); execution {
			of, _, _ := works.Binding(obj)
			return of.Namespace != w.tenant
		}
		return obj.GetNamespace() == w.victim || obj.GetNamespace() == "" && validation.GrantsPower(gvr.Group)
	}) {
		out["hub: "+key] = value
	}
	return out
}

// untouched compares with what was there before, and what grants power in the tenant's namespace with what
// the hub let her write.
func (w *world) untouched(before map[string]string) {
	w.Helper()
	if diff := cmp.Diff(before, w.belongings()); diff != "" {
		w.Errorf("written outside of the namespace (-before +after):\n%s", diff)
	}
	objects, err := dynamic.NewForConfig(w.hub.Config)
	w.must(err)
	members, err := dynamic.NewForConfig(w.member.Config)
	w.must(err)
	for _, resource := range []string{"roles", "rolebindings"} {
		gvr := schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource}
		found, err := members.Resource(gvr).Namespace(w.tenant).List(w.Context(), metav1.ListOptions{})
		w.must(err)
		for i := range found.Items {
			there := &found.Items[i]
			written, err := objects.Resource(gvr).Namespace(w.tenant).Get(w.Context(), there.GetName(), metav1.GetOptions{})
			if err != nil {
				w.Errorf("the member has a %s that the hub does not have: %v", there.GetKind(), err)
				continue
			}
			if diff := cmp.Diff(granted(written), granted(there)); diff != "" {
				w.Errorf("%s %s grants something else than on the hub:\n%s", there.GetKind(), there.GetName(), diff)
			}
		}
	}
}

func granted(obj *unstructured.Unstructured) map[string]any {
	out := maps.Clone(obj.Object)
	maps.DeleteFunc(out, func(key string, _ any) bool { return strings.HasPrefix(key, "metadata") })
	return out
}
