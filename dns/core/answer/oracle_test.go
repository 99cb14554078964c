package answer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// oracle answers from a list of records by reading RFC 1034 section 4.3.2 and RFC 4592 word by word:
// slowly, and with nothing in common with the code that is tested.
type oracle struct {
	apex    string
	records map[string]map[string][]string // by name and type
}

// exists: the name has records, or a name below it has (RFC 8020).
func (o *oracle) exists(name string) bool {
	for n := range o.records {
		if n == name || strings.HasSuffix(n, "."+name) {
			return true
		}
	}
	return false
}

func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

func (o *oracle) within(name string) bool {
	return name == o.apex || strings.HasSuffix(name, "."+o.apex)
}

// cut is the delegation at or above a name, the one nearest to the apex.
func (o *oracle) cut(name string) (found string) {
	for n := name; o.within(n) && n != o.apex; n = parent(n) {
		if len(o.records[n]["NS"]) > 0 {
			found = n
		}
	}
	return found
}

// source is the name whose records answer for a name: itself, or a wildcard.
func (o *oracle) source(name string) (string, bool) {
	if o.exists(name) {
		return name, true
	}
	encloser := parent(name)
	for !o.exists(encloser) {
		encloser = parent(encloser)
	}
	wildcard := "*." + encloser
	return wildcard, o.exists(wildcard)
}

func (o *oracle) answer(name, rrtype string) string {
	if c := o.cut(name); c != "" && !(c == name && rrtype == "DS") {
		return "referral to " + c
	}
	out := "NOERROR"
	for range maxAliases {
		source, ok := o.source(name)
		if !ok {
			return "NXDOMAIN" + strings.TrimPrefix(out, "NOERROR") + " soa"
		}
		target := o.records[source]["CNAME"]
		if len(target) == 0 || rrtype == "CNAME" {
			values := o.records[source][rrtype]
			for _, v := range values {
				out += " " + name + "=" + v
			}
			if len(values) == 0 {
				out += " soa"
			}
			return out
		}
		out += " " + name + "=" + target[0]
		if name = target[0]; !o.within(name) {
			return out
		}
		if c := o.cut(name); c != "" && !(c == name && rrtype == "DS") {
			return out + " referral to " + c
		}
	}
	return out
}

// observed is an answer in the oracle's words.
func observed(m *dns.Msg) string {
	if !m.Authoritative {
		return "referral to " + strings.TrimSuffix(m.Ns[0].Header().Name, ".")
	}
	out := dns.RcodeToString[m.Rcode]
	for _, r := range m.Answer {
		value := strings.TrimPrefix(r.String(), r.Header().String())
		out += " " + strings.TrimSuffix(r.Header().Name, ".") + "=" + strings.TrimSuffix(value, ".")
	}
	switch {
	case len(m.Ns) > 0 && m.Ns[0].Header().Rrtype == dns.TypeNS:
		out += " referral to " + strings.TrimSuffix(m.Ns[0].Header().Name, ".")
	case len(m.Ns) > 0:
		out += " soa"
	}
	return out
}

func TestAnswersEqualTheOracle(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "*", "c"})
	relative := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(label, 1, 4).Draw(t, "labels"), ".")
	})
	const apex = "z.example"
	types := []string{"A", "TXT", "CNAME", "NS"}
	w := worker(t)
	rapid.Check(t, func(t *rapid.T) {
		z := &trafficv1alpha1.Zone{}
		z.Name = "z"
		z.Spec.Domain = apex
		z.Spec.NameServers = []trafficv1alpha1.NameServer{{Name: "ns.example.net"}}
		o := &oracle{apex: apex, records: map[string]map[string][]string{apex: {"SOA": {"x"}, "NS": {"ns.example.net"}}}}
		for range rapid.IntRange(0, 10).Draw(t, "records") {
			r := trafficv1alpha1.Record{Name: relative.Draw(t, "name"), Type: rapid.SampledFrom(types).Draw(t, "type")}
			owner := r.Name + "." + apex
			if o.records[owner][r.Type] != nil {
				continue
			}
			switch r.Type {
			case "A":
				r.Values = []string{"192.0.2.1"}
			case "TXT":
				r.Values = []string{"text"}
			case "NS":
				r.Values = []string{"ns.example.org"}
			case "CNAME":
				r.Values = []string{rapid.SampledFrom([]string{"www.example.org", relative.Draw(t, "target") + "." + apex}).Draw(t, "where")}
			}
			z.Spec.Records = append(z.Spec.Records, r)
			if o.records[owner] == nil {
				o.records[owner] = map[string][]string{}
			}
			o.records[owner][r.Type] = r.Values
		}
		s := zone.Compile(zone.Input{Zones: []*trafficv1alpha1.Zone{z}, Now: zonetest.Now, Places: zonetest.Places()})
		// What Compile leaves out the oracle must not know either.
		for _, p := range s.Problems {
			var i int
			if _, err := fmt.Sscanf(p.Field, "spec.records[%d]", &i); err != nil {
				t.Fatalf("%v", p)
			}
			r := z.Spec.Records[i]
			delete(o.records[r.Name+"."+apex], r.Type)
		}
		for name, rs := range o.records {
			if len(rs) == 0 {
				delete(o.records, name)
			}
		}
		for range 10 {
			name := relative.Draw(t, "question") + "." + apex
			rrtype := rapid.SampledFrom(slices.Concat(types, []string{"DS", "MX"})).Draw(t, "of type")
			m := unpack(t, w.Answer(s, nil, query(t, name, dns.StringToType[rrtype], ""), resolver, true))
			want, got := o.answer(name, rrtype), strings.ReplaceAll(observed(m), `"`, "")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s %s:\n%s\n%+v\n%v", name, rrtype, diff, z.Spec.Records, s.Problems)
			}
		}
	})
}
