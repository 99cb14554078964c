package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/dns/core/transfer"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/tsig"
)

// request is a message that is being handled.
type request struct {
	*Handler
	msg            []byte
	message, reply *dns.Msg
	from           netip.Addr
	stream         bool
	send           func([]byte) error
	signature      tsig.Signature
}

const (
	other            = dns.ExtendedErrorCodeOther
	prohibited       = dns.ExtendedErrorCodeProhibited
	notAuthoritative = dns.ExtendedErrorCodeNotAuthoritative
	networkError     = dns.ExtendedErrorCodeNetworkError
	notReady         = dns.ExtendedErrorCodeNotReady
)

// fail answers with an rcode, and says why to one who speaks EDNS.
func (r *request) fail(rcode int, extended uint16, format string, args ...any) error {
	r.reply.Rcode = rcode
	why := fmt.Sprintf(format, args...)
	if o := r.reply.IsEdns0(); o != nil {
		o.Option = append(o.Option, &dns.EDNS0_EDE{InfoCode: extended, ExtraText: why})
	}
	q := r.message.Question[0]
	// One a second is told, lest those who try fill the disk.
	if now := time.Now().Unix(); r.told.Swap(now) != now {
		r.options.Log.Info("refused", "opcode", dns.OpcodeToString[r.message.Opcode], "name", q.Name, "type", dns.TypeToString[q.Qtype],
			"key", r.signature.Key(), "from", r.from, "rcode", dns.RcodeToString[rcode], "why", why)
	}
	return r.answer()
}

// answer sends the reply.
func (r *request) answer() error {
	out, err := r.signature.Sign(r.reply)
	if err != nil {
		return r.send(head(r.msg, dns.RcodeServerFailure))
	}
	return r.send(out)
}

// name that is asked for, in wire form.
func (r *request) name() (wire.Name, error) { return wire.ParseName(r.message.Question[0].Name) }

// zone of that name and its object, if the zone may be copied; nil where none is served.
func (r *request) zone(s *zone.Snapshot) (*zone.Zone, *trafficv1alpha1.Zone) {
	name, err := r.name()
	if err != nil {
		return nil, nil
	}
	for _, z := range s.Zones {
		if z.Apex != name {
			continue
		}
		_, objects := r.served(s)
		return z, objects[z]
	}
	return nil, nil
}

// authenticate checks the signature by a key, and answers where it is not good.
func (r *request) authenticate(ctx context.Context, k *trafficv1alpha1.TSIGKey) (ok bool, err error) {
	switch err := r.signature.Check(ctx, r.options.Keys, r.msg, k.SecretRef); {
	case err == nil:
		return true, nil
	case errors.Is(err, tsig.ErrSignature), errors.Is(err, tsig.ErrTime):
		return false, r.fail(dns.RcodeNotAuth, prohibited, "%s: %v", k.Name, err)
	default:
		return false, r.fail(dns.RcodeServerFailure, networkError, "%v", err)
	}
}

// transfer answers AXFR and IXFR.
func (r *request) transfer(ctx context.Context) error {
	q := r.message.Question[0]
	s := r.options.Snapshot()
	z, object := r.zone(s)
	switch {
	case !r.stream && q.Qtype == dns.TypeAXFR:
		r.signature.Drop()
		return r.fail(dns.RcodeRefused, prohibited, "zones are transferred over TCP (RFC 5936 section 4.2)")
	case len(s.Zones) == 0:
		r.signature.Drop()
		return r.fail(dns.RcodeServerFailure, notReady, "nothing is served yet")
	case z == nil:
		r.signature.Drop()
		return r.fail(dns.RcodeNotAuth, notAuthoritative, "that is no zone that is served here")
	case z.Expired:
		r.signature.Drop()
		return r.fail(dns.RcodeServerFailure, notReady, "the primary of the zone was not heard for too long")
	case z.Signing != nil:
		r.signature.Drop()
		return r.fail(dns.RcodeRefused, prohibited, "Zone %s is signed: a copy could not deny names", z.Name)
	case object == nil:
		r.signature.Drop()
		return r.fail(dns.RcodeRefused, prohibited, "Zone %s has no spec.transfers", z.Name)
	}
	entry, known := r.allowed(object.Spec.Transfers)
	switch {
	case entry == nil && r.signature.Signed() && !known:
		return r.fail(dns.RcodeNotAuth, prohibited, "Zone %s has no such key for that algorithm", z.Name)
	case entry == nil:
		r.signature.Drop()
		return r.fail(dns.RcodeRefused, prohibited, "spec.transfers of Zone %s does not allow it", z.Name)
	case entry.Key != nil:
		if ok, err := r.authenticate(ctx, entry.Key); !ok {
			return err
		}
	}
	release, ok := r.transfers.take(r.from)
	if !ok {
		return r.fail(dns.RcodeServerFailure, other, "too many transfers at once: try again")
	}
	defer release()
	return r.deliver(s, z)
}

// allowed is the entry that allows the transfer, if the signature is good. known says whether the key
// is one of the zone's. What is signed needs an entry with that key.
func (r *request) allowed(t *trafficv1alpha1.Transfers) (entry *trafficv1alpha1.TransferClient, known bool) {
	for i := range t.Allow {
		a := &t.Allow[i]
		signed := a.Key != nil && r.signature.By(a.Key.Name, a.Key.Algorithm)
		known = known || signed
		if entry == nil && signed == r.signature.Signed() && (a.Key == nil) == !signed && within(a.Networks, r.from) {
			entry = a
		}
	}
	return entry, known
}

