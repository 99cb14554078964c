// Package tsig signs and checks DNS messages with shared keys (TSIG, RFC 8945): requests, answers of
// one message, and answers that are a stream of messages.
//
// Keys stand in Secrets of the hub. A [Ring] remembers them, so that one who guesses signatures does
// not make the hub work, and what is signed goes on while the hub is away. Nothing is written to disk.
package tsig
