// Package evict decides when a template leaves a cluster because of a taint or because its application
// fails there, with what eviction task, and when such a task is done with. Where the template goes is
// placement's decision; clusters that are lost are package failover's, whose tasks are left alone here.
//
// The rules are Karmada's, with what makes them safe:
//
//   - the copy in a cluster that is left gracefully is not given up while it may be the last that runs,
//     however long that takes, unless a person says so (suppressDeletion: false, purgeMode: Directly);
//   - evictions for taints that follow from conditions stop when more clusters get them together than
//     may be lost together, while the hub itself seems cut off, and while a person holds the application;
//     the last counts for applications that fail as well. What a person taints is left at once.
package evict
