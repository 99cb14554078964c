package estimate

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func notScheduled(reason string, since time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: reason, LastTransitionTime: metav1.NewTime(since)}}
	}
}

func unschedulable(since time.Time) func(*corev1.Pod) {
	return notScheduled(corev1.PodReasonUnschedulable, since)
}

func gated(p *corev1.Pod) { notScheduled(corev1.PodReasonSchedulingGated, noon)(p) }

func ownedBy(apiVersion, kind, name string, created time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.CreationTimestamp = metav1.NewTime(created)
		p.OwnerReferences = append(p.OwnerReferences, metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, UID: types.UID("uid-" + name), Controller: ptr.To(true)})
	}
}

func ofSet(deployment, hash string, created time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		ownedBy("apps/v1", "ReplicaSet", deployment+"-"+hash, created)(p)
		p.Labels = map[string]string{hashLabel: hash}
	}
}

func TestUnschedulable(t *testing.T) {
	web := workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	db := workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "shop", Name: "db"}
	long, short := noon.Add(-6*time.Minute), noon.Add(-time.Minute)
	for name, tc := range map[string]struct {
		pods []any
		of   workv1alpha2.ObjectReference
		want int32
	}{
		"none": {nil, web, 0},
		"those that wait long enough": {[]any{
			aPod("1", "", "", ofSet("web", "h1", long), unschedulable(long)),
			aPod("2", "", "", ofSet("web", "h1", long), unschedulable(long)),
			aPod("3", "", "", ofSet("web", "h1", long), unschedulable(short)),
			aPod("4", "", "", ofSet("web", "h1", long)),
		}, web, 2},
		"exactly the time is not longer":         {[]any{aPod("1", "", "", ofSet("web", "h1", long), unschedulable(noon.Add(-5*time.Minute)))}, web, 0},
		"a member whose clock runs ahead":        {[]any{aPod("1", "", "", ofSet("web", "h1", long), unschedulable(noon.Add(time.Hour)))}, web, 0},
		"another Deployment with a longer name":  {[]any{aPod("1", "", "", ofSet("web-api", "h1", long), unschedulable(long))}, web, 0},
		"a ReplicaSet that is nobody's":          {[]any{aPod("1", "", "", ownedBy("apps/v1", "ReplicaSet", "web", long), unschedulable(long))}, web, 0},
		"a pod that has a node":                  {[]any{aPod("1", "n", "", ofSet("web", "h1", long), unschedulable(long))}, web, 0},
		"a pod that is being deleted":            {[]any{aPod("1", "", "", ofSet("web", "h1", long), unschedulable(long), func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: noon} })}, web, 0},
		"behind a gate":                          {[]any{aPod("1", "", "", ofSet("web", "h1", long), notScheduled(corev1.PodReasonSchedulingGated, long))}, web, 0},
		"of a rollout, those of the new version": {[]any{aPod("1", "", "", ofSet("web", "h1", long), unschedulable(long)), aPod("2", "", "", ofSet("web", "h1", long), unschedulable(long)), aPod("3", "", "", ofSet("web", "h2", short), unschedulable(long))}, web, 1},
		"another kind owns its pods itself":      {[]any{aPod("1", "", "", ownedBy("apps/v1", "StatefulSet", "db", long), unschedulable(long))}, db, 1},
		"another version of the kind":            {[]any{aPod("1", "", "", ownedBy("apps/v1beta1", "StatefulSet", "db", long), unschedulable(long))}, db, 1},
		"another group of the kind":              {[]any{aPod("1", "", "", ownedBy("example.com/v1", "StatefulSet", "db", long), unschedulable(long))}, db, 0},
		"another namespace":                      {[]any{aPod("1", "", "", ownedBy("apps/v1", "StatefulSet", "db", long), unschedulable(long), func(p *corev1.Pod) { p.Namespace = "bank" })}, db, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := aCluster(t, tc.pods...).Unschedulable(tc.of, noon, 5*time.Minute); got != tc.want {
				t.Errorf("%d unschedulable, want %d", got, tc.want)
			}
		})
	}
}
