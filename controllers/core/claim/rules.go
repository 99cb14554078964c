package claim

import (
	"fmt"
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seaway-io/seaway/api/names"
)

// DefaultSkippedNamespaces keeps Kubernetes' own namespaces out.
var DefaultSkippedNamespaces = []string{"kube-.*"}

// builtIn are the groups that are never templates: the federation's own objects, events and leases.
var builtIn = []string{
	"cluster.karmada.io", "policy.karmada.io", "work.karmada.io", "config.karmada.io", "networking.karmada.io",
	"autoscaling.karmada.io", "remedy.karmada.io", "apps.karmada.io",
	"traffic.seaway.dev", "events.k8s.io", "coordination.k8s.io",
}

// authenticationConfig is the ConfigMap in which an API server tells its extensions whom to trust. It
// is never a template, also when kube-system is not skipped: members have their own.
const authenticationConfig = "extension-apiserver-authentication"

// Rules say what is never a template.
type Rules struct {
	groups     sets.Set[string]
	versions   sets.Set[schema.GroupVersion]
	kinds      sets.Set[schema.GroupVersionKind]
	namespaces []*regexp.Regexp
}

// ParseRules adds to the rules that always hold. An API is written group, group/version or
// group/version/Kind,Kind, the core group as an empty one; a namespace is a regular expression that
// the whole name has to match.
func ParseRules(apis, namespaces []string) (Rules, error) {
	r := Rules{
		groups:   sets.New(builtIn...),
		versions: sets.New[schema.GroupVersion](),
		kinds:    sets.New(schema.GroupVersionKind{Version: "v1", Kind: "Event"}),
	}
	for _, text := range apis {
		if err := r.addAPI(text); err != nil {
			return Rules{}, err
		}
	}
	for _, text := range namespaces {
		re, err := regexp.Compile("^(?:" + text + ")$")
		if err != nil {
			return Rules{}, fmt.Errorf("skipped namespace %q is no regular expression: %w", text, err)
		}
		r.namespaces = append(r.namespaces, re)
	}
	return r, nil
}

func (r *Rules) addAPI(text string) error {
	switch parts := strings.Split(text, "/"); {
	case len(parts) == 1 && parts[0] == "v1", len(parts) == 2 && parts[0] == "" && parts[1] == "v1":
		r.versions.Insert(schema.GroupVersion{Version: "v1"})
	case len(parts) == 1 && parts[0] != "":
		r.groups.Insert(parts[0])
	case len(parts) == 2 && parts[1] != "":
		r.versions.Insert(schema.GroupVersion{Group: parts[0], Version: parts[1]})
	case len(parts) == 3 && parts[1] != "" && parts[2] != "":
		for kind := range strings.SplitSeq(parts[2], ",") {
			r.kinds.Insert(schema.GroupVersionKind{Group: parts[0], Version: parts[1], Kind: kind})
		}
	default:
		return fmt.Errorf("skipped API %q: write group, group/version or group/version/Kind,Kind", text)
	}
	return nil
}

// SkipsKind says whether no object of the kind is a template.
func (r *Rules) SkipsKind(gvk schema.GroupVersionKind) bool {
	return r.groups.Has(gvk.Group) || r.versions.Has(gvk.GroupVersion()) || r.kinds.Has(gvk)
}

// Skips says whether the object is no template although its kind may be: it lies in, or is, a
// reserved or skipped namespace, it is being deleted, or something else than a policy owns it.
func (r *Rules) Skips(gvk schema.GroupVersionKind, obj metav1.Object) bool {
	namespace := obj.GetNamespace()
	if gvk.Kind == "ConfigMap" && gvk.Group == "" && namespace == metav1.NamespaceSystem && obj.GetName() == authenticationConfig {
		return true
	}
	if gvk.Kind == "Namespace" && gvk.Group == "" {
		namespace = obj.GetName()
	}
	if namespace != "" && r.SkipsNamespace(namespace) {
		return true
	}
	_, owned := obj.GetLabels()[names.ClaimedByLabel]
	return owned || obj.GetDeletionTimestamp() != nil
}

// SkipsNamespace says whether nothing in the namespace is a template, nor the namespace itself.
func (r *Rules) SkipsNamespace(namespace string) bool {
	if names.IsReservedNamespace(namespace) {
		return true
	}
	for _, re := range r.namespaces {
		if re.MatchString(namespace) {
			return true
		}
	}
	return false
}
