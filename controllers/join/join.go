// Package join makes clusters members of the federation, and ends that. It writes what
// a member and the hub need to know of each other: accounts and rights in the member,
// credentials and the Cluster in the hub. What happens to a Cluster afterwards is the
// work of the controllers.
//
// It is a library for the command line and for tests; it prints nothing.
package join

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/validation"
)

// tokenTimeout is how long a member may take to issue its tokens.
const tokenTimeout = 30 * time.Second

// Options of Join.
type Options struct {
	// Name of the Cluster.
	Name string
	// Member is the way into the member, as an administrator.
	Member Member
	// Hub reads and writes the hub.
	Hub client.Client
	// Place states where the cluster is; what it leaves out is inferred.
	Place Place
	// DryRun writes nothing, anywhere.
	DryRun bool
}

// Report says what Join did, or would do.
type Report struct {
	// Cluster as it is in the hub, or would be.
	Cluster *clusterv1alpha1.Cluster
	// Member and Hub list the objects put there, or that would be.
	Member, Hub []Planned
	// Notes are remarks for the user: what was inferred and from what.
	Notes []string
}

// Join makes a cluster a member. It checks everything first: the member answers, the
// name is free, the cluster is not a member by another name. Joining a member again
// repairs what is missing and renews the credentials. When it fails, the hub is as it
// was before.
func Join(ctx context.Context, o Options) (*Report, error) {
	if errs := validation.ValidateClusterName(o.Name, nil); len(errs) > 0 {
		return nil, fmt.Errorf("the name %q is not possible: %w", o.Name, errs.ToAggregate())
	}
	endpoint, err := o.Member.endpoint()
	if err != nil {
		return nil, err
	}
	member, err := o.Member.connect(ctx)
	if err != nil {
		return nil, err
	}
	return o.join(ctx, member, endpoint)
}

// join does what Join promises with a member that has answered.
func (o Options) join(ctx context.Context, member client.Client, endpoint string) (*Report, error) {
	id, err := clusterID(ctx, member)
	if err != nil {
		return nil, o.Member.explain(endpoint, err)
	}
	present, err := checkHub(ctx, o.Hub, o.Name, id)
	if err != nil {
		return nil, err
	}
	place, notes, err := o.locate(ctx, member)
	if err != nil {
		return nil, o.Member.explain(endpoint, err)
	}
	cluster := hubCluster(o, id, endpoint, place)
	if errs := validation.ValidateCluster(cluster); len(errs) > 0 {
		return nil, fmt.Errorf("the cluster cannot be joined like this: %w", errs.ToAggregate())
	}
	report := &Report{Cluster: cluster, Member: memberObjects(o.Name), Hub: planHub(o.Name, cluster), Notes: notes}
	if o.DryRun {
		return report, nil
	}
	creds, err := prepareMember(ctx, member, o, report.Member)
	if err != nil {
		return nil, o.Member.explain(endpoint, err)
	}
	report.Cluster, err = register(ctx, o.Hub, cluster, present, creds)
	return report, err
}

func planHub(name string, cluster *clusterv1alpha1.Cluster) []Planned {
	secrets := hubSecrets(name, credentials{})
	return []Planned{
		{&corev1.Namespace{ObjectMeta: systemMeta("", names.ClusterNamespace)}, "holds the credentials of all clusters"},
		{secrets[0], "the token and the certificate authority, to work in the cluster"},
		{secrets[1], "the token through which users of the hub act in the cluster"},
		{cluster, "the member itself"},
	}
}

// clusterID returns what identifies a member for its whole life.
func clusterID(ctx context.Context, member client.Client) (string, error) {
	property := &unstructured.Unstructured{}
	property.SetGroupVersionKind(schema.GroupVersionKind{Group: "about.k8s.io", Version: "v1alpha1", Kind: "ClusterProperty"})
	err := member.Get(ctx, client.ObjectKey{Name: names.ClusterPropertyID}, property)
	if err == nil {
		if value, _, _ := unstructured.NestedString(property.Object, "spec", "value"); value != "" {
			return value, nil
		}
	} else if !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err) {
		return "", err
	}
	system := &corev1.Namespace{}
	if err := member.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, system); err != nil {
		return "", err
	}
	return string(system.UID), nil
}

