package cluster

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// memberLabel is the label of every metric about a member.
const memberLabel = "member_cluster"

func gauge(name, help string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{memberLabel})
}

var (
	readyState        = gauge("cluster_ready_state", "1 if the cluster is ready, else 0.")
	nodeNumber        = gauge("cluster_node_number", "Nodes of the cluster.")
	readyNodeNumber   = gauge("cluster_ready_node_number", "Ready nodes of the cluster.")
	memoryAllocatable = gauge("cluster_memory_allocatable_bytes", "Memory the cluster's nodes offer, in bytes.")
	cpuAllocatable    = gauge("cluster_cpu_allocatable_number", "CPU the cluster's nodes offer, in cores.")
	podAllocatable    = gauge("cluster_pod_allocatable_number", "Pods the cluster's nodes take.")
	memoryAllocated   = gauge("cluster_memory_allocated_bytes", "Memory the cluster's pods ask for, in bytes.")
	cpuAllocated      = gauge("cluster_cpu_allocated_number", "CPU the cluster's pods ask for, in cores.")
	podAllocated      = gauge("cluster_pod_allocated_number", "Pods on the cluster's nodes.")

	gauges = []*prometheus.GaugeVec{
		readyState, nodeNumber, readyNodeNumber,
		memoryAllocatable, cpuAllocatable, podAllocatable,
		memoryAllocated, cpuAllocated, podAllocated,
	}

	syncDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "cluster_sync_status_duration_seconds",
		Help:    "Time to bring a cluster's status up to date after a probe.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
	}, []string{memberLabel})

	register sync.Once
)

func registerMetrics() {
	register.Do(func() {
		for _, g := range gauges {
			metrics.Registry.MustRegister(g)
		}
		metrics.Registry.MustRegister(syncDuration)
	})
}

func recordMetrics(c *clusterv1alpha1.Cluster) {
	set := func(g *prometheus.GaugeVec, value float64) { g.WithLabelValues(c.Name).Set(value) }
	state := 0.0
	if readyStatus(c) == metav1.ConditionTrue {
		state = 1
	}
	set(readyState, state)
	if n := c.Status.NodeSummary; n != nil {
		set(nodeNumber, float64(n.TotalNum))
		set(readyNodeNumber, float64(n.ReadyNum))
	}
	if s := c.Status.ResourceSummary; s != nil {
		set(memoryAllocatable, s.Allocatable.Memory().AsApproximateFloat64())
		set(cpuAllocatable, s.Allocatable.Cpu().AsApproximateFloat64())
		set(podAllocatable, s.Allocatable.Pods().AsApproximateFloat64())
		set(memoryAllocated, s.Allocated.Memory().AsApproximateFloat64())
		set(cpuAllocated, s.Allocated.Cpu().AsApproximateFloat64())
		set(podAllocated, s.Allocated.Pods().AsApproximateFloat64())
	}
}

func observeSync(cluster string, d time.Duration) {
	syncDuration.WithLabelValues(cluster).Observe(d.Seconds())
}

// dropMetrics forgets a cluster that is gone.
func dropMetrics(cluster string) {
	for _, g := range gauges {
		g.DeleteLabelValues(cluster)
	}
	syncDuration.DeleteLabelValues(cluster)
}
