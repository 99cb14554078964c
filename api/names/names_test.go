package names

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"
)

func TestDerivedNames(t *testing.T) {
	deployment := schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	tests := map[string]struct{ got, want string }{
		"binding of a namespaced template":      {BindingName("Deployment", "nginx"), "nginx-deployment"},
		"binding of a name with a colon":        {BindingName("ClusterRole", "system:foo"), "system.foo-clusterrole"},
		"binding of a name with capitals":       {BindingName("ClusterRole", "System:Foo"), "system.foo-clusterrole"},
		"work of a namespaced template":         {WorkName("Deployment", "nginx", "default"), "nginx-687f7fb96f"},
		"work of a cluster-scoped template":     {WorkName("ClusterRole", "system:foo", ""), "system.foo-5f7d88f69"},
		"policy of a promoted object":           {DerivedPolicyName("default", "foo", deployment), "foo-6d7f8d5f5b"},
		"label of a dependent's binding":        {DependedByLabelKey("default", "nginx-deployment"), "resourcebinding.karmada.io/depended-by-5bdc5c4dcf"},
		"execution namespace":                   {ExecutionNamespace("member1"), "karmada-es-member1"},
		"derived service":                       {DerivedServiceName("web"), "derived-web"},
		"imported slice":                        {ImportedEndpointSliceName("member1", "web-abcde"), "imported-member1-web-abcde"},
		"dispatched slice":                      {DispatchedEndpointSliceName("member1", "web-abcde"), "member1-web-abcde"},
		"estimator with the default prefix":     {EstimatorName("", "member1"), "karmada-scheduler-estimator-member1"},
		"estimator with a prefix":               {EstimatorName("est", "member1"), "est-member1"},
		"credentials secret":                    {ClusterSecretName("member1"), "member1"},
		"impersonator secret":                   {ImpersonatorSecretName("member1"), "member1-impersonator"},
		"account in the member":                 {MemberAccount("member1"), "karmada-member1"},
		"role in the member":                    {MemberRole("member1"), "karmada-controller-manager:karmada-member1"},
		"user of the agent":                     {AgentUser("member1"), "system:karmada:agent:member1"},
		"label of a cluster-scoped dependent":   {DependedByLabelKey("", "b"), DependedByLabelPrefix + hash("b")},
		"decisions about a template":            {DecisionOf("apps", "Deployment", "default", "nginx"), "75f902ec09a803db"},
		"decision about a template":             {DecisionName("apps", "Deployment", "default", "nginx", time.Unix(1, 5000)), "nginx-deployment-7f572eaf39"},
		"decision about a name with a colon":    {DecisionName("rbac.authorization.k8s.io", "ClusterRole", "", "system:foo", time.Unix(1, 0))[:22], "system.foo-clusterrole"},
		"decision about a long name":            {strings.Join(validation.IsDNS1123Subdomain(DecisionName("apps", "Deployment", "default", strings.Repeat("a.", 120), time.Unix(1, 0))), ","), ""},
		"home of a namespaced template's":       {DecisionNamespace("shop"), "shop"},
		"home of a cluster-scoped template's":   {DecisionNamespace(""), "karmada-system"},
		"depended-by key is a valid label name": {strings.Join(validation.IsQualifiedName(DependedByLabelKey("ns", "b")), ","), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func TestReservedNamespaces(t *testing.T) {
	tests := map[string]struct {
		namespace string
		reserved  bool
		cluster   string
	}{
		"the control plane's own":      {namespace: "karmada-system", reserved: true},
		"credentials and leases":       {namespace: "karmada-cluster", reserved: true},
		"an execution namespace":       {namespace: "karmada-es-member1", reserved: true, cluster: "member1"},
		"the bare prefix":              {namespace: "karmada-es-", reserved: true},
		"a user's namespace":           {namespace: "default"},
		"a name that only looks alike": {namespace: "karmada-shop"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := IsReservedNamespace(tt.namespace); got != tt.reserved {
				t.Errorf("reserved = %v, want %v", got, tt.reserved)
			}
			cluster, ok := ClusterFromExecutionNamespace(tt.namespace)
			if ok != (tt.cluster != "") || (ok && cluster != tt.cluster) {
				t.Errorf("cluster = %q, %v, want %q", cluster, ok, tt.cluster)
			}
		})
	}
}

func TestExecutionNamespaceRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cluster := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?`).Draw(t, "cluster")
		namespace := ExecutionNamespace(cluster)
		if got, ok := ClusterFromExecutionNamespace(namespace); !ok || got != cluster {
			t.Fatalf("%q came back as %q, %v", cluster, got, ok)
		}
		if errs := validation.IsDNS1123Label(namespace); len(errs) > 0 {
			t.Fatalf("%q is no namespace name: %v", namespace, errs)
		}
	})
}

func TestIsOwnershipLabel(t *testing.T) {
	for key, want := range map[string]bool{
		ManagedLabel: true, WorkPermanentID: true, ClusterPropagationPolicyPermanentID: true,
		"app": false, "example.com/permanent-id": false, RetainReplicasLabel: false,
	} {
		if got := IsOwnershipLabel(key); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
}
