package estimate

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/seaway-io/seaway/controllers/estimate/wire"
)

// Metrics have the names that users of Karmada already graph.
var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "karmada_scheduler_estimator_estimating_request_total",
		Help: "Questions about one member's capacity, by result and type.",
	}, []string{"result", "type"})

	duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "karmada_scheduler_estimator_estimating_algorithm_duration_seconds",
		Help:    "Time to answer a question about one member's capacity.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 10),
	}, []string{"result", "type", "step"})

	register sync.Once
)

func registerMetrics() {
	register.Do(func() { metrics.Registry.MustRegister(requests, duration) })
}

// meter counts the answers to one type of question.
type meter struct {
	success, failure prometheus.Counter
	successes, fails prometheus.Observer
}

func newMeter(question string) meter {
	return meter{
		requests.WithLabelValues("success", question), requests.WithLabelValues("error", question),
		duration.WithLabelValues("success", question, "Total"), duration.WithLabelValues("error", question, "Total"),
	}
}

var (
	replicasMeter      = newMeter(wire.MaxAvailableReplicas)
	setsMeter          = newMeter(wire.MaxAvailableComponentSets)
	unschedulableMeter = newMeter(wire.GetUnschedulableReplicas)
)

func (m *meter) observe(took time.Duration, ok bool) {
	if ok {
		m.success.Inc()
		m.successes.Observe(took.Seconds())
		return
	}
	m.failure.Inc()
	m.fails.Observe(took.Seconds())
}
