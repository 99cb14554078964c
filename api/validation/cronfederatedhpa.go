package validation

import (
	"time"
	_ "time/tzdata" // a zone is known wherever this runs

	"k8s.io/apimachinery/pkg/util/validation/field"

	autoscalingv1alpha1 "github.com/seaway-io/seaway/api/autoscaling/v1alpha1"
)

// ValidateCronFederatedHPA checks what the schema does not.
func ValidateCronFederatedHPA(c *autoscalingv1alpha1.CronFederatedHPA) field.ErrorList {
	path := field.NewPath("spec")
	errs := validateReference(c.Spec.ScaleTargetRef.Kind, c.Spec.ScaleTargetRef.Name, path.Child("scaleTargetRef"))
	bounds := c.Spec.ScaleTargetRef.APIVersion == autoscalingv1alpha1.GroupVersion.String() && c.Spec.ScaleTargetRef.Kind == "FederatedHPA"
	seen := map[string]bool{}
	for i := range c.Spec.Rules {
		rule, at := &c.Spec.Rules[i], path.Child("rules").Index(i)
		if seen[rule.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), rule.Name))
		}
		seen[rule.Name] = true
		if err := checkCron(rule.Schedule); err != nil {
			errs = append(errs, field.Invalid(at.Child("schedule"), rule.Schedule, err.Error()))
		}
		if rule.TimeZone != nil {
			if _, err := time.LoadLocation(*rule.TimeZone); err != nil {
				errs = append(errs, field.Invalid(at.Child("timeZone"), *rule.TimeZone, "must be a name of the IANA time zone database, such as Europe/Berlin"))
			}
		}
		if bounds {
			errs = append(errs, validateTargetBounds(rule, at)...)
		} else {
			errs = append(errs, validateTargetReplicas(rule, at)...)
		}
	}
	return errs
}

// validateTargetBounds checks a rule that moves the bounds of a FederatedHPA.
func validateTargetBounds(rule *autoscalingv1alpha1.CronFederatedHPARule, path *field.Path) field.ErrorList {
	least, most := rule.TargetMinReplicas, rule.TargetMaxReplicas
	var errs field.ErrorList
	if least == nil && most == nil {
		errs = append(errs, field.Required(path.Child("targetMinReplicas"), "set targetMinReplicas, targetMaxReplicas or both: the target is a FederatedHPA"))
	}
	if least != nil && *least < 1 {
		errs = append(errs, field.Invalid(path.Child("targetMinReplicas"), *least, "must be at least 1"))
	}
	if most != nil && *most < 1 {
		errs = append(errs, field.Invalid(path.Child("targetMaxReplicas"), *most, "must be at least 1"))
	}
	if least != nil && most != nil && *most < *least {
		errs = append(errs, field.Invalid(path.Child("targetMaxReplicas"), *most, "must be at least targetMinReplicas"))
	}
	return errs
}

func validateTargetReplicas(rule *autoscalingv1alpha1.CronFederatedHPARule, path *field.Path) field.ErrorList {
	at := path.Child("targetReplicas")
	switch {
	case rule.TargetReplicas == nil:
		return field.ErrorList{field.Required(at, "set it: the target is no FederatedHPA")}
	case *rule.TargetReplicas < 0:
		return field.ErrorList{field.Invalid(at, *rule.TargetReplicas, "must be at least 0")}
	}
	return nil
}
