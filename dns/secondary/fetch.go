package secondary

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/dns/core/transfer"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/tsig"
)

const (
	// patience is how long a primary may take for one message, and altogether for a whole zone.
	patience = 10 * time.Second
	whole    = 10 * time.Minute
	// mostRecords bounds a zone, so that a primary gone wrong does not fill the memory.
	mostRecords = 4_000_000
)

// ask asks a primary over TCP: for what changed where something is there (IXFR, which answers with the
// SOA alone where nothing did), else for all (AXFR).
func (k *Keeper) ask(ctx context.Context, server trafficv1alpha1.TransferServer, apex wire.Name, have *transfer.Version) ([]wire.Record, error) {
	at, err := validation.ParseServer(server.Address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, whole)
	defer cancel()
	m, t := new(dns.Msg), &dns.Transfer{ReadTimeout: patience, WriteTimeout: patience}
	name := dns.Fqdn(apex.String())
	if have == nil {
		m.SetAxfr(name)
	} else {
		m.SetIxfr(name, have.Serial(), ".", ".")
	}
	if server.Key != nil {
		secret, err := k.options.Keys.Get(ctx, server.Key.SecretRef)
		if err != nil {
			return nil, err
		}
		key := dns.Fqdn(server.Key.Name)
		t.TsigSecret = map[string]string{key: secret}
		m.SetTsig(key, tsig.Algorithm(server.Key.Algorithm), 300, time.Now().Unix())
	}
	c, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", at.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	t.Conn = &dns.Conn{Conn: c, TsigSecret: t.TsigSecret}
	envelopes, err := t.In(m, at.String())
	if err != nil {
		return nil, err
	}
	var out []wire.Record
	for e := range envelopes {
		if err = errors.Join(err, e.Error); err != nil {
			continue // to the end, so that nobody waits to be heard
		}
		if len(out)+len(e.RR) > mostRecords {
			err = fmt.Errorf("the zone has more than %d records", mostRecords)
			c.Close()
			continue
		}
		for _, rr := range e.RR {
			r, problem := record(rr)
			err = errors.Join(err, problem)
			out = append(out, r)
		}
	}
	return out, err
}

// record is a record of a message outside of it.
func record(rr dns.RR) (wire.Record, error) {
	h := rr.Header()
	name, err := wire.ParseName(h.Name)
	if err != nil {
		return wire.Record{}, err
	}
	if h.Class != dns.ClassINET {
		return wire.Record{}, fmt.Errorf("%s is of class %d", h.Name, h.Class)
	}
	buf := make([]byte, dns.Len(rr)+16)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return wire.Record{}, fmt.Errorf("%s %s: %w", h.Name, dns.TypeToString[h.Rrtype], err)
	}
	return wire.Record{Name: name, Type: h.Rrtype, TTL: min(h.Ttl, 1<<31-1), Data: string(buf[len(name)+10 : end])}, nil
}
