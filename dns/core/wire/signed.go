package wire

import (
	"fmt"

	"github.com/miekg/dns"
)

// DataOf is the data of a record, without compression.
func DataOf(rr dns.RR) (Data, error) {
	buf := make([]byte, dns.Len(rr)+16)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return Data{}, fmt.Errorf("pack %s: %w", dns.Type(rr.Header().Rrtype), err)
	}
	_, at, err := dns.UnpackDomainName(buf, 0)
	if err != nil {
		return Data{}, fmt.Errorf("pack %s: %w", dns.Type(rr.Header().Rrtype), err)
	}
	return Data{Wire: buf[at+10 : end], Tail: -1}, nil
}

// All stands for all records of a set, where a window of them may be named.
const All = -1

// Window are the records of a set with an owner in a zone, or those of the window that AnswerWindow answers
// with: count of them from one on, unless count is All.
func (s *Set) Window(owner, apex Name, start, count int) ([]dns.RR, error) {
	// A message whose question is the owner: the set's pointers then lead somewhere.
	msg := append(make([]byte, HeaderSize, HeaderSize+len(owner)+s.Size()), owner...)
	at := len(msg)
	if count == All {
		msg = s.append(msg, HeaderSize, HeaderSize+uint16(len(owner)-len(apex)))
	} else {
		msg = s.appendWindow(msg, HeaderSize, start, count)
	}
	var out []dns.RR
	for at < len(msg) {
		rr, next, err := dns.UnpackRR(msg, at)
		if err != nil {
			return nil, fmt.Errorf("read %s %s: %w", owner, dns.Type(s.Type), err)
		}
		out, at = append(out, rr), next
	}
	return out, nil
}

// Postpone has the client ask again over TCP.
func (r *Reply) Postpone() { r.truncated = true }
