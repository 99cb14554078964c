package crowd

import (
	"encoding/json"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kind is one that every member serves.
type kind struct {
	group, version, resource, name string
	namespaced                     bool
}

// kinds are what members serve: a workload, a few that go with it, and what the hub watches in every
// member.
var kinds = []kind{
	{"", "v1", "namespaces", "Namespace", false},
	{"", "v1", "configmaps", "ConfigMap", true},
	{"", "v1", "services", "Service", true},
	{"", "v1", "nodes", "Node", false},
	{"", "v1", "pods", "Pod", true},
	{"apps", "v1", "deployments", "Deployment", true},
	{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true},
	{"apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false},
	{"apiregistration.k8s.io", "v1", "apiservices", "APIService", false},
}

var namespaces = schema.GroupResource{Resource: "namespaces"}

func (k *kind) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.group, Resource: k.resource}
}

func (k *kind) groupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: k.group, Version: k.version}
}

func find(group, resource string) *kind {
	for i := range kinds {
		if kinds[i].group == group && kinds[i].resource == resource {
			return &kinds[i]
		}
	}
	return nil
}

// discover answers /api and /apis.
func discover(w http.ResponseWriter, path []string) error {
	if path[0] == "api" {
		return encode(w, http.StatusOK, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	}
	list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	seen := map[string]bool{"": true}
	for _, k := range kinds {
		if seen[k.group] {
			continue
		}
		seen[k.group] = true
		v := metav1.GroupVersionForDiscovery{GroupVersion: k.groupVersion().String(), Version: k.version}
		list.Groups = append(list.Groups, metav1.APIGroup{Name: k.group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
	}
	return encode(w, http.StatusOK, list)
}

// resources answers /api/v1 and /apis/GROUP/VERSION.
func resources(w http.ResponseWriter, group, version string) error {
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: schema.GroupVersion{Group: group, Version: version}.String()}
	for _, k := range kinds {
		if k.group != group || k.version != version {
			continue
		}
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: k.resource, SingularName: strings.ToLower(k.name), Namespaced: k.namespaced, Kind: k.name,
			Verbs: metav1.Verbs{"create", "delete", "get", "list", "patch", "update", "watch"},
		})
	}
	if len(list.APIResources) == 0 {
		return apierrors.NewGenericServerResponse(http.StatusNotFound, "get", namespaces, "", "404 page not found", 0, true)
	}
	return encode(w, http.StatusOK, list)
}

// wantsPartial says whether a client asks for metadata alone.
func wantsPartial(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")
}

// partial reduces an object to its metadata.
func partial(raw []byte) []byte {
	var obj struct {
		Metadata json.RawMessage `json:"metadata"`
	}
	if json.Unmarshal(raw, &obj) != nil {
		return raw
	}
	out, err := json.Marshal(map[string]any{"apiVersion": metav1.SchemeGroupVersion.String(), "kind": "PartialObjectMetadata", "metadata": obj.Metadata})
	if err != nil {
		return raw
	}
	return out
}
