// Package rdata reads the data of DNS records from their presentation format into their wire format.
// Admission and the name servers read with the same code, so that what one accepts the other serves.
//
// It knows single records. Which may stand beside each other is for package zone to say.
package rdata

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// examples are the types that may be written by name, each with the data of a record.
var examples = map[uint16]string{
	dns.TypeA:          "192.0.2.1",
	dns.TypeAAAA:       "2001:db8::1",
	dns.TypeAFSDB:      "1 afs.example.net",
	dns.TypeCAA:        `0 issue "ca.example.net"`,
	dns.TypeCERT:       "PGP 0 0 AQIDBA==",
	dns.TypeCNAME:      "www.example.net",
	dns.TypeDS:         "12345 13 2 " + strings.Repeat("0123456789ABCDEF", 4),
	dns.TypeHINFO:      `"ARM64" "LINUX"`,
	dns.TypeHTTPS:      "1 . alpn=h2,h3",
	dns.TypeLOC:        "51 30 12.748 N 0 7 39.611 W 0.00m",
	dns.TypeMX:         "10 mail.example.net",
	dns.TypeNAPTR:      `100 10 "S" "SIP+D2U" "" _sip._udp.example.net`,
	dns.TypeNS:         "ns1.example.net",
	dns.TypeOPENPGPKEY: "AQIDBA==",
	dns.TypePTR:        "www.example.net",
	dns.TypeRP:         "admin.example.net info.example.net",
	dns.TypeSMIMEA:     "3 1 1 " + strings.Repeat("0123456789ABCDEF", 4),
	dns.TypeSRV:        "10 5 443 www.example.net",
	dns.TypeSSHFP:      "4 2 " + strings.Repeat("0123456789ABCDEF", 4),
	dns.TypeSVCB:       "1 svc.example.net port=8443",
	dns.TypeTLSA:       "3 1 1 " + strings.Repeat("0123456789ABCDEF", 4),
	dns.TypeTXT:        "v=spf1 -all",
	dns.TypeURI:        `10 1 "https://www.example.net/"`,
}

// kept are types that no user writes, with why.
var kept = map[uint16]string{
	dns.TypeSOA:        "the start of authority is made from spec.soa",
	dns.TypeDNAME:      "DNAME is not served: write a wildcard CNAME, or delegate the name",
	dns.TypeDNSKEY:     "the zone's keys are published by those who sign it",
	dns.TypeCDS:        "the zone's keys are published by those who sign it",
	dns.TypeCDNSKEY:    "the zone's keys are published by those who sign it",
	dns.TypeRRSIG:      "signatures are made by those who sign the zone",
	dns.TypeSIG:        "signatures are made by those who sign the zone",
	dns.TypeNSEC:       "denials are made by those who sign the zone",
	dns.TypeNSEC3:      "denials are made by those who sign the zone",
	dns.TypeNSEC3PARAM: "denials are made by those who sign the zone",
	dns.TypeNXNAME:     "denials are made by those who sign the zone",
	dns.TypeOPT:        "it is no record of a name",
	dns.TypeNone:       "it is no record of a name",
}

// Types are the names of the types that may be written by name, in order. Any other is written as in
// RFC 3597: type TYPE65280, data \# 4 0a000001.
func Types() []string {
	var out []string
	for t := range examples {
		out = append(out, dns.TypeToString[t])
	}
	slices.Sort(out)
	return out
}

// ParseType reads the name of a type, also in the form TYPE65280. The error says what to write
// instead.
func ParseType(text string) (uint16, error) {
	t, known := dns.StringToType[text]
	if number, ok := strings.CutPrefix(text, "TYPE"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		t, known = uint16(n), err == nil && (number == "0" || number[0] != '0')
	}
	_, byName := examples[t]
	switch {
	case !known:
		return 0, fmt.Errorf("%q is no record type: use one of %s, or the form TYPE65280 for another", text, strings.Join(Types(), " "))
	case kept[t] != "":
		return 0, fmt.Errorf("%s records cannot be written: %s", text, kept[t])
	case t >= 128 && t < 256:
		return 0, fmt.Errorf("%s is no type of records but of questions (RFC 6895 section 3.1)", text)
	case !byName && !strings.HasPrefix(text, "TYPE"):
		return 0, fmt.Errorf(`%s records are written in the generic form: type TYPE%d, values such as \# 4 0a000001`, text, t)
	}
	return t, nil
}

