package parent

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/dnssec"
)

// Match says which of a zone's keys, by ID, the parent vouches for. A server has been asked when it has
// answered at one of its addresses, and what it answers at any of them counts. Where any server could
// not be asked, nothing is known, and the error says why.
func (v *View) Match(keys map[string]*dns.DNSKEY, checked time.Time) (dnssec.Parent, error) {
	answers, err := v.answers()
	if err != nil || len(answers) == 0 {
		return dnssec.Parent{}, err
	}
	p := dnssec.Parent{Checked: checked}
	count := map[string]int{}
	for _, s := range answers {
		p.TTL = max(p.TTL, s.TTL)
		vouched := map[string]bool{}
		for _, ds := range s.DS {
			known := false
			for id, k := range keys {
				switch vouches(ds, k) {
				case full:
					vouched[id] = true
					known = true
				case partly:
					known = true
				default:
					continue
				}
				if !slices.Contains(p.Anywhere, id) {
					p.Anywhere = append(p.Anywhere, id)
				}
			}
			p.Foreign = p.Foreign || !known
		}
		for id := range vouched {
			count[id]++
		}
	}
	for id, n := range count {
		if n == len(answers) {
			p.Everywhere = append(p.Everywhere, id)
		}
	}
	slices.Sort(p.Anywhere)
	slices.Sort(p.Everywhere)
	return p, nil
}

// answers are those of all servers, and an error where any server has given none.
func (v *View) answers() (out []Server, err error) {
	failures := map[string]error{}
	for _, s := range v.Servers {
		switch {
		case s.Err != nil && s.Name != "" && s.Address.IsValid():
			failures[s.String()] = errors.Join(failures[s.String()], fmt.Errorf("%s: %w", s.Address.Addr(), s.Err))
		case s.Err != nil:
			failures[s.String()] = s.Err
		}
	}
	for _, s := range v.Servers {
		if s.Err == nil {
			out = append(out, s)
			delete(failures, s.String())
		}
	}
	var all []error
	for _, name := range slices.Sorted(maps.Keys(failures)) {
		all = append(all, fmt.Errorf("%s: %w", name, failures[name]))
	}
	return out, errors.Join(all...)
}

type degree int

const (
	not degree = iota
	// partly: by a digest that validators need not know, or that is not known here. It may be what some
	// go by, and is nothing to rely on.
	partly
	full
)

// vouches says whether a DS record is a key's.
func vouches(ds *dns.DS, k *dns.DNSKEY) degree {
	if ds.KeyTag != k.KeyTag() || ds.Algorithm != k.Algorithm {
		return not
	}
	switch ds.DigestType {
	case dns.SHA1, dns.SHA256, dns.SHA384:
		own := k.ToDS(ds.DigestType)
		if own == nil || !strings.EqualFold(own.Digest, ds.Digest) {
			return not
		}
		if ds.DigestType == dns.SHA1 {
			return partly
		}
		return full
	}
	return partly
}
