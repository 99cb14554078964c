package policies

import (
	"strings"
	"testing"
	"time"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestHoldOf(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		value string
		held  bool
		says  string
	}{
		"no hold":                        {"", false, ""},
		"until one o'clock":              {"2026-05-01T13:00:00Z", true, "until 2026-05-01T13:00:00Z"},
		"in another zone":                {"2026-05-01T13:30:00+02:00", false, "until 2026-05-01T11:30:00Z"},
		"over":                           {"2026-05-01T12:00:00Z", false, "until 2026-05-01T12:00:00Z"},
		"in words: held, and how to fix": {"tomorrow", true, `is "tomorrow", which is no time`},
	} {
		t.Run(name, func(t *testing.T) {
			p := &trafficv1alpha1.TrafficPolicy{}
			if tc.value != "" {
				p.Annotations = map[string]string{names.HoldUntilAnnotation: tc.value}
			}
			if Held(p, noon) != tc.held {
				t.Errorf("held: %v", !tc.held)
			}
			if _, why, ordered := HoldOf(p); !strings.Contains(why, tc.says) || ordered != (tc.value != "") {
				t.Errorf("ordered %v: %s", ordered, why)
			}
		})
	}
}
