package scheduler

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

const subsystem = "karmada_scheduler"

var (
	attempts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Subsystem: subsystem, Name: "schedule_attempts_total",
		Help: "Attempts to place a binding, by result and cause.",
	}, []string{"result", "schedule_type"})
	duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Subsystem: subsystem, Name: "e2e_scheduling_duration_seconds",
		Help:    "Time to place a binding, everything written.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
	}, []string{"result", "schedule_type"})
	algorithm = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Subsystem: subsystem, Name: "scheduling_algorithm_duration_seconds",
		Help:    "Time to decide on a placement.",
		Buckets: prometheus.ExponentialBuckets(0.00001, 2, 15),
	}, []string{"schedule_step"})
	incoming = prometheus.NewCounterVec(prometheus.CounterOpts{
		Subsystem: subsystem, Name: "queue_incoming_bindings_total",
		Help: "Bindings queued, by the event that did it.",
	}, []string{"event"})
)

func init() {
	metrics.Registry.MustRegister(attempts, duration, algorithm, incoming)
}
