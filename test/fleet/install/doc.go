// Package install puts Seaway on a fleet the way an administrator would on machines: definitions and
// roles on the hub, the aggregated API server and the controllers beside it, name servers on hosts of
// their own, and every member joined.
package install
