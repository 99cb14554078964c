package transfer

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/dns/core/transfer"
	"github.com/seaway-io/seaway/dns/tsig"
)

// notifier tells other servers of new serials, each on its own, so that one that is dead keeps nobody
// waiting.
type notifier struct {
	keys *tsig.Ring
	log  *slog.Logger
	// send sends one notification; replaced in tests.
	send func(ctx context.Context, m *dns.Msg, secret string, to string) (rcode int, err error)
	wg   sync.WaitGroup

	mu   sync.Mutex
	told map[target]*telling
}

type target struct{ domain, address string }

// telling is a serial that a server is being told of, or was.
type telling struct {
	serial uint32
	cancel context.CancelFunc
}

func newNotifier(keys *tsig.Ring, log *slog.Logger) *notifier {
	return &notifier{keys: keys, log: log, send: exchange, told: map[target]*telling{}}
}

const (
	// notifyWithin is how long an answer is waited for, retryAfter how long after the first failure the
	// server is told again, twice as long after each further one, and tries how often altogether
	// (RFC 1996 section 3.6): about two minutes.
	notifyWithin = 3 * time.Second
	retryAfter   = time.Second
	tries        = 7
)

// tell tells servers of a zone's serial, those that were not told yet.
func (n *notifier) tell(ctx context.Context, domain string, v *transfer.Version, servers []trafficv1alpha1.TransferServer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	wanted := map[target]bool{}
	for i := range servers {
		t := target{domain, servers[i].Address}
		wanted[t] = true
		if old := n.told[t]; old != nil {
			if old.serial == v.Serial() {
				continue
			}
			old.cancel() // the newer one says it all
		}
		ctx, cancel := context.WithCancel(ctx)
		n.told[t] = &telling{v.Serial(), cancel}
		server := servers[i]
		n.wg.Go(func() {
			defer cancel()
			n.insist(ctx, domain, v, server)
		})
	}
	for t, old := range n.told {
		if t.domain == domain && !wanted[t] {
			old.cancel()
			delete(n.told, t)
		}
	}
}

// forget ends what is told of zones that are no longer served.
func (n *notifier) forget(served map[string]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for t, old := range n.told {
		if !served[t.domain] {
			old.cancel()
			delete(n.told, t)
		}
	}
}

// insist notifies one server until it answers. Who is never reached finds the new serial by itself
// when it looks again.
func (n *notifier) insist(ctx context.Context, domain string, v *transfer.Version, server trafficv1alpha1.TransferServer) {
	var err error
	for i, wait := 0, retryAfter; i < tries; i, wait = i+1, 2*wait {
		var rcode int
		rcode, err = n.once(ctx, domain, v, server)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && rcode == dns.RcodeSuccess:
			n.log.Info("notified", "zone", domain, "serial", v.Serial(), "server", server.Address)
			return
		case err == nil:
			// It was heard; what stands in the way does not go away by being told again.
			n.log.Warn("a server does not take notifications", "zone", domain, "server", server.Address, "rcode", dns.RcodeToString[rcode])
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait + rand.N(wait/4)):
		}
	}
	n.log.Warn("a server could not be notified", "zone", domain, "serial", v.Serial(), "server", server.Address, "error", err)
}

// once sends one notification, with the new SOA as a hint (RFC 1996 section 3.7).
func (n *notifier) once(ctx context.Context, domain string, v *transfer.Version, server trafficv1alpha1.TransferServer) (rcode int, err error) {
	to, err := validation.ParseServer(server.Address)
	if err != nil {
		return 0, fmt.Errorf("%q %w", server.Address, err)
	}
	m := new(dns.Msg)
	m.SetNotify(dns.Fqdn(domain))
	soa := v.SOA
	rr, _, err := dns.UnpackRRWithHeader(dns.RR_Header{Name: dns.Fqdn(domain), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: soa.TTL, Rdlength: uint16(len(soa.Data))}, []byte(soa.Data), 0)
	if err != nil {
		return 0, err
	}
	m.Answer = []dns.RR{rr}
	secret := ""
	if server.Key != nil {
		if secret, err = n.keys.Get(ctx, server.Key.SecretRef); err != nil {
			return 0, err
		}
		m.SetTsig(dns.Fqdn(server.Key.Name), tsig.Algorithm(server.Key.Algorithm), 300, time.Now().Unix())
	}
	return n.send(ctx, m, secret, to.String())
}

// exchange sends a message by UDP and waits for the answer.
func exchange(ctx context.Context, m *dns.Msg, secret, to string) (rcode int, err error) {
	c := dns.Client{Timeout: notifyWithin}
	if t := m.IsTsig(); t != nil {
		c.TsigSecret = map[string]string{t.Hdr.Name: secret}
	}
	answer, _, err := c.ExchangeContext(ctx, m, to)
	if err != nil {
		return 0, err
	}
	return answer.Rcode, nil
}

// close ends everything. It is to be called when the context of tell has ended.
func (n *notifier) close() { n.wg.Wait() }
