package update

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

var everything = []v1.UpdateGrant{{Names: []string{"*", "@"}, Types: []string{"A", "AAAA", "CNAME", "TXT", "MX", "HTTPS", "TYPE65280"}}}

// request is an update of the demo zone in which updates have put some records. Lines of changes are
// those of nsupdate: "prereq yxdomain NAME", "add NAME TTL TYPE DATA", "del NAME [TYPE [DATA]]".
func request(t *testing.T, grants []v1.UpdateGrant, lines ...string) Request {
	t.Helper()
	in := zonetest.Input(t, zonetest.Demo)
	m := new(dns.Msg)
	m.SetUpdate("apps.example.com.")
	for _, line := range lines {
		verb, rest, _ := strings.Cut(line, " ")
		parse := func(text string) dns.RR {
			rr, err := dns.NewRR(text)
			if err != nil || rr == nil {
				t.Fatalf("%q: %v", text, err)
			}
			return rr
		}
		header := func(class uint16, text string) dns.RR {
			f := strings.Fields(text)
			h := dns.RR_Header{Name: dns.Fqdn(f[0]), Class: class, Rrtype: dns.TypeANY}
			if len(f) > 1 {
				h.Rrtype = dns.StringToType[f[1]]
			}
			return &dns.ANY{Hdr: h}
		}
		switch verb {
		case "yx": // name [type]
			m.Answer = append(m.Answer, header(dns.ClassANY, rest))
		case "nx":
			m.Answer = append(m.Answer, header(dns.ClassNONE, rest))
		case "is": // name type data
			name, data, _ := strings.Cut(rest, " ")
			rr := parse(name + " 0 IN " + data)
			m.Answer = append(m.Answer, rr)
		case "add":
			m.Ns = append(m.Ns, parse(rest))
		case "del":
			if f := strings.SplitN(rest, " ", 3); len(f) == 3 {
				rr := parse(f[0] + " 0 IN " + f[1] + " " + f[2])
				rr.Header().Class = dns.ClassNONE
				m.Ns = append(m.Ns, rr)
			} else {
				m.Ns = append(m.Ns, header(dns.ClassANY, rest))
			}
		case "raw":
			m.Ns = append(m.Ns, parse(rest))
		default:
			t.Fatalf("%q", line)
		}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	m = new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatal(err)
	}
	current := &v1.ZoneRecords{Spec: v1.ZoneRecordsSpec{Zone: "apps", Records: []v1.Record{
		{Name: "_acme-challenge.www", Type: "TXT", Values: []string{"old", "older"}},
		{Name: "dyn", Type: "A", Values: []string{"192.0.2.77"}},
		{Name: "points", Type: "CNAME", Values: []string{"www.apps.example.com."}},
	}}}
	current.Name, current.CreationTimestamp.Time = "apps", zonetest.Now
	return Request{Message: m, Zone: in.Zones[0], Key: &v1.UpdateKey{Name: "key", Grants: grants}, Current: current, Input: in}
}

