package works

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// PatchConditions writes the conditions of a Work if mutate changes them, and returns the Work as
// the server then has it. The execution controller is their only writer, as the status controller is
// of the manifest statuses. So neither needs a lock against the other, and the two, which are often
// busy with the same Work at the same time, never end in a conflict. The patch names the Work's UID:
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
