// Package update takes DNS UPDATE messages (RFC 2136) that are signed with TSIG (RFC 8945) and writes
// what they change into the ZoneRecords object that is called like the Zone. Every name server then
// serves it, as it serves any other object. Nothing is kept here, so an update needs the hub.
//
// What an update may and does change is decided in package dns/core/update. Sockets are the server's:
// [Is] tells it which messages to hand over.
package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/update"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/tsig"
)

// Store is the hub.
type Store interface {
	// Secret is a value of a Secret in the system namespace.
	Secret(ctx context.Context, ref trafficv1alpha1.SecretKeyRef) ([]byte, error)
	// Records reads ZoneRecords. The error is an API error; IsNotFound if there are none.
	Records(ctx context.Context, name string) (*trafficv1alpha1.ZoneRecords, error)
	// SetRecords creates ZoneRecords without a resource version and replaces others. The error is an
	// API error; IsConflict or IsAlreadyExists if somebody was faster.
	SetRecords(ctx context.Context, r *trafficv1alpha1.ZoneRecords) error
}

// Options of a Handler.
type Options struct {
	Store Store
	// Keys that requests are signed with.
	Keys *tsig.Ring
	// Objects are what is served at present, Snapshot is what was made of them.
	Objects  func() engine.Objects
	Snapshot func() *zone.Snapshot
	Log      *slog.Logger
}

// Handler handles updates. It may be called from any number of goroutines.
type Handler struct {
	options Options
	slots   chan struct{}
	waiting chan struct{}
}

const (
	// patience is how long one update may take; clients wait for five seconds or so.
	patience = 4 * time.Second
	// atOnce is how many updates are worked on at the same time, and tries how often one is decided
	// anew because another server's came in between.
	atOnce = 8
	tries  = 8
	// mostWaiting is how many updates may wait for a place.
	mostWaiting = 64
)

// New returns a handler.
func New(o Options) *Handler {
	return &Handler{options: o, slots: make(chan struct{}, atOnce), waiting: make(chan struct{}, mostWaiting)}
}

// Is reports whether a message is an update. It looks at the header only.
func Is(msg []byte) bool {
	return len(msg) >= 12 && msg[2]&0x80 == 0 && int(msg[2]>>3&0xF) == dns.OpcodeUpdate
}

// Later handles an update beside the caller, who must not wait, and sends the answer if there is one.
// The message is copied. It reports false, and does nothing, when too many wait already.
func (h *Handler) Later(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) bool {
	select {
	case h.waiting <- struct{}{}:
	default:
		return false
	}
	msg = bytes.Clone(msg)
	go func() {
		defer func() { <-h.waiting }()
		if out := h.Handle(ctx, msg, from); out != nil {
			_ = send(out) // who does not get it asks again
		}
	}()
	return true
}