// checkHub returns the Cluster of that name, if there is one and it is this member.
func checkHub(ctx context.Context, hub client.Client, name, id string) (*clusterv1alpha1.Cluster, error) {
	var clusters clusterv1alpha1.ClusterList
	if err := hub.List(ctx, &clusters); err != nil {
		return nil, fmt.Errorf("the hub does not list its clusters: %w", err)
	}
	var present *clusterv1alpha1.Cluster
	for i := range clusters.Items {
		c := &clusters.Items[i]
		switch {
		case c.Name != name && c.Spec.ID == id:
			return nil, fmt.Errorf("the cluster is a member already, by the name %s (id %s); unjoin that first", c.Name, id)
		case c.Name != name:
		case !c.DeletionTimestamp.IsZero():
			return nil, fmt.Errorf("a cluster %s is just being removed; wait until it is gone", name)
		case c.Spec.ID != "" && c.Spec.ID != id:
			return nil, fmt.Errorf("another cluster is a member by the name %s (its id is %s, this one's is %s); choose another name, or unjoin that one", name, c.Spec.ID, id)
		case c.Spec.SyncMode == clusterv1alpha1.Pull:
			return nil, fmt.Errorf("the cluster %s is a member in pull mode; unregister its agent first", name)
		default:
			present = c
		}
	}
	return present, nil
}

func (o Options) locate(ctx context.Context, member client.Client) (Place, []string, error) {
	var nodes corev1.NodeList
	if err := member.List(ctx, &nodes); err != nil {
		return Place{}, nil, err
	}
	place, notes := inferPlace(o.Place, nodes.Items)
	return place, notes, nil
}

// prepareMember puts the objects into the member and waits for the tokens.
func prepareMember(ctx context.Context, member client.Client, o Options, planned []Planned) (credentials, error) {
	role := planned[0].Object.(*rbacv1.ClusterRole)
	for _, p := range planned {
		if err := ensure(ctx, member, p.Object, role); err != nil {
			return credentials{}, err
		}
	}
	creds := credentials{}
	for account, token := range map[string]*string{
		names.MemberAccount(o.Name): &creds.token,
		names.ImpersonatorAccount:   &creds.impersonatorToken,
	} {
		var err error
		if *token, err = awaitToken(ctx, member, account); err != nil {
			return credentials{}, err
		}
	}
	var err error
	creds.caBundle, err = authority(o.Member)
	return creds, err
}

// ensure creates an object of the member, or brings an older one up to date, and makes
// the role its owner.
func ensure(ctx context.Context, member client.Client, want client.Object, role *rbacv1.ClusterRole) error {
	isRole := want == client.Object(role)
	if !isRole {
		want.SetOwnerReferences([]metav1.OwnerReference{ownerOf(role)})
	}
	err := member.Create(ctx, want)
	if !apierrors.IsAlreadyExists(err) {
		return wrap(err, "create", want)
	}
	present := want.DeepCopyObject().(client.Object)
	if err := member.Get(ctx, client.ObjectKeyFromObject(want), present); err != nil {
		return wrap(err, "read", want)
	}
	before := present.DeepCopyObject().(client.Object)
	bring(present, want)
	if !isRole && ownable(present) {
		present.SetOwnerReferences(withOwner(present.GetOwnerReferences(), ownerOf(role)))
	}
	if err := member.Patch(ctx, present, client.MergeFrom(before)); err != nil {
		return wrap(err, "update", want)
	}
	if isRole {
		*role = *present.(*rbacv1.ClusterRole)
	}
	return nil
}

// bring corrects what somebody may have changed in an object of ours.
func bring(present, want client.Object) {
	switch p := present.(type) {
	case *rbacv1.ClusterRole:
		p.Rules = want.(*rbacv1.ClusterRole).Rules
	case *rbacv1.ClusterRoleBinding:
		p.Subjects = want.(*rbacv1.ClusterRoleBinding).Subjects
	}
}

func wrap(err error, verb string, obj client.Object) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s in the cluster: %w", verb, Describe(obj), err)
}

// awaitToken waits until the member has put the token of an account into its Secret.
func awaitToken(ctx context.Context, member client.Client, account string) (string, error) {
	secret := &corev1.Secret{}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, tokenTimeout, true, func(ctx context.Context) (bool, error) {
		err := member.Get(ctx, client.ObjectKey{Namespace: names.ClusterNamespace, Name: account}, secret)
		if apierrors.IsNotFound(err) {
			return false, fmt.Errorf("the Secret %s/%s was deleted by somebody; try again", names.ClusterNamespace, account)
		}
		return err == nil && len(secret.Data[corev1.ServiceAccountTokenKey]) > 0, err
	})
	if wait.Interrupted(err) {
		return "", fmt.Errorf("the cluster has issued no token for the ServiceAccount %s/%s within %s; does its kube-controller-manager run?",
			names.ClusterNamespace, account, tokenTimeout)
	}
	return string(secret.Data[corev1.ServiceAccountTokenKey]), err
}

