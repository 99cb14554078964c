// Package accept is the path of every message from its octets to those of its answer, or to silence,
// whatever it came by: the header is looked at before anything else, a PROXY protocol header is
// believed or not, the cookie is checked, package answer answers, and what leaves for an address that
// may be forged is kept small and scarce.
//
//   - An answer over UDP to a client without a good cookie is at most ten times its query; what does
//     not fit is to be had over TCP.
//   - Answers over UDP to one network are limited, by what they answer and altogether. Some of what
//     is over the limit gets the advice to come over TCP or with a cookie, the rest nothing
//     (response rate limiting). A good cookie, TCP, and exempt networks are never limited.
//
// What no snapshot answers (updates, notifications, transfers, and whatever is signed with TSIG) leaves
// the path where the limits let it: it is the fate [Aside].
//
// The path allocates nothing and takes no lock. It has no socket and reads no clock.
package accept

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/cookie"
	"github.com/seaway-io/seaway/dns/core/limit"
	"github.com/seaway-io/seaway/dns/core/proxy"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Rules are what all paths of a server have in common. Only the secrets may change while they are in
// use.
type Rules struct {
	Identity *answer.Identity
	// Accounts of those who ask; nobody is limited if nil.
	Accounts *limit.Table
	// Same is how many answers a second a network gets to what is the same question to a limiter,
	// All how many altogether.
	Same, All limit.Rate
	// Slip is how many answers over the limit there are for each one that is not silence; all are
	// silence if 0.
	Slip uint32
	// Exempt networks are never limited.
	Exempt []netip.Prefix
	// Amplification is how many times the size of its query an answer over UDP may have without a
	// good cookie; any if 0.
	Amplification int
	// RequireCookie: a client that speaks cookies gets its answer over UDP only with a good one.
	RequireCookie bool
	// Proxies are networks whose PROXY protocol headers are believed.
	Proxies []netip.Prefix

	secrets atomic.Pointer[cookie.Secrets]
}

// SetSecrets makes and checks cookies with other secrets from now on. Without secrets there are no
// cookies.
func (r *Rules) SetSecrets(s *cookie.Secrets) { r.secrets.Store(s) }

// Secrets are those in use, or nil.
func (r *Rules) Secrets() *cookie.Secrets { return r.secrets.Load() }

// Origin is where a message came from, and how.
type Origin struct {
	// Client that asks; of a proxy, before its header is read.
	Client netip.Addr
	// Stream: the client's address is proven, and answers may have 65535 octets.
	Stream bool
	// Encrypted: nobody else reads the answer.
	Encrypted bool
	// Keepalive is how long the connection may be idle, in units of 100 milliseconds, for those who
	// ask.
	Keepalive uint16
	// Aside: there is somebody who takes messages that no snapshot answers.
	Aside bool
	Now   time.Time
}

// Fate is what became of a message.
type Fate uint8

// The fates of messages.
const (
	Answered  Fate = iota
	Ignored        // it is no query, or its PROXY protocol header is malformed
	Limited        // over the limit, not answered
	Slipped        // over the limit, sent to TCP
	NoCookie       // sent to come back with a cookie
	Aside          // to be answered elsewhere; see Path.Aside
	FateCount = iota
)

// Outcome says what happened, for those who count.
type Outcome struct {
	Fate   Fate
	Rcode  int
	Cookie cookie.State
	// HasCookie: a cookie came, be it only the client's part.
	HasCookie bool
	// Trace of an answer that was sent as it was made.
	Trace answer.Trace
	// Client that asked, as a proxy says where there is one, and how many octets of the message were
	// the proxy's.
	Client netip.Addr
	Header int
}

// Path answers messages, one at a time. Each goroutine that serves has its own.
type Path struct {
	rules   *Rules
	worker  *answer.Worker
	options wire.Options
	over    uint32 // answers over the limit, to know when one slips
	aside   []byte
	client  netip.Addr
}

// New returns a path.
func New(r *Rules) *Path {
	return &Path{rules: r, worker: answer.NewWorker(r.Identity), options: wire.Options{NSID: r.Identity.NSID()}}
}

// Believes reports whether an address is a proxy's.
func (r *Rules) Believes(a netip.Addr) bool { return contains(r.Proxies, a) }

