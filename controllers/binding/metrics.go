package binding

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// syncDuration has the name that users of Karmada graph already.
var syncDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "binding_sync_work_duration_seconds",
	Help:    "Time to render and write the Works of a binding that were not as they should be.",
	Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
}, []string{"result"})

func init() { metrics.Registry.MustRegister(syncDuration) }

// observe notes a round in which something was written or failed.
func (o *outcome) observe(began time.Time) {
	switch {
	case len(o.refused)+len(o.failed) > 0:
		syncDuration.WithLabelValues("error").Observe(time.Since(began).Seconds())
	case len(o.written) > 0:
		syncDuration.WithLabelValues("success").Observe(time.Since(began).Seconds())
	}
}