// maxText is how much text one TXT record takes, and maxData how much data any other, so that it
// fits into every message.
const (
	maxText = 4096
	maxData = 16 << 10
)

// Parse reads the data of one record of a type that ParseType has returned. Host names are absolute,
// with or without the final dot. TXT is text as it is, without quotes. The result has no compressed
// name in it. The error says what to write instead.
func Parse(rrtype uint16, value string) ([]byte, error) {
	generic := strings.HasPrefix(value, `\#`)
	if rrtype == dns.TypeTXT && !generic {
		return text(value)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7F }) {
		return nil, errors.New("the value has a control character in it: write \\DDD, its decimal code, in its place")
	}
	if len(value) > 4*maxData {
		return nil, fmt.Errorf("the data of a record has at most %d octets", maxData)
	}
	data, err := pack(rrtype, value)
	if err != nil {
		return nil, malformed(rrtype, generic)
	}
	if len(data) > maxData {
		return nil, fmt.Errorf("the data of a record has at most %d octets, this has %d", maxData, len(data))
	}
	if check := checks[rrtype]; check != nil {
		if err := check(data); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func malformed(rrtype uint16, generic bool) error {
	example, ok := examples[rrtype]
	switch {
	case !ok, generic:
		return fmt.Errorf(`not the data of a %s record in the generic form of RFC 3597: \#, the number of octets, and the octets in hex, such as \# 4 0a000001`, dns.Type(rrtype))
	case rrtype == dns.TypeA || rrtype == dns.TypeAAAA:
		return fmt.Errorf("not the data of a %s record, which is an address such as %s", dns.Type(rrtype), example)
	}
	return fmt.Errorf("not the data of a %s record in presentation format, such as %q", dns.Type(rrtype), example)
}

// pack reads data with the library, and makes sure that it can be read back.
func pack(rrtype uint16, value string) ([]byte, error) {
	fields := strings.Fields(value)
	switch {
	case comment(value):
		return nil, errors.New("a comment")
	case len(fields) == 0: // some types may be empty for the library
		return nil, errors.New("nothing there")
	}
	rr, err := dns.NewRR(". 0 IN " + dns.Type(rrtype).String() + " " + value)
	if err != nil {
		return nil, err
	}
	if rr == nil || rr.Header().Rrtype != rrtype {
		return nil, errors.New("nothing there")
	}
	if err := family(rr, value); err != nil {
		return nil, err
	}
	buf := make([]byte, 1<<16)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, err
	}
	if _, _, err := dns.UnpackRR(buf[:end], 0); err != nil {
		return nil, err
	}
	const header = 1 + 10 // the root's name, type, class, TTL, length
	data := bytes.Clone(buf[header:end])
	if fields[0] == `\#` && (len(fields) == 1 || fields[1] != strconv.Itoa(len(data))) {
		return nil, errors.New("octets behind the data")
	}
	return data, nil
}

// family refuses addresses of the other family, which the library takes.
func family(rr dns.RR, value string) error {
	if strings.HasPrefix(strings.TrimSpace(value), `\#`) {
		return nil
	}
	ip, err := netip.ParseAddr(strings.TrimSpace(value))
	switch rr.(type) {
	case *dns.A:
		if err != nil || !ip.Is4() {
			return errors.New("no IPv4 address")
		}
	case *dns.AAAA:
		if err != nil || ip.Is4() || ip.Is4In6() || ip.Zone() != "" {
			return errors.New("no IPv6 address")
		}
	}
	return nil
}

// comment reports whether a value has a semicolon that begins a comment: what follows it would be
// lost without a word.
func comment(value string) bool {
	quoted, escaped := false, false
	for _, c := range value {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			return true
		}
	}
	return false
}

