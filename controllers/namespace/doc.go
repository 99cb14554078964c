// Package namespace gives every cluster the namespaces of the hub, so that what is propagated into
// them has a place to land: one Work per namespace and cluster, without any policy. Namespaces of
// the system and those labelled to be skipped stay on the hub. A namespace that gets the label later
// stays where it is; one that is deleted is deleted in the clusters, where it is ours.
package namespace
