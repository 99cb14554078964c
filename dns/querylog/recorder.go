package querylog

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Transport is what a query came by.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	TLS
	HTTPS
	QUIC
)

var transportText = [...]string{"udp", "tcp", "tls", "https", "quic"}

func (t Transport) String() string { return transportText[t] }

// TransportOf is the transport with a label.
func TransportOf(label string) Transport {
	for t, text := range transportText {
		if text == label {
			return Transport(t)
		}
	}
	return UDP
}

const (
	// ringSize is how many queries wait in a ring: with drainEvery, some 100,000 a second.
	ringSize   = 1024
	drainEvery = 10 * time.Millisecond
	// Messages that are longer are not kept, but the query is taken down without them.
	longestQuery, longestReply = 512, 1232
)

// entry is a query and its answer.
type entry struct {
	at         time.Time
	client     netip.Addr
	transport  Transport
	querySize  int
	replySize  int
	replyRcode uint8
	query      [longestQuery]byte
	reply      [longestReply]byte
}

// Recorder takes queries down. A nil Recorder takes none.
type Recorder struct {
	transport Transport
	every     uint64
	seen      atomic.Uint64
	lost      atomic.Uint64

	mu         sync.Mutex
	ring       []entry
	head, used int
}

// Record takes down a query that was answered, if it is its turn. It never waits.
func (r *Recorder) Record(now time.Time, client netip.Addr, query, reply []byte) {
	if r == nil || !client.IsValid() || len(reply) < 4 || r.seen.Add(1)%r.every != 0 {
		return
	}
	if !r.mu.TryLock() {
		r.lost.Add(1)
		return
	}
	defer r.mu.Unlock()
	if r.used == len(r.ring) {
		r.lost.Add(1)
		return
	}
	e := &r.ring[(r.head+r.used)%len(r.ring)]
	r.used++
	e.at, e.client, e.transport = now, client, r.transport
	e.querySize, e.replySize, e.replyRcode = len(query), len(reply), reply[3]&0x0F
	copy(e.query[:], query)
	copy(e.reply[:], reply)
}

// take copies the oldest entry out. It holds the ring for the time of one copy only.
func (r *Recorder) take(into *entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used == 0 {
		return false
	}
	*into = r.ring[r.head]
	r.head = (r.head + 1) % len(r.ring)
	r.used--
	return true
}

// messages are the messages of an entry; nil where they were too long.
func (e *entry) messages() (query, reply []byte) {
	if e.querySize <= longestQuery {
		query = e.query[:e.querySize]
	}
	if e.replySize <= longestReply {
		reply = e.reply[:e.replySize]
	}
	return query, reply
}
