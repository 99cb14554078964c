package aggregate

import (
	"fmt"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// roomOfAnObject is how many bytes of manifests and statuses one object on the hub holds. An API server
// stores about 1.5 MB in one object, of which its own bookkeeping takes a part; a status that does not
// fit would keep all that is written together with it from being stored.
const roomOfAnObject = 1 << 20

// Fit leaves out the largest statuses of a Work until the Work can be stored, and says which in the
// error. Their health stays.
func Fit(work *workv1alpha1.Work, statuses []workv1alpha1.ManifestStatus) error {
	sizes := make([]int, len(statuses))
	for i := range statuses {
		if statuses[i].Status != nil {
			sizes[i] = len(statuses[i].Status.Raw)
		}
	}
	room := roomOfAnObject
	for _, m := range work.Spec.Workload.Manifests {
		room -= len(m.Raw)
	}
	var err error
	for _, i := range surplus(sizes, room) {
		statuses[i].Status = nil
		id := statuses[i].Identifier
		err = fmt.Errorf("the status of %s %s has %d bytes and is not brought home: a Work and its status have room for %d",
			id.Kind, id.Name, sizes[i], roomOfAnObject)
	}
	return err
}

// FitItems leaves out the largest statuses of a binding until the binding can be stored, and says of
// which cluster in the error. Whether the object is applied, and its health, stay.
func FitItems(items []workv1alpha2.AggregatedStatusItem) error {
	sizes, room := make([]int, len(items)), roomOfAnObject
	for i := range items {
		room -= len(items[i].AppliedMessage) // stays, for it says what is wrong
		if items[i].Status != nil {
			sizes[i] = len(items[i].Status.Raw)
		}
	}
	left := surplus(sizes, room)
	if len(left) == 0 {
		return nil
	}
	for _, i := range left {
		items[i].Status = nil
	}
	return fmt.Errorf("the statuses of all clusters have more than %d bytes together; those of %d clusters are left out, %s among them",
		roomOfAnObject, len(left), items[left[0]].ClusterName)
}

// surplus returns the largest of the sizes, without which the rest fits into the room.
func surplus(sizes []int, room int) []int {
	sum := 0
	for _, size := range sizes {
		sum += size
	}
	var left []int
	gone := make([]bool, len(sizes))
	for sum > max(0, room) {
		largest := -1
		for i, size := range sizes {
			if !gone[i] && (largest < 0 || size > sizes[largest]) {
				largest = i
			}
		}
		gone[largest] = true
		sum -= sizes[largest]
		left = append(left, largest)
	}
	return left
}
