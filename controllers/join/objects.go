package join

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

// Planned is an object that a join puts somewhere, and what for.
type Planned struct {
	Object client.Object
	Why    string
}

func systemMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{names.SystemLabel: "true"}}
}

// memberObjects returns what a join puts into the member, in order. The ClusterRole
// comes first: it owns the rest, so that its deletion takes everything along, even when
// it is deleted with the very token it grants.
func memberObjects(cluster string) []Planned {
	account := names.MemberAccount(cluster)
	return []Planned{
		{role(cluster), "lets the hub read and write every resource in the cluster"},
		{&corev1.Namespace{ObjectMeta: systemMeta("", names.ClusterNamespace)}, "holds the two accounts"},
		{serviceAccount(account), "the account the hub works as"},
		{tokenSecret(account), "its token, issued by the cluster"},
		{roleBinding(cluster), "gives the account its rights"},
		{serviceAccount(names.ImpersonatorAccount), "the account through which users of the hub act as themselves"},
		{tokenSecret(names.ImpersonatorAccount), "its token, issued by the cluster"},
	}
}

func serviceAccount(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: systemMeta(names.ClusterNamespace, name)}
}

func tokenSecret(account string) *corev1.Secret {
	s := &corev1.Secret{
		ObjectMeta: systemMeta(names.ClusterNamespace, account),
		Type:       corev1.SecretTypeServiceAccountToken,
	}
	s.Annotations = map[string]string{corev1.ServiceAccountNameKey: account}
	return s
}

func role(cluster string) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		ObjectMeta: systemMeta("", names.MemberRole(cluster)),
		Rules: []rbacv1.PolicyRule{
			{Verbs: []string{rbacv1.VerbAll}, APIGroups: []string{rbacv1.APIGroupAll}, Resources: []string{rbacv1.ResourceAll}},
			{Verbs: []string{"get"}, NonResourceURLs: []string{rbacv1.NonResourceAll}},
		},
	}
}

func roleBinding(cluster string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: systemMeta("", names.MemberRole(cluster)),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: names.MemberRole(cluster)},
		Subjects: []rbacv1.Subject{{
			Kind:      rbacv1.ServiceAccountKind,
			Namespace: names.ClusterNamespace,
			Name:      names.MemberAccount(cluster),
		}},
	}
}

// ownerOf returns a reference to the ClusterRole as an owner.
func ownerOf(role *rbacv1.ClusterRole) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole", Name: role.Name, UID: role.UID}
}

// ownable reports whether an object that was there before may get our ClusterRole as an
// owner: only if another join made it. The namespace may be there for another reason
// (the member may be a hub itself) and must then outlive us.
func ownable(obj client.Object) bool {
	return slices.ContainsFunc(obj.GetOwnerReferences(), func(o metav1.OwnerReference) bool {
		return o.Kind == "ClusterRole" && strings.HasPrefix(o.Name, names.MemberRole(""))
	})
}

// Describe names an object for a person: its kind, namespace and name.
func Describe(obj client.Object) string {
	kind := fmt.Sprintf("%T", obj)
	kind = kind[strings.LastIndex(kind, ".")+1:]
	if obj.GetNamespace() == "" {
		return kind + " " + obj.GetName()
	}
	return kind + " " + obj.GetNamespace() + "/" + obj.GetName()
}

// credentials are what the hub keeps of a member.
type credentials struct {
	token             string
	impersonatorToken string
	caBundle          []byte
}

func (credentials) String() string { return "(credentials)" }

// hubSecrets returns the Secrets with the credentials.
func hubSecrets(cluster string, c credentials) []*corev1.Secret {
	own := &corev1.Secret{
		ObjectMeta: systemMeta(names.ClusterNamespace, names.ClusterSecretName(cluster)),
		Data:       map[string][]byte{names.SecretKeyToken: []byte(c.token)},
	}
	if len(c.caBundle) > 0 {
		own.Data[names.SecretKeyCABundle] = c.caBundle
	}
	impersonator := &corev1.Secret{
		ObjectMeta: systemMeta(names.ClusterNamespace, names.ImpersonatorSecretName(cluster)),
		Data:       map[string][]byte{names.SecretKeyToken: []byte(c.impersonatorToken)},
	}
	return []*corev1.Secret{own, impersonator}
}

// hubCluster returns the Cluster.
func hubCluster(o Options, id, endpoint string, place Place) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: o.Name},
		Spec: clusterv1alpha1.ClusterSpec{
			ID:          id,
			SyncMode:    clusterv1alpha1.Push,
			APIEndpoint: endpoint,
			SecretRef: &clusterv1alpha1.LocalSecretReference{
				Namespace: names.ClusterNamespace, Name: names.ClusterSecretName(o.Name),
			},
			ImpersonatorSecretRef: &clusterv1alpha1.LocalSecretReference{
				Namespace: names.ClusterNamespace, Name: names.ImpersonatorSecretName(o.Name),
			},
			InsecureSkipTLSVerification: o.Member.Config.Insecure,
			ProxyURL:                    o.Member.ProxyURL,
			Provider:                    place.Provider,
			Region:                      place.Region,
			Zones:                       place.Zones,
		},
	}
}
