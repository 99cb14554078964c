package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// zoneMaker generates zones in which everything stands that the three servers have in common.
type zoneMaker struct {
	r    *rand.Rand
	zone *v1.Zone
	more *v1.ZoneRecords
	// names that have records, relative to the zone; aliases and cuts apart.
	names, aliases, cuts []string
	all                  []string // domains of all zones
	taken                map[string]bool
}

// makeZones makes zones, each with some of its records in an object apart.
func makeZones(r *rand.Rand, count int) []*zoneMaker {
	var domains []string
	for i := range count {
		switch i % 4 {
		case 0:
			domains = append(domains, fmt.Sprintf("z%d.example", i))
		case 1:
			domains = append(domains, fmt.Sprintf("z%d.sub.example.org", i))
		case 2:
			domains = append(domains, fmt.Sprintf("very-long-label-of-a-zone-%d.with.many.labels.in.it.example.net", i))
		default:
			domains = append(domains, fmt.Sprintf("z%d", i))
		}
	}
	var out []*zoneMaker
	for i, domain := range domains {
		m := &zoneMaker{r: r, all: domains, taken: map[string]bool{}}
		created := metav1.NewTime(zonetest.Now.Add(time.Duration(i) * time.Second))
		m.zone = &v1.Zone{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("zone-", i), Generation: 1, CreationTimestamp: created},
			Spec: v1.ZoneSpec{Domain: domain, TTL: seconds(60 + r.IntN(4000)), NameServers: []v1.NameServer{
				{Name: "ns1." + domain, Addresses: []string{"192.0.2.53", "2001:db8::53"}}, {Name: "ns.example.info"}}},
		}
		if r.IntN(2) == 0 {
			m.zone.Spec.NameServers = append(m.zone.Spec.NameServers, v1.NameServer{Name: "ns2.deep." + domain, Addresses: []string{"192.0.2.54"}})
		}
		m.more = &v1.ZoneRecords{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("more-", i), Generation: 1, CreationTimestamp: created},
			Spec:       v1.ZoneRecordsSpec{Zone: m.zone.Name},
		}
		m.fill()
		out = append(out, m)
	}
	return out
}

func seconds(n int) *metav1.Duration {
	return &metav1.Duration{Duration: time.Duration(n) * time.Second}
}

func (m *zoneMaker) pick(all ...string) string { return all[m.r.IntN(len(all))] }

// absolute is a name of the zone, absolute.
func (m *zoneMaker) absolute(name string) string {
	if name == "@" {
		return m.zone.Spec.Domain + "."
	}
	return name + "." + m.zone.Spec.Domain + "."
}

// add adds a record set, to the Zone or to the object apart.
func (m *zoneMaker) add(name, rrtype string, values ...string) {
	if m.taken[name+" "+rrtype] {
		return
	}
	m.taken[name+" "+rrtype] = true
	r := v1.Record{Name: name, Type: rrtype, Values: values}
	if m.r.IntN(2) == 0 {
		r.TTL = seconds(1 + m.r.IntN(100000))
	}
	if m.r.IntN(4) == 0 && rrtype != "NS" && rrtype != "DS" && !m.below(name) {
		m.more.Spec.Records = append(m.more.Spec.Records, r)
	} else {
		m.zone.Spec.Records = append(m.zone.Spec.Records, r)
	}
}

func (m *zoneMaker) below(name string) bool {
	for _, cut := range m.cuts {
		if name == cut || strings.HasSuffix(name, "."+cut) {
			return true
		}
	}
	return false
}

// name makes a new name that lies below no cut.
func (m *zoneMaker) name() string {
	label := func() string {
		return m.pick("a", "b", "c", "www", "x-y", "_tcp", "_443", "1", "mail", "xn--bcher-kva", strings.Repeat("long", 15))
	}
	name := label()
	for m.r.IntN(3) > 0 && len(name) < 100 {
		name = label() + "." + name
	}
	if m.r.IntN(6) == 0 {
		name = "*." + name
	}
	return name
}

// target is a name that a record may lead to.
func (m *zoneMaker) target() string {
	switch m.r.IntN(8) {
	case 0:
		return m.pick("www.example.com.", "nowhere.invalid.", "mail.example.info.")
	case 1:
		return m.absolute("missing-" + m.pick("a", "b"))
	case 2:
		return "www." + m.all[m.r.IntN(len(m.all))] + "."
	case 3:
		if len(m.cuts) > 0 {
			return m.absolute("x." + m.pick(m.cuts...))
		}
	case 4:
		return m.absolute("@")
	case 5:
		// What a wildcard or an empty non-terminal may cover.
		return "q." + m.absolute(strings.TrimPrefix(m.pick(m.names...), "*."))
	}
	return m.absolute(strings.TrimPrefix(m.pick(m.names...), "*."))
}

