package decision

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Values of the label "result".
const (
	resultWritten = "written"
	resultSame    = "same"    // it says what the last one said
	resultMerged  = "merged"  // another decision about the template waited, and one of the two is written
	resultDropped = "dropped" // too many were waiting
	resultFailed  = "failed"  // the API server does not take it
	resultDeleted = "deleted"
)

var (
	records = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "seaway_decision_records_total",
		Help: "Decisions to be kept for people, by what became of them.",
	}, []string{"result"})
	waiting = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "seaway_decision_records_waiting",
		Help: "Decisions that wait to be written.",
	})
)

func init() {
	metrics.Registry.MustRegister(records, waiting)
}
