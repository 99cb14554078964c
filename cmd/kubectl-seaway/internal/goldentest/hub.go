package goldentest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/restmapper"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/controllers/core/decision"
)

// served is what the hub of the tests knows by kubectl's names.
var served = []*metav1.APIResourceList{
	{GroupVersion: "v1", APIResources: []metav1.APIResource{
		{Name: "services", SingularName: "service", ShortNames: []string{"svc"}, Kind: "Service", Namespaced: true},
		{Name: "namespaces", SingularName: "namespace", ShortNames: []string{"ns"}, Kind: "Namespace"},
	}},
	{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{
		{Name: "deployments", SingularName: "deployment", ShortNames: []string{"deploy"}, Kind: "Deployment", Namespaced: true},
		{Name: "statefulsets", SingularName: "statefulset", ShortNames: []string{"sts"}, Kind: "StatefulSet", Namespaced: true},
	}},
	{GroupVersion: "traffic.seaway.dev/v1alpha1", APIResources: []metav1.APIResource{
		{Name: "trafficpolicies", SingularName: "trafficpolicy", ShortNames: []string{"tp"}, Kind: "TrafficPolicy", Namespaced: true},
	}},
}

// Hub is a hub with the objects of a file, as a person edits them in a test. Whatever is written to
// it fails the test. Edit may change an object, or leave it out by returning false.
func Hub(t *testing.T, file, namespace string, edit func(*unstructured.Unstructured) bool) hubclient.Hub {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := fake.NewClientBuilder().WithScheme(scheme.New()).WithReturnManagedFields()
	docs := utilyaml.NewYAMLReader(bufio.NewReader(f))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if obj := object(t, doc, edit); obj != nil {
			b.WithObjects(obj)
		}
	}
	wrong := func() error { t.Error("something was written"); return errors.New("read only") }
	b.WithInterceptorFuncs(interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return wrong() },
		Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error { return wrong() },
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return wrong()
		},
	})
	disco := &fakediscovery.FakeDiscovery{Fake: &clienttesting.Fake{Resources: served}}
	groups, err := restmapper.GetAPIGroupResources(disco)
	if err != nil {
		t.Fatal(err)
	}
	return hubclient.Hub{
		Reader: b.Build(), Mapper: restmapper.NewShortcutExpander(restmapper.NewDiscoveryRESTMapper(groups), disco, nil), Namespace: namespace,
	}
}

// object decodes one object. A field that its kind does not have fails the test.
func object(t *testing.T, doc []byte, edit func(*unstructured.Unstructured) bool) client.Object {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(doc, &u.Object); err != nil {
		t.Fatal(err)
	}
	if len(u.Object) == 0 {
		return nil
	}
	u = u.DeepCopy()
	if edit != nil && !edit(u) {
		return nil
	}
	doc, err := yaml.Marshal(u.Object)
	if err != nil {
		t.Fatal(err)
	}
	typed, err := scheme.New().New(u.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(doc, typed); err != nil {
		t.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
	}
	if d, ok := typed.(*trafficv1alpha1.Decision); ok { // named and marked as its keeper names and marks it
		return decision.Object(d.Spec)
	}
	return typed.(client.Object)
}

// Without leaves the objects of a kind and of a name out.
func Without(kind string, names ...string) func(*unstructured.Unstructured) bool {
	return func(u *unstructured.Unstructured) bool {
		return u.GetKind() != kind || len(names) > 0 && !slices.Contains(names, u.GetName())
	}
}
