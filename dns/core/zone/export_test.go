package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// Advances reports whether a snapshot is made out of the one before.
func Advances(in Input) bool { return advance(&in) != nil }

// Fingerprint is all that a snapshot holds for those who answer, by name and zone, and its problems.
func (s *Snapshot) Fingerprint() map[string]string {
	out := map[string]string{"problems": fmt.Sprint(s.Problems), "names": fmt.Sprint(s.Names())}
	for _, z := range s.Zones {
		c := *z
		c.SOA, c.Negative, c.Glue, c.NegativeSignature, c.GlueSignatures, c.Signing = nil, nil, nil, nil, nil, nil
		out["zone "+z.Domain] = fmt.Sprintf("%+v", c) + print(z.SOA, z.Negative, z.NegativeSignature) + print(z.Glue...) + print(z.GlueSignatures...)
		if z.Signing != nil {
			out["zone "+z.Domain] += fmt.Sprint(z.Signing.At, z.Signing.Ring.Print(), z.Signing.NegativeTTL)
		}
	}
	for _, p := range s.Plans {
		text := fmt.Sprint(p.Generation, p.PolicyGeneration, p.TTL, p.MaxAnswers, p.Endpoints, len(p.steer))
		for _, a := range p.Answers {
			text += print(a.A, a.AAAA, a.CNAME)
		}
		for _, h := range p.Hosts {
			text += fmt.Sprintf(" %s of %s", h.Name, s.Zones[h.slot].Domain)
		}
		for _, st := range p.steer {
			text += fmt.Sprint(st.Endpoints(), st.Rankings(), st.Table() != nil)
		}
		out["plan "+p.ref().String()] = text
	}
	s.Each(func(name wire.Name, n *Node) {
		if f, above := s.Lookup(name); f != n || above != 0 || name.Labels() > s.depth {
			out["lost "+name.String()] = "it is not found"
		}
		out["name "+name.String()] = s.node(n)
	})
	return out
}

func (s *Snapshot) node(n *Node) string {
	var b strings.Builder
	fmt.Fprint(&b, s.ZoneOf(n).Domain, n.below, print(n.Sets...))
	if a := n.Alias; a != nil {
		fmt.Fprint(&b, " alias", print(a.Set), a.Target, a.At, a.Denied, string(a.Stands))
		if a.At != "" {
			fmt.Fprint(&b, s.Follow(a).Name)
		}
		cut(&b, a.Cut)
	}
	cut(&b, n.Cut)
	if h := n.Host; h != nil {
		same := slices.Contains(s.Plans, h.Plan) && slices.Contains(h.Plan.Hosts, h) && slices.Contains(h.Plan.steer, h.Steer)
		fmt.Fprint(&b, " host", h.Name, h.Plan.ref(), h.Plan.Generation, h.Steer.Endpoints(), h.Steer.Rankings(), same)
	}
	for _, v := range n.Services {
		fmt.Fprint(&b, " service", v.Type, print(v.Sets...))
	}
	if n.Wild != nil {
		fmt.Fprint(&b, " wild", n.Wild.Name, s.names.get(n.Wild.Name, hashOf(n.Wild.Name)) == n.Wild)
	}
	if n.Signed != nil {
		fmt.Fprint(&b, " signed", n.Signed.has, n.Signed.host)
		for _, p := range n.Signed.proofs {
			proof(&b, p)
		}
		for _, set := range n.Signed.sets {
			fmt.Fprint(&b, print(set.set), print(set.by...))
		}
	}
	return b.String()
}

func proof(b *strings.Builder, p dnssec.Proof) { fmt.Fprint(b, print(p.NSEC, p.Signature)) }

func cut(b *strings.Builder, c *Cut) {
	if c != nil {
		fmt.Fprint(b, " cut", c.Name, print(c.NS), print(c.Glue...), print(c.Siblings...), print(c.DS, c.DSSignature))
		if c.Signed != nil {
			proof(b, c.Signed.proofs[0])
		}
	}
}

func print(sets ...*wire.Set) string {
	text := ""
	for _, s := range sets {
		if s == nil {
			text += " -"
		} else {
			text += fmt.Sprintf(" %d/%d:%q", s.Type, s.TTL, s.Bytes())
		}
	}
	return text
}
