package policies

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestHoldOf(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	at := func(hour int) *trafficv1alpha1.Hold {
		return &trafficv1alpha1.Hold{Until: metav1.NewTime(noon.Add(time.Duration(hour-12) * time.Hour)), Reason: "the sale"}
	}
	for name, tc := range map[string]struct {
		value string
		spec  *trafficv1alpha1.Hold
		held  bool
		says  string
	}{
		"no hold":                             {"", nil, false, ""},
		"until one o'clock":                   {"2026-05-01T13:00:00Z", nil, true, "until 2026-05-01T13:00:00Z"},
		"in another zone":                     {"2026-05-01T13:30:00+02:00", nil, false, "until 2026-05-01T11:30:00Z"},
		"over":                                {"2026-05-01T12:00:00Z", nil, false, "until 2026-05-01T12:00:00Z"},
		"in words: held, and how to fix":      {"tomorrow", nil, true, `is "tomorrow", which is no time`},
		"in the spec":                         {"", at(13), true, "until 2026-05-01T13:00:00Z: the sale"},
		"in the spec, over":                   {"", at(12), false, "until 2026-05-01T12:00:00Z: the sale"},
		"in the spec, without a time":         {"", &trafficv1alpha1.Hold{}, false, ""},
		"in both, the annotation ends later":  {"2026-05-01T14:00:00Z", at(13), true, "until 2026-05-01T14:00:00Z"},
		"in both, the spec ends later":        {"2026-05-01T11:00:00Z", at(13), true, "until 2026-05-01T13:00:00Z: the sale"},
		"in both, the annotation has no end":  {"tomorrow", at(13), true, `is "tomorrow", which is no time`},
		"in both, the spec is without a time": {"2026-05-01T13:00:00Z", &trafficv1alpha1.Hold{}, true, "until 2026-05-01T13:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &trafficv1alpha1.TrafficPolicy{}
			p.Spec.Hold = tc.spec
			if tc.value != "" {
				p.Annotations = map[string]string{names.HoldUntilAnnotation: tc.value}
			}
			if Held(p, noon) != tc.held {
				t.Errorf("held: %v", !tc.held)
			}
			if _, why, ordered := HoldOf(p); !strings.Contains(why, tc.says) || ordered != (tc.says != "") {
				t.Errorf("ordered %v: %s", ordered, why)
			}
		})
	}
}
