package validation

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func validateFailover(spec *policyv1alpha1.PropagationSpec, path *field.Path) field.ErrorList {
	f := spec.Failover
	if f == nil {
		return nil
	}
	var errs field.ErrorList
	if app := f.Application; app != nil {
		at := path.Child("application")
		if !spec.PropagateDeps {
			errs = append(errs, field.Invalid(field.NewPath("spec", "propagateDeps"), false,
				"must be true with failover.application: what the application refers to has to move with it"))
		}
		errs = append(errs, validateApplicationFailover(app, at)...)
		errs = append(errs, validateStatePreservation(app.StatePreservation, at.Child("statePreservation"))...)
	}
	if f.Cluster != nil {
		errs = append(errs, validateStatePreservation(f.Cluster.StatePreservation, path.Child("cluster", "statePreservation"))...)
	}
	return errs
}

func validateApplicationFailover(app *policyv1alpha1.ApplicationFailoverBehavior, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if seconds := app.DecisionConditions.TolerationSeconds; seconds != nil && *seconds < 0 {
		errs = append(errs, field.Invalid(path.Child("decisionConditions", "tolerationSeconds"), *seconds, "must be at least 0"))
	}
	at := path.Child("gracePeriodSeconds")
	switch grace := app.GracePeriodSeconds; {
	case isGraceful(app.PurgeMode) && grace == nil:
		errs = append(errs, field.Required(at, "must be set with purgeMode: Gracefully"))
	case isGraceful(app.PurgeMode) && *grace <= 0:
		errs = append(errs, field.Invalid(at, *grace, "must be greater than 0"))
	case !isGraceful(app.PurgeMode) && grace != nil:
		errs = append(errs, field.Forbidden(at, "is used with purgeMode: Gracefully only; leave it out"))
	}
	return errs
}

func validateStatePreservation(s *policyv1alpha1.StatePreservation, path *field.Path) field.ErrorList {
	if s == nil {
		return nil
	}
	var errs field.ErrorList
	for i, rule := range s.Rules {
		if msgs := validation.IsQualifiedName(rule.AliasLabelName); len(msgs) > 0 {
			errs = append(errs, field.Invalid(path.Child("rules").Index(i).Child("aliasLabelName"), rule.AliasLabelName,
				"must be a label key: "+strings.Join(msgs, "; ")))
		}
	}
	return errs
}
