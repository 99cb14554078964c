package interpret

import (
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func reflectJob(obj *unstructured.Unstructured) (*runtime.RawExtension, error) {
	status, found, err := section[batchv1.JobStatus](obj, "status")
	if err != nil || !found {
		return nil, err
	}
	return raw(batchv1.JobStatus{
		Active:         status.Active,
		Succeeded:      status.Succeeded,
		Failed:         status.Failed,
		Conditions:     status.Conditions,
		StartTime:      status.StartTime,
		CompletionTime: status.CompletionTime,
	})
}

// aggregateJob makes one Job's status of many, within what the API server accepts of whoever runs a
// Job: counters of ended pods never sink, times never change, a Job ends with nothing active and
// after its FailureTarget or SuccessCriteriaMet, and an ended Job stays as it is.
func aggregateJob(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	before, _, err := section[batchv1.JobStatus](template, "status")
	if err != nil || jobEnded(before.Conditions) {
		return template, err
	}
	var jobs jobTotals
	if err := each(items, jobs.add); err != nil {
		return nil, err
	}
	after := before
	after.Active = jobs.active
	after.Succeeded = max(before.Succeeded, jobs.succeeded)
	after.Failed = max(before.Failed, jobs.failed)
	if before.StartTime == nil && len(items) > 0 && jobs.started == len(items) {
		after.StartTime = jobs.start
	}
	switch {
	case len(jobs.failedIn) > 0:
		after = jobs.fail(after)
	case len(items) > 0 && jobs.complete == len(items) && jobs.completion != nil:
		after = jobs.succeed(after)
	}
	return setStatus(template, map[string]any{
		"active":         after.Active,
		"succeeded":      after.Succeeded,
		"failed":         after.Failed,
		"startTime":      after.StartTime,
		"completionTime": after.CompletionTime,
		"conditions":     after.Conditions,
	})
}

// jobTotals is what the clusters' Jobs make together.
type jobTotals struct {
	active, succeeded, failed int32
	started, complete         int
	start, completion         *metav1.Time
	failedIn                  []string
	failedAt                  metav1.Time
}

func (t *jobTotals) add(cluster string, status *batchv1.JobStatus) {
	if status == nil {
		return
	}
	t.active += status.Active
	t.succeeded += status.Succeeded
	t.failed += status.Failed
	if status.StartTime != nil {
		t.started++
		if t.start == nil || status.StartTime.Before(t.start) {
			t.start = status.StartTime
		}
	}
	if c := jobCondition(status.Conditions, batchv1.JobFailed); c != nil {
		t.failedIn = append(t.failedIn, cluster)
		if t.failedAt.Before(&c.LastTransitionTime) {
			t.failedAt = c.LastTransitionTime
		}
	}
	if jobCondition(status.Conditions, batchv1.JobComplete) != nil && status.CompletionTime != nil {
		t.complete++
		if t.completion == nil || t.completion.Before(status.CompletionTime) {
			t.completion = status.CompletionTime
		}
	}
}

// fail marks the Job as failing as soon as it failed in one cluster, and as failed once nothing runs
// in any other.
func (t *jobTotals) fail(status batchv1.JobStatus) batchv1.JobStatus {
	slices.Sort(t.failedIn)
	message := fmt.Sprintf("Job failed in clusters %s", strings.Join(t.failedIn, ", "))
	status.Conditions = withJobCondition(status.Conditions, batchv1.JobFailureTarget, "JobFailed", message, t.failedAt)
	if status.StartTime == nil {
		status.StartTime = t.start
	}
	if t.active == 0 && status.StartTime != nil {
		status.Conditions = withJobCondition(status.Conditions, batchv1.JobFailed, "JobFailed", message, t.failedAt)
	}
	return status
}

func (t *jobTotals) succeed(status batchv1.JobStatus) batchv1.JobStatus {
	if t.active > 0 || jobCondition(status.Conditions, batchv1.JobFailureTarget) != nil {
		return status
	}
	if status.StartTime == nil {
		status.StartTime = t.start
	}
	if status.StartTime == nil || t.completion.Before(status.StartTime) {
		return status
	}
	const message = "Job completed in all clusters"
	status.CompletionTime = t.completion
	status.Conditions = withJobCondition(status.Conditions, batchv1.JobSuccessCriteriaMet, "CompletionsReached", message, *t.completion)
	status.Conditions = withJobCondition(status.Conditions, batchv1.JobComplete, "Completed", message, *t.completion)
	return status
}

func jobEnded(conditions []batchv1.JobCondition) bool {
	return jobCondition(conditions, batchv1.JobFailed) != nil || jobCondition(conditions, batchv1.JobComplete) != nil
}

// jobCondition returns the condition if it is true.
func jobCondition(conditions []batchv1.JobCondition, kind batchv1.JobConditionType) *batchv1.JobCondition {
	for i := range conditions {
		if conditions[i].Type == kind && conditions[i].Status == corev1.ConditionTrue {
			return &conditions[i]
		}
	}
	return nil
}

// withJobCondition adds a true condition, or leaves the one that is there.
func withJobCondition(conditions []batchv1.JobCondition, kind batchv1.JobConditionType, reason, message string, at metav1.Time) []batchv1.JobCondition {
	if jobCondition(conditions, kind) != nil {
		return conditions
	}
	others := slices.DeleteFunc(slices.Clone(conditions), func(c batchv1.JobCondition) bool { return c.Type == kind })
	return append(others, batchv1.JobCondition{
		Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message,
		LastProbeTime: at, LastTransitionTime: at,
	})
}

func aggregateCronJob(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	var active []corev1.ObjectReference
	var scheduled, successful *metav1.Time
	err := each(items, func(_ string, status *batchv1.CronJobStatus) {
		if status == nil {
			return
		}
		active = append(active, status.Active...)
		scheduled = newest(scheduled, status.LastScheduleTime)
		successful = newest(successful, status.LastSuccessfulTime)
	})
	if err != nil {
		return nil, err
	}
	return setStatus(template, map[string]any{
		"active":             active,
		"lastScheduleTime":   scheduled,
		"lastSuccessfulTime": successful,
	})
}

func newest(a, b *metav1.Time) *metav1.Time {
	if a == nil || (b != nil && a.Before(b)) {
		return b
	}
	return a
}