func contains(all []netip.Prefix, a netip.Addr) bool {
	for _, p := range all {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Datagram is Message for what came in one piece and may begin with a proxy's header.
func (p *Path) Datagram(s *zone.Snapshot, dst, msg []byte, o Origin) ([]byte, Outcome) {
	if len(p.rules.Proxies) > 0 && proxy.Is(msg) && p.rules.Believes(o.Client) {
		client, size, err := proxy.Parse(msg)
		if err != nil {
			return nil, Outcome{Fate: Ignored}
		}
		msg = msg[size:]
		if client.IsValid() {
			o.Client = client.Addr()
		}
		out, result := p.Message(s, dst, msg, o)
		result.Header = size
		return out, result
	}
	return p.Message(s, dst, msg, o)
}

// Message answers a message. The answer is written over dst, which should have the capacity of one
// (wire.UDPSize, or 65535 octets over TCP), and is valid until dst is used again; nil is silence.
func (p *Path) Message(s *zone.Snapshot, dst, msg []byte, o Origin) ([]byte, Outcome) {
	outcome := p.worker.Parse(msg)
	if outcome == wire.Drop {
		return nil, Outcome{Fate: Ignored}
	}
	w, q, r := p.worker, p.worker.Query(), p.rules
	if o.Aside && isAside(q, outcome) {
		return p.setAside(msg, o)
	}
	result := Outcome{HasCookie: q.Cookie != nil, Client: o.Client}
	p.options.HasCookie = false
	if result.HasCookie {
		if secrets := r.secrets.Load(); secrets != nil {
			result.Cookie = secrets.Check(q.Cookie, o.Client, uint32(o.Now.Unix()), &p.options.Cookie)
			p.options.HasCookie = true
		}
	}
	p.options.Keepalive, p.options.Pad = o.Keepalive, o.Encrypted
	proven := o.Stream || result.Cookie == cookie.Good
	p.options.MaxSize = 0
	if !proven {
		p.options.MaxSize = r.Amplification * len(msg)
	}
	if !proven && r.RequireCookie && p.options.HasCookie {
		return p.sendForCookie(dst, result)
	}
	out := w.Reply(s, dst, outcome, &p.options, o.Client, o.Stream)
	result.Rcode, result.Trace = w.Rcode(), w.Trace()
	if proven || r.Accounts == nil || contains(r.Exempt, o.Client) || p.within(o) {
		return out, result
	}
	p.over++
	if r.Slip == 0 || p.over%r.Slip != 0 {
		result.Fate = Limited
		return nil, result
	}
	if p.options.HasCookie {
		return p.sendForCookie(dst, result)
	}
	result.Fate, result.Rcode = Slipped, dns.RcodeSuccess
	return w.Truncated(dst, &p.options), result
}

// sendForCookie tells a client to ask again with the cookie it gets here (RFC 7873 section 5.2.3).
func (p *Path) sendForCookie(dst []byte, result Outcome) ([]byte, Outcome) {
	result.Fate, result.Rcode = NoCookie, dns.RcodeBadCookie
	return p.worker.Refuse(dst, dns.RcodeBadCookie, &p.options, false), result
}

// isAside reports whether a query is one that no snapshot answers: an update, a notification, a
// transfer, or any that is signed and well formed.
func isAside(q *wire.Query, outcome wire.Outcome) bool {
	switch q.Opcode {
	case dns.OpcodeQuery:
		return outcome == wire.Serve && (q.Type == dns.TypeAXFR || q.Type == dns.TypeIXFR) ||
			outcome == wire.Refuse && q.Rcode == dns.RcodeNotAuth
	case dns.OpcodeNotify, dns.OpcodeUpdate:
		return true
	}
	return false
}

// setAside lets a message leave the path, unless its network has had enough already.
func (p *Path) setAside(msg []byte, o Origin) ([]byte, Outcome) {
	if !o.Stream && p.rules.Accounts != nil && !contains(p.rules.Exempt, o.Client) && !p.within(o) {
		return nil, Outcome{Fate: Limited}
	}
	p.aside, p.client = msg, o.Client
	return nil, Outcome{Fate: Aside}
}

// Aside is the last message whose fate that was, without a proxy's header, and who sent it. It is
// valid as long as the message that was given.
func (p *Path) Aside() (msg []byte, client netip.Addr) { return p.aside, p.client }

// all is the kind of the account of everything that a network gets.
const all = 0xFF

// within reports whether the last answer is within the limits of its client's network.
func (p *Path) within(o Origin) bool {
	r := p.rules
	class, name := p.worker.Account()
	return r.Accounts.Take(r.Accounts.Key(o.Client, uint8(class), name), r.Same, o.Now) &&
		r.Accounts.Take(r.Accounts.Key(o.Client, all, nil), r.All, o.Now)
}

// Failure is the answer to a message whose handling has gone wrong: SERVFAIL and nothing else.
func (p *Path) Failure(dst, msg []byte, o Origin) []byte {
	if !o.Stream && len(p.rules.Proxies) > 0 && proxy.Is(msg) && p.rules.Believes(o.Client) {
		_, size, err := proxy.Parse(msg)
		if err != nil {
			return nil
		}
		msg = msg[size:]
	}
	return answer.Failure(dst, msg)
}
