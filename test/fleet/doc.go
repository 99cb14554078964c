// Package fleet starts real Kubernetes control planes as local processes, each cluster in a network
// namespace of its own on one bridge, and hands tests, the demo and the playground a handle on them:
// where they are, how to reach them, and how to break them.
//
// A fleet is a hub and some members. The hub is an API server with the few controllers a federation
// needs; a member is a whole cluster whose nodes are simulated by kwok, so that Deployments become
// Ready pods within a second and nothing has to be pulled or run. A small data plane in every member
// makes the pods real to a client: they answer HTTP with their name, and LoadBalancer Services have
// addresses that forward to them. All stores are in one etcd behind a unix socket, so that no cut
// network ever cuts a cluster from its store.
//
//	switch (10.77.0.1, where the test dials from; etcd runs here)
//	├── hub     10.77.0.2   kube-apiserver, kube-controller-manager
//	├── fra     10.77.1.1   kube-apiserver, kube-controller-manager, kube-scheduler, kwok, dataplane
//	├── …       10.77.N.1   its LoadBalancer addresses are 10.77.N.100 and up
//	└── client  10.77.0.10  extra hosts, made with AddHost
//
// It needs Linux and either root or unprivileged user namespaces; call EnsurePrivileges first thing in
// main or TestMain. The Kubernetes binaries come from package binaries. What runs on a fleet (CRDs,
// controllers, DNS servers, applications) is put there by its user.
package fleet
