// Package placement decides which clusters run a template, and how many replicas each gets:
// filter, select under spread constraints, divide. Place is a pure function; capacity and
// exclusions are part of its input, and its Diagnosis says of every cluster why it is in or out.
//
// The package also says when a binding has to be placed again (Due), and which cluster changes
// concern it (Concerns). It reads and writes nothing: that is controllers/scheduler.
//
// Spread constraints by provider or zone alone and by label, workload affinity and workloads of
// several components are refused with an error that names the field.
package placement
