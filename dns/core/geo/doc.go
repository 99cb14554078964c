// Package geo answers one question for the DNS server: to which client region does this address
// belong, and for how wide a network around it is the answer the same?
//
// It works in three steps, each done as seldom as possible.
//
//   - A [Source] is a geo database in memory: disjoint networks and the [Location] of each.
//     Package geodb reads it from files; [Overlay] lays several over one another.
//   - [Compile] places every distinct Location on the globe, once for each database load.
//   - [Places.Regions] decides for one list of regions (those that one application can be
//     answered from) which region each location belongs to, and flattens the result into a
//     [Table], a longest-prefix table of regions and not of places: neighbouring networks with
//     the same answer are one.
//
// [Table.Lookup] then costs a few memory reads and no allocation. The scope that it returns is the
// shortest prefix around the address within which every address has the same answer, as RFC 7871
// wants it for the scope of an answer: shorter would be wrong, longer would split caches for
// nothing.
//
// The package is pure. It opens no file, and the same input gives the same table on every machine.
package geo