// values of record types; a target is a name that the record leads to.
func (m *zoneMaker) value(rrtype string) string {
	n, hex := m.r.IntN(65536), func(octets int) string {
		return strings.Repeat(fmt.Sprintf("%02X", m.r.IntN(256)), octets)
	}
	switch rrtype {
	case "A":
		return fmt.Sprintf("192.0.2.%d", n%256)
	case "AAAA":
		return fmt.Sprintf("2001:db8::%x", n)
	case "AFSDB":
		return fmt.Sprintf("%d %s", n, m.target())
	case "CAA":
		return fmt.Sprintf(`%d issue "ca%d.example.net; account=%d"`, 128*(n%2), n, n)
	case "CERT":
		return fmt.Sprintf("%d %d 8 %s", 1+n%3, n, "AQIDBAUGBwgJ")
	case "DS":
		return fmt.Sprintf("%d 13 2 %s", n, hex(32))
	case "HINFO":
		return fmt.Sprintf(`"CPU %d" "OS"`, n)
	case "HTTPS", "SVCB":
		switch n % 4 {
		case 0:
			return "0 " + m.target()
		case 1:
			return fmt.Sprintf("%d . alpn=h2,h3 port=%d", 1+n%100, n)
		case 2:
			return fmt.Sprintf("%d %s mandatory=alpn alpn=h2 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1", 1+n%100, m.target())
		}
		return fmt.Sprintf("%d . alpn=h2 no-default-alpn", 1+n%100)
	case "LOC":
		return fmt.Sprintf("%d 30 12.748 N 0 7 39.611 W %d.00m 1m 10000m 10m", n%90, n%1000)
	case "MX":
		return fmt.Sprintf("%d %s", n, m.target())
	case "NAPTR":
		return fmt.Sprintf(`%d 10 "S" "SIP+D2U" "" %s`, n, m.target())
	case "OPENPGPKEY":
		return "AQIDBAUGBwgJCgsMDQ4P"
	case "PTR", "CNAME":
		return m.target()
	case "RP":
		return m.target() + " " + m.target()
	case "SMIMEA", "TLSA":
		return "3 1 1 " + hex(32)
	case "SRV":
		return fmt.Sprintf("%d 5 %d %s", n, n%1000, m.target())
	case "SSHFP":
		return "4 2 " + hex(32)
	case "TXT":
		return fmt.Sprintf(`text %d "quoted" \ ; %s`, n, strings.Repeat("x", n%300))
	case "URI":
		return fmt.Sprintf(`%d 1 "https://www.example.net/%d"`, n, n)
	}
	return fmt.Sprintf(`\# 4 %08X`, n) // a type nobody knows
}

var dataTypes = []string{"A", "AAAA", "AFSDB", "CAA", "CERT", "HINFO", "HTTPS", "LOC", "MX", "NAPTR", "OPENPGPKEY", "PTR", "RP", "SMIMEA",
	"SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI", "TYPE65280", "TYPE731"}

// fill puts records into the zone.
func (m *zoneMaker) fill() {
	m.names = []string{"@", "www"}
	m.add("www", "A", m.value("A"), "198.51.100.1")
	m.add("www", "AAAA", m.value("AAAA"))
	for range m.r.IntN(4) {
		m.delegate()
	}
	for range 4 + m.r.IntN(20) {
		name := m.name()
		if m.below(name) || m.taken[name+" CNAME"] {
			continue
		}
		m.names = append(m.names, name)
	}
	for _, name := range m.names {
		for range 1 + m.r.IntN(4) {
			m.addData(name, dataTypes[m.r.IntN(len(dataTypes))])
		}
	}
	// What does not fit into UDP.
	if m.r.IntN(2) == 0 {
		var many []string
		for i := range 10 + m.r.IntN(120) {
			many = append(many, fmt.Sprintf("198.51.100.%d", i))
		}
		m.add("many", "A", many...)
		m.names = append(m.names, "many")
	}
	m.alias()
}

