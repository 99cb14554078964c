package traffic

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestValidateDrill(t *testing.T) {
	schedule := func(text, zone string) func(*v1.DrillSpec) {
		return func(s *v1.DrillSpec) { s.Schedule, s.TimeZone = text, zone }
	}
	wrong := []string{"FieldValueInvalid spec.schedule"}
	for name, tc := range map[string]struct {
		edit func(*v1.DrillSpec)
		want []string
	}{
		"the defaults are valid":     {func(*v1.DrillSpec) {}, nil},
		"several clusters":           {func(s *v1.DrillSpec) { s.Clusters = []string{"fra", "iad"} }, nil},
		"no cluster":                 {func(s *v1.DrillSpec) { s.Clusters = nil }, []string{"FieldValueRequired spec.clusters"}},
		"too many clusters":          {func(s *v1.DrillSpec) { s.Clusters = make([]string, 17) }, []string{"FieldValueTooMany spec.clusters"}},
		"a cluster twice":            {func(s *v1.DrillSpec) { s.Clusters = []string{"fra", "fra"} }, []string{"FieldValueDuplicate spec.clusters[1]"}},
		"what is no cluster":         {func(s *v1.DrillSpec) { s.Clusters = []string{"FRA", ""} }, []string{"FieldValueInvalid spec.clusters[0]", "FieldValueInvalid spec.clusters[1]"}},
		"a short while":              {func(s *v1.DrillSpec) { s.Duration = duration(time.Second) }, []string{"FieldValueInvalid spec.duration"}},
		"two days":                   {func(s *v1.DrillSpec) { s.Duration = duration(48 * time.Hour) }, []string{"FieldValueInvalid spec.duration"}},
		"no time for name servers":   {func(s *v1.DrillSpec) { s.Abort.AnswersWithin = duration(0) }, []string{"FieldValueInvalid spec.abort.answersWithin"}},
		"a limit of nothing":         {func(s *v1.DrillSpec) { s.Abort.UtilizationAbove = ptr.To[int32](0) }, []string{"FieldValueInvalid spec.abort.utilizationAbove"}},
		"no history":                 {func(s *v1.DrillSpec) { s.HistoryLimit = ptr.To[int32](0) }, nil},
		"a long history":             {func(s *v1.DrillSpec) { s.HistoryLimit = ptr.To[int32](21) }, []string{"FieldValueInvalid spec.historyLimit"}},
		"a schedule":                 {schedule("0 10 * * FRI", "Europe/Berlin"), nil},
		"a macro":                    {schedule("@weekly", ""), nil},
		"an interval":                {schedule("@every 5m", ""), wrong},
		"six fields":                 {schedule("0 0 10 * * FRI", ""), wrong},
		"a minute too many":          {schedule("60 * * * *", ""), wrong},
		"a day that never comes":     {schedule("0 0 30 2 *", ""), wrong},
		"a time zone in the wrong":   {schedule("TZ=Europe/Berlin 0 10 * * *", ""), wrong},
		"half a time zone":           {schedule("TZ=0", ""), wrong},
		"an unknown time zone":       {schedule("0 10 * * *", "Europe/Atlantis"), []string{"FieldValueInvalid spec.timeZone"}},
		"the machine's time zone":    {schedule("0 10 * * *", "Local"), []string{"FieldValueInvalid spec.timeZone"}},
		"a file as a time zone":      {schedule("0 10 * * *", "../../etc/passwd"), []string{"FieldValueInvalid spec.timeZone"}},
		"a time zone for nothing":    {schedule("", "Europe/Berlin"), []string{"FieldValueForbidden spec.timeZone"}},
		"nothing to be suspended":    {func(s *v1.DrillSpec) { s.Suspend = true }, []string{"FieldValueForbidden spec.suspend"}},
		"a schedule that is paused":  {func(s *v1.DrillSpec) { s.Schedule, s.Suspend = "@daily", true }, nil},
		"a schedule that is nothing": {schedule(" ", ""), wrong},
	} {
		t.Run(name, func(t *testing.T) {
			d := &v1.Drill{Spec: v1.DrillSpec{Clusters: []string{"fra"}}}
			tc.edit(&d.Spec)
			DefaultDrill(d)
			if diff := cmp.Diff(tc.want, found(ValidateDrill(d, nil))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheClustersOfADrillStay(t *testing.T) {
	old := &v1.Drill{Spec: v1.DrillSpec{Clusters: []string{"fra", "iad"}}}
	DefaultDrill(old)
	for name, tc := range map[string]struct {
		clusters []string
		want     []string
	}{
		"the same":      {[]string{"fra", "iad"}, nil},
		"another order": {[]string{"iad", "fra"}, nil},
		"one less":      {[]string{"fra"}, []string{"FieldValueForbidden spec.clusters"}},
		"another":       {[]string{"fra", "sin"}, []string{"FieldValueForbidden spec.clusters"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := old.DeepCopy()
			d.Spec.Clusters = tc.clusters
			if diff := cmp.Diff(tc.want, found(ValidateDrill(d, old))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDrillTimes(t *testing.T) {
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for name, tc := range map[string]struct{ schedule, zone, after, want string }{
		"in UTC":                   {"0 10 * * *", "", "2026-05-01T09:59:59Z", "2026-05-01T10:00:00Z"},
		"strictly after":           {"0 10 * * *", "", "2026-05-01T10:00:00Z", "2026-05-02T10:00:00Z"},
		"in Berlin, in summer":     {"0 10 * * *", "Europe/Berlin", "2026-05-01T00:00:00Z", "2026-05-01T08:00:00Z"},
		"in Berlin, in winter":     {"0 10 * * *", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-12-01T09:00:00Z"},
		"an hour that is left out": {"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			next := DrillTimes(&v1.DrillSpec{Schedule: tc.schedule, TimeZone: tc.zone})
			if got := next(at(tc.after)); !got.Equal(at(tc.want)) {
				t.Errorf("%s, want %s", got.UTC(), tc.want)
			}
		})
	}
	for _, s := range []v1.DrillSpec{{}, {Schedule: "soon"}, {Schedule: "@daily", TimeZone: "Europe/Atlantis"}} {
		if DrillTimes(&s) != nil {
			t.Errorf("%+v has times", s)
		}
	}
}
