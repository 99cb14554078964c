//go:build !linux

package server

import (
	"net"
	"syscall"
)

// Elsewhere than on Linux the server works well enough for development: an address has one UDP
// socket, and on hosts with several addresses each is to be named.

func defaultWorkers() int { return 1 }

func reusePort(_, _ string, _ syscall.RawConn) error { return nil }

func wantDestination(*net.UDPConn, bool) (int, error) { return 0, nil }

func source([]byte) []byte { return nil }

func missingFamily(error) bool { return false }
