// Package demand measures what clients ask for: it reads the requests per second that every cluster
// receives from a Prometheus, for all TrafficPolicies that declare a capacity, with one query every ten
// seconds, and works out the demand of each client region (controllers/core/demand).
//
// Where to ask and what is said by whoever runs the process, never by an object: a tenant could have it
// send requests anywhere. Without a Prometheus nothing is known, and the planner spills nothing.
package demand
