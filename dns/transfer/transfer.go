package transfer

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/transfer"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/tsig"
	"github.com/seaway-io/seaway/dns/update"
)

// Options of a Handler.
type Options struct {
	// Objects are what is served at present, Snapshot is what was made of them.
	Objects  func() engine.Objects
	Snapshot func() *zone.Snapshot
	// SetGlobal gives zones another serial where the answers to clients of whom nothing is known have
	// changed.
	SetGlobal func(map[string]string)
	// Answer answers a query that is not signed, as if it came over a connection; nil is silence.
	Answer func(msg []byte, from netip.Addr) []byte
	// Notified is told of the domain of a copy that its primary says has changed.
	Notified func(domain string)
	// Updates handles updates.
	Updates *update.Handler
	// Keys that messages are signed with.
	Keys *tsig.Ring
	Log  *slog.Logger
}

// Handler answers and notifies. It implements server.Aside.
type Handler struct {
	options   Options
	waiting   chan struct{}
	transfers *quota
	dirty     chan struct{}
	notifier  *notifier
	told      atomic.Int64 // when a refusal was logged last, in seconds since 1970

	mu        sync.Mutex
	histories map[string]*transfer.History // by domain
	global    map[string]string
}

const (
	// mostWaiting is how many messages that came by UDP may be worked on.
	mostWaiting = 64
	// patience is how long the key to a message may take to be read.
	patience = 4 * time.Second
	// atOnce is how many transfers there may be at the same time, and perClient how many to one network.
	atOnce    = 32
	perClient = 8
)

// New returns a handler. Nothing is notified before Run.
func New(o Options) *Handler {
	return &Handler{
		options: o, waiting: make(chan struct{}, mostWaiting), transfers: newQuota(atOnce, perClient), dirty: make(chan struct{}, 1),
		notifier: newNotifier(o.Keys, o.Log), histories: map[string]*transfer.History{},
	}
}

// Later implements server.Aside.
func (h *Handler) Later(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) bool {
	if update.Is(msg) {
		return h.options.Updates.Later(ctx, msg, from, send)
	}
	select {
	case h.waiting <- struct{}{}:
	default:
		return false
	}
	msg = bytes.Clone(msg)
	go func() {
		defer func() { <-h.waiting }()
		_ = h.handle(ctx, msg, from, false, send) // who does not get it asks again
	}()
	return true
}

// Stream implements server.Aside.
func (h *Handler) Stream(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) error {
	if update.Is(msg) {
		out := h.options.Updates.Handle(ctx, msg, from)
		if out == nil {
			return nil
		}
		return send(out)
	}
	return h.handle(ctx, msg, from, true, send)
}

// handle answers a message. Whatever goes wrong on the way is the misfortune of that one message.
func (h *Handler) handle(ctx context.Context, msg []byte, from netip.Addr, stream bool, send func([]byte) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			h.options.Log.Error("answering a message panicked", "panic", r, "message", fmt.Sprintf("%x", msg[:min(len(msg), 512)]), "stack", string(debug.Stack()))
			err = send(head(msg, dns.RcodeServerFailure))
		}
	}()
	m := new(dns.Msg)
	if m.Unpack(msg) != nil || len(m.Question) != 1 || m.Question[0].Qclass != dns.ClassINET {
		return send(head(msg, dns.RcodeFormatError))
	}
	r := &request{Handler: h, msg: msg, message: m, from: from, stream: stream, send: send, signature: tsig.Of(m), reply: reply(m)}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel() // what is awaited is a key; sending has limits of its own
	switch {
	case m.Opcode == dns.OpcodeNotify:
		return r.notification(ctx)
	case m.Question[0].Qtype == dns.TypeAXFR, m.Question[0].Qtype == dns.TypeIXFR:
		return r.transfer(ctx)
	}
	return r.query(ctx)
}

// head is an answer that is a header alone.
func head(msg []byte, rcode byte) []byte {
	return []byte{msg[0], msg[1], msg[2]&0x78 | 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0}
}

// reply begins the answer: the question, and EDNS to one who speaks it.
func reply(m *dns.Msg) *dns.Msg {
	r := new(dns.Msg)
	r.Id, r.Opcode, r.Response, r.Question = m.Id, m.Opcode, true, m.Question
	if m.IsEdns0() != nil {
		r.SetEdns0(1232, false)
	}
	return r
}

// served are the zones that are served and may be copied, and their objects.
func (h *Handler) served(s *zone.Snapshot) ([]*zone.Zone, map[*zone.Zone]*trafficv1alpha1.Zone) {
	byName := map[string]*trafficv1alpha1.Zone{}
	for _, z := range h.options.Objects().Zones {
		if z.Spec.Transfers != nil {
			byName[z.Name] = z
		}
	}
	if len(byName) == 0 {
		return nil, nil
	}
	var all []*zone.Zone
	objects := map[*zone.Zone]*trafficv1alpha1.Zone{}
	for _, z := range s.Zones {
		if o := byName[z.Name]; o != nil && !z.Expired && z.Signing == nil {
			all = append(all, z)
			objects[z] = o
		}
	}
	return all, objects
}

// catchUp brings the histories of zones up to what the snapshot has. It reports which of them have a serial that
// was not known.
func (h *Handler) catchUp(s *zone.Snapshot, zones []*zone.Zone) (fresh []*zone.Zone) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, z := range zones {
		if known := h.histories[z.Domain]; known == nil || known.Current().Serial() != z.Serial.Serial {
			fresh = append(fresh, z)
		}
	}
	if len(fresh) > 0 {
		for z, v := range transfer.Contents(s, fresh) {
			h.histories[z.Domain] = h.histories[z.Domain].Then(v)
		}
	}
	return fresh
}

// history of a zone, up to what the snapshot has.
func (h *Handler) history(s *zone.Snapshot, z *zone.Zone) *transfer.History {
	if len(h.catchUp(s, []*zone.Zone{z})) > 0 {
		h.Changed() // others are to be told too
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.histories[z.Domain]
}

// quota bounds what is done at the same time, for each client and altogether.
type quota struct {
	mu          sync.Mutex
	total, each int
	all         int
	by          map[netip.Prefix]int
}

func newQuota(total, each int) *quota {
	return &quota{total: total, each: each, by: map[netip.Prefix]int{}}
}

// take takes a place; release gives it back. It is false where there is none.
func (q *quota) take(client netip.Addr) (release func(), ok bool) {
	bits := 64
	if client.Is4() {
		bits = 32
	}
	p, _ := client.Prefix(bits)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all >= q.total || q.by[p] >= q.each {
		return nil, false
	}
	q.all++
	q.by[p]++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.all--
		if q.by[p]--; q.by[p] == 0 {
			delete(q.by, p)
		}
	}, true
}
