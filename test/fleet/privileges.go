//go:build linux

package fleet

import "github.com/seaway-io/seaway/test/fleet/netspace"

// EnsurePrivileges makes sure that the program may create network namespaces. Without root it starts
// the program again in a user namespace of its own, waits, and exits with its code. To be called first
// thing in main or TestMain. The error says what is missing.
func EnsurePrivileges() error { return netspace.EnsurePrivileges(runDir) }
