// Package zone compiles API objects (Zones, TrafficPlans, RegionMaps) into a [Snapshot]: an
// immutable table of names with every record set already in wire form. It is what the DNS server
// answers from, and the only thing it answers from.
//
// [Compile] is total. Any set of objects gives a snapshot and a list of [Problem]s that name the
// object and the field; what is wrong is left out, and never takes anything else with it. Where two
// objects want the same, age decides: the older Zone, the older plan. What is never left to a user's
// records is what the zone itself stands on: its SOA, its NS set, and the addresses of its own name
// servers. Next come the host names of TrafficPlans, then static records.
//
// Compile is deterministic: the same input gives the same bytes, on every server. What has not changed
// is taken over from the snapshot before, so that a change of a few plans costs what it touches and not
// what there is; what comes of it is what would have been made from scratch.
package zone
