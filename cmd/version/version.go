// Package version knows which build this is.
package version

import "runtime/debug"

// version is set by the linker.
var version string

// Version is the release, or the commit of a build from source, or "devel".
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "devel"
}
