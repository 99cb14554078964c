package join

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
)

func fakeAPI(intercept interceptor.Funcs, objects ...client.Object) client.Client {
	return fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objects...).WithInterceptorFuncs(intercept).Build()
}

// fakeMember is a member that issues tokens at once.
func fakeMember(objects ...client.Object) client.Client {
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "id-of-fra"}})
	return fakeAPI(interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, obj client.Object, o ...client.CreateOption) error {
		if s, ok := obj.(*corev1.Secret); ok {
			s.Data = map[string][]byte{"token": []byte("token of " + s.Name)}
		}
		return c.Create(ctx, obj, o...)
	}}, objects...)
}

func options(hub client.Client) Options {
	return Options{
		Name: "fra", Hub: hub,
		Member: Member{Config: &rest.Config{Host: "https://10.0.0.1:6443", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca")}}, Source: "fra.kubeconfig (context admin)"},
	}
}

func doJoin(t *testing.T, o Options, member client.Client) (*Report, error) {
	t.Helper()
	endpoint, err := o.Member.endpoint()
	if err != nil {
		t.Fatal(err)
	}
	return o.join(t.Context(), member, endpoint)
}

func TestJoinWritesBothSides(t *testing.T) {
	hub, member := fakeAPI(interceptor.Funcs{}), fakeMember(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{corev1.LabelTopologyRegion: "eu-central-1"}},
	})
	report, err := doJoin(t, options(hub), member)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range memberObjects("fra") {
		if err := member.Get(t.Context(), client.ObjectKeyFromObject(p.Object), p.Object); err != nil {
			t.Errorf("in the cluster: %v", err)
		}
		if _, isRole := p.Object.(*rbacv1.ClusterRole); !isRole && len(p.Object.GetOwnerReferences()) != 1 {
			t.Errorf("%s would stay behind: it has owners %v", Describe(p.Object), p.Object.GetOwnerReferences())
		}
	}
	want := clusterv1alpha1.ClusterSpec{
		ID: "id-of-fra", SyncMode: "Push", APIEndpoint: "https://10.0.0.1:6443", Region: "eu-central-1",
		SecretRef:             &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: "fra"},
		ImpersonatorSecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: "fra-impersonator"},
	}
	if diff := cmp.Diff(want, report.Cluster.Spec); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]map[string]string{
		"fra":              {"token": "token of karmada-fra", "caBundle": "ca"},
		"fra-impersonator": {"token": "token of karmada-impersonator"},
	} {
		s := &corev1.Secret{}
		if err := hub.Get(t.Context(), client.ObjectKey{Namespace: "karmada-cluster", Name: name}, s); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for k, v := range s.Data {
			got[k] = string(v)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if len(s.OwnerReferences) != 1 || s.OwnerReferences[0].Kind != "Cluster" || s.Labels[names.SystemLabel] != "true" {
			t.Errorf("%s: owners %v, labels %v", name, s.OwnerReferences, s.Labels)
		}
	}
}

func TestJoiningAgainRepairsAndKeeps(t *testing.T) {
	hub, member := fakeAPI(interceptor.Funcs{}), fakeMember()
	report, err := doJoin(t, options(hub), member)
	if err != nil {
		t.Fatal(err)
	}
	c := report.Cluster
	c.Spec.Region, c.Spec.APIEndpoint = "chosen", "https://old"
	if err := hub.Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	spoilt := role("fra")
	if err := member.Get(t.Context(), client.ObjectKeyFromObject(spoilt), spoilt); err != nil {
		t.Fatal(err)
	}
	spoilt.Rules = nil
	if err := member.Update(t.Context(), spoilt); err != nil {
		t.Fatal(err)
	}
	if err := member.Delete(t.Context(), roleBinding("fra")); err != nil {
		t.Fatal(err)
	}
	o := options(hub)
	o.Place.Region = "inferred"
	if report, err = doJoin(t, o, member); err != nil {
		t.Fatal(err)
	}
	if report.Cluster.Spec.Region != "chosen" || report.Cluster.Spec.APIEndpoint != "https://10.0.0.1:6443" {
		t.Errorf("spec %+v", report.Cluster.Spec)
	}
	if err := member.Get(t.Context(), client.ObjectKeyFromObject(spoilt), spoilt); err != nil || len(spoilt.Rules) != 2 {
		t.Errorf("role %+v: %v", spoilt.Rules, err)
	}
	if err := member.Get(t.Context(), client.ObjectKeyFromObject(spoilt), &rbacv1.ClusterRoleBinding{}); err != nil {
		t.Error(err)
	}
}

func TestTheNamespaceOfAHubThatIsAMemberStays(t *testing.T) {
	mine := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: names.ClusterNamespace}}
	member := fakeMember(mine)
	if _, err := doJoin(t, options(fakeAPI(interceptor.Funcs{})), member); err != nil {
		t.Fatal(err)
	}
	if err := member.Get(t.Context(), client.ObjectKeyFromObject(mine), mine); err != nil || len(mine.OwnerReferences) != 0 {
		t.Errorf("owners %v: %v; an unjoin would delete somebody else's namespace", mine.OwnerReferences, err)
	}
}

