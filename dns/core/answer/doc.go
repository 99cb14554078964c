// Package answer turns a query into an answer: bytes in, bytes out, from one zone.Snapshot, for every
// transport alike. It decides what an authoritative server says (RFC 1034, 2308, 4592, 6891, 7871,
// 8020, 8482); which cluster a client gets is package steer's decision, and the bytes are package
// wire's.
//
// [Worker.Answer] allocates nothing and takes no lock. [Explain] asks the same code and says why.
package answer
