package template

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/seaway-io/seaway/controllers/core/claim"
)

// Discovery is what is asked for the resources of the hub.
type Discovery interface {
	ServerPreferredResources() ([]*metav1.APIResourceList, error)
}

// served is what the hub serves that can be a template: every kind in its preferred version.
type served map[schema.GroupVersionKind]schema.GroupVersionResource

// discover asks the hub. The groups that do not answer, as of an aggregated API that is down, are
// returned apart: nothing is known of them.
func discover(d Discovery, rules *claim.Rules) (found served, unknown map[schema.GroupVersion]error, err error) {
	lists, err := d.ServerPreferredResources()
	unknown, partial := discovery.GroupDiscoveryFailedErrorGroups(err)
	if err != nil && !partial {
		return nil, nil, fmt.Errorf("discover the resources of the hub: %w", err)
	}
	found = served{}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue // not reached: the server made it
		}
		for i := range list.APIResources {
			r := &list.APIResources[i]
			if gvk := gv.WithKind(r.Kind); watchable(r) && !rules.SkipsKind(gvk) {
				found[gvk] = gv.WithResource(r.Name)
			}
		}
	}
	return found, unknown, nil
}

// watchable says whether objects of the resource can be found, followed and given up.
func watchable(r *metav1.APIResource) bool {
	if strings.Contains(r.Name, "/") {
		return false
	}
	for _, verb := range []string{"list", "watch", "delete"} {
		if !slices.Contains(r.Verbs, verb) {
			return false
		}
	}
	return true
}

// missing says why a selected kind is not watched; empty when it is.
func (s served) missing(gvk schema.GroupVersionKind, rules *claim.Rules) string {
	if _, ok := s[gvk]; ok {
		return ""
	}
	what := gvk.GroupVersion().String() + " " + gvk.Kind
	if rules.SkipsKind(gvk) {
		return what + " is never propagated"
	}
	for other := range s {
		if other.GroupKind() == gvk.GroupKind() {
			return fmt.Sprintf("%s is matched by its preferred version; write apiVersion: %s", what, other.GroupVersion())
		}
	}
	return what + " is not served by the hub; check the spelling, or apply its CRD"
}
