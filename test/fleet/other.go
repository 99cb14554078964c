//go:build !linux

package fleet

import (
	"context"
	"errors"
	"runtime"
)

var errUnsupported = errors.New("a fleet needs Linux (network namespaces); this is " + runtime.GOOS)

// Fleet cannot be had on this system.
type Fleet struct{}

// EnsurePrivileges reports that a fleet cannot be had on this system.
func EnsurePrivileges() error { return errUnsupported }

// Start reports that a fleet cannot be had on this system.
func Start(context.Context, Options) (*Fleet, error) { return nil, errUnsupported }
