// Package placement decides which clusters run a template, and how many replicas each gets:
// filter, select under spread constraints, divide. Place is a pure function; capacity, exclusions,
// other workloads and what custom algorithms said are part of its input, and its Diagnosis says of
// every cluster why it is in or out. Steps tell a decision in sentences, Counterfactual what would have
// changed it, and InputHash whether two were made from the same facts.
//
// The package also says when a binding has to be placed again (Due), and which cluster changes
// concern it (Interest). It reads and writes nothing: that is controllers/scheduler. What the bounds of
// single nodes allow (selectors, tolerations, quotas) is not known here: better estimates bring it.
//
// # Spread constraints
//
// Constraints group clusters: each by itself (cluster), by provider, region or zone, or by the value
// of a label (spreadByLabel). All of them hold at once: of every grouping at least minGroups and at
// most maxGroups groups are used. A cluster in several zones counts for each of them, for the least
// and for the most alike. A cluster that is in no group of some constraint is out. A constraint by a
// field needs one by cluster beside it, as admission asks for; one by label does not.
//
// Clusters that are in the same groups form a cell. Sets of cells are searched that keep every
// constraint; one that does is not extended. The best uses the groups of the highest total score,
// then of the most clusters. Each cell of it gives its best cluster, and the best other clusters that
// add no group fill up to maxGroups by cluster. A cell's score is what it has room for, then the mean
// score of its clusters. With one grouping a cell is a group and the result is Karmada's for regions.
// The search is bounded and deterministic, see search. Present targets that keep every constraint, and
// have room, stay without one, unless the placement is made anew; only by region alone, where the
// result is Karmada's, they give way to regions with more room. See rivals.
//
// Under static weights constraints only filter, since the weights name the clusters.
//
// # Rest
//
// Placing a result again changes nothing. Most placements are their own result by the rules above: what
// is chosen scores higher from then on, and what is divided is whole. Where present targets helped to
// make a choice that leaves them, it is made again from there, see settle.
//
// # Trouble
//
// While a cluster is lost, nobody knows whether what it has still runs. So who has to give up replicas that
// are divided by room gives up those in lost clusters first, by their conditions: see trouble. Static
// weights and Duplicated name who gets what. Who moves a binding bounds its placement: see Bounds.
//
// # Components
//
// A workload of several components is placed in whole sets: in one cluster, where the policy has
// spreadByField cluster with minGroups and maxGroups 1, that has room for a set; or, Duplicated, a
// set in each cluster. Its targets have no replicas. One component is an ordinary workload.
//
// # Room
//
// Room is what the cluster's summary has free, less what is assumed, and never more than a better
// estimate. Where nodes are counted by grade each is taken for as small as its grade allows, assumed
// pods for equal ones spread evenly over the nodes, and sets are packed, the largest component first.
package placement