func TestJoinRefuses(t *testing.T) {
	named := func(name, id string, change func(*clusterv1alpha1.Cluster)) *clusterv1alpha1.Cluster {
		c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, Finalizers: []string{"x/y"}}}
		c.Spec.ID, c.Spec.SyncMode = id, clusterv1alpha1.Push
		if change != nil {
			change(c)
		}
		return c
	}
	cases := map[string]struct {
		present *clusterv1alpha1.Cluster
		place   Place
		says    string
	}{
		"a member by another name": {named("other", "id-of-fra", nil), Place{}, "is a member already, by the name other"},
		"a name that is taken":     {named("fra", "id-of-iad", nil), Place{}, "another cluster is a member by the name fra"},
		"a member in pull mode": {named("fra", "id-of-fra", func(c *clusterv1alpha1.Cluster) { c.Spec.SyncMode = clusterv1alpha1.Pull }),
			Place{}, "is a member in pull mode"},
		"a member that is leaving": {named("fra", "id-of-fra", func(c *clusterv1alpha1.Cluster) { c.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }),
			Place{}, "is just being removed"},
		"a region that is no label value": {nil, Place{Region: "not a region"}, "spec.region"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var objects []client.Object
			if tc.present != nil {
				objects = append(objects, tc.present)
			}
			member := fakeMember()
			o := options(fakeAPI(interceptor.Funcs{}, objects...))
			o.Place = tc.place
			if _, err := doJoin(t, o, member); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want one that says %q", err, tc.says)
			}
			if err := member.Get(t.Context(), client.ObjectKeyFromObject(role("fra")), role("fra")); !apierrors.IsNotFound(err) {
				t.Error("the cluster was written to")
			}
		})
	}
	if _, err := Join(t.Context(), Options{Name: "Not_A_Name"}); err == nil || !strings.Contains(err.Error(), "Not_A_Name") {
		t.Errorf("a bad name: %v", err)
	}
}