// within reports whether an address is in one of the networks, of which none means all.
func within(networks []string, a netip.Addr) bool {
	for _, text := range networks {
		if p, err := netip.ParsePrefix(text); err == nil && p.Contains(a) {
			return true
		}
	}
	return len(networks) == 0
}

// deliver sends what the client lacks.
func (r *request) deliver(s *zone.Snapshot, z *zone.Zone) error {
	h := r.history(s, z)
	records := h.Full()
	if q := r.message.Question[0]; q.Qtype == dns.TypeIXFR {
		var has *dns.SOA
		if len(r.message.Ns) == 1 {
			has, _ = r.message.Ns[0].(*dns.SOA)
		}
		switch {
		case has == nil || !strings.EqualFold(has.Hdr.Name, q.Name):
			return r.fail(dns.RcodeFormatError, other, "the authority section of IXFR holds the SOA that the client has (RFC 1995 section 3)")
		case !r.stream:
			records = h.Latest()
		default:
			records = h.Since(has.Serial)
		}
	}
	question, err := r.question()
	if err != nil {
		return err
	}
	messages, octets := 0, 0
	for b := range transfer.Messages(transfer.Head{ID: r.message.Id, Question: question, EDNS: r.message.IsEdns0() != nil}, records) {
		if b, err = r.signature.SignWire(b); err == nil {
			err = r.send(b)
		}
		if err != nil {
			r.options.Log.Info("transfer broken off", "zone", z.Domain, "to", r.from, "error", err)
			return err
		}
		messages, octets = messages+1, octets+len(b)
	}
	if r.stream {
		r.options.Log.Info("transfer", "zone", z.Domain, "type", dns.TypeToString[r.message.Question[0].Qtype], "to", r.from, "key", r.signature.Key(),
			"serial", h.Current().Serial(), "messages", messages, "octets", octets)
	}
	return nil
}

// question in wire form, as it came.
func (r *request) question() ([]byte, error) {
	var q wire.Query
	if q.Parse(r.msg); len(q.Question) == 0 {
		return nil, errors.New("no question")
	}
	return q.Question, nil
}

// query answers a query that is signed: with a key of the zone, the answer is what it would be without
// a signature, signed.
func (r *request) query(ctx context.Context) error {
	plain, ok := wire.Unsigned(r.msg)
	if !ok {
		r.signature.Drop()
		return r.send(head(r.msg, dns.RcodeFormatError))
	}
	k := r.keyOf(r.options.Snapshot())
	if k == nil {
		return r.fail(dns.RcodeNotAuth, prohibited, "there is no such key for that name and algorithm")
	}
	if ok, err := r.authenticate(ctx, k); !ok {
		return err
	}
	out := r.options.Answer(plain, r.from)
	if out == nil {
		return nil
	}
	limit := 512
	if o := r.message.IsEdns0(); o != nil {
		limit = min(max(limit, int(o.UDPSize())), wire.UDPSize)
	}
	signed := r.signature
	b, err := signed.SignWire(append([]byte(nil), out...))
	if err == nil && (r.stream && len(b) <= 65535 || len(b) <= limit) {
		return r.send(b)
	}
	r.reply.Truncated = true
	return r.answer()
}

// keyOf is the key of the zone that a name is in by which the message says it is signed.
func (r *request) keyOf(s *zone.Snapshot) *trafficv1alpha1.TSIGKey {
	name, err := r.name()
	if err != nil {
		return nil
	}
	n, _ := s.Lookup(name)
	if n == nil {
		return nil
	}
	_, objects := r.served(s)
	if o := objects[s.ZoneOf(n)]; o != nil {
		for i := range o.Spec.Transfers.Allow {
			if k := o.Spec.Transfers.Allow[i].Key; k != nil && r.signature.By(k.Name, k.Algorithm) {
				return k
			}
		}
	}
	return nil
}

// notification answers NOTIFY. It is believed of a primary of the zone: by its key, or by its address
// where it has none.
func (r *request) notification(ctx context.Context) error {
	z, _ := r.zone(r.options.Snapshot())
	if z == nil {
		r.signature.Drop()
		return r.fail(dns.RcodeNotAuth, notAuthoritative, "that is no zone that is served here")
	}
	for _, o := range r.options.Objects().Zones {
		if o.Name != z.Name || o.Spec.Secondary == nil {
			continue
		}
		for i := range o.Spec.Secondary.Primaries {
			p := &o.Spec.Secondary.Primaries[i]
			at, err := validation.ParseServer(p.Address)
			switch {
			case err != nil, p.Key == nil && (r.signature.Signed() || at.Addr() != r.from), p.Key != nil && !r.signature.By(p.Key.Name, p.Key.Algorithm):
				continue
			case p.Key != nil:
				if ok, err := r.authenticate(ctx, p.Key); !ok {
					return err
				}
			}
			r.options.Notified(z.Domain)
			r.reply.Authoritative = true
			return r.answer()
		}
	}
	r.signature.Drop()
	return r.fail(dns.RcodeRefused, prohibited, "that is no primary of the zone")
}
