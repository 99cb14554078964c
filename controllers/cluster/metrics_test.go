package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

func TestMetricsComeAndGoWithACluster(t *testing.T) {
	c := newCluster()
	c.Status.Conditions = ready(metav1.ConditionTrue)
	c.Status.NodeSummary = &clusterv1alpha1.NodeSummary{TotalNum: 3, ReadyNum: 2}
	c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{
		Allocatable: corev1.ResourceList{"cpu": resource.MustParse("3900m"), "memory": resource.MustParse("1Ki"), "pods": resource.MustParse("110")},
		Allocated:   corev1.ResourceList{"cpu": resource.MustParse("500m"), "pods": resource.MustParse("7")},
	}
	recordMetrics(c)
	var got []float64
	for _, g := range gauges {
		got = append(got, testutil.ToFloat64(g.WithLabelValues(c.Name)))
	}
	if diff := cmp.Diff([]float64{1, 3, 2, 1024, 3.9, 110, 0, 0.5, 7}, got); diff != "" {
		t.Error(diff)
	}
	dropMetrics(c.Name)
	for _, g := range gauges {
		if n := testutil.CollectAndCount(g); n != 0 {
			t.Errorf("%d series left", n)
		}
	}
}