func (m *zoneMaker) addData(name, rrtype string) {
	var values []string
	for range 1 + m.r.IntN(3) {
		v := m.value(rrtype)
		for _, o := range values {
			if o == v {
				v = ""
			}
		}
		if v != "" {
			values = append(values, v)
		}
	}
	m.add(name, rrtype, values...)
}

// delegate cuts a part off, with glue of its own, of a sibling, of the zone, and of nobody, and with
// records below the cut that are hidden by it.
func (m *zoneMaker) delegate() {
	name := m.pick("sub", "child", "d.e", "deep.er", "far.away.down")
	if m.below(name) || m.taken[name+" NS"] {
		return
	}
	for _, cut := range m.cuts {
		if strings.HasSuffix(cut, "."+name) {
			return
		}
	}
	siblings := append([]string{}, m.cuts...)
	m.cuts = append(m.cuts, name)
	servers := []string{"ns.example.info."}
	if m.r.IntN(3) > 0 {
		servers = append(servers, m.absolute("ns."+name))
		m.add("ns."+name, "A", "203.0.113.1")
		m.add("ns."+name, "AAAA", "2001:db8::1")
	}
	if m.r.IntN(3) == 0 {
		servers = append(servers, m.absolute(name))
		m.add(name, "A", "203.0.113.2")
	}
	if m.r.IntN(3) == 0 {
		servers = append(servers, m.absolute("www"))
	}
	for _, s := range siblings {
		if m.r.IntN(2) == 0 {
			servers = append(servers, m.absolute("ns."+s))
		}
	}
	for i := range m.r.IntN(2) * m.r.IntN(12) { // large referrals
		servers = append(servers, m.absolute(fmt.Sprintf("ns%d.of.%s", i, name)))
		m.add(fmt.Sprintf("ns%d.of.%s", i, name), "A", "203.0.113.3")
		m.add(fmt.Sprintf("ns%d.of.%s", i, name), "AAAA", "2001:db8::3")
	}
	m.add(name, "NS", servers...)
	if m.r.IntN(2) == 0 {
		m.add(name, "DS", m.value("DS"))
	}
	if m.r.IntN(2) == 0 {
		m.add("hidden."+name, "TXT", "nobody sees this")
	}
	if m.r.IntN(4) == 0 {
		m.add("grand."+name, "NS", "ns.example.info.")
	}
}

// alias adds aliases: to anything, and in chains. None leads into a circle: the target of each is a
// name with data or an alias that was there before.
func (m *zoneMaker) alias() {
	for i := range m.r.IntN(8) {
		name := fmt.Sprintf("alias%d", i)
		if m.r.IntN(4) == 0 {
			name = "*." + name
		}
		target := m.target()
		if len(m.aliases) > 0 && m.r.IntN(2) == 0 {
			target = m.absolute(strings.Replace(m.pick(m.aliases...), "*", "any", 1))
		}
		m.add(name, "CNAME", target)
		m.aliases = append(m.aliases, name)
	}
}

// file is the zone in the form of RFC 1035 section 5, with the start of authority that is served.
func (m *zoneMaker) file(soa string) string {
	var b strings.Builder
	origin := m.zone.Spec.Domain + "."
	fmt.Fprintf(&b, "$ORIGIN %s\n$TTL %d\n%s\n", origin, int(m.zone.Spec.TTL.Seconds()), soa)
	for _, s := range m.zone.Spec.NameServers {
		fmt.Fprintf(&b, "@ NS %s.\n", s.Name)
		for _, a := range s.Addresses {
			family := "A"
			if strings.Contains(a, ":") {
				family = "AAAA"
			}
			fmt.Fprintf(&b, "%s. %s %s\n", s.Name, family, a)
		}
	}
	for _, r := range append(append([]v1.Record{}, m.zone.Spec.Records...), m.more.Spec.Records...) {
		ttl := int(m.zone.Spec.TTL.Seconds())
		if r.TTL != nil {
			ttl = int(r.TTL.Seconds())
		}
		for _, v := range r.Values {
			if r.Type == "TXT" {
				v = quoted(v)
			}
			fmt.Fprintf(&b, "%s %d IN %s %s\n", r.Name, ttl, r.Type, v)
		}
	}
	return b.String()
}

// quoted is a text as strings of a zone file.
func quoted(text string) string {
	var parts []string
	for {
		n := min(len(text), 255)
		parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text[:n])+`"`)
		if text = text[n:]; text == "" {
			return strings.Join(parts, " ")
		}
	}
}