// Handle handles an update and returns the answer to it; nil if it must not be answered. It may wait
// for the hub.
func (h *Handler) Handle(ctx context.Context, msg []byte, from netip.Addr) []byte {
	if !Is(msg) {
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(msg); err != nil {
		return head(msg, dns.RcodeFormatError)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := request{Handler: h, msg: msg, message: m, reply: reply(m), signature: tsig.Of(m)}
	r.handle(ctx)
	h.options.Log.Info("update", "zone", zoneName(m), "key", r.signature.Key(), "from", from, "rcode", dns.RcodeToString[r.reply.Rcode], "why", r.why)
	out, err := r.signature.Sign(r.reply)
	if err != nil {
		return head(msg, dns.RcodeServerFailure)
	}
	return out
}

func zoneName(m *dns.Msg) string {
	if len(m.Question) != 1 {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(m.Question[0].Name, "."))
}

// reply begins the answer: the zone section, and EDNS to one who speaks it.
func reply(m *dns.Msg) *dns.Msg {
	r := new(dns.Msg)
	r.Id, r.Opcode, r.Response, r.Question = m.Id, m.Opcode, true, m.Question
	if m.IsEdns0() != nil {
		r.SetEdns0(1232, false)
	}
	return r
}

// head is an answer that is a header alone.
func head(msg []byte, rcode byte) []byte {
	return []byte{msg[0], msg[1], msg[2]&0x78 | 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0}
}

// request is an update that is being handled.
type request struct {
	*Handler
	msg            []byte
	message, reply *dns.Msg
	why            string
	signature      tsig.Signature
}

// fail answers with an rcode, and says why to one who speaks EDNS.
func (r *request) fail(rcode, extended int, format string, args ...any) {
	r.reply.Rcode, r.why = rcode, fmt.Sprintf(format, args...)
	if o := r.reply.IsEdns0(); o != nil {
		o.Option = append(o.Option, &dns.EDNS0_EDE{InfoCode: uint16(extended), ExtraText: r.why})
	}
}

const (
	other            = int(dns.ExtendedErrorCodeOther)
	prohibited       = int(dns.ExtendedErrorCodeProhibited)
	notAuthoritative = int(dns.ExtendedErrorCodeNotAuthoritative)
	networkError     = int(dns.ExtendedErrorCodeNetworkError)
)

func (r *request) handle(ctx context.Context) {
	if len(r.message.Question) != 1 || r.message.Question[0].Qtype != dns.TypeSOA || r.message.Question[0].Qclass != dns.ClassINET {
		r.signature.Drop()
		r.fail(dns.RcodeFormatError, other, "the zone section holds one SOA question")
		return
	}
	z := r.zone()
	if z == nil {
		r.signature.Drop()
		r.fail(dns.RcodeNotAuth, notAuthoritative, "%q is no zone that is served here", zoneName(r.message))
		return
	}
	if !r.signature.Signed() || z.Spec.Updates == nil {
		r.signature.Drop()
		r.fail(dns.RcodeRefused, prohibited, "updates are signed with a key of spec.updates of Zone %s", z.Name)
		return
	}
	key := r.key(z)
	if key == nil {
		r.fail(dns.RcodeNotAuth, prohibited, "Zone %s has no such key for that algorithm", z.Name)
		return
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		r.signature.Drop()
		r.fail(dns.RcodeServerFailure, other, "too many updates at once")
		return
	}
	switch err := r.signature.Check(ctx, r.options.Keys, r.msg, key.SecretRef); {
	case err == nil:
		r.change(ctx, z, key)
	case errors.Is(err, tsig.ErrSignature), errors.Is(err, tsig.ErrTime):
		r.fail(dns.RcodeNotAuth, prohibited, "%s: %v", key.Name, err)
	default:
		r.fail(dns.RcodeServerFailure, networkError, "%v", err)
	}
}

// key is the zone's key that a request says it is signed with.
func (r *request) key(z *trafficv1alpha1.Zone) *trafficv1alpha1.UpdateKey {
	for i := range z.Spec.Updates.Keys {
		if k := &z.Spec.Updates.Keys[i]; r.signature.By(k.Name, k.Algorithm) {
			return k
		}
	}
	return nil
}

// zone is the Zone object of the zone section, if it is served.
func (r *request) zone() *trafficv1alpha1.Zone {
	name := zoneName(r.message)
	for _, served := range r.options.Snapshot().Zones {
		if served.Domain != name {
			continue
		}
		for _, z := range r.options.Objects().Zones {
			if z.Name == served.Name {
				return z
			}
		}
	}
	return nil
}

// change decides and writes, again where another was faster.
func (r *request) change(ctx context.Context, z *trafficv1alpha1.Zone, key *trafficv1alpha1.UpdateKey) {
	in := r.input(z)
	for range tries {
		current, err := r.current(ctx, z)
		if err != nil {
			r.away(err)
			return
		}
		o := update.Decide(update.Request{Message: withoutSignature(r.message), Zone: z, Key: key, Current: current, Input: in})
		if o.Rcode != dns.RcodeSuccess {
			r.fail(o.Rcode, prohibited, "%s", o.Text)
			return
		}
		if !o.Changed {
			return
		}
		next := current.DeepCopy()
		next.Spec.Records = o.Records
		if next.ResourceVersion == "" {
			next.CreationTimestamp = metav1.Time{}
		}
		switch err = r.options.Store.SetRecords(ctx, next); {
		case err == nil:
			return
		case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
			continue
		case apierrors.IsInvalid(err):
			r.fail(dns.RcodeRefused, prohibited, "%v", err)
			return
		}
		r.away(err)
		return
	}
	r.fail(dns.RcodeServerFailure, other, "other updates were always faster: try again")
}

// away says that the hub is needed and not there.
func (r *request) away(err error) {
	r.fail(dns.RcodeServerFailure, networkError, "an update needs the hub: %v", err)
}

// current is the object that updates of a zone are kept in, as the hub has it now.
func (r *request) current(ctx context.Context, z *trafficv1alpha1.Zone) (*trafficv1alpha1.ZoneRecords, error) {
	o, err := r.options.Store.Records(ctx, z.Name)
	if apierrors.IsNotFound(err) {
		return &trafficv1alpha1.ZoneRecords{
			ObjectMeta: metav1.ObjectMeta{Name: z.Name, CreationTimestamp: metav1.Now()},
			Spec:       trafficv1alpha1.ZoneRecordsSpec{Zone: z.Name},
		}, nil
	}
	if err == nil && o.Spec.Zone != z.Name {
		return nil, errors.New("ZoneRecords " + z.Name + " belong to another zone: rename them")
	}
	return o, err
}

// input is what else a zone is made of.
func (r *request) input(z *trafficv1alpha1.Zone) zone.Input {
	objects := r.options.Objects()
	in := zone.Input{RegionMaps: objects.RegionMaps, Now: time.Now()}
	for _, o := range objects.Records {
		if o.Spec.Zone == z.Name && o.Name != z.Name {
			in.Records = append(in.Records, o)
		}
	}
	for _, p := range objects.Plans {
		for _, host := range p.Spec.Hostnames {
			if dns.IsSubDomain(dns.Fqdn(z.Spec.Domain), dns.Fqdn(strings.ToLower(host))) {
				in.Plans = append(in.Plans, p)
				break
			}
		}
	}
	return in
}

func withoutSignature(m *dns.Msg) *dns.Msg {
	c := *m
	c.Extra = nil
	return &c
}
