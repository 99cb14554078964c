package validation

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

var (
	syncModes    = []clusterv1alpha1.ClusterSyncMode{clusterv1alpha1.Push, clusterv1alpha1.Pull}
	proxySchemes = []string{"http", "https", "socks5"}
	taintEffects = []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
)

// ValidateCluster checks a Cluster after DefaultCluster. No CRD stands before it, so
// it also checks what a schema would.
func ValidateCluster(c *clusterv1alpha1.Cluster) field.ErrorList {
	errs := ValidateClusterName(c.Name, field.NewPath("metadata", "name"))
	path, spec := field.NewPath("spec"), &c.Spec
	switch {
	case spec.SyncMode == "":
		errs = append(errs, field.Required(path.Child("syncMode"), "set Push or Pull"))
	case !slices.Contains(syncModes, spec.SyncMode):
		errs = append(errs, field.NotSupported(path.Child("syncMode"), spec.SyncMode, syncModes))
	}
	errs = append(errs, validateEndpoint(spec.APIEndpoint, path.Child("apiEndpoint"))...)
	errs = append(errs, validateSecretRef(spec.SecretRef, path.Child("secretRef"))...)
	errs = append(errs, validateSecretRef(spec.ImpersonatorSecretRef, path.Child("impersonatorSecretRef"))...)
	errs = append(errs, validateProxy(spec.ProxyURL, path.Child("proxyURL"))...)
	errs = append(errs, validateLocation(spec, path)...)
	errs = append(errs, validateTaints(spec.Taints, path.Child("taints"))...)
	errs = append(errs, validateModels(spec.ResourceModels, path.Child("resourceModels"))...)
	return errs
}

// ValidateClusterName checks a cluster's name: a DNS label (RFC 1123) short enough for
// the names made from it.
func ValidateClusterName(name string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsDNS1123Label(name) {
		errs = append(errs, field.Invalid(path, name, msg))
	}
	if len(name) > names.ClusterNameMaxLength {
		errs = append(errs, field.TooLong(path, name, names.ClusterNameMaxLength))
	}
	return errs
}

func validateEndpoint(endpoint string, path *field.Path) field.ErrorList {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		// The text may hold a password, and so may the error.
		return field.ErrorList{field.Invalid(path, "", "must be a URL such as https://10.0.0.1:6443")}
	}
	bare := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	if u.Host == "" {
		return field.ErrorList{field.Invalid(path, bare, "must be a URL with a host, such as https://10.0.0.1:6443")}
	}
	if u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.ForceQuery {
		return field.ErrorList{field.Invalid(path, bare, "leave out user, fragment and query; credentials belong in the Secret of secretRef")}
	}
	return nil
}

func validateProxy(proxy string, path *field.Path) field.ErrorList {
	if proxy == "" {
		return nil
	}
	u, err := url.Parse(proxy)
	if err != nil {
		return field.ErrorList{field.Invalid(path, "", "must be a URL such as https://proxy.example.com:3128")}
	}
	if !slices.Contains(proxySchemes, u.Scheme) {
		return field.ErrorList{field.Invalid(path, u.Redacted(), "the scheme must be one of "+strings.Join(proxySchemes, ", "))}
	}
	return nil
}

func validateSecretRef(ref *clusterv1alpha1.LocalSecretReference, path *field.Path) field.ErrorList {
	if ref == nil {
		return nil
	}
	var errs field.ErrorList
	if ref.Namespace == "" {
		errs = append(errs, field.Required(path.Child("namespace"), "name the Secret's namespace in the control plane"))
	}
	if ref.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), "name the Secret"))
	}
	return errs
}

func validateLocation(spec *clusterv1alpha1.ClusterSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	check := func(value string, at *field.Path) {
		for _, msg := range validation.IsValidLabelValue(value) {
			errs = append(errs, field.Invalid(at, value, msg))
		}
	}
	check(spec.Provider, path.Child("provider"))
	check(spec.Region, path.Child("region"))
	check(spec.Zone, path.Child("zone"))
	for i, zone := range spec.Zones {
		check(zone, path.Child("zones").Index(i))
	}
	if spec.Zone != "" && len(spec.Zones) > 0 {
		errs = append(errs, field.Forbidden(path.Child("zone"), "zone is deprecated and excludes zones; leave it out"))
	}
	return errs
}

func validateTaints(taints []corev1.Taint, path *field.Path) field.ErrorList {
	type id struct {
		key    string
		effect corev1.TaintEffect
	}
	var errs field.ErrorList
	seen := map[id]bool{}
	for i, t := range taints {
		at := path.Index(i)
		for _, msg := range validation.IsQualifiedName(t.Key) {
			errs = append(errs, field.Invalid(at.Child("key"), t.Key, msg))
		}
		for _, msg := range validation.IsValidLabelValue(t.Value) {
			errs = append(errs, field.Invalid(at.Child("value"), t.Value, msg))
		}
		if !slices.Contains(taintEffects, t.Effect) {
			errs = append(errs, field.NotSupported(at.Child("effect"), t.Effect, taintEffects))
		}
		if key := (id{t.Key, t.Effect}); seen[key] {
			errs = append(errs, field.Duplicate(at, fmt.Sprintf("%s:%s", t.Key, t.Effect)))
		} else {
			seen[key] = true
		}
	}
	return errs
}
