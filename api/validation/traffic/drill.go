package traffic

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Defaults and bounds of a Drill, as in its schema.
const (
	DefaultDrillDuration    = 5 * time.Minute
	MinDrillDuration        = 10 * time.Second
	MaxDrillDuration        = 24 * time.Hour
	DefaultUtilizationAbove = 100
	MaxUtilizationAbove     = 1000
	DefaultAnswersWithin    = 30 * time.Second
	MinAnswersWithin        = time.Second
	MaxAnswersWithin        = 10 * time.Minute
	DefaultDrillHistory     = 5
	MaxDrillHistory         = 20
	MaxDrillClusters        = 16
)

// DefaultDrill fills in what the schema would have filled in.
func DefaultDrill(d *trafficv1alpha1.Drill) {
	setDuration(&d.Spec.Duration, DefaultDrillDuration)
	setInt(&d.Spec.Abort.UtilizationAbove, DefaultUtilizationAbove)
	setDuration(&d.Spec.Abort.AnswersWithin, DefaultAnswersWithin)
	setInt(&d.Spec.HistoryLimit, DefaultDrillHistory)
}

// ValidateDrill says what is wrong with a Drill whose defaults are filled in. old is nil for a new one.
// Whether the clusters exist is asked when it runs.
func ValidateDrill(new, old *trafficv1alpha1.Drill) field.ErrorList {
	spec := field.NewPath("spec")
	s := &new.Spec
	errs := validateDrillClusters(s.Clusters, spec.Child("clusters"))
	if old != nil && !slices.Equal(slices.Sorted(slices.Values(old.Spec.Clusters)), slices.Sorted(slices.Values(s.Clusters))) {
		errs = append(errs, field.Forbidden(spec.Child("clusters"), "is immutable; make another Drill for other clusters"))
	}
	errs = append(errs, validateSpan(s.Duration, MinDrillDuration, MaxDrillDuration, spec.Child("duration"))...)
	errs = append(errs, validateSpan(s.Abort.AnswersWithin, MinAnswersWithin, MaxAnswersWithin, spec.Child("abort", "answersWithin"))...)
	errs = append(errs, validateRange(s.Abort.UtilizationAbove, 1, MaxUtilizationAbove, spec.Child("abort", "utilizationAbove"))...)
	errs = append(errs, validateRange(s.HistoryLimit, 0, MaxDrillHistory, spec.Child("historyLimit"))...)
	return append(errs, validateSchedule(s, spec)...)
}

func validateDrillClusters(clusters []string, path *field.Path) (errs field.ErrorList) {
	switch {
	case len(clusters) == 0:
		return field.ErrorList{field.Required(path, "name at least one cluster")}
	case len(clusters) > MaxDrillClusters:
		return field.ErrorList{field.TooMany(path, len(clusters), MaxDrillClusters)}
	}
	for i, c := range clusters {
		if len(validation.IsDNS1123Subdomain(c)) > 0 {
			errs = append(errs, field.Invalid(path.Index(i), c, "must be the name of a Cluster"))
		}
		if slices.Contains(clusters[:i], c) {
			errs = append(errs, field.Duplicate(path.Index(i), c))
		}
	}
	return errs
}

func validateSpan(d *metav1.Duration, least, most time.Duration, path *field.Path) field.ErrorList {
	if d == nil || d.Duration < least || d.Duration > most {
		return field.ErrorList{field.Invalid(path, durationText(d), fmt.Sprintf("must be from %s to %s", least, most))}
	}
	return nil
}

func validateSchedule(s *trafficv1alpha1.DrillSpec, spec *field.Path) (errs field.ErrorList) {
	if s.Schedule == "" {
		if s.TimeZone != "" {
			errs = append(errs, field.Forbidden(spec.Child("timeZone"), "goes with a schedule; write one or remove it"))
		}
		if s.Suspend {
			errs = append(errs, field.Forbidden(spec.Child("suspend"), "goes with a schedule; delete the Drill to end it"))
		}
		return errs
	}
	zone, err := timeZone(s.TimeZone)
	if err != nil {
		errs = append(errs, field.Invalid(spec.Child("timeZone"), s.TimeZone, "must be the name of a time zone, such as Europe/Berlin"))
	}
	schedule, err := parseSchedule(s.Schedule)
	switch {
	case err != nil:
		errs = append(errs, field.Invalid(spec.Child("schedule"), s.Schedule, err.Error()))
	case zone != nil && schedule.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, zone)).IsZero():
		errs = append(errs, field.Invalid(spec.Child("schedule"), s.Schedule, "names a moment that never comes"))
	}
	return errs
}

// DrillTimes is a function that says when a Drill is due next after a moment, zero when never. It is nil
// for a Drill without a schedule, or with one that ValidateDrill refuses.
func DrillTimes(s *trafficv1alpha1.DrillSpec) func(after time.Time) time.Time {
	if s.Schedule == "" {
		return nil
	}
	schedule, err := parseSchedule(s.Schedule)
	if err != nil {
		return nil
	}
	zone, err := timeZone(s.TimeZone)
	if err != nil {
		return nil
	}
	return func(after time.Time) time.Time { return schedule.Next(after.In(zone)) }
}

// timeZone is UTC unless another is named. The zone of the machine is nobody's wish.
func timeZone(name string) (*time.Location, error) {
	if strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("the zone of which machine?")
	}
	return time.LoadLocation(name)
}

var scheduleMacros = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// parseSchedule takes five fields or a macro; what else the library knows depends on when it began, or
// names a time zone in a second place.
func parseSchedule(text string) (cron.Schedule, error) {
	switch {
	case strings.HasPrefix(text, "@") && !slices.Contains(scheduleMacros, text):
		return nil, fmt.Errorf("must be five fields or one of %s", strings.Join(scheduleMacros, ", "))
	case strings.Contains(text, "TZ="):
		return nil, fmt.Errorf("must name no time zone; write it in spec.timeZone")
	}
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("must be five fields (minute, hour, day of month, month, day of week): %w", err)
	}
	return schedule, nil
}
