package interpret

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

type dependencies = []configv1alpha1.DependentObjectReference

func podDependencies(obj *unstructured.Unstructured) (dependencies, error) {
	return dependenciesOfPod(obj, nil, "spec")
}

func podTemplateDependencies(obj *unstructured.Unstructured) (dependencies, error) {
	return dependenciesOfPod(obj, nil, "spec", "template", "spec")
}

func cronJobDependencies(obj *unstructured.Unstructured) (dependencies, error) {
	return dependenciesOfPod(obj, nil, "spec", "jobTemplate", "spec", "template", "spec")
}

// statefulSetDependencies leaves out the claims that the StatefulSet makes itself.
func statefulSetDependencies(obj *unstructured.Unstructured) (dependencies, error) {
	templates, err := items(obj, "spec", "volumeClaimTemplates")
	if err != nil {
		return nil, err
	}
	own := sets.New[string]()
	for _, template := range templates {
		if name, _, err := unstructured.NestedString(template, "metadata", "name"); err == nil {
			own.Insert(name)
		}
	}
	return dependenciesOfPod(obj, own, "spec", "template", "spec")
}

// references collects names of core kinds in the namespace of the object.
type references struct {
	namespace string
	names     map[string]sets.Set[string]
}

func (r references) add(kind, name string) {
	if name == "" {
		return
	}
	if r.names[kind] == nil {
		r.names[kind] = sets.New[string]()
	}
	r.names[kind].Insert(name)
}

func (r references) list() dependencies {
	var out dependencies
	for kind, all := range r.names {
		for name := range all {
			out = append(out, configv1alpha1.DependentObjectReference{APIVersion: "v1", Kind: kind, Namespace: r.namespace, Name: name})
		}
	}
	slices.SortFunc(out, func(a, b configv1alpha1.DependentObjectReference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out
}

const (
	configMap = "ConfigMap"
	secret    = "Secret"
	claim     = "PersistentVolumeClaim"
	account   = "ServiceAccount"
)

func dependenciesOfPod(obj *unstructured.Unstructured, ownClaims sets.Set[string], path ...string) (dependencies, error) {
	pod, found, err := section[corev1.PodSpec](obj, path...)
	if err != nil || !found {
		return nil, err
	}
	refs := references{namespace: obj.GetNamespace(), names: map[string]sets.Set[string]{}}
	for _, pull := range pod.ImagePullSecrets {
		refs.add(secret, pull.Name)
	}
	if pod.ServiceAccountName != "default" {
		refs.add(account, pod.ServiceAccountName)
	}
	for i := range pod.InitContainers {
		refs.container(pod.InitContainers[i].Env, pod.InitContainers[i].EnvFrom)
	}
	for i := range pod.Containers {
		refs.container(pod.Containers[i].Env, pod.Containers[i].EnvFrom)
	}
	for i := range pod.Volumes {
		volume := &pod.Volumes[i]
		if ownClaims.Has(volume.Name) {
			continue
		}
		refs.volume(&volume.VolumeSource)
	}
	return refs.list(), nil
}

func (r references) container(env []corev1.EnvVar, from []corev1.EnvFromSource) {
	for _, variable := range env {
		source := variable.ValueFrom
		if source == nil {
			continue
		}
		if source.ConfigMapKeyRef != nil {
			r.add(configMap, source.ConfigMapKeyRef.Name)
		}
		if source.SecretKeyRef != nil {
			r.add(secret, source.SecretKeyRef.Name)
		}
	}
	for _, source := range from {
		if source.ConfigMapRef != nil {
			r.add(configMap, source.ConfigMapRef.Name)
		}
		if source.SecretRef != nil {
			r.add(secret, source.SecretRef.Name)
		}
	}
}

func (r references) volume(source *corev1.VolumeSource) {
	if source.ConfigMap != nil {
		r.add(configMap, source.ConfigMap.Name)
	}
	if source.Secret != nil {
		r.add(secret, source.Secret.SecretName)
	}
	if source.PersistentVolumeClaim != nil {
		r.add(claim, source.PersistentVolumeClaim.ClaimName)
	}
	if source.Projected != nil {
		for _, projection := range source.Projected.Sources {
			if projection.ConfigMap != nil {
				r.add(configMap, projection.ConfigMap.Name)
			}
			if projection.Secret != nil {
				r.add(secret, projection.Secret.Name)
			}
		}
	}
	r.driver(source)
}

// driver adds the credentials that volume drivers take from the pod's namespace.
func (r references) driver(source *corev1.VolumeSource) {
	local := func(ref *corev1.LocalObjectReference) {
		if ref != nil {
			r.add(secret, ref.Name)
		}
	}
	switch {
	case source.AzureFile != nil:
		r.add(secret, source.AzureFile.SecretName)
	case source.CephFS != nil:
		local(source.CephFS.SecretRef)
	case source.Cinder != nil:
		local(source.Cinder.SecretRef)
	case source.FlexVolume != nil:
		local(source.FlexVolume.SecretRef)
	case source.RBD != nil:
		local(source.RBD.SecretRef)
	case source.ScaleIO != nil:
		local(source.ScaleIO.SecretRef)
	case source.ISCSI != nil:
		local(source.ISCSI.SecretRef)
	case source.StorageOS != nil:
		local(source.StorageOS.SecretRef)
	case source.CSI != nil:
		local(source.CSI.NodePublishSecretRef)
	}
}

// ingressDependencies are the certificates; the Services behind an Ingress have policies of their own.
func ingressDependencies(obj *unstructured.Unstructured) (dependencies, error) {
	spec, found, err := section[networkingv1.IngressSpec](obj, "spec")
	if err != nil || !found {
		return nil, err
	}
	refs := references{namespace: obj.GetNamespace(), names: map[string]sets.Set[string]{}}
	for _, tls := range spec.TLS {
		refs.add(secret, tls.SecretName)
	}
	return refs.list(), nil
}

// serviceImportDependencies are the Service that stands for the import in a cluster, and its slices.
func serviceImportDependencies(obj *unstructured.Unstructured) (dependencies, error) {
	derived := names.DerivedServiceName(obj.GetName())
	return dependencies{
		{APIVersion: "v1", Kind: "Service", Namespace: obj.GetNamespace(), Name: derived},
		{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice", Namespace: obj.GetNamespace(),
			LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/service-name": derived}}},
	}, nil
}
