// Package check probes the endpoints of all TrafficPlans, as a client would reach them, and turns
// the results into the verdicts of this vantage point with package verdict.
//
// Each endpoint has a goroutine of its own, which probes all its addresses at once, every interval,
// at a moment that is never quite the same. How many probes are under way at the same time is bounded,
// for each address and for all together. A plan that changes keeps what is known of the endpoints
// that it leaves as they are.
//
// While everything fails because this vantage point has lost its own network, nothing is reported
// against an endpoint.
//
// The package knows nothing of other vantage points and decides nothing about answers.
package check
