// Package verdict judges endpoints: [State] makes the verdict of this vantage point out of probe
// results and damps endpoints that flap, [Network] judges the vantage point itself, and [Peers] keeps
// what the other vantage points report, for as long as it counts, and puts all together by
// api/traffic/quorum.
//
// It is pure: time is an argument, and results come from whoever probes.
package verdict
