// Package plugin is what custom placement algorithms decide: expressions of users, compiled and
// evaluated; what an endpoint is asked and what its answer means; and whether an algorithm that failed
// is asked again. It calls no endpoint, and knows neither time nor objects but those it is given.
//
// Expressions are CEL. What they may do is bounded three times: by what can be written at all (no
// function whose result is much larger than its arguments), by a cost for each cluster, and by a cost
// for each decision. An evaluation depends on nothing but the cluster and the binding.
//
// An algorithm's answer is all or nothing. When an expression fails for one cluster, the whole plugin
// is passed over for that decision: were only that cluster without an opinion, a filter would send
// everything to exactly the cluster that it could not judge.
package plugin
