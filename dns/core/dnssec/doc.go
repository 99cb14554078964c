// Package dnssec signs what a zone answers (RFC 4033 to 4035), denies what it does not have (compact
// denial of existence, RFC 9824), and decides when keys come and go (RFC 6781, RFC 7583).
//
// Signatures depend on nothing but the records, the key and a period: they are deterministic (RFC 6979,
// RFC 8032) and their validity begins and ends at moments that all servers agree on without talking, so
// that the servers of a zone answer alike.
//
// The package is pure. Keys are made, kept and handed out elsewhere, and who asks the parent for its DS
// records is not here either.
package dnssec
