package explain

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

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
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
	"github.com/seaway-io/seaway/controllers/core/decision"
)

// testHub is testdata/hub.yaml. Whatever is written to it fails the test.
func testHub(t *testing.T, without ...string) *hub {
	t.Helper()
	f, err := os.Open("testdata/hub.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := fake.NewClientBuilder().WithScheme(scheme.New())
	docs := utilyaml.NewYAMLReader(bufio.NewReader(f))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b.WithObjects(object(t, doc, without)...)
	}
	wrong := func() error { t.Error("something was written"); return errors.New("read only") }
	b.WithInterceptorFuncs(interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return wrong() },
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return wrong()
		},
	})
	disco := &fakediscovery.FakeDiscovery{Fake: &clienttesting.Fake{Resources: []*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{
			{Name: "configmaps", SingularName: "configmap", ShortNames: []string{"cm"}, Kind: "ConfigMap", Namespaced: true},
			{Name: "namespaces", SingularName: "namespace", ShortNames: []string{"ns"}, Kind: "Namespace"},
		}},
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{
			{Name: "deployments", SingularName: "deployment", ShortNames: []string{"deploy"}, Kind: "Deployment", Namespaced: true},
		}},
		{GroupVersion: "work.karmada.io/v1alpha2", APIResources: []metav1.APIResource{
			{Name: "resourcebindings", SingularName: "resourcebinding", ShortNames: []string{"rb"}, Kind: "ResourceBinding", Namespaced: true},
		}},
	}}}
	groups, err := restmapper.GetAPIGroupResources(disco)
	if err != nil {
		t.Fatal(err)
	}
	return &hub{
		Hub: hubclient.Hub{Reader: b.Build(), Mapper: restmapper.NewShortcutExpander(restmapper.NewDiscoveryRESTMapper(groups), disco, nil), Namespace: "shop"},
		now: func() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) },
	}
}

// object decodes one object; nothing when its kind is left out.
func object(t *testing.T, doc []byte, without []string) []client.Object {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(doc, &u.Object); err != nil {
		t.Fatal(err)
	}
	for _, kind := range without {
		if u.GetKind() == kind {
			return nil
		}
	}
	if u.GetKind() != "Decision" {
		typed, err := scheme.New().New(u.GroupVersionKind())
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(doc, typed); err != nil {
			t.Fatal(err)
		}
		return []client.Object{typed.(client.Object)}
	}
	var d trafficv1alpha1.Decision
	if err := yaml.UnmarshalStrict(doc, &d); err != nil {
		t.Fatal(err)
	}
	return []client.Object{decision.Object(d.Spec)}
}

func TestWhatTheDocumentationShows(t *testing.T) {
	goldentest.Documented(t, "explain.md", "placement-history", "dry-run-preempts")
}

func TestExplainPlacement(t *testing.T) {
	for name, tc := range map[string]struct {
		q       inquiry
		without []string
		args    []string
	}{
		"placement":             {q: inquiry{}, args: []string{"deploy/web"}},
		"placement-history":     {q: inquiry{history: true}, args: []string{"deployment", "web"}},
		"placement-computed":    {q: inquiry{history: true}, without: []string{"Decision"}, args: []string{"Deployment/web"}},
		"placement-no-replicas": {q: inquiry{}, args: []string{"cm/settings"}},
		"placement-yaml":        {q: inquiry{output: output.YAML, history: true}, args: []string{"deployments.v1.apps/web"}},
		"placement-json":        {q: inquiry{output: output.JSON}, args: []string{"deployments.apps/web"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := tc.q.explainOne(context.Background(), &out, testHub(t, tc.without...), tc.args); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

func TestWhatCannotBeExplained(t *testing.T) {
	for name, tc := range map[string]struct {
		arg  string
		want string
	}{
		"an unknown kind":          {"widget/web", `the hub serves no kind "widget"; ` + "`kubectl api-resources` lists what it serves"},
		"an object that is not":    {"deploy/wep", `there is no deployments.apps "wep" in namespace shop`},
		"no name":                  {"deploy/", `"deploy/" is no KIND/NAME, such as deploy/web`},
		"claimed by no policy":     {"deploy/api", "Deployment shop/api is claimed by no policy\n  PropagationPolicy/shop/old spec.resourceSelectors[0] selects apiVersion apps/v1beta2; write apps/v1, the version that the hub prefers\n  PropagationPolicy/shop/labelled spec.resourceSelectors[0] selects the labels team=checkout\n  PropagationPolicy/shop/web spec.resourceSelectors[0] selects the name web"},
		"a cluster-scoped object":  {"ns/shop", "Namespace shop is claimed by no policy, and none is about Namespaces here"},
		"claimed, not bound":       {"cm/fresh", "ConfigMap shop/fresh is claimed by ClusterPropagationPolicy/config, but has no binding yet; `kubectl describe` it to see why"},
		"a kind that is not meant": {"rb/web-deployment", "ResourceBinding shop/web-deployment is placed nowhere: objects of its kind are never propagated"},
	} {
		t.Run(name, func(t *testing.T) {
			q := &inquiry{output: output.Text}
			err := q.explainOne(context.Background(), io.Discard, testHub(t), []string{tc.arg})
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
	h := testHub(t)
	h.Namespace = "kube-system"
	err := (&inquiry{}).explainOne(context.Background(), io.Discard, h, []string{"cm", "internal"})
	if err == nil || !strings.Contains(err.Error(), "nothing in its namespace is propagated") {
		t.Errorf("got %v", err)
	}
}

func TestArguments(t *testing.T) {
	for name, tc := range map[string]struct {
		q    inquiry
		args []string
		want string
	}{
		"one":                          {inquiry{}, []string{"deploy/web"}, ""},
		"one in two words":             {inquiry{}, []string{"deploy", "web"}, ""},
		"none":                         {inquiry{}, nil, "name one object as KIND/NAME"},
		"two":                          {inquiry{}, []string{"deploy/web", "deploy/api"}, "name one object as KIND/NAME"},
		"a file without --dry-run":     {inquiry{files: []string{"a"}}, nil, ""},
		"two in a dry run":             {inquiry{files: []string{"a"}}, []string{"deploy/web", "deploy/api"}, ""},
		"a dry run of nothing":         {inquiry{dryRun: true}, nil, "name its file with -f"},
		"a format that does not exist": {inquiry{output: "xml"}, []string{"deploy/web"}, `there is no format "xml"`},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.q.output == "" {
				tc.q.output = output.Text
			}
			err := tc.q.check(tc.args)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}
