// Package engine is what a DNS server serves at this moment. It joins three things that change each
// at their own pace, objects from the hub, verdicts of the server's own probes and reports of the
// other vantage points, into the snapshot that the sockets answer from.
//
// Objects are compiled aside and published with one atomic store. A verdict is published into the
// plan it belongs to, with one atomic store as well, and never waits for a compilation. Readers take
// no lock.
//
// The package knows neither Kubernetes nor sockets.
package engine
