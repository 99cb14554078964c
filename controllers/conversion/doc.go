// Package conversion serves the bindings of work.karmada.io in both versions of their API, v1alpha1
// and v1alpha2: the hub's API server stores v1alpha2 and asks here for the other.
//
// Review answers one question of the API server and knows nobody, Handler serves it over HTTP, and
// Announce tells the API server where to ask. How a binding looks in the other version, and what is
// lost on the way, is for api/work/conversion.
package conversion
