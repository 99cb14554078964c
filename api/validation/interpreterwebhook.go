package validation

import (
	"net/url"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
)

// contextVersion is the one version of the interpreter's messages.
const contextVersion = "v1alpha1"

var interpreterOperations = []configv1alpha1.InterpreterOperation{
	configv1alpha1.InterpreterOperationAll, configv1alpha1.InterpreterOperationInterpretReplica, configv1alpha1.InterpreterOperationInterpretComponent,
	configv1alpha1.InterpreterOperationReviseReplica, configv1alpha1.InterpreterOperationRetain, configv1alpha1.InterpreterOperationAggregateStatus,
	configv1alpha1.InterpreterOperationInterpretStatus, configv1alpha1.InterpreterOperationInterpretHealth, configv1alpha1.InterpreterOperationInterpretDependency,
	configv1alpha1.InterpreterOperationPrune,
}

// ValidateInterpreterWebhooks checks a ResourceInterpreterWebhookConfiguration.
func ValidateInterpreterWebhooks(c *configv1alpha1.ResourceInterpreterWebhookConfiguration) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i := range c.Webhooks {
		w, at := &c.Webhooks[i], field.NewPath("webhooks").Index(i)
		if seen[w.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), w.Name))
		}
		seen[w.Name] = true
		errs = append(errs, validation.IsFullyQualifiedName(at.Child("name"), w.Name)...)
		errs = append(errs, validateClientConfig(&w.ClientConfig, at.Child("clientConfig"))...)
		for j := range w.Rules {
			errs = append(errs, validateInterpreterRule(&w.Rules[j], at.Child("rules").Index(j))...)
		}
		if t := w.TimeoutSeconds; t != nil && (*t < 1 || *t > 30) {
			errs = append(errs, field.Invalid(at.Child("timeoutSeconds"), *t, "must be from 1 to 30"))
		}
		if !slices.Contains(w.InterpreterContextVersions, contextVersion) {
			errs = append(errs, field.Invalid(at.Child("interpreterContextVersions"), strings.Join(w.InterpreterContextVersions, ","), "must include "+contextVersion))
		}
	}
	return errs
}

func validateClientConfig(c *admissionregistrationv1.WebhookClientConfig, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case (c.URL == nil) == (c.Service == nil):
		errs = append(errs, field.Required(path, "set exactly one of url and service"))
	case c.URL != nil:
		u, err := url.Parse(*c.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			errs = append(errs, field.Invalid(path.Child("url"), "", "must be an https URL with a host, without user, query and fragment"))
		}
	default:
		errs = append(errs, validateServiceReference(c.Service, path.Child("service"))...)
	}
	return errs
}

func validateServiceReference(s *admissionregistrationv1.ServiceReference, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if s.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), "name the Service"))
	}
	if s.Namespace == "" {
		errs = append(errs, field.Required(path.Child("namespace"), "name the Service's namespace"))
	}
	if s.Port != nil {
		for _, msg := range validation.IsValidPortNum(int(*s.Port)) {
			errs = append(errs, field.Invalid(path.Child("port"), *s.Port, msg))
		}
	}
	if s.Path != nil && !strings.HasPrefix(*s.Path, "/") {
		errs = append(errs, field.Invalid(path.Child("path"), *s.Path, "must begin with /"))
	}
	return errs
}

func validateInterpreterRule(r *configv1alpha1.RuleWithOperations, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(r.Operations) == 0 {
		errs = append(errs, field.Required(path.Child("operations"), `set at least one, or "*" for all`))
	}
	for i, op := range r.Operations {
		at := path.Child("operations").Index(i)
		switch {
		case !slices.Contains(interpreterOperations, op):
			errs = append(errs, field.NotSupported(at, op, interpreterOperations))
		case op == configv1alpha1.InterpreterOperationAll && len(r.Operations) > 1:
			errs = append(errs, field.Invalid(at, op, "stands for all operations; leave out the others"))
		}
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"apiGroups", r.APIGroups}, {"apiVersions", r.APIVersions}, {"kinds", r.Kinds}} {
		at := path.Child(list.name)
		if len(list.values) == 0 {
			errs = append(errs, field.Required(at, `set at least one, or "*" for all`))
		}
		if len(list.values) > 1 && slices.Contains(list.values, "*") {
			errs = append(errs, field.Invalid(at, strings.Join(list.values, ","), `"*" stands for all; leave out the others`))
		}
		if list.name != "apiGroups" && slices.Contains(list.values, "") {
			errs = append(errs, field.Required(at, "remove the empty item"))
		}
	}
	return errs
}
