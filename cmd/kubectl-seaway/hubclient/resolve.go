package hubclient

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/scheme"
)

// Hub reads objects of any kind, by the names that kubectl's users give them.
type Hub struct {
	client.Reader
	Mapper meta.RESTMapper
	// Namespace is that of names without one.
	Namespace string
}

// Connect returns the hub behind a configuration.
func Connect(cfg *rest.Config, namespace string) (Hub, error) {
	c, err := client.New(cfg, client.Options{Scheme: scheme.New()})
	if err != nil {
		return Hub{}, fmt.Errorf("connect to the hub: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return Hub{}, fmt.Errorf("connect to the hub: %w", err)
	}
	cached := memory.NewMemCacheClient(disco)
	mapper := restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, nil)
	return Hub{Reader: c, Mapper: mapper, Namespace: namespace}, nil
}

// Named are KIND/NAME arguments, or one of them as two words.
func Named(args []string) [][2]string {
	if len(args) == 2 && !strings.Contains(args[0]+args[1], "/") {
		return [][2]string{{args[0], args[1]}}
	}
	var out [][2]string
	for _, a := range args {
		kind, name, _ := strings.Cut(a, "/")
		out = append(out, [2]string{kind, name})
	}
	return out
}

// Mapping finds a kind by what kubectl's users call it: deployments, deploy, deployments.apps,
// deployments.v1.apps or Deployment.
func Mapping(mapper meta.RESTMapper, text string) (*meta.RESTMapping, error) {
	versioned, resource := schema.ParseResourceArg(strings.ToLower(text))
	var gvk schema.GroupVersionKind
	if versioned != nil {
		gvk, _ = mapper.KindFor(*versioned) // else it may be read otherwise
	}
	if gvk.Empty() {
		var err error
		if gvk, err = mapper.KindFor(resource.WithVersion("")); err != nil && !meta.IsNoMatchError(err) {
			return nil, fmt.Errorf("look %q up on the hub: %w", text, err)
		}
	}
	if !gvk.Empty() {
		return mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if full, _ := schema.ParseKindArg(text); full != nil {
		if m, err := mapper.RESTMapping(full.GroupKind(), full.Version); err == nil {
			return m, nil
		}
	}
	_, kind := schema.ParseKindArg(text)
	m, err := mapper.RESTMapping(kind)
	if meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("the hub serves no kind %q; `kubectl api-resources` lists what it serves", text)
	}
	return m, err
}

// Object reads one object by its kind and name.
func (h Hub) Object(ctx context.Context, kind, name string) (*unstructured.Unstructured, error) {
	if kind == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("%q is no KIND/NAME, such as deploy/web", kind+"/"+name)
	}
	m, err := Mapping(h.Mapper, kind)
	if err != nil {
		return nil, err
	}
	key := client.ObjectKey{Name: name}
	where := ""
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		key.Namespace = h.Namespace
		where = " in namespace " + h.Namespace
	}
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(m.GroupVersionKind)
	if err := h.Get(ctx, key, obj); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("there is no %s %q%s", m.Resource.GroupResource(), name, where)
		}
		return nil, fmt.Errorf("get %s %q%s: %w", m.Resource.GroupResource(), name, where, err)
	}
	return obj, nil
}
