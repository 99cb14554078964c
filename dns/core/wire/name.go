package wire

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Name is a domain name in wire form without compression, ASCII letters in lower case (RFC 4343),
// such as "\x03www\x07example\x00". It compares with == and is a map key.
type Name string

// Root is the name of the root zone.
const Root Name = "\x00"

// maxName is the longest name in wire form (RFC 1035 section 2.3.4).
const maxName = 255

// ParseName reads an absolute name in presentation format, with or without the final dot.
func ParseName(text string) (Name, error) {
	switch {
	case text == "":
		return "", fmt.Errorf("the name is empty")
	case text == ".":
		return Root, nil
	case strings.HasPrefix(text, "."), strings.Contains(text, ".."):
		return "", fmt.Errorf("%q has an empty label", text)
	}
	buf := make([]byte, maxName+1)
	n, err := dns.PackDomainName(dns.Fqdn(text), buf, 0, nil, false)
	if err != nil || n > maxName {
		return "", fmt.Errorf("%q is not a domain name: labels are 1 to 63 octets and the name at most 255", text)
	}
	for i := range n {
		buf[i] = lower(buf[i])
	}
	return Name(buf[:n]), nil
}

// String is the name in presentation format without the final dot; "." for the root.
func (n Name) String() string {
	if n == Root || n == "" {
		return "."
	}
	text, _, err := dns.UnpackDomainName([]byte(n), 0)
	if err != nil {
		return fmt.Sprintf("%q", string(n))
	}
	return strings.TrimSuffix(text, ".")
}

// Parent is the name without its first label. The root is its own parent.
func (n Name) Parent() Name {
	if n[0] == 0 {
		return n
	}
	return n[1+n[0]:]
}

// Labels is how many labels the name has; none for the root.
func (n Name) Labels() int {
	count := 0
	for ; n[0] != 0; n = n.Parent() {
		count++
	}
	return count
}

// Within reports whether the name is zone or lies below it.
func (n Name) Within(zone Name) bool {
	for len(n) > len(zone) {
		n = n.Parent()
	}
	return n == zone
}

// IsWildcard reports whether the first label is "*" (RFC 4592 section 2.1.1).
func (n Name) IsWildcard() bool { return strings.HasPrefix(string(n), "\x01*") }

// Wildcard is the wildcard name directly below n, or false where it would be too long.
func (n Name) Wildcard() (Name, bool) { return "\x01*" + n, len(n)+2 <= maxName }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
