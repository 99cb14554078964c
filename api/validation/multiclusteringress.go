package validation

import (
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	networkingv1alpha1 "github.com/seaway-io/seaway/api/networking/v1alpha1"
)

// ValidateMultiClusterIngress checks what an Ingress (networking.k8s.io/v1) has to hold.
func ValidateMultiClusterIngress(m *networkingv1alpha1.MultiClusterIngress) field.ErrorList {
	path, spec := field.NewPath("spec"), &m.Spec
	var errs field.ErrorList
	if len(spec.Rules) == 0 && spec.DefaultBackend == nil {
		errs = append(errs, field.Required(path, "set rules or defaultBackend"))
	}
	if spec.IngressClassName != nil {
		for _, msg := range validation.IsDNS1123Subdomain(*spec.IngressClassName) {
			errs = append(errs, field.Invalid(path.Child("ingressClassName"), *spec.IngressClassName, msg))
		}
	}
	if spec.DefaultBackend != nil {
		errs = append(errs, validateBackend(spec.DefaultBackend, path.Child("defaultBackend"))...)
	}
	for i, t := range spec.TLS {
		for j, host := range t.Hosts {
			errs = append(errs, validateIngressHost(host, path.Child("tls").Index(i).Child("hosts").Index(j))...)
		}
	}
	for i := range spec.Rules {
		rule, at := &spec.Rules[i], path.Child("rules").Index(i)
		if rule.Host != "" {
			errs = append(errs, validateIngressHost(rule.Host, at.Child("host"))...)
		}
		if rule.HTTP == nil {
			continue
		}
		if len(rule.HTTP.Paths) == 0 {
			errs = append(errs, field.Required(at.Child("http", "paths"), "set at least one, or leave http out"))
		}
		for j := range rule.HTTP.Paths {
			errs = append(errs, validateIngressPath(&rule.HTTP.Paths[j], at.Child("http", "paths").Index(j))...)
		}
	}
	return errs
}

// validateIngressHost allows a wildcard as the whole first label.
func validateIngressHost(host string, path *field.Path) field.ErrorList {
	if _, err := netip.ParseAddr(host); err == nil {
		return field.ErrorList{field.Invalid(path, host, "must be a DNS name, not an address")}
	}
	check := validation.IsDNS1123Subdomain
	if strings.HasPrefix(host, "*") {
		check = validation.IsWildcardDNS1123Subdomain
	}
	var errs field.ErrorList
	for _, msg := range check(host) {
		errs = append(errs, field.Invalid(path, host, msg))
	}
	return errs
}

var pathTypes = []networkingv1.PathType{networkingv1.PathTypeExact, networkingv1.PathTypePrefix, networkingv1.PathTypeImplementationSpecific}

// unclearPaths are parts that proxies read differently.
var unclearPaths = []string{"//", "/./", "/../", "%2f", "%2F"}

func validateIngressPath(p *networkingv1.HTTPIngressPath, path *field.Path) field.ErrorList {
	errs := validateBackend(&p.Backend, path.Child("backend"))
	at := path.Child("path")
	switch {
	case p.PathType == nil:
		return append(errs, field.Required(path.Child("pathType"), "set Exact, Prefix or ImplementationSpecific"))
	case !slices.Contains(pathTypes, *p.PathType):
		return append(errs, field.NotSupported(path.Child("pathType"), *p.PathType, pathTypes))
	case *p.PathType == networkingv1.PathTypeImplementationSpecific && p.Path == "":
		return errs
	case !strings.HasPrefix(p.Path, "/"):
		return append(errs, field.Invalid(at, p.Path, "must begin with /"))
	case *p.PathType == networkingv1.PathTypeImplementationSpecific:
		return errs
	}
	for _, part := range unclearPaths {
		if strings.Contains(p.Path, part) {
			errs = append(errs, field.Invalid(at, p.Path, "must not hold "+part))
		}
	}
	for _, end := range []string{"/.", "/.."} {
		if strings.HasSuffix(p.Path, end) {
			errs = append(errs, field.Invalid(at, p.Path, "must not end with "+end))
		}
	}
	return errs
}

func validateBackend(b *networkingv1.IngressBackend, path *field.Path) field.ErrorList {
	switch {
	case b.Service != nil && b.Resource != nil:
		return field.ErrorList{field.Forbidden(path.Child("resource"), "service and resource exclude each other; keep one of the two")}
	case b.Resource != nil:
		return validateReference(b.Resource.Kind, b.Resource.Name, path.Child("resource"))
	case b.Service == nil:
		return field.ErrorList{field.Required(path.Child("service"), "set service or resource")}
	}
	var errs field.ErrorList
	at := path.Child("service")
	for _, msg := range validation.IsDNS1035Label(b.Service.Name) {
		errs = append(errs, field.Invalid(at.Child("name"), b.Service.Name, msg))
	}
	switch port := b.Service.Port; {
	case port.Name != "" && port.Number != 0:
		errs = append(errs, field.Forbidden(at.Child("port", "name"), "name and number exclude each other; keep one of the two"))
	case port.Name != "":
		for _, msg := range validation.IsValidPortName(port.Name) {
			errs = append(errs, field.Invalid(at.Child("port", "name"), port.Name, msg))
		}
	default:
		for _, msg := range validation.IsValidPortNum(int(port.Number)) {
			errs = append(errs, field.Invalid(at.Child("port", "number"), port.Number, msg))
		}
	}
	return errs
}
