// Package quorum is the one rule by which the verdicts of several vantage points become one. It
// stands beside the API because the planner and every DNS server must come to the same result from
// the same EndpointHealth objects, and neither may import the other.
package quorum

import trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"

// Decide returns the verdict that a majority of the fresh vantage points support, given the
// verdicts of all fresh vantage points on one endpoint:
//
//   - Unhealthy when more than half of those that have an opinion say so (one of one, two of two,
//     two of three);
//   - Unknown when none has an opinion;
//   - Healthy otherwise: in doubt an endpoint keeps its requests.
//
// A vantage point whose report is not fresh must be left out by the caller: silence is no vote.
func Decide(verdicts []trafficv1alpha1.Verdict) trafficv1alpha1.Verdict {
	var healthy, unhealthy int
	for _, v := range verdicts {
		switch v {
		case trafficv1alpha1.VerdictHealthy:
			healthy++
		case trafficv1alpha1.VerdictUnhealthy:
			unhealthy++
		}
	}
	switch {
	case healthy+unhealthy == 0:
		return trafficv1alpha1.VerdictUnknown
	case unhealthy > healthy:
		return trafficv1alpha1.VerdictUnhealthy
	default:
		return trafficv1alpha1.VerdictHealthy
	}
}
