// Package dataplane makes the simulated pods of one cluster real to a client. It runs as a process in
// the cluster's network namespace, watches the cluster's own API server and sees to it that
//
//   - every Ready pod answers HTTP on its address and container ports, saying who it is;
//   - every LoadBalancer Service has an address on the segment, in its status and on the uplink, and
//     every Service address forwards TCP to the Service's ready endpoints in turn.
//
// What should be there is computed by Desired, a pure function of the cluster's objects; the rest of
// the package brings it about. When the API server goes silent, what was last known stays in force.
// It is neither kube-proxy nor a cloud's load balancer: there is no UDP, no session affinity, and the
// client's address is not kept.
package dataplane
