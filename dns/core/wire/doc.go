// Package wire is the byte form of DNS messages, as far as an authoritative server's hot path needs
// it: names as map keys, a strict parser for queries, resource record sets that were built once and
// are copied into answers, and the writer that puts an answer together. Nothing here allocates per
// query.
//
// It is not a DNS library: records are parsed and printed by miekg/dns while a zone is compiled,
// and the package knows nothing of zones or of what an answer should be.
package wire