// text cuts a text into strings of 255 octets (RFC 1035 section 3.3.14).
func text(value string) ([]byte, error) {
	if len(value) > maxText {
		return nil, fmt.Errorf("the text has %d octets; at most %d are served", len(value), maxText)
	}
	var data []byte
	for {
		n := min(len(value), 255)
		data = append(append(data, byte(n)), value[:n]...)
		if value = value[n:]; value == "" {
			return data, nil
		}
	}
}

// checks are what the library does not look at.
var checks = map[uint16]func(data []byte) error{
	dns.TypeTLSA:   func(data []byte) error { return hash(data, 2, 3, map[byte]int{1: 32, 2: 64}) },
	dns.TypeSMIMEA: func(data []byte) error { return hash(data, 2, 3, map[byte]int{1: 32, 2: 64}) },
	dns.TypeSSHFP:  func(data []byte) error { return hash(data, 1, 2, map[byte]int{1: 20, 2: 32}) },
	dns.TypeDS:     func(data []byte) error { return hash(data, 3, 4, map[byte]int{1: 20, 2: 32, 4: 48}) },
	dns.TypeCAA:    caa,
	dns.TypeSVCB:   service,
	dns.TypeHTTPS:  service,
	dns.TypeURI: func(data []byte) error {
		if len(data) <= 4 {
			return errors.New("the target of a URI record is not empty (RFC 7553 section 4.4)")
		}
		return nil
	},
}

// hash checks the length of a digest whose kind stands in an octet before it.
func hash(data []byte, kind, start int, sizes map[byte]int) error {
	if len(data) <= start {
		return errors.New("the digest is missing")
	}
	want, known := sizes[data[kind]]
	if have := len(data) - start; known && have != want {
		return fmt.Errorf("a digest of kind %d has %d octets, this one has %d: copy it whole", data[kind], want, have)
	}
	return nil
}

// caa checks the tag (RFC 8659 section 4.1).
func caa(data []byte) error {
	if len(data) < 2 || data[1] == 0 || len(data) < 2+int(data[1]) {
		return errors.New("the tag is missing, such as issue or iodef")
	}
	for _, c := range data[2 : 2+data[1]] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return fmt.Errorf("the tag %q has more than letters and digits", data[2:2+data[1]])
		}
	}
	return nil
}

// service checks SVCB and HTTPS as one that uses them would (RFC 9460 sections 2.4 and 8).
func service(data []byte) error {
	rest := data[2:]
	for len(rest) > 0 && rest[0] != 0 {
		rest = rest[1+rest[0]:]
	}
	rest = rest[1:]
	if binary.BigEndian.Uint16(data) == 0 {
		if len(rest) > 0 {
			return errors.New("priority 0 makes an alias, which has no parameters: leave them out or use priority 1")
		}
		return nil
	}
	present := map[uint16]bool{}
	var mandatory []byte
	for len(rest) >= 4 {
		key, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		present[key] = true
		if key == uint16(dns.SVCB_MANDATORY) {
			mandatory = rest[4 : 4+size]
		}
		rest = rest[4+size:]
	}
	for ; len(mandatory) >= 2; mandatory = mandatory[2:] {
		if key := dns.SVCBKey(binary.BigEndian.Uint16(mandatory)); !present[uint16(key)] || key == dns.SVCB_MANDATORY {
			return fmt.Errorf("%s is mandatory and not there", key)
		}
	}
	if present[uint16(dns.SVCB_NO_DEFAULT_ALPN)] && !present[uint16(dns.SVCB_ALPN)] {
		return errors.New("no-default-alpn needs alpn beside it")
	}
	return nil
}

// Compressible is where the name begins that ends the data of a type whose names may be compressed
// (RFC 3597 section 4), or -1 for any other type.
func Compressible(rrtype uint16) int {
	switch rrtype {
	case dns.TypeCNAME, dns.TypeNS, dns.TypePTR:
		return 0
	case dns.TypeMX:
		return 2
	}
	return -1
}

// IsDelegation reports whether records of the type delegate what is below their name.
func IsDelegation(rrtype uint16) bool { return rrtype == dns.TypeNS || rrtype == dns.TypeDS }
