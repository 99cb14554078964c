package view

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func federation(t *testing.T) View {
	t.Helper()
	data, err := os.ReadFile("testdata/federation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var v View
	if err := yaml.UnmarshalStrict(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestReadFetchesEverything(t *testing.T) {
	want := federation(t)
	b := fake.NewClientBuilder().WithScheme(scheme.New())
	for i := range want.Clusters {
		b.WithObjects(&want.Clusters[i])
	}
	for i := range want.Zones {
		b.WithObjects(&want.Zones[i])
	}
	for i := range want.RegionMaps {
		b.WithObjects(&want.RegionMaps[i])
	}
	for i := range want.Policies {
		b.WithObjects(&want.Policies[i])
	}
	for i := range want.Plans {
		b.WithObjects(&want.Plans[i])
	}
	for i := range want.Health {
		b.WithObjects(&want.Health[i])
	}
	for i := range want.Bindings {
		b.WithObjects(&want.Bindings[i])
	}
	got, err := Read(context.Background(), b.Build())
	if err != nil {
		t.Fatal(err)
	}
	count := func(v View) []int {
		return []int{len(v.Clusters), len(v.Zones), len(v.RegionMaps), len(v.Policies), len(v.Plans), len(v.Health), len(v.Bindings)}
	}
	if diff := cmp.Diff(count(want), count(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Now.IsZero() || got.Clusters[0].Name != "fra" || got.Plans[0].Spec.TTLSeconds != 10 {
		t.Errorf("got %v, %v, %v", got.Now, got.Clusters[0].Name, got.Plans[0].Spec)
	}
}

func TestReadSaysWhatCanNotBeRead(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a hub without Seaway": {&meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "Zone"}}, "the hub does not serve zones: is Seaway installed there?"},
		"another error":        {errors.New("forbidden"), "list zones: forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithScheme(scheme.New()).WithInterceptorFuncs(interceptor.Funcs{
				List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
					if _, zones := list.(*trafficv1alpha1.ZoneList); zones {
						return tc.err
					}
					return c.List(ctx, list, opts...)
				},
			}).Build()
			_, err := Read(context.Background(), c)
			if !errors.Is(err, tc.err) || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
}

func TestServers(t *testing.T) {
	v := federation(t)
	more := v.Health[1].DeepCopy() // an older report of ns1, as of the last page of many
	more.Spec.VantagePoint = "ns1"
	v.Health = append(v.Health, *more)
	type server struct {
		Name           string
		Age            time.Duration
		Fresh          bool
		InForce, Zones int
	}
	var got []server
	for _, s := range v.Servers() {
		got = append(got, server{s.Name, s.Age, s.Fresh, s.InForce(v.Plans), len(s.Zones)})
	}
	want := []server{{"ns1", 2 * time.Second, true, 1, 2}, {"ns2", 5 * time.Minute, false, 0, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlanIsThatOfThePolicy(t *testing.T) {
	v := federation(t)
	for i, want := range []string{"", "", "web"} {
		got := ""
		if p := v.Plan(&v.Policies[i]); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("plan of %s: %q, want %q", v.Policies[i].Name, got, want)
		}
	}
	elsewhere := v.Policies[2].DeepCopy()
	elsewhere.Namespace = "bank"
	if p := v.Plan(elsewhere); p != nil {
		t.Errorf("the plan of another namespace: %s/%s", p.Namespace, p.Name)
	}
}

func TestConditionThatIsMissingIsUnknown(t *testing.T) {
	got := Condition([]metav1.Condition{{Type: "A", Status: metav1.ConditionTrue, Reason: "R"}}, "B")
	if got.Type != "B" || got.Status != metav1.ConditionUnknown || got.Reason != "Missing" {
		t.Errorf("got %+v", got)
	}
}
