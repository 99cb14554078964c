package update

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/api/traffic/rdata"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// challenges is what a key may change that has no grants: what proves a name to an ACME server (RFC
// 8555 section 8.4).
var challenges = []trafficv1alpha1.UpdateGrant{{Names: []string{"_acme-challenge.*"}}}

// prescan looks at the form of the changes (RFC 2136 section 3.4.1).
func (d *decision) prescan() error {
	for _, rr := range d.Message.Ns {
		h := rr.Header()
		if _, err := d.inside(rr); err != nil {
			return err
		}
		bad := false
		switch h.Class {
		case dns.ClassINET:
			bad = meta(h.Rrtype)
		case dns.ClassANY:
			bad = h.Ttl != 0 || h.Rdlength != 0 || meta(h.Rrtype) && h.Rrtype != dns.TypeANY
		case dns.ClassNONE:
			bad = h.Ttl != 0 || meta(h.Rrtype)
		default:
			bad = true
		}
		if bad {
			return refuse(dns.RcodeFormatError, "%s %s %s is no change", h.Name, dns.Class(h.Class), dns.Type(h.Rrtype))
		}
	}
	return nil
}

// permitted checks the changes against what the key may change (RFC 2136 section 3.3). Deleting all
// types of a name is checked for each type when it is done.
func (d *decision) permitted() error {
	for _, rr := range d.Message.Ns {
		name, err := d.inside(rr)
		if err != nil {
			return err
		}
		if t := rr.Header().Rrtype; !d.grants(name, t) {
			return refuse(dns.RcodeRefused, "the key %s may not change %s of %s: see spec.updates of Zone %s", d.Key.Name, dns.Type(t), name, d.Zone.Name)
		}
	}
	return nil
}

// grants reports whether the key may change a type of a name; with ANY, whether it may change some.
func (d *decision) grants(name wire.Name, rrtype uint16) bool {
	grants := d.Key.Grants
	if len(grants) == 0 {
		grants = challenges
	}
	for i := range grants {
		if grantsName(&grants[i], name, d.apex) && (rrtype == dns.TypeANY || grantsType(&grants[i], rrtype)) {
			return true
		}
	}
	return false
}

func grantsType(g *trafficv1alpha1.UpdateGrant, rrtype uint16) bool {
	if len(g.Types) == 0 {
		return rrtype == dns.TypeTXT
	}
	for _, text := range g.Types {
		if t, err := rdata.ParseType(text); err == nil && t == rrtype && !rdata.IsDelegation(t) {
			return true
		}
	}
	return false
}

func grantsName(g *trafficv1alpha1.UpdateGrant, name, apex wire.Name) bool {
	for _, pattern := range g.Names {
		switch {
		case pattern == "@":
			if name == apex {
				return true
			}
		case pattern == "*":
			if name != apex {
				return true
			}
		case strings.HasSuffix(pattern, ".*"):
			first, err := wire.ParseName(strings.TrimSuffix(pattern, ".*"))
			if err == nil && name != apex && strings.HasPrefix(string(name), string(first[:len(first)-1])) {
				return true
			}
		case strings.HasPrefix(pattern, "*."):
			above, err := wire.ParseName(pattern[2:] + "." + apex.String())
			if err == nil && name != above && name.Within(above) {
				return true
			}
		default:
			exact, err := wire.ParseName(pattern + "." + apex.String())
			if err == nil && name == exact {
				return true
			}
		}
	}
	return false
}
