//go:build !linux

package datagram

import (
	"net"
	"syscall"
)

// Elsewhere than on Linux this works well enough for development: an address has one socket, and on
// hosts with several addresses each is to be named.

// Shares reports whether several sockets can share an address.
const Shares = false

func reusePort(_, _ string, _ syscall.RawConn) error { return nil }

func wantDestination(*net.UDPConn, bool) (int, error) { return 0, nil }

func source([]byte) []byte { return nil }

func newBatched(*net.UDPConn, Options, int) (Socket, bool) { return nil, false }