func TestAFailureLeavesTheHubAsItWas(t *testing.T) {
	for name, intercept := range map[string]interceptor.Funcs{
		"the Cluster is refused": {Create: func(ctx context.Context, c client.WithWatch, obj client.Object, o ...client.CreateOption) error {
			if _, ok := obj.(*clusterv1alpha1.Cluster); ok {
				return errors.New("refused")
			}
			return c.Create(ctx, obj, o...)
		}},
		"the Secrets cannot be tied to it": {Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return errors.New("refused")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			hub := fakeAPI(intercept)
			if _, err := doJoin(t, options(hub), fakeMember()); err == nil || !strings.Contains(err.Error(), "refused") {
				t.Fatalf("error %v", err)
			}
			var secrets corev1.SecretList
			var clusters clusterv1alpha1.ClusterList
			if err := errors.Join(hub.List(t.Context(), &secrets), hub.List(t.Context(), &clusters)); err != nil {
				t.Fatal(err)
			}
			if len(secrets.Items)+len(clusters.Items) != 0 {
				t.Errorf("left behind: %d Secrets, %d Clusters", len(secrets.Items), len(clusters.Items))
			}
		})
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	no := func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return errors.New("written")
	}
	hub := fakeAPI(interceptor.Funcs{Create: no})
	member := fakeAPI(interceptor.Funcs{Create: no}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "x"}})
	o := options(hub)
	o.DryRun = true
	report, err := doJoin(t, o, member)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range append(report.Member, report.Hub...) {
		got = append(got, Describe(p.Object))
		if p.Why == "" {
			t.Errorf("%s: no reason", Describe(p.Object))
		}
	}
	want := []string{
		"ClusterRole karmada-controller-manager:karmada-fra",
		"Namespace karmada-cluster",
		"ServiceAccount karmada-cluster/karmada-fra",
		"Secret karmada-cluster/karmada-fra",
		"ClusterRoleBinding karmada-controller-manager:karmada-fra",
		"ServiceAccount karmada-cluster/karmada-impersonator",
		"Secret karmada-cluster/karmada-impersonator",
		"Namespace karmada-cluster",
		"Secret karmada-cluster/fra",
		"Secret karmada-cluster/fra-impersonator",
		"Cluster fra",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInferPlace(t *testing.T) {
	node := func(region, zone, provider string) corev1.Node {
		n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{}}}
		if region != "" {
			n.Labels[corev1.LabelTopologyRegion] = region
		}
		if zone != "" {
			n.Labels[corev1.LabelTopologyZone] = zone
		}
		n.Spec.ProviderID = provider
		return n
	}
	cases := map[string]struct {
		stated Place
		nodes  []corev1.Node
		want   Place
		notes  []string
	}{
		"all from the nodes": {
			nodes: []corev1.Node{node("r", "b", "aws:///b/i-1"), node("r", "a", "aws:///a/i-2"), node("r", "b", "")},
			want:  Place{Provider: "aws", Region: "r", Zones: []string{"a", "b"}},
			notes: []string{
				"provider aws, from the nodes' provider ids",
				"region r, from the nodes' labels topology.kubernetes.io/region",
				"zones a, b, from the nodes' labels topology.kubernetes.io/zone",
			},
		},
		"what is stated stands": {
			stated: Place{Provider: "own", Region: "here", Zones: []string{"z"}},
			nodes:  []corev1.Node{node("r", "b", "aws:///b/i-1")},
			want:   Place{Provider: "own", Region: "here", Zones: []string{"z"}},
		},
		"nodes that disagree": {
			nodes: []corev1.Node{node("r1", "", "kind://x"), node("r2", "", "kind://y")},
			want:  Place{Provider: "kind"},
			notes: []string{
				"provider kind, from the nodes' provider ids",
				"region not set: the nodes' labels topology.kubernetes.io/region name several (r1, r2); choose one with --cluster-region",
			},
		},
		"nothing to go by": {
			nodes: []corev1.Node{node("not a label", "", "weird id")},
			notes: []string{
				"provider not set: the nodes' provider ids name none; set it with --cluster-provider",
				"region not set: the nodes' labels topology.kubernetes.io/region name none; set it with --cluster-region",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, notes := inferPlace(tc.stated, tc.nodes)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.notes, notes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func writeKubeconfig(t *testing.T, server string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"admin",
"clusters":[{"name":"c","cluster":{"server":%q,"proxy-url":""}}],
"users":[{"name":"u","user":{"token":"t"}}],
"contexts":[{"name":"admin","context":{"cluster":"c","user":"u"}}]}`, server)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestADeadClusterIsNamed(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer refusing.Close()
	for name, tc := range map[string]struct{ server, says string }{
		"nobody listens":      {"https://" + address, "the API server at https://" + address + " refuses connections: is the cluster running, and is the address in FILE (context admin) right?"},
		"a name that is none": {"https://no-such-host.invalid:6443", "the host name of https://no-such-host.invalid:6443 is not found"},
		"credentials too old": {refusing.URL, "the API server at " + refusing.URL + " does not accept the credentials in FILE (context admin)"},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeKubeconfig(t, tc.server)
			m, err := LoadMember(file, "")
			if err != nil {
				t.Fatal(err)
			}
			hub := fakeAPI(interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
				t.Error("the hub was written to")
				return nil
			}})
			_, err = Join(t.Context(), Options{Name: "fra", Member: m, Hub: hub})
			if says := strings.ReplaceAll(tc.says, "FILE", file); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("error %v, want one that says %q", err, says)
			}
		})
	}
}

func TestLoadMember(t *testing.T) {
	good := writeKubeconfig(t, "https://h")
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("{{{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ file, context, says string }{
		"no file named":   {"", "", "--cluster-kubeconfig"},
		"no such file":    {"/nowhere/kubeconfig", "", "does not exist"},
		"no kubeconfig":   {garbage, "", "is not a kubeconfig"},
		"no such context": {good, "other", `has no context "other"; choose one with --cluster-context`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := LoadMember(tc.file, tc.context); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want one that says %q", err, tc.says)
			}
		})
	}
	m, err := LoadMember(good, "")
	if err != nil {
		t.Fatal(err)
	}
	m.Config.ServerName = "other"
	if _, err := m.endpoint(); err == nil || !strings.Contains(err.Error(), "tls-server-name") {
		t.Errorf("a server name that a Cluster cannot hold: %v", err)
	}
}

func TestUnjoin(t *testing.T) {
	cluster := func() *clusterv1alpha1.Cluster {
		c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra", Finalizers: []string{names.ClusterFinalizer}}}
		c.Spec.SyncMode = clusterv1alpha1.Push
		return c
	}
	if _, err := Unjoin(t.Context(), UnjoinOptions{Name: "nowhere", Hub: fakeAPI(interceptor.Funcs{})}); err == nil || !strings.Contains(err.Error(), "has no cluster nowhere") {
		t.Errorf("unknown cluster: %v", err)
	}

	hub := fakeAPI(interceptor.Funcs{}, cluster())
	_, err := Unjoin(t.Context(), UnjoinOptions{Name: "fra", Hub: hub, Wait: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("no controller runs: error %v, want one that names --force", err)
	}

	hub = fakeAPI(interceptor.Funcs{}, cluster())
	if err := (UnjoinOptions{Name: "fra", Hub: hub}).releaseCluster(t.Context()); err != nil {
		t.Errorf("release: %v", err)
	}
	foreign := cluster()
	foreign.Finalizers = []string{"somebody.else/finalizer"}
	hub = fakeAPI(interceptor.Funcs{}, foreign)
	if err := (UnjoinOptions{Name: "fra", Hub: hub}).releaseCluster(t.Context()); err == nil || !strings.Contains(err.Error(), "somebody.else/finalizer") {
		t.Errorf("another's finalizer: %v", err)
	}
}
