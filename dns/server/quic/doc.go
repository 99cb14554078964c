// Package quic carries DNS messages over dedicated QUIC connections (RFC 9250): the handshake and its
// limits, streams with one query and its answers each, and the errors that end a stream or a
// connection. quic-go does QUIC itself; nobody else in the house knows it.
//
// The package knows no zones, answers nothing and counts nothing: it asks a [Service] for each
// connection and a [Session] for each query.
//
// Early data (0-RTT) is declined, since it may be replayed. Sessions may be resumed.
package quic
