// Package feed brings objects from the hub to the DNS server and its reports back, and keeps the
// server alive without the hub. It is the only package of dns/ that knows Kubernetes.
//
// # It does not go back
//
// What the server holds is replaced by something newer at once, and by something older or by nothing
// only after a second look: the rules are those of dns/core/held.
//
// So an API server that answers with an old state, or with an empty one after its store was lost,
// changes nothing for half a minute, in which it is mostly mended; real deletions that happened
// while the server was cut off take effect half a minute late; and a hub that was restored from a
// backup on purpose is followed.
//
// Reports of other vantage points are not held like that: they carry their own time.
//
// # It does not need the hub
//
// What is held is written to disk on every change and read at start, before and without the hub.
// When the hub does not answer for more than three seconds, the reports of other vantage points are
// taken to be silent, and the server goes by its own verdicts.
package feed
