package hub

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
)

func TestEventsAreBrief(t *testing.T) {
	events := record.NewFakeRecorder(10)
	r, long := brief{events}, strings.Repeat("x", 1<<20)
	r.Event(&corev1.Pod{}, "Normal", "R", long)
	r.Eventf(&corev1.Pod{}, "Normal", "R", "in %s", long)
	r.AnnotatedEventf(&corev1.Pod{}, nil, "Normal", "R", "in %s", long)
	r.Event(&corev1.Pod{}, "Normal", "R", "100% of it") // no format
	for range 3 {
		if said := <-events.Events; len(said) > 2*longestText || !strings.HasPrefix(said, "Normal R") {
			t.Errorf("%d bytes", len(said))
		}
	}
	if said := <-events.Events; said != "Normal R 100% of it" {
		t.Errorf("%q", said)
	}
}
