package traffic

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Bounds of a PlacementPlugin, as in its schema. The longest timeout is the default.
const (
	MinPluginTimeout    = time.Millisecond
	MaxPluginTimeout    = 200 * time.Millisecond
	DefaultPluginWeight = 1
	MaxPluginWeight     = 1000
	DefaultTokenKey     = "token"
)

// DefaultPlacementPlugin fills in what the schema would have filled in.
func DefaultPlacementPlugin(p *trafficv1alpha1.PlacementPlugin) {
	setInt(&p.Spec.Weight, DefaultPluginWeight)
	if p.Spec.Timeout == nil {
		p.Spec.Timeout = &metav1.Duration{Duration: MaxPluginTimeout}
	}
	if h := p.Spec.HTTP; h != nil && h.TokenSecretRef != nil {
		setString(&h.TokenSecretRef.Key, DefaultTokenKey)
	}
}

// ValidatePlacementPlugin says what is wrong with a PlacementPlugin whose defaults are filled in, but
// for the text of its expressions: only who can compile them knows that.
func ValidatePlacementPlugin(p *trafficv1alpha1.PlacementPlugin) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateTemplates(p.Spec.ResourceSelectors, spec.Child("resourceSelectors"))
	errs = append(errs, validateRange(p.Spec.Weight, 1, MaxPluginWeight, spec.Child("weight"))...)
	if t := p.Spec.Timeout; t == nil || t.Duration < MinPluginTimeout || t.Duration > MaxPluginTimeout {
		errs = append(errs, field.Invalid(spec.Child("timeout"), durationText(t), fmt.Sprintf("must be from %s to %s", MinPluginTimeout, MaxPluginTimeout)))
	}
	if (p.Spec.CEL == nil) == (p.Spec.HTTP == nil) {
		errs = append(errs, field.Required(spec, "give either cel or http"))
	}
	if c := p.Spec.CEL; c != nil {
		errs = append(errs, validateCEL(c, spec.Child("cel"))...)
	}
	if h := p.Spec.HTTP; h != nil {
		errs = append(errs, validateEndpoint(h, spec.Child("http"))...)
	}
	return errs
}

func durationText(d *metav1.Duration) string {
	if d == nil {
		return ""
	}
	return d.Duration.String()
}

func validateTemplates(selectors []policyv1alpha1.ResourceSelector, path *field.Path) (errs field.ErrorList) {
	for i, s := range selectors {
		at := path.Index(i)
		if s.APIVersion == "" {
			errs = append(errs, field.Required(at.Child("apiVersion"), "write that of the templates, such as apps/v1"))
		}
		if s.Kind == "" {
			errs = append(errs, field.Required(at.Child("kind"), "write that of the templates, such as Deployment"))
		}
		if s.LabelSelector != nil {
			errs = append(errs, field.Forbidden(at.Child("labelSelector"),
				"bindings do not carry the labels of their template; select by namespace and name, or look at binding in the expression"))
		}
	}
	return errs
}

func validateCEL(c *trafficv1alpha1.CELPlugin, path *field.Path) (errs field.ErrorList) {
	if c.Filter == "" && c.Score == "" {
		errs = append(errs, field.Required(path, "give a filter, a score or both"))
	}
	if c.Reason != "" && c.Filter == "" {
		errs = append(errs, field.Forbidden(path.Child("reason"), "a reason goes with a filter"))
	}
	return errs
}

func validateEndpoint(h *trafficv1alpha1.HTTPPlugin, path *field.Path) (errs field.ErrorList) {
	if why := notEndpoint(h.URL); why != "" {
		errs = append(errs, field.Invalid(path.Child("url"), withoutUser(h.URL), why))
	}
	if len(h.CABundle) > 0 && !x509.NewCertPool().AppendCertsFromPEM(h.CABundle) {
		errs = append(errs, field.Invalid(path.Child("caBundle"), fmt.Sprintf("%d bytes", len(h.CABundle)), "must be certificates as PEM (in base64, as all bytes)"))
	}
	if ref := h.TokenSecretRef; ref != nil {
		at := path.Child("tokenSecretRef")
		for _, why := range validation.IsDNS1123Subdomain(ref.Name) {
			errs = append(errs, field.Invalid(at.Child("name"), ref.Name, why))
		}
		for _, why := range validation.IsConfigMapKey(ref.Key) {
			errs = append(errs, field.Invalid(at.Child("key"), ref.Key, why))
		}
	}
	return errs
}

// withoutUser is a URL as an error may show it.
func withoutUser(url string) string {
	if i := strings.LastIndexByte(url, '@'); i >= 0 {
		return "…" + url[i:]
	}
	return url
}

// notEndpoint says what is wrong with the URL of an endpoint.
func notEndpoint(text string) string {
	const form = "must be a URL such as https://scores.example.com/place"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return form
	case u.User != nil:
		return "must hold no user or password; name a token in tokenSecretRef"
	case u.Fragment != "":
		return "must hold no fragment"
	case u.Scheme == "https":
		return ""
	case u.Scheme != "http":
		return form
	case !Loopback(u.Hostname()):
		return "must begin with https://; http is only for a loopback address, such as 127.0.0.1"
	}
	return ""
}

// Loopback says whether a host is an address of the machine itself. A name is not: whoever answers for
// it could say otherwise.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
