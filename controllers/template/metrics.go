package template

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Values of the label "result".
const (
	resultSuccess = "success"
	resultError   = "error"
)

var (
	matchDuration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "resource_match_policy_duration_seconds",
		Help:    "Time to find the policy that owns a template.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2, 14),
	})
	applyDuration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "resource_apply_policy_duration_seconds",
		Help:    "Time to apply a policy to a template, marks and binding written.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 12),
	})
	applyAttempts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "policy_apply_attempts_total",
		Help: "Attempts to apply a policy to a template that changed.",
	}, []string{"result"})
	preemptions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "policy_preemption_total",
		Help: "Attempts of a policy to take a template from another.",
	}, []string{"result"})
)

func init() {
	metrics.Registry.MustRegister(matchDuration, applyDuration, applyAttempts, preemptions)
}
