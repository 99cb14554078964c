package validation

import (
	"net/url"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
)

// ValidateCustomization checks a customization by itself. Whether its scripts compile is not known
// here, nor whether another one explains the same; see ConflictingCustomizations.
func ValidateCustomization(c *configv1alpha1.ResourceInterpreterCustomization) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec", "target")
	target := c.Spec.Target
	if _, err := schema.ParseGroupVersion(target.APIVersion); err != nil || target.APIVersion == "" {
		errs = append(errs, field.Invalid(path.Child("apiVersion"), target.APIVersion, "write GROUP/VERSION, or v1 for the core kinds"))
	}
	if target.Kind == "" || strings.ContainsAny(target.Kind, "*/. ") {
		errs = append(errs, field.Invalid(path.Child("kind"), target.Kind, "name one kind"))
	}
	if len(defined(&c.Spec.Customizations)) == 0 {
		errs = append(errs, field.Required(field.NewPath("spec", "customizations"), "write at least one script"))
	}
	for _, name := range defined(&c.Spec.Customizations) {
		if strings.TrimSpace(*scripts(&c.Spec.Customizations)[name]) == "" {
			errs = append(errs, field.Required(field.NewPath("spec", "customizations").Child(name, "luaScript"), "write the script, or leave the operation out"))
		}
	}
	return errs
}

// ConflictingCustomizations says which scripts of a customization others define for the same kind. Two
// may do so for dependencies only, which are put together.
func ConflictingCustomizations(c *configv1alpha1.ResourceInterpreterCustomization, others []configv1alpha1.ResourceInterpreterCustomization) field.ErrorList {
	var errs field.ErrorList
	for _, name := range defined(&c.Spec.Customizations) {
		if name == dependencies {
			continue
		}
		for i := range others {
			other := &others[i]
			if other.Name != c.Name && other.Spec.Target == c.Spec.Target && scripts(&other.Spec.Customizations)[name] != nil {
				errs = append(errs, field.Forbidden(field.NewPath("spec", "customizations").Child(name),
					"is defined for "+c.Spec.Target.APIVersion+" "+c.Spec.Target.Kind+" by customization "+other.Name+" already; change that one"))
			}
		}
	}
	return errs
}

const dependencies = "dependencyInterpretation"

// scripts are those of a customization by the name of their field; nil when not set.
func scripts(c *configv1alpha1.CustomizationRules) map[string]*string {
	out := map[string]*string{}
	if r := c.Retention; r != nil {
		out["retention"] = &r.LuaScript
	}
	if r := c.ReplicaResource; r != nil {
		out["replicaResource"] = &r.LuaScript
	}
	if r := c.ComponentResource; r != nil {
		out["componentResource"] = &r.LuaScript
	}
	if r := c.ReplicaRevision; r != nil {
		out["replicaRevision"] = &r.LuaScript
	}
	if r := c.StatusReflection; r != nil {
		out["statusReflection"] = &r.LuaScript
	}
	if r := c.StatusAggregation; r != nil {
		out["statusAggregation"] = &r.LuaScript
	}
	if r := c.HealthInterpretation; r != nil {
		out["healthInterpretation"] = &r.LuaScript
	}
	if r := c.DependencyInterpretation; r != nil {
		out[dependencies] = &r.LuaScript
	}
	return out
}

func defined(c *configv1alpha1.CustomizationRules) []string {
	return sets.List(sets.KeySet(scripts(c)))
}

// ValidateInterpreterWebhooks checks a configuration of webhooks.
func ValidateInterpreterWebhooks(c *configv1alpha1.ResourceInterpreterWebhookConfiguration) field.ErrorList {
	var errs field.ErrorList
	path, names := field.NewPath("webhooks"), sets.New[string]()
	for i := range c.Webhooks {
		at := path.Index(i)
		if names.Has(c.Webhooks[i].Name) {
			errs = append(errs, field.Duplicate(at.Child("name"), c.Webhooks[i].Name))
		}
		names.Insert(c.Webhooks[i].Name)
		errs = append(errs, validateInterpreterWebhook(&c.Webhooks[i], at)...)
	}
	return errs
}

// ValidateInterpreterWebhook checks one webhook; the paths of errors begin at it.
func ValidateInterpreterWebhook(w *configv1alpha1.ResourceInterpreterWebhook) field.ErrorList {
	return validateInterpreterWebhook(w, nil)
}

func validateInterpreterWebhook(w *configv1alpha1.ResourceInterpreterWebhook, path *field.Path) field.ErrorList {
	errs := validation.IsFullyQualifiedName(path.Child("name"), w.Name)
	for i := range w.Rules {
		errs = append(errs, validateInterpreterRule(&w.Rules[i], path.Child("rules").Index(i))...)
	}
	if t := w.TimeoutSeconds; t != nil && (*t < 1 || *t > 30) {
		errs = append(errs, field.Invalid(path.Child("timeoutSeconds"), *t, "must be from 1 to 30"))
	}
	errs = append(errs, validateContextVersions(w.InterpreterContextVersions, path.Child("interpreterContextVersions"))...)
	return append(errs, validateClientConfig(&w.ClientConfig, path.Child("clientConfig"))...)
}

