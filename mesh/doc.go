// Package mesh is where the mesh controller lives: from TrafficPlans, exported services and
// clusters to the Istio objects of every member. Its decisions will stand in mesh/core/plan and
// mesh/core/trust, its writes in mesh/apply, as in the other areas.
//
// Nothing is built here yet; the README says so too. North-south traffic is steered by DNS alone.
package mesh
