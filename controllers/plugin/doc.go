// Package plugin asks the custom placement algorithms of users for their opinion on the clusters:
// PlacementPlugins, as expressions or at an HTTP endpoint, and those that are compiled in.
//
// All that select a binding are asked at the same time, under a deadline. One that fails, is too slow,
// or has done so several times in a row is passed over: the decision is made without it, says so, and
// so does the status of the plugin. What an algorithm is asked and what its answer means is decided in
// controllers/core/plugin; where its opinions count, in controllers/core/placement.
package plugin
