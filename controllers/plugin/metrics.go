package plugin

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

const subsystem = "seaway_placement_plugin"

// Results of a question.
const (
	resultAnswered   = "answered"
	resultFailed     = "failed"
	resultSlow       = "slow"
	resultPassedOver = "passed_over" // not asked
)

var (
	questions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Subsystem: subsystem, Name: "questions_total",
		Help: "Decisions that a placement plugin was to advise, by what came of it.",
	}, []string{"plugin", "result"})
	duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Subsystem: subsystem, Name: "duration_seconds",
		Help:    "Time that a decision waited for a placement plugin that it asked.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2, 12),
	}, []string{"plugin"})
	ready = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Subsystem: subsystem, Name: "ready",
		Help: "Whether the condition Ready of a placement plugin is true.",
	}, []string{"plugin"})
)

func init() { metrics.Registry.MustRegister(questions, duration, ready) }

// forget drops what is counted of a plugin that is gone.
func forget(name string) {
	labels := prometheus.Labels{"plugin": name}
	questions.DeletePartialMatch(labels)
	duration.DeletePartialMatch(labels)
	ready.DeletePartialMatch(labels)
}
