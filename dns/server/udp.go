package server

import (
	"context"
	"errors"
	"net"
	"runtime"
	"time"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/querylog"
	"github.com/seaway-io/seaway/dns/server/datagram"
)

// udpWorker is one socket and the loop that serves it. It shares nothing with the others but the
// accounts of those who ask.
type udpWorker struct {
	server *Server
	socket datagram.Socket
	path   *accept.Path
	count  *counters
	tally  tally
	traced traces
	record *querylog.Recorder

	// busy is since when there has always been more than fits into a batch, handled how much was
	// answered since.
	busy    time.Time
	handled int
	now     func() time.Time
}

var datagrams = datagram.Options{
	// As many as make the price of a system call small, and few enough that none of them waits long
	// for the others: the calls are not announced to Go's scheduler.
	Batch: 32,
	// Queries have a few hundred octets at most. What is longer is cut and then malformed.
	Size: 1344, Reply: wire.UDPSize,
	Buffer: 4 << 20,
}

// latencySample is how many batches there are for each one whose time is taken.
const latencySample = 16

// yieldAfter is how many batches in a row a worker answers before others get their turn, however
// many there are still.
const yieldAfter = 16

func (w *udpWorker) run(ctx context.Context) {
	for n := uint(0); ; n++ {
		size, err := w.socket.Receive()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			// Errors of single datagrams, such as an ICMP message that came back, end nothing.
			w.count.drop(dropReceive)
			time.Sleep(time.Millisecond) // where they do not end, they do not take the CPU either
			continue
		}
		began := w.now()
		w.answer(ctx, size, began)
		w.count.add(&w.tally)
		w.count.addTraces(&w.traced)
		for range w.socket.Send() {
			w.count.drop(dropSend)
		}
		if n%latencySample == 0 {
			w.count.took(w.now().Sub(began), uint64(size))
		}
		w.catchUp(size, began)
		if n%yieldAfter == 0 {
			runtime.Gosched()
		}
	}
}

// tooOld is how long a query may wait in the kernel: resolvers ask again after a few tenths of a
// second, or ask another server, and then the answer is for nobody.
const tooOld = 200 * time.Millisecond

// atLeast is how many datagrams the kernel may always keep, so that a burst finds room.
const atLeast = 256

// catchUp sees to it that nothing waits for longer than tooOld. The kernel keeps only what can be
// answered in that time, as the worker's own pace shows; the rest is dropped as it comes, which costs
// nothing here. A server that cannot keep up would otherwise give all its time to queries that were
// given up.
func (w *udpWorker) catchUp(size int, now time.Time) {
	switch {
	case size < datagrams.Batch:
		w.busy = time.Time{}
		return
	case w.busy.IsZero():
		w.busy, w.handled = now, size
		return
	}
	w.handled += size
	if now.Sub(w.busy) < tooOld {
		return
	}
	if w.socket.Waiting() > w.handled {
		w.count.counts[atDrops+int(dropStale)].Add(uint64(w.socket.Discard()))
	}
	w.socket.Resize(max(w.handled, atLeast))
	w.busy = time.Time{}
}

// answer answers what was received.
func (w *udpWorker) answer(ctx context.Context, size int, now time.Time) {
	for i := range size {
		msg, from := w.socket.Message(i)
		o := accept.Origin{Client: from, Now: now, Aside: w.server.options.Aside != nil}
		reply, outcome := w.server.answer(w.path, w.socket.Buffer(i), msg, o)
		w.tally.count(reply, outcome)
		if outcome.Fate == accept.Aside {
			w.setAside(ctx, i)
			continue
		}
		if reply != nil {
			w.traced.count(outcome)
			w.record.Record(now, outcome.Client, msg[outcome.Header:], reply)
		}
		if reply != nil {
			w.socket.Reply(i, reply)
		}
	}
}

// setAside hands the last message over. The answer is sent beside what the socket does.
func (w *udpWorker) setAside(ctx context.Context, i int) {
	msg, client := w.path.Aside()
	send := w.socket.Later(i)
	if !w.server.options.Aside.Later(ctx, msg, client, func(b []byte) error {
		err := send(b)
		if err != nil {
			w.count.drop(dropSend)
		}
		return err
	}) {
		w.count.drop(dropBusy)
	}
}
