package verdict

import "time"

// Network tells endpoints that die from a vantage point that has lost its own network. It is fed by
// all probes of the vantage point and is not safe for concurrent use.
//
// The vantage point is cut off when, at the moment in which a healthy endpoint is about to fall,
// healthy endpoints of at least two clusters have begun to fail and nothing at all has answered
// since; one cluster is enough when the vantage point has also lost its default route. The first
// answer ends it, as does [MostDoubt] while the hub is heard: it may be that everything has died at
// once, and somebody must be told in the end.
//
// While it lasts nothing that failed since is held against an endpoint, and what was known before
// stays what is known. Afterwards runs of failures begin anew.
type Network struct {
	answered time.Time         // when the newest round began that was answered
	failing  map[Key]time.Time // when the first bad round ended, of endpoints that were healthy, since then
	clusters map[string]int    // how many of them are in each cluster
	cutOff   time.Time         // zero: not
	back     time.Time         // when the round began that ended it the last time
	spent    bool              // the doubt was given and is used up until something answers
}

// NewNetwork returns a vantage point of which nothing is known.
func NewNetwork() *Network {
	return &Network{failing: map[Key]time.Time{}, clusters: map[string]int{}}
}

// leastClusters is how many clusters fail together only if it is not their fault.
const leastClusters = 2

// MostDoubt is how long a vantage point that hears the hub takes it that all endpoints fail because
// it is cut off.
const MostDoubt = 2 * time.Minute

// Answered takes note that a round of probes that began then was answered, and reports whether that
// ends being cut off.
func (n *Network) Answered(began time.Time) (over bool) {
	if began.After(n.answered) {
		n.answered = began
	}
	// What had failed before others still answered has failed by itself.
	for key, ended := range n.failing {
		if ended.Before(n.answered) {
			n.Forget(key)
		}
	}
	n.spent = false
	if n.cutOff.IsZero() {
		return false
	}
	n.cutOff, n.back = time.Time{}, began
	return true
}

// Failed takes note of the first bad round of an endpoint that is healthy, and reports whether it is
// time to hear other endpoints: of several clusters none answers any more.
func (n *Network) Failed(key Key, ended time.Time) (doubt bool) {
	if ended.Before(n.answered) {
		return false
	}
	n.Forget(key)
	before := len(n.clusters)
	n.failing[key] = ended
	n.clusters[key.Cluster]++
	return before < leastClusters && len(n.clusters) >= leastClusters
}

// Forget drops an endpoint that is not probed any more.
func (n *Network) Forget(key Key) {
	if _, ok := n.failing[key]; !ok {
		return
	}
	delete(n.failing, key)
	if n.clusters[key.Cluster]--; n.clusters[key.Cluster] == 0 {
		delete(n.clusters, key.Cluster)
	}
}

// Fall judges the vantage point when an endpoint is about to fall, and reports whether it is cut off
// from now on. routed says whether there is a way out at all.
func (n *Network) Fall(now time.Time, routed bool) (cutOff bool) {
	clusters := len(n.clusters)
	if !n.cutOff.IsZero() || n.spent || clusters < leastClusters && (routed || clusters == 0) {
		return false
	}
	n.cutOff = now
	return true
}

// Expire ends the doubt when its time is over, and reports whether it does. heard says whether the
// hub is in reach.
func (n *Network) Expire(now time.Time, heard bool) (over bool) {
	if n.cutOff.IsZero() || !heard || now.Sub(n.cutOff) < MostDoubt {
		return false
	}
	n.cutOff, n.spent = time.Time{}, true
	return true
}

// CutOff is since when the vantage point is cut off; zero if it is not.
func (n *Network) CutOff() time.Time { return n.cutOff }

// Suspects reports whether the endpoint is among those that fail together.
func (n *Network) Suspects(key Key) bool {
	_, ok := n.failing[key]
	return ok
}

// Excuses reports whether a bad round is due to the vantage point: the round began then, is of a run
// of failures whose first round ended at failed, and the endpoint, which was healthy before, fell in
// that run already or has not.
func (n *Network) Excuses(failed, began time.Time, fell bool) bool {
	if n.cutOff.IsZero() {
		// Rounds that were under way when the network returned.
		return !fell && began.Before(n.back)
	}
	return !failed.Before(n.answered)
}