func TestDecide(t *testing.T) {
	const zone = "apps.example.com."
	for name, c := range map[string]struct {
		grants []v1.UpdateGrant
		lines  []string
		rcode  int
		want   string // what changes, as lines of the records
	}{
		"a challenge":                     {nil, []string{`add _acme-challenge.shop.` + zone + ` 60 TXT "token"`}, 0, `+_acme-challenge.shop 1m0s TXT [token]`},
		"a challenge at the apex":         {nil, []string{`add _acme-challenge.` + zone + ` 60 TXT "token"`}, 0, `+_acme-challenge 1m0s TXT [token]`},
		"a second challenge":              {nil, []string{`add _acme-challenge.www.` + zone + ` 60 TXT "new"`}, 0, `-_acme-challenge.www  TXT [old older] +_acme-challenge.www 1m0s TXT [old older new]`},
		"the same again":                  {nil, []string{`add _acme-challenge.www.` + zone + ` 300 TXT "old"`, `del _acme-challenge.www.` + zone + ` TXT "never there"`}, 0, `-_acme-challenge.www  TXT [old older] +_acme-challenge.www 5m0s TXT [old older]`},
		"clean up":                        {nil, []string{`del _acme-challenge.www.` + zone + ` TXT "old"`}, 0, `-_acme-challenge.www  TXT [old older] +_acme-challenge.www  TXT [older]`},
		"clean up all":                    {nil, []string{`del _acme-challenge.www.` + zone + ` TXT`}, 0, `-_acme-challenge.www  TXT [old older]`},
		"nothing to clean up":             {nil, []string{`del _acme-challenge.other.` + zone + ` TXT`, `del _acme-challenge.other.` + zone}, 0, ``},
		"not only a challenge":            {nil, []string{`add _acme-challenge.shop.` + zone + ` 60 TXT "token"`, `add www.` + zone + ` 60 TXT "token"`}, dns.RcodeRefused, ``},
		"not the type of a challenge":     {nil, []string{`add _acme-challenge.shop.` + zone + ` 60 A 192.0.2.1`}, dns.RcodeRefused, ``},
		"not quite a challenge":           {nil, []string{`add x_acme-challenge.shop.` + zone + ` 60 TXT "token"`}, dns.RcodeRefused, ``},
		"names below":                     {[]v1.UpdateGrant{{Names: []string{"*.dev"}, Types: []string{"A"}}}, []string{"add a.b.dev." + zone + " 60 A 192.0.2.1"}, 0, "+a.b.dev 1m0s A [192.0.2.1]"},
		"not the name itself":             {[]v1.UpdateGrant{{Names: []string{"*.dev"}, Types: []string{"A"}}}, []string{"add dev." + zone + " 60 A 192.0.2.1"}, dns.RcodeRefused, ""},
		"one name":                        {[]v1.UpdateGrant{{Names: []string{"one"}, Types: []string{"A"}}}, []string{"add ONE." + zone + " 60 A 192.0.2.1"}, 0, "+one 1m0s A [192.0.2.1]"},
		"not the apex":                    {[]v1.UpdateGrant{{Names: []string{"*"}}}, []string{`add ` + zone + ` 60 TXT "x"`}, dns.RcodeRefused, ""},
		"never NS":                        {[]v1.UpdateGrant{{Names: []string{"*"}, Types: []string{"NS"}}}, []string{"add x." + zone + " 60 NS ns.example.net."}, dns.RcodeRefused, ""},
		"another zone":                    {everything, []string{"add www.example.org. 60 A 192.0.2.1"}, dns.RcodeNotZone, ""},
		"all types of a name":             {everything, []string{"del dyn." + zone}, 0, "-dyn  A [192.0.2.77]"},
		"all types, but not all granted":  {[]v1.UpdateGrant{{Names: []string{"*"}}}, []string{"del dyn." + zone}, dns.RcodeRefused, ""},
		"static records stay":             {everything, []string{"del www." + zone + " A"}, dns.RcodeRefused, ""},
		"one static record stays":         {everything, []string{"del www." + zone + " A 192.0.2.10"}, dns.RcodeRefused, ""},
		"hosts stay":                      {everything, []string{"del shop." + zone + " A"}, dns.RcodeRefused, ""},
		"an alias beside other data":      {everything, []string{"add dyn." + zone + " 60 CNAME www." + zone}, 0, ""},
		"other data beside an alias":      {everything, []string{"add points." + zone + " 60 A 192.0.2.1"}, 0, ""},
		"an alias is replaced":            {everything, []string{"add points." + zone + " 60 CNAME other.example.net."}, 0, "-points  CNAME [www.apps.example.com.] +points 1m0s CNAME [other.example.net.]"},
		"an alias beside static data":     {everything, []string{"add www." + zone + " 60 CNAME other.example.net."}, dns.RcodeRefused, ""},
		"an alias that closes a circle":   {everything, []string{"add c1." + zone + " 60 CNAME c2." + zone, "add c2." + zone + " 60 CNAME c1." + zone}, dns.RcodeRefused, ""},
		"addresses of a host":             {everything, []string{"add shop." + zone + " 60 A 192.0.2.1"}, dns.RcodeRefused, ""},
		"below a cut":                     {everything, []string{"add x.child." + zone + " 60 A 192.0.2.1"}, dns.RcodeRefused, ""},
		"an unknown type":                 {everything, []string{`add x.` + zone + ` 60 TYPE65280 \# 2 abcd`}, 0, `+x 1m0s TYPE65280 [\# 2 abcd]`},
		"text that is more than one text": {everything, []string{`add x.` + zone + ` 60 TXT "a" "b"`}, 0, `+x 1m0s TXT [\# 4 01610162]`},
		"delete, then add":                {everything, []string{"del dyn." + zone + " A", "add dyn." + zone + " 60 A 192.0.2.78"}, 0, "-dyn  A [192.0.2.77] +dyn 1m0s A [192.0.2.78]"},

		"name in use":                 {everything, []string{"yx dyn." + zone, "add x." + zone + " 60 A 192.0.2.1"}, 0, "+x 1m0s A [192.0.2.1]"},
		"name not in use":             {everything, []string{"yx x." + zone, "add x." + zone + " 60 A 192.0.2.1"}, dns.RcodeNameError, ""},
		"an empty non-terminal":       {everything, []string{"yx ent." + zone, "add x." + zone + " 60 A 192.0.2.1"}, dns.RcodeNameError, ""},
		"a wildcard is not there":     {everything, []string{"nx x.wild." + zone, "nx x.wild." + zone + " TXT", "add x." + zone + " 60 A 192.0.2.1"}, 0, "+x 1m0s A [192.0.2.1]"},
		"must not be in use":          {everything, []string{"nx dyn." + zone, "add x." + zone + " 60 A 192.0.2.1"}, dns.RcodeYXDomain, ""},
		"a set that is there":         {everything, []string{"yx dyn." + zone + " A", "yx shop." + zone + " A", "yx child." + zone + " NS", "yx " + zone + " SOA", "del dyn." + zone}, 0, "-dyn  A [192.0.2.77]"},
		"a set that is not there":     {everything, []string{"yx dyn." + zone + " AAAA", "del dyn." + zone}, dns.RcodeNXRrset, ""},
		"a set that must not":         {everything, []string{"nx dyn." + zone + " A", "del dyn." + zone}, dns.RcodeYXRrset, ""},
		"a set with these values":     {everything, []string{"is www." + zone + " A 192.0.2.11", "is www." + zone + " A 192.0.2.10", "is points." + zone + " CNAME WWW." + zone, "del dyn." + zone}, 0, "-dyn  A [192.0.2.77]"},
		"a set with one of them":      {everything, []string{"is www." + zone + " A 192.0.2.11", "del dyn." + zone}, dns.RcodeNXRrset, ""},
		"a prerequisite elsewhere":    {everything, []string{"yx www.example.org.", "del dyn." + zone}, dns.RcodeNotZone, ""},
		"prerequisites before rights": {nil, []string{"yx x." + zone, "add www." + zone + " 60 A 192.0.2.1"}, dns.RcodeNameError, ""},
		"a change that is none":       {everything, []string{"raw x." + zone + " 60 CH TXT x"}, dns.RcodeFormatError, ""},
		"nothing at all":              {nil, nil, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, c.grants, c.lines...)
			before := r.Current.DeepCopy()
			o := Decide(r)
			if o.Rcode != c.rcode || (o.Rcode != 0) != (o.Text != "") {
				t.Fatalf("%s %q, want %s", dns.RcodeToString[o.Rcode], o.Text, dns.RcodeToString[c.rcode])
			}
			if diff := cmp.Diff(before, r.Current); diff != "" {
				t.Errorf("the object that was read has changed: %s", diff)
			}
			if o.Changed != (c.want != "") {
				t.Errorf("changed: %v", o.Changed)
			}
			if !o.Changed {
				return
			}
			if got := changes(before.Spec.Records, o.Records); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func changes(before, after []v1.Record) string {
	line := func(r v1.Record) string {
		ttl := ""
		if r.TTL != nil {
			ttl = r.TTL.Duration.String()
		}
		return r.Name + " " + ttl + " " + r.Type + " [" + strings.Join(r.Values, " ") + "]"
	}
	var out []string
	has := func(all []v1.Record, l string) bool {
		for _, r := range all {
			if line(r) == l {
				return true
			}
		}
		return false
	}
	for _, r := range before {
		if !has(after, line(r)) {
			out = append(out, "-"+line(r))
		}
	}
	for _, r := range after {
		if !has(before, line(r)) {
			out = append(out, "+"+line(r))
		}
	}
	return strings.Join(out, " ")
}

func FuzzDecide(f *testing.F) {
	m := new(dns.Msg)
	m.SetUpdate("apps.example.com.")
	b, _ := m.Pack()
	f.Add(b)
	t := &testing.T{}
	for _, lines := range [][]string{{`add x.apps.example.com. 60 TXT "a" "b"`, "del dyn.apps.example.com."}, {"yx x.apps.example.com. A", "is www.apps.example.com. A 192.0.2.1"}} {
		if b, err := request(t, everything, lines...).Message.Pack(); err == nil {
			f.Add(b)
		}
	}
	base := request(t, everything)
	base.Input.Places = nil
	f.Fuzz(func(t *testing.T, msg []byte) {
		r := base
		r.Current = base.Current.DeepCopy()
		r.Message = new(dns.Msg)
		if r.Message.Unpack(msg) != nil {
			return
		}
		o := Decide(r)
		if o.Changed && o.Rcode != 0 || o.Rcode != 0 && o.Text == "" {
			t.Fatalf("%+v", o)
		}
		if o.Changed {
			r.Current.Spec.Records = o.Records
			if again := Decide(Request{Message: new(dns.Msg), Zone: r.Zone, Key: r.Key, Current: r.Current, Input: r.Input}); again.Changed || again.Rcode != 0 {
				t.Fatalf("%+v", again)
			}
		}
	})
}
