// Package verdict judges endpoints: [State] makes the verdict of this vantage point out of probe
// results, and [Peers] keeps what the other vantage points report, for as long as it counts, and
// puts both together by api/traffic/quorum.
//
// It is pure: time is an argument, and results come from whoever probes.
package verdict
