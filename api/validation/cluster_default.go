package validation

import (
	"cmp"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// DefaultCluster fills in what a Cluster leaves out. A Cluster being created without
// resource models gets the default ones. Taints that evict get now as their time.
func DefaultCluster(c *clusterv1alpha1.Cluster, creating bool, now metav1.Time) {
	for i := range c.Spec.Taints {
		if t := &c.Spec.Taints[i]; t.Effect == corev1.TaintEffectNoExecute && t.TimeAdded == nil {
			t.TimeAdded = now.DeepCopy()
		}
	}
	if c.Spec.Zone != "" && len(c.Spec.Zones) == 0 {
		c.Spec.Zones = []string{c.Spec.Zone}
		c.Spec.Zone = ""
	}
	switch {
	case len(c.Spec.ResourceModels) > 0:
		closeModels(c.Spec.ResourceModels)
	case creating:
		c.Spec.ResourceModels = DefaultResourceModels()
	}
}

// closeModels sorts models by grade and makes them cover everything from 0 on.
func closeModels(models []clusterv1alpha1.ResourceModel) {
	slices.SortStableFunc(models, func(a, b clusterv1alpha1.ResourceModel) int { return cmp.Compare(a.Grade, b.Grade) })
	first, last := models[0].Ranges, models[len(models)-1].Ranges
	for i := range first {
		first[i].Min.Set(0)
	}
	for i := range last {
		last[i].Max = *resource.NewQuantity(math.MaxInt64, resource.DecimalSI)
	}
}

// The lower bounds of the default grades, in cores and GiB. A node belongs to the
// highest grade whose bounds it reaches; each grade ends where the next begins.
var (
	defaultCores    = []int64{0, 1, 2, 4, 8, 16, 32, 64, 128}
	defaultMemories = []int64{0, 4, 16, 32, 64, 128, 256, 512, 1024}
)

// DefaultResourceModels returns the nine grades of a Cluster that sets none.
func DefaultResourceModels() []clusterv1alpha1.ResourceModel {
	models := make([]clusterv1alpha1.ResourceModel, len(defaultCores))
	for i := range models {
		models[i] = clusterv1alpha1.ResourceModel{
			Grade: uint(i),
			Ranges: []clusterv1alpha1.ResourceModelRange{
				gradeRange(corev1.ResourceCPU, defaultCores, i, 1, resource.DecimalSI),
				gradeRange(corev1.ResourceMemory, defaultMemories, i, 1<<30, resource.BinarySI),
			},
		}
	}
	return models
}

func gradeRange(name corev1.ResourceName, bounds []int64, grade int, unit int64, format resource.Format) clusterv1alpha1.ResourceModelRange {
	r := clusterv1alpha1.ResourceModelRange{
		Name: name,
		Min:  *resource.NewQuantity(bounds[grade]*unit, format),
		Max:  *resource.NewQuantity(math.MaxInt64, format),
	}
	if grade+1 < len(bounds) {
		r.Max = *resource.NewQuantity(bounds[grade+1]*unit, format)
	}
	return r
}
