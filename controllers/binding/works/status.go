package works

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/aggregate"
)

// PatchConditions writes the conditions of a Work if mutate changes them, and returns the Work as
// the server then has it. The execution controller is their only writer, as the status controller is
// of the manifest statuses. So neither needs a lock against the other, and the two, which are often
// busy with the same Work at the same time, never end in a conflict (PatchBoth is the one exception). The patch names the Work's UID:
// it never reaches another Work of the same name.
func PatchConditions(ctx context.Context, c client.Client, work *workv1alpha1.Work, mutate func(*workv1alpha1.Work)) (after *workv1alpha1.Work, changed bool, err error) {
	after = work.DeepCopy()
	mutate(after)
	if equality.Semantic.DeepEqual(work.Status.Conditions, after.Status.Conditions) {
		return work, false, nil
	}
	return patchStatus(ctx, c, after, map[string]any{"conditions": after.Status.Conditions})
}

// PatchManifestStatuses writes the manifest statuses of a Work: see PatchConditions.
func PatchManifestStatuses(ctx context.Context, c client.Client, work *workv1alpha1.Work, statuses []workv1alpha1.ManifestStatus) (after *workv1alpha1.Work, changed bool, err error) {
	return patchStatus(ctx, c, work.DeepCopy(), map[string]any{"manifestStatuses": statuses})
}

// PatchBoth is PatchConditions that, when the conditions change, also writes the manifest statuses: one
// write instead of two for what is known at the same time. Should the status controller have written in
// between, it ends in a conflict.
func PatchBoth(ctx context.Context, c client.Client, work *workv1alpha1.Work, mutate func(*workv1alpha1.Work), statuses []workv1alpha1.ManifestStatus) (after *workv1alpha1.Work, changed bool, err error) {
	after = work.DeepCopy()
	mutate(after)
	if equality.Semantic.DeepEqual(work.Status.Conditions, after.Status.Conditions) {
		return work, false, nil
	}
	data, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": work.UID, "resourceVersion": work.ResourceVersion},
		"status":   map[string]any{"conditions": after.Status.Conditions, "manifestStatuses": statuses},
	})
	if err != nil {
		return nil, false, fmt.Errorf("encode status: %w", err)
	}
	if err := c.Status().Patch(ctx, after, client.RawPatch(types.MergePatchType, data)); err != nil {
		return nil, false, fmt.Errorf("patch status of Work %s: %w", client.ObjectKeyFromObject(work), err)
	}
	return after, true, nil
}

// TellReflected records events when there is something new to know of the objects of a Work: a first
// status, another health. Every change of a counter would be too many. work is as it was before.
func TellReflected(recorder record.EventRecorder, work *workv1alpha1.Work, statuses []workv1alpha1.ManifestStatus) {
	for i := range statuses {
		status := &statuses[i]
		what := status.Identifier.Kind + " " + status.Identifier.Name
		before := aggregate.Last(work, status.Identifier.Ordinal)
		if before == nil {
			recorder.Eventf(work, "Normal", names.EventReasonReflectStatusSucceed, "Reflected the status of %s", what)
		}
		if status.Health != workv1alpha1.ResourceUnknown && (before == nil || before.Health != status.Health) {
			recorder.Eventf(work, "Normal", names.EventReasonInterpretHealthSucceed, "%s is %s", what, status.Health)
		}
	}
}

func patchStatus(ctx context.Context, c client.Client, work *workv1alpha1.Work, status map[string]any) (*workv1alpha1.Work, bool, error) {
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": work.UID}, "status": status})
	if err != nil {
		return nil, false, fmt.Errorf("encode status: %w", err)
	}
	if err := c.Status().Patch(ctx, work, client.RawPatch(types.MergePatchType, data)); err != nil {
		return nil, false, fmt.Errorf("patch status of Work %s: %w", client.ObjectKeyFromObject(work), err)
	}
	return work, true, nil
}