// authority returns the certificates that vouch for the member's API server: those we
// just verified it by. None means those of the system.
func authority(m Member) ([]byte, error) {
	if m.Config.Insecure {
		return nil, nil
	}
	if len(m.Config.CAData) > 0 || m.Config.CAFile == "" {
		return m.Config.CAData, nil
	}
	data, err := os.ReadFile(m.Config.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot read the certificate authority: %w", m.Source, err)
	}
	return data, nil
}

// register writes the credentials and the Cluster into the hub, or leaves it as it was.
func register(ctx context.Context, hub client.Client, want, present *clusterv1alpha1.Cluster, creds credentials) (_ *clusterv1alpha1.Cluster, err error) {
	var made []client.Object
	defer func() {
		if err == nil {
			return
		}
		// The caller's context may be what ended this.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memberTimeout)
		defer cancel()
		for _, obj := range made {
			if undo := hub.Delete(ctx, obj); client.IgnoreNotFound(undo) != nil {
				err = errors.Join(err, fmt.Errorf("and %s could not be removed from the hub: %w", Describe(obj), undo))
			}
		}
	}()
	namespace := &corev1.Namespace{ObjectMeta: systemMeta("", names.ClusterNamespace)}
	if err := hub.Create(ctx, namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("create the namespace %s in the hub: %w", namespace.Name, err)
	}
	secrets := hubSecrets(want.Name, creds)
	for _, secret := range secrets {
		created, err := putSecret(ctx, hub, secret)
		if err != nil {
			return nil, fmt.Errorf("write the Secret %s/%s into the hub: %w", secret.Namespace, secret.Name, err)
		}
		if created {
			made = append(made, secret)
		}
	}
	cluster, err := putCluster(ctx, hub, want, present)
	if err != nil {
		return nil, fmt.Errorf("write the Cluster %s into the hub: %w", want.Name, err)
	}
	if present == nil {
		made = append(made, cluster)
	}
	// The Secrets go when the Cluster goes.
	owner := metav1.OwnerReference{APIVersion: clusterv1alpha1.GroupVersion.String(), Kind: "Cluster", Name: cluster.Name, UID: cluster.UID}
	for _, secret := range secrets {
		before := secret.DeepCopy()
		secret.OwnerReferences = withOwner(nil, owner)
		if err := hub.Patch(ctx, secret, client.MergeFrom(before)); err != nil {
			return nil, fmt.Errorf("tie the Secret %s/%s to the Cluster: %w", secret.Namespace, secret.Name, err)
		}
	}
	return cluster, nil
}

func putSecret(ctx context.Context, hub client.Client, secret *corev1.Secret) (created bool, err error) {
	want := secret.DeepCopy()
	if err := hub.Create(ctx, secret); !apierrors.IsAlreadyExists(err) {
		return err == nil, err
	}
	if err := hub.Get(ctx, client.ObjectKeyFromObject(want), secret); err != nil {
		return false, err
	}
	before := secret.DeepCopy()
	secret.Data, secret.Labels = want.Data, want.Labels
	return false, hub.Patch(ctx, secret, client.MergeFrom(before))
}

// putCluster creates the Cluster, or renews how an existing one is reached. What its
// users have set since (where it is, its taints, its models) stays.
func putCluster(ctx context.Context, hub client.Client, want, present *clusterv1alpha1.Cluster) (*clusterv1alpha1.Cluster, error) {
	if present == nil {
		created := want.DeepCopy()
		return created, hub.Create(ctx, created)
	}
	before := present.DeepCopy()
	spec := &present.Spec
	spec.ID, spec.APIEndpoint = want.Spec.ID, want.Spec.APIEndpoint
	spec.SecretRef, spec.ImpersonatorSecretRef = want.Spec.SecretRef, want.Spec.ImpersonatorSecretRef
	spec.InsecureSkipTLSVerification, spec.ProxyURL = want.Spec.InsecureSkipTLSVerification, want.Spec.ProxyURL
	if spec.Provider == "" {
		spec.Provider = want.Spec.Provider
	}
	if spec.Region == "" {
		spec.Region = want.Spec.Region
	}
	if len(spec.Zones) == 0 {
		spec.Zones = want.Spec.Zones
	}
	return present, hub.Patch(ctx, present, client.MergeFrom(before))
}

func withOwner(owners []metav1.OwnerReference, owner metav1.OwnerReference) []metav1.OwnerReference {
	for i := range owners {
		if owners[i].Kind == owner.Kind && owners[i].Name == owner.Name {
			owners[i] = owner // it may have been made anew
			return owners
		}
	}
	return append(owners, owner)
}
