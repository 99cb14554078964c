// Package deschedule decides which replicas are taken back from clusters that do not run them: no node
// there takes their pods, and has not for long. Only the number of replicas is lowered; where they run
// instead is placement's decision, which sees a workload short of replicas and divides what is missing
// by the room that clusters have. How long is long, and how many pods hang, is asked by the caller.
//
// A replica that is ready stays. Nothing is taken while the placement is in motion: as long as replicas
// taken before have found no place, taking more would only remove pods that may still get a node.
package deschedule
