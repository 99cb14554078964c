package install

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/charts"
)

// Users of the hub, one for each kind of process.
const (
	controllerUser  = "system:seaway:controller"
	apiserverUser   = "system:seaway:apiserver"
	nameServerGroup = "system:seaway:name-servers"
)

func newScheme() (*runtime.Scheme, error) {
	s := scheme.New()
	for _, add := range []func(*runtime.Scheme) error{apiextensionsv1.AddToScheme, apiregistrationv1.AddToScheme} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// definitions installs the chart's CustomResourceDefinitions and waits until they are served.
func definitions(ctx context.Context, c client.Client) error {
	files := charts.CRDs()
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return err
	}
	var installed []string
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(data, &crd); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := c.Create(ctx, &crd); client.IgnoreAlreadyExists(err) != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		installed = append(installed, crd.Name)
	}
	return Await(ctx, 30*time.Second, func(ctx context.Context) error {
		for _, name := range installed {
			var crd apiextensionsv1.CustomResourceDefinition
			if err := c.Get(ctx, client.ObjectKey{Name: name}, &crd); err != nil {
				return err
			}
			if !established(&crd) {
				return fmt.Errorf("%s is not yet established", name)
			}
		}
		return nil
	})
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	for _, c := range crd.Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			return c.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}

// Secrets in the system namespace that name servers may read: those that hold keys of DNS UPDATE and of
// zone transfers.
const (
	UpdateKey   = "dns-update-key"
	TransferKey = "dns-transfer-key"
)

// roles are the rights of the processes. Name servers read what they serve; what each may write is
// its own report, see nameServerRole, and the records that come by DNS UPDATE. The aggregated API
// server asks who a caller is. The controllers handle templates of any kind, and so may do anything.
func roles() []client.Object {
	return []client.Object{
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "seaway-name-server"},
			Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{trafficv1alpha1.GroupName}, Resources: []string{"zones", "zonerecords", "trafficplans", "regionmaps", "endpointhealths"}, Verbs: []string{"get", "list", "watch"}},
				// What changes by DNS UPDATE is written by the server that was asked.
				{APIGroups: []string{trafficv1alpha1.GroupName}, Resources: []string{"zonerecords"}, Verbs: []string{"create", "update"}},
			},
		},
		// Keys of updates and transfers. Only these: a name server reads no other Secret.
		&rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: names.SystemNamespace, Name: "seaway-name-server-keys"},
			Rules: []rbacv1.PolicyRule{{
				APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{UpdateKey, TransferKey}, Verbs: []string{"get"},
			}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: names.SystemNamespace, Name: "seaway-name-server-keys"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "seaway-name-server-keys"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: nameServerGroup, APIGroup: rbacv1.GroupName}},
		},
		// The keys of signed zones. Rights know no labels: whoever minds that the other Secrets of the
		// namespace can be read has the keys in one of their own (--zone-keys-namespace).
		&rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: names.SystemNamespace, Name: "seaway-zone-keys"},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list", "watch"}}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: names.SystemNamespace, Name: "seaway-zone-keys"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "seaway-zone-keys"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: nameServerGroup, APIGroup: rbacv1.GroupName}},
		},
		clusterBinding("seaway-name-servers", "seaway-name-server", rbacv1.Subject{Kind: rbacv1.GroupKind, Name: nameServerGroup, APIGroup: rbacv1.GroupName}),
		clusterBinding("seaway-controller", "cluster-admin", user(controllerUser)),
		clusterBinding("seaway-apiserver-delegates", "system:auth-delegator", user(apiserverUser)),
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "seaway-apiserver"},
			Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get", "list", "watch"}},
				{APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}},
				{APIGroups: []string{"flowcontrol.apiserver.k8s.io"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}},
			},
		},
		clusterBinding("seaway-apiserver", "seaway-apiserver", user(apiserverUser)),
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "seaway-apiserver-authentication"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "extension-apiserver-authentication-reader"},
			Subjects:   []rbacv1.Subject{user(apiserverUser)},
		},
	}
}

// reportParts is how many objects a name server may split its report over.
const reportParts = 8

// nameServerRole lets one name server write its own report and no other's: by server-side apply, which
// needs the right to patch an object of a name even to make it.
func nameServerRole(name string) []client.Object {
	own := []string{name}
	for i := 1; i < reportParts; i++ {
		own = append(own, fmt.Sprintf("%s-%d", name, i))
	}
	return []client.Object{
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "seaway-name-server-" + name},
			Rules: []rbacv1.PolicyRule{{
				APIGroups: []string{trafficv1alpha1.GroupName}, Resources: []string{"endpointhealths"}, ResourceNames: own,
				Verbs: []string{"create", "patch", "delete"},
			}},
		},
		clusterBinding("seaway-name-server-"+name, "seaway-name-server-"+name, user(nameServerUser(name))),
	}
}

func nameServerUser(name string) string { return "system:seaway:name-server:" + name }

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: rbacv1.UserKind, Name: name, APIGroup: rbacv1.GroupName}
}

func clusterBinding(name, role string, subject rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{subject},
	}
}

func create(ctx context.Context, c client.Client, objects ...client.Object) error {
	for _, obj := range objects {
		if err := c.Create(ctx, obj); client.IgnoreAlreadyExists(err) != nil {
			return fmt.Errorf("create %T %s: %w", obj, client.ObjectKeyFromObject(obj), err)
		}
	}
	return nil
}

// Await tries until done returns nil, and returns its last error when the time is up.
func Await(ctx context.Context, within time.Duration, done func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := done(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err // what went wrong before the time was up says more than that it is up
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", within, last)
		case <-tick.C:
		}
	}
}
