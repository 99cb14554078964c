package member

import (
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
)

const (
	// mappingAge is how long the resources of a group and version are believed.
	mappingAge = 10 * time.Minute
	// mappingRetry is how soon a kind that was not there is asked for again.
	mappingRetry = 3 * time.Second
)

// resourceLister is the part of a discovery client the mapper uses.
type resourceLister interface {
	ServerResourcesForGroupVersion(groupVersion string) (*metav1.APIResourceList, error)
}

// mapper maps kinds to resources, one group and version at a time: a member's full
// discovery is large, and one broken aggregated API would spoil it.
type mapper struct {
	lister resourceLister
	clock  clock.PassiveClock

	mu     sync.Mutex
	groups map[schema.GroupVersion]*groupMapping
}

// groupMapping has a lock of its own, held while the member is asked, so that many
// callers cause one question and other groups do not wait.
type groupMapping struct {
	mu    sync.Mutex
	asked time.Time
	kinds map[string]metav1.APIResource
}

func newMapper(lister resourceLister, c clock.PassiveClock) *mapper {
	return &mapper{lister: lister, clock: c, groups: map[schema.GroupVersion]*groupMapping{}}
}

// Mapping returns the resource of a kind in the member. The error satisfies
// meta.IsNoMatchError when the member does not serve the kind; the answer is cached,
// and a kind that is not there is looked for again at most every few seconds.
func (m *Member) Mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapping, err := m.mapper.mapping(gvk)
	if err != nil {
		return nil, fmt.Errorf("cluster %q: %w", m.Name, err)
	}
	return mapping, nil
}

func (p *mapper) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	p.mu.Lock()
	group := p.groups[gvk.GroupVersion()]
	if group == nil {
		group = &groupMapping{}
		p.groups[gvk.GroupVersion()] = group
	}
	p.mu.Unlock()

	group.mu.Lock()
	defer group.mu.Unlock()
	age := p.clock.Since(group.asked)
	resource, known := group.kinds[gvk.Kind]
	if age > mappingAge || (!known && (group.kinds == nil || age > mappingRetry)) {
		kinds, err := p.ask(gvk.GroupVersion())
		if err != nil {
			return nil, err
		}
		group.kinds, group.asked = kinds, p.clock.Now()
		resource, known = kinds[gvk.Kind]
	}
	if !known {
		return nil, &meta.NoKindMatchError{GroupKind: gvk.GroupKind(), SearchedVersions: []string{gvk.Version}}
	}
	scope := meta.RESTScopeRoot
	if resource.Namespaced {
		scope = meta.RESTScopeNamespace
	}
	return &meta.RESTMapping{
		Resource:         gvk.GroupVersion().WithResource(resource.Name),
		GroupVersionKind: gvk,
		Scope:            scope,
	}, nil
}

// ask returns the kinds of a group and version; a group that is not served has none.
func (p *mapper) ask(gv schema.GroupVersion) (map[string]metav1.APIResource, error) {
	list, err := p.lister.ServerResourcesForGroupVersion(gv.String())
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("cannot list the resources of %s: %w", gv, err)
	}
	kinds := map[string]metav1.APIResource{}
	if list == nil {
		return kinds, nil
	}
	for _, resource := range list.APIResources {
		if strings.Contains(resource.Name, "/") {
			continue
		}
		if _, twice := kinds[resource.Kind]; !twice {
			kinds[resource.Kind] = resource
		}
	}
	return kinds, nil
}
