// Package names holds every name that Seaway and its clients agree on: labels,
// annotations, finalizers, taint keys, namespaces, event reasons, and the rules
// that derive the names of objects. It computes; it reads and writes nothing.
//
// The values are part of the wire contract. A change of one breaks clients and
// objects already stored.
package names
