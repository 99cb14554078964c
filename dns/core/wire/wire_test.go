package wire

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

func TestParseName(t *testing.T) {
	for text, want := range map[string]string{
		"www.Example.COM":              "\x03www\x07example\x03com\x00",
		"www.example.com.":             "\x03www\x07example\x03com\x00",
		".":                            "\x00",
		"*.x":                          "\x01*\x01x\x00",
		`a\.b.x`:                       "\x03a.b\x01x\x00",
		`\200.x`:                       "\x01\xc8\x01x\x00",
		"":                             "",
		"a..b":                         "",
		".a":                           "",
		strings.Repeat("a", 64):        "",
		strings.Repeat("a.", 128):      "",
		strings.Repeat("a.", 127):      strings.Repeat("\x01a", 127) + "\x00",
		strings.Repeat("a", 63) + ".b": "\x3f" + strings.Repeat("a", 63) + "\x01b\x00",
	} {
		got, err := ParseName(text)
		if string(got) != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	name := func(s string) Name {
		n, err := ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := name("a.b.example.com")
	if n.Parent() != name("b.example.com") || Root.Parent() != Root || n.Labels() != 4 || n.String() != "a.b.example.com" {
		t.Error("names and their parents")
	}
	for zone, want := range map[string]bool{"example.com": true, "a.b.example.com": true, ".": true, "ample.com": false, "x.a.b.example.com": false} {
		if n.Within(name(zone)) != want {
			t.Errorf("%s within %s: want %v", n, zone, want)
		}
	}
}

// message builds a query byte by byte: header fields, then whatever follows.
func message(flags string, counts [4]int, rest ...string) []byte {
	m, err := hex.DecodeString("1267" + flags + fmt.Sprintf("%04x%04x%04x%04x", counts[0], counts[1], counts[2], counts[3]) +
		strings.ReplaceAll(strings.Join(rest, ""), " ", ""))
	if err != nil {
		panic(err)
	}
	return m
}

const (
	question = "03 575757 07 6578616d706c65 00 0001 0001" // WWW.example. A IN
	opt      = "00 0029 1000 00 00 8000 "                 // 4096 octets, version 0, DO; length follows
)

func subnet(option string) string {
	o := strings.ReplaceAll(option, " ", "")
	return opt + fmt.Sprintf("%04x 0008 %04x", len(o)/2+4, len(o)/2) + o
}

func TestParse(t *testing.T) {
	one := [4]int{1, 0, 0, 0}
	withOPT := [4]int{1, 0, 0, 1}
	for name, c := range map[string]struct {
		msg     []byte
		outcome Outcome
		rcode   int
	}{
		"a plain query":                     {message("0100", one, question), Serve, 0},
		"a header cut short":                {message("0100", one)[:11], Drop, 0},
		"an answer":                         {message("8100", one, question), Drop, 0},
		"an answer with an unknown opcode":  {message("f900", one, question), Drop, 0},
		"NOTIFY":                            {message("2100", one, question), Refuse, dns.RcodeNotImplemented},
		"UPDATE":                            {message("2800", one, question), Refuse, dns.RcodeNotImplemented},
		"opcode 15":                         {message("7900", one, question), Refuse, dns.RcodeNotImplemented},
		"no question":                       {message("0100", [4]int{}), Refuse, dns.RcodeFormatError},
		"two questions":                     {message("0100", [4]int{2, 0, 0, 0}, question, question), Refuse, dns.RcodeFormatError},
		"an answer section":                 {message("0100", [4]int{1, 1, 0, 0}, question, "c00c 0001 0001 00000000 0000"), Refuse, dns.RcodeFormatError},
		"an authority section, as in IXFR":  {message("0100", [4]int{1, 0, 1, 0}, question, "c00c 0006 0001 00000000 0000"), Serve, 0},
		"a question cut in its name":        {message("0100", one, question)[:18], Refuse, dns.RcodeFormatError},
		"a question cut in its class":       {message("0100", one, question)[:28], Refuse, dns.RcodeFormatError},
		"a compressed question":             {message("0100", one, "c00c 0001 0001"), Refuse, dns.RcodeFormatError},
		"a label of an unknown kind":        {message("0100", one, "41 00 0001 0001"), Refuse, dns.RcodeFormatError},
		"a name of 255 octets":              {message("0100", one, strings.Repeat("0161", 127), "00 0001 0001"), Serve, 0},
		"a name of 256 octets":              {message("0100", one, strings.Repeat("0161", 126), "026161 00 0001 0001"), Refuse, dns.RcodeFormatError},
		"a name of 128 labels":              {message("0100", one, strings.Repeat("0161", 128), "00 0001 0001"), Refuse, dns.RcodeFormatError},
		"bytes after the end":               {message("0100", one, question, "00"), Refuse, dns.RcodeFormatError},
		"counts that lie":                   {message("0100", [4]int{1, 0, 0, 3}, question), Refuse, dns.RcodeFormatError},
		"counts that lie a lot":             {message("0100", [4]int{1, 0, 0, 65535}, question), Refuse, dns.RcodeFormatError},
		"EDNS":                              {message("0100", withOPT, question, opt, "0000"), Serve, 0},
		"EDNS version 1":                    {message("0100", withOPT, question, "00 0029 1000 00 01 8000 0000"), Refuse, dns.RcodeBadVers},
		"EDNS version 1, options unknown":   {message("0100", withOPT, question, "00 0029 1000 00 01 8000 0001 00"), Refuse, dns.RcodeBadVers},
		"two OPT records":                   {message("0100", [4]int{1, 0, 0, 2}, question, opt, "0000", opt, "0000"), Refuse, dns.RcodeFormatError},
		"OPT with a name":                   {message("0100", withOPT, question, "c00c 0029 1000 00008000 0000"), Refuse, dns.RcodeFormatError},
		"an unknown option":                 {message("0100", withOPT, question, opt, "0008 fde9 0004 01020304"), Serve, 0},
		"an option longer than its record":  {message("0100", withOPT, question, opt, "0008 fde9 0005 01020304"), Refuse, dns.RcodeFormatError},
		"half an option":                    {message("0100", withOPT, question, opt, "0003 fde900"), Refuse, dns.RcodeFormatError},
		"NSID wanted":                       {message("0100", withOPT, question, opt, "0004 0003 0000"), Serve, 0},
		"keepalive":                         {message("0100", withOPT, question, opt, "0004 000b 0000"), Serve, 0},
		"keepalive with a time":             {message("0100", withOPT, question, opt, "0006 000b 0002 0064"), Refuse, dns.RcodeFormatError},
		"subnet 10.1.2.0/24":                {message("0100", withOPT, question, subnet("0001 18 00 0a0102")), Serve, 0},
		"subnet 10.1.2.0/23":                {message("0100", withOPT, question, subnet("0001 17 00 0a0102")), Serve, 0},
		"subnet with a bit past its prefix": {message("0100", withOPT, question, subnet("0001 17 00 0a0103")), Refuse, dns.RcodeFormatError},
		"subnet with too many octets":       {message("0100", withOPT, question, subnet("0001 18 00 0a010200")), Refuse, dns.RcodeFormatError},
		"subnet with too few octets":        {message("0100", withOPT, question, subnet("0001 18 00 0a01")), Refuse, dns.RcodeFormatError},
		"subnet /33":                        {message("0100", withOPT, question, subnet("0001 21 00 0a01020300")), Refuse, dns.RcodeFormatError},
		"subnet of IPv6, /129":              {message("0100", withOPT, question, subnet("0002 81 00"+strings.Repeat("00", 17))), Refuse, dns.RcodeFormatError},
		"subnet of IPv6":                    {message("0100", withOPT, question, subnet("0002 30 00 20010db80001")), Serve, 0},
		"subnet with a scope":               {message("0100", withOPT, question, subnet("0001 18 18 0a0102")), Refuse, dns.RcodeFormatError},
		"subnet of no family":               {message("0100", withOPT, question, subnet("0000 00 00")), Serve, 0},
		"subnet of no family, with address": {message("0100", withOPT, question, subnet("0000 08 00 0a")), Refuse, dns.RcodeFormatError},
		"subnet of an unknown family":       {message("0100", withOPT, question, subnet("0003 08 00 0a")), Refuse, dns.RcodeFormatError},
		"subnet cut short":                  {message("0100", withOPT, question, subnet("0001 18")), Refuse, dns.RcodeFormatError},
		"two subnets":                       {message("0100", withOPT, question, opt, "0010 0008 0004 0001 00 00 0008 0004 0001 00 00"), Refuse, dns.RcodeFormatError},
		"a signature nobody can check":      {message("0100", withOPT, question, "01 6b 00 00fa 00ff 00000000 0000"), Refuse, dns.RcodeNotAuth},
		"something after the signature":     {message("0100", [4]int{1, 0, 0, 2}, question, "00 00fa 00ff 00000000 0000", opt, "0000"), Refuse, dns.RcodeFormatError},
		"a strange additional record":       {message("0100", withOPT, question, "c00c 0001 0001 00000000 0004 01020304"), Serve, 0},
		"a record cut in its data":          {message("0100", withOPT, question, "c00c 0001 0001 00000000 0004 010203"), Refuse, dns.RcodeFormatError},
	} {
		t.Run(name, func(t *testing.T) {
			var q Query
			if got := q.Parse(c.msg); got != c.outcome || q.Rcode != c.rcode {
				t.Errorf("outcome %d, rcode %s; want %d, %s", got, dns.RcodeToString[q.Rcode], c.outcome, dns.RcodeToString[c.rcode])
			}
		})
	}
}

func TestParseReadsEverything(t *testing.T) {
	var q Query
	q.Parse(message("0100", [4]int{1, 0, 0, 1}, question, subnet("0001 17 00 0a0102")))
	if string(q.Name()) != "\x03www\x07example\x00" || q.Labels() != 2 || string(q.Suffix(1)) != "\x07example\x00" || q.Offset(1) != 16 {
		t.Errorf("name %q, %d labels, suffix %q at %d", q.Name(), q.Labels(), q.Suffix(1), q.Offset(1))
	}
	if string(q.Question[:4]) != "\x03WWW" {
		t.Errorf("the question lost its case: %q", q.Question)
	}
	if !q.RD || !q.EDNS || !q.DO || q.UDPSize != 4096 || !q.HasSubnet || q.Subnet.Addr != netip.MustParseAddr("10.1.2.0") || q.Subnet.Prefix != 23 {
		t.Errorf("%+v", q)
	}
	q.Parse(message("0000", [4]int{1, 0, 0, 0}, question))
	if q.RD || q.EDNS || q.DO || q.UDPSize != 512 || q.HasSubnet {
		t.Errorf("something of the last query is left: %+v", q)
	}
}

// What the parser serves, the library can read too, and reads alike.
func FuzzParse(f *testing.F) {
	for _, rest := range []string{question, question + opt + "0000", question + subnet("0001 18 00 0a0102"), "c00c 0001 0001", "00 0001 0001"} {
		f.Add(message("0100", [4]int{1, 0, 0, 0}, rest))
		f.Add(message("0100", [4]int{1, 0, 0, 1}, rest))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		var q Query
		if q.Parse(msg) != Serve {
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(msg); err != nil {
			// The library reads the data of records, which are nobody's concern here.
			return
		}
		want, _, err := dns.UnpackDomainName(q.Name(), 0)
		if err != nil || len(m.Question) != 1 || !strings.EqualFold(m.Question[0].Name, want) ||
			m.Question[0].Qtype != q.Type || m.Question[0].Qclass != q.Class || m.Id != q.ID || m.RecursionDesired != q.RD {
			t.Fatalf("%q %d %d, but the library reads %v (%v)", want, q.Type, q.Class, m, err)
		}
		if o := m.IsEdns0(); (o != nil) != q.EDNS || o != nil && (o.Do() != q.DO || max(512, o.UDPSize()) != q.UDPSize) {
			t.Fatalf("EDNS %v %v %d, but the library reads %v", q.EDNS, q.DO, q.UDPSize, o)
		}
	})
}

func TestHasOption(t *testing.T) {
	m := new(dns.Msg)
	m.SetUpdate("apps.example.com.")
	m.Insert([]dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: "x.apps.example.com.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"x"}}})
	without, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "00"}, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}}
	with, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		msg  []byte
		code uint16
		want bool
	}{
		"the first":         {with, dns.EDNS0NSID, true},
		"the last":          {with, dns.EDNS0TCPKEEPALIVE, true},
		"another":           {with, dns.EDNS0COOKIE, false},
		"no EDNS":           {without, dns.EDNS0NSID, false},
		"cut off within it": {with[:len(with)-2], dns.EDNS0TCPKEEPALIVE, false},
		"no header":         {with[:11], dns.EDNS0NSID, false},
		"a header alone":    {with[:12], dns.EDNS0NSID, false},
		"nothing":           {nil, dns.EDNS0NSID, false},
	} {
		if got := HasOption(c.msg, c.code); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A set that is copied into an answer reads as the records that it was made of.
func TestSetsReadAsTheirRecords(t *testing.T) {
	apex, _ := ParseName("apps.example.com")
	for _, rr := range []string{
		"A 192.0.2.1", "AAAA 2001:db8::1", "CNAME www.apps.example.com.", "CNAME apps.example.com.", "CNAME www.xapps.example.com.",
		"CNAME other.example.net.", "NS ns1.Apps.example.com.", "MX 10 mail.apps.example.com.", "SRV 1 2 3 host.apps.example.com.",
		`CAA 0 issue "ca.example.net"`, "PTR host.apps.example.com.", `NAPTR 1 2 "S" "X" "" host.apps.example.com.`, "HTTPS 1 . alpn=\"h2\"",
	} {
		rrtype, value, _ := strings.Cut(rr, " ")
		data, err := ParseData(dns.StringToType[rrtype], value)
		if err != nil {
			t.Fatal(err)
		}
		for _, owner := range []string{"x.y.apps.example.com.", "apps.example.com."} {
			query := new(dns.Msg)
			query.SetQuestion(owner, dns.TypeA)
			b, _ := query.Pack()
			var q Query
			if q.Parse(b) != Serve {
				t.Fatal("the query is wrong")
			}
			apexAt := q.Offset(q.Labels() - apex.Labels())
			var r Reply
			r.Begin(nil, &q, &Options{}, false)
			r.Answer(NewSet(apex, dns.StringToType[rrtype], 60, []Data{data, data}), HeaderSize, apexAt)
			other, _ := ParseName("glue.apps.example.com")
			r.Authority(NewSetOf(apex, apex, dns.StringToType[rrtype], 60, []Data{data}), apexAt)
			r.Additional(NewSetOf(apex, other, dns.StringToType[rrtype], 60, []Data{data}), apexAt)
			m := new(dns.Msg)
			if err := m.Unpack(r.End()); err != nil {
				t.Fatalf("%s: %v", rr, err)
			}
			got := []string{}
			for _, s := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
				for _, rr := range s {
					got = append(got, strings.ToLower(rr.String()))
				}
			}
			var want []string
			for _, o := range []string{owner, "apps.example.com.", "glue.apps.example.com."} {
				rr, err := dns.NewRR(o + " 60 IN " + rr)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, strings.ToLower(rr.String()))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s at %s: %s", rr, owner, diff)
			}
		}
	}
}

func TestTextIsTakenAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		d, err := ParseData(dns.TypeTXT, text)
		if err != nil {
			if len(text) <= 4096 && !strings.HasPrefix(text, `\#`) {
				t.Fatal(err)
			}
			return
		}
		got := ""
		for w := d.Wire; len(w) > 0; w = w[1+w[0]:] {
			got += string(w[1 : 1+w[0]])
		}
		if got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func TestTruncation(t *testing.T) {
	apex, _ := ParseName("example.com")
	set := func(n int) *Set {
		var data []Data
		for i := range n {
			data = append(data, Data{Wire: []byte{192, 0, 2, byte(i)}, Tail: -1})
		}
		return NewSet(apex, dns.TypeA, 60, data)
	}
	for name, c := range map[string]struct {
		size      uint16 // of EDNS; 0 is none
		tcp       bool
		records   int
		truncated bool
		most      int
	}{
		"no EDNS, fits":      {0, false, 28, false, 512},
		"no EDNS":            {0, false, 31, true, 512},
		"512":                {512, false, 31, true, 512},
		"less than 512":      {100, false, 28, false, 512},
		"1232":               {1232, false, 70, false, 1232},
		"more than is given": {4096, false, 80, true, 1232},
		"TCP":                {0, true, 200, false, 65535},
	} {
		t.Run(name, func(t *testing.T) {
			query := new(dns.Msg)
			query.SetQuestion("www.example.com.", dns.TypeA)
			if c.size > 0 {
				query.SetEdns0(c.size, true)
			}
			b, _ := query.Pack()
			var q Query
			q.Parse(b)
			var r Reply
			r.Begin(nil, &q, &Options{}, c.tcp)
			r.Answer(set(c.records), HeaderSize, 16)
			r.Answer(set(1), HeaderSize, 16)
			m := new(dns.Msg)
			out := r.End()
			if err := m.Unpack(out); err != nil {
				t.Fatal(err)
			}
			want := c.records + 1
			if c.truncated {
				want = 0
			}
			if m.Truncated != c.truncated || len(m.Answer) != want || len(out) > c.most || (m.IsEdns0() != nil) != (c.size > 0) {
				t.Errorf("TC %v, %d records, %d octets", m.Truncated, len(m.Answer), len(out))
			}
		})
	}
}
