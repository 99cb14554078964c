//go:build !linux

package server

import (
	"net"
	"syscall"
)

// Elsewhere than on Linux the server works for development: one UDP socket for an address is all
// that is opened (Options.Workers must be 1), and on hosts with several addresses each is to be
// named.

func reusePort(_, _ string, _ syscall.RawConn) error { return nil }

func wantDestination(*net.UDPConn, bool) (int, error) { return 0, nil }

func source([]byte) []byte { return nil }

func missingFamily(error) bool { return false }
