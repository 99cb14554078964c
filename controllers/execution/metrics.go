package execution

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// The names are those that users of Karmada graph already.
var (
	syncDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "work_sync_workload_duration_seconds",
		Help:    "Time to bring a Work that was not as it should be into its member.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
	}, []string{"result"})
	operations = map[string]*prometheus.CounterVec{
		"create": counter("create_resource_to_cluster", "Objects created in members."),
		"update": counter("update_resource_to_cluster", "Objects changed in members."),
		"delete": counter("delete_resource_from_cluster", "Objects deleted from members."),
	}
)

func counter(name, help string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"result", "apiversion", "kind", "member_cluster"})
}

func init() {
	metrics.Registry.MustRegister(syncDuration)
	for _, c := range operations {
		metrics.Registry.MustRegister(c)
	}
}

func outcome(failed bool) string {
	if failed {
		return "error"
	}
	return "success"
}

func observe(began time.Time, failed bool) {
	syncDuration.WithLabelValues(outcome(failed)).Observe(time.Since(began).Seconds())
}

// count notes a write in a member.
func (a *application) count(verb string, obj *unstructured.Unstructured, err error) {
	operations[verb].WithLabelValues(outcome(err != nil), obj.GetAPIVersion(), obj.GetKind(), a.cluster).Inc()
}