func validateContextVersions(versions []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, version := range versions {
		if seen.Has(version) {
			errs = append(errs, field.Duplicate(path.Index(i), version))
		}
		seen.Insert(version)
		for _, msg := range validation.IsDNS1035Label(version) {
			errs = append(errs, field.Invalid(path.Index(i), version, msg))
		}
	}
	switch {
	case len(versions) == 0:
		errs = append(errs, field.Required(path, "name the versions the webhook understands: "+configv1alpha1.GroupVersion.Version))
	case !seen.Has(configv1alpha1.GroupVersion.Version):
		errs = append(errs, field.Invalid(path, versions, "must include "+configv1alpha1.GroupVersion.Version))
	}
	return errs
}

var interpreterOperations = []configv1alpha1.InterpreterOperation{
	configv1alpha1.InterpreterOperationAll,
	configv1alpha1.InterpreterOperationInterpretReplica,
	configv1alpha1.InterpreterOperationInterpretComponent,
	configv1alpha1.InterpreterOperationReviseReplica,
	configv1alpha1.InterpreterOperationRetain,
	configv1alpha1.InterpreterOperationAggregateStatus,
	configv1alpha1.InterpreterOperationInterpretStatus,
	configv1alpha1.InterpreterOperationInterpretHealth,
	configv1alpha1.InterpreterOperationInterpretDependency,
	configv1alpha1.InterpreterOperationPrune,
}

func validateInterpreterRule(r *configv1alpha1.RuleWithOperations, path *field.Path) field.ErrorList {
	errs := validateWildcard(r.Operations, path.Child("operations"))
	for i, operation := range r.Operations {
		if !slices.Contains(interpreterOperations, operation) {
			errs = append(errs, field.NotSupported(path.Child("operations").Index(i), operation, interpreterOperations))
		}
	}
	errs = append(errs, validateWildcard(r.APIGroups, path.Child("apiGroups"))...)
	errs = append(errs, validateWildcard(r.APIVersions, path.Child("apiVersions"))...)
	errs = append(errs, validateWildcard(r.Kinds, path.Child("kinds"))...)
	for i, version := range r.APIVersions {
		if version == "" {
			errs = append(errs, field.Required(path.Child("apiVersions").Index(i), "name a version, or * for all"))
		}
	}
	for i, kind := range r.Kinds {
		if kind == "" {
			errs = append(errs, field.Required(path.Child("kinds").Index(i), "name a kind, or * for all"))
		}
	}
	return errs
}

// validateWildcard wants something in a list, and nothing beside "*".
func validateWildcard[S ~string](list []S, path *field.Path) field.ErrorList {
	switch {
	case len(list) == 0:
		return field.ErrorList{field.Required(path, "name at least one, or * for all")}
	case len(list) > 1 && slices.Contains(list, "*"):
		return field.ErrorList{field.Invalid(path, list, "* is all; write nothing beside it")}
	}
	return nil
}

func validateClientConfig(c *admissionregistrationv1.WebhookClientConfig, path *field.Path) field.ErrorList {
	switch {
	case (c.URL == nil) == (c.Service == nil):
		return field.ErrorList{field.Required(path, "set either url or service")}
	case c.URL != nil:
		return validateWebhookURL(*c.URL, path.Child("url"))
	}
	var errs field.ErrorList
	path = path.Child("service")
	if c.Service.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), "name the Service"))
	}
	if c.Service.Namespace == "" {
		errs = append(errs, field.Required(path.Child("namespace"), "name the namespace of the Service"))
	}
	if c.Service.Port != nil {
		for _, msg := range validation.IsValidPortNum(int(*c.Service.Port)) {
			errs = append(errs, field.Invalid(path.Child("port"), *c.Service.Port, msg))
		}
	}
	if p := c.Service.Path; p != nil {
		if parsed, err := url.Parse(*p); err != nil || !strings.HasPrefix(*p, "/") || strings.HasPrefix(*p, "//") || parsed.RawQuery != "" || parsed.Fragment != "" {
			errs = append(errs, field.Invalid(path.Child("path"), *p, "must be a path that begins with /, without a query"))
		}
	}
	return errs
}

func validateWebhookURL(text string, path *field.Path) field.ErrorList {
	parsed, err := url.Parse(text)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "is not a URL")}
	case parsed.Scheme != "https":
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must begin with https://")}
	case parsed.Host == "":
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must name a host")}
	case parsed.User != nil:
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must not hold a user or password")}
	case parsed.RawQuery != "" || parsed.Fragment != "":
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must not hold a query or fragment")}
	}
	return nil
}
