package traffic

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	// maxTTL is the longest TTL that a resolver need believe (RFC 8767 section 4: seven days).
	maxTTL = 7 * 24 * time.Hour
	// maxTimer is the longest timer that fits a start of authority (RFC 1035 section 3.3.13: 32 bits),
	// kept to what is of any use.
	maxTimer = 10 * 365 * 24 * time.Hour
)

// ValidateZone says what is wrong with a Zone. old is nil for a new one. Whether it overlaps another
// Zone is not asked here.
func ValidateZone(new, old *trafficv1alpha1.Zone) field.ErrorList {
	spec := field.NewPath("spec")
	s := &new.Spec
	var errs field.ErrorList
	if why := notHost(s.Domain, true); why != "" {
		errs = append(errs, field.Invalid(spec.Child("domain"), s.Domain, why))
	}
	if old != nil && old.Spec.Domain != s.Domain {
		errs = append(errs, field.Forbidden(spec.Child("domain"), fmt.Sprintf("can not be changed from %q; make a new Zone for another domain", old.Spec.Domain)))
	}
	errs = append(errs, validateNameServers(s.NameServers, s.Domain, spec.Child("nameServers"))...)
	errs = append(errs, validateSOA(s.SOA, spec.Child("soa"))...)
	if s.TTL != nil {
		errs = append(errs, validateTTL(s.TTL, time.Second, maxTTL, spec.Child("ttl"))...)
	}
	errs = append(errs, validateRecords(s.Records, s.Domain, spec.Child("records"))...)
	if s.ClientSubnet != nil {
		errs = append(errs, validateClientSubnet(s.ClientSubnet, spec.Child("clientSubnet"))...)
	}
	if s.Updates != nil {
		errs = append(errs, validateUpdates(s.Updates, s.Domain, spec.Child("updates"))...)
	}
	if s.Transfers != nil {
		errs = append(errs, validateTransfers(s.Transfers, spec.Child("transfers"))...)
	}
	if s.Secondary != nil {
		errs = append(errs, validateSecondary(s, spec)...)
	}
	errs = append(errs, validateDNSSEC(s, spec)...)
	if s.AllowedNamespaces != nil {
		errs = append(errs, metav1validation.ValidateLabelSelector(s.AllowedNamespaces.Selector,
			metav1validation.LabelSelectorValidationOptions{}, spec.Child("allowedNamespaces", "selector"))...)
	}
	return errs
}

func validateNameServers(servers []trafficv1alpha1.NameServer, domain string, path *field.Path) (errs field.ErrorList) {
	if len(servers) == 0 {
		return field.ErrorList{field.Required(path, "name at least one server, the first being the primary")}
	}
	names := map[string]bool{}
	for i, ns := range servers {
		at := path.Index(i)
		name := strings.ToLower(ns.Name)
		if why := notHost(name, false); why != "" {
			errs = append(errs, field.Invalid(at.Child("name"), ns.Name, why))
		}
		if names[name] {
			errs = append(errs, field.Duplicate(at.Child("name"), ns.Name))
		}
		names[name] = true
		if len(ns.Addresses) == 0 && inside(name, domain) {
			errs = append(errs, field.Required(at.Child("addresses"),
				"the server's name lies inside the zone, so that nobody can find it without its addresses; name them, or a server outside the zone"))
		}
		errs = append(errs, validateAddresses(ns.Addresses, at.Child("addresses"))...)
	}
	return errs
}

// inside says whether a name is the domain or lies below it.
func inside(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

func validateAddresses(addresses []string, path *field.Path) (errs field.ErrorList) {
	seen := map[netip.Addr]bool{}
	for i, a := range addresses {
		ip, err := netip.ParseAddr(a)
		switch {
		case err != nil || ip.Zone() != "" || ip.Is4In6():
			errs = append(errs, field.Invalid(path.Index(i), a, "must be an IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1"))
		case ip.IsUnspecified() || ip.IsMulticast():
			errs = append(errs, field.Invalid(path.Index(i), a, "must be the address of one host"))
		case seen[ip]:
			errs = append(errs, field.Duplicate(path.Index(i), a))
		}
		seen[ip] = true
	}
	return errs
}

func validateSOA(soa *trafficv1alpha1.SOA, path *field.Path) (errs field.ErrorList) {
	if soa == nil {
		return nil
	}
	if soa.Contact != "" {
		if why := notMailbox(soa.Contact); why != "" {
			errs = append(errs, field.Invalid(path.Child("contact"), soa.Contact, why))
		}
	}
	for _, timer := range []struct {
		name  string
		value *metav1.Duration
		most  time.Duration
	}{
		{"refresh", soa.Refresh, maxTimer},
		{"retry", soa.Retry, maxTimer},
		{"expire", soa.Expire, maxTimer},
		{"negativeTTL", soa.NegativeTTL, maxTTL},
	} {
		if timer.value != nil {
			errs = append(errs, validateTTL(timer.value, time.Second, timer.most, path.Child(timer.name))...)
		}
	}
	return errs
}

// notMailbox checks what can become a name in a start of authority (RFC 1035 section 8): a local
// part that fits one label, and a host name.
func notMailbox(contact string) string {
	local, domain, found := strings.Cut(contact, "@")
	printable := !strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
	if !found || local == "" || len(local) > 63 || !printable || notHost(strings.ToLower(domain), false) != "" {
		return "must be a mailbox, such as hostmaster@example.com"
	}
	return ""
}

func validateClientSubnet(c *trafficv1alpha1.ClientSubnet, path *field.Path) (errs field.ErrorList) {
	modes := []trafficv1alpha1.ClientSubnetMode{trafficv1alpha1.ClientSubnetHonor, trafficv1alpha1.ClientSubnetIgnore}
	if c.Mode != "" && !slices.Contains(modes, c.Mode) {
		errs = append(errs, field.NotSupported(path.Child("mode"), c.Mode, modes))
	}
	for i, cidr := range c.TrustedResolvers {
		if _, why := parseNetwork(cidr); why != "" {
			errs = append(errs, field.Invalid(path.Child("trustedResolvers").Index(i), cidr, why))
		}
	}
	return errs
}

// parseNetwork wants a network in CIDR form whose address has nothing behind the prefix, so that one
// network has one spelling.
func parseNetwork(cidr string) (network netip.Prefix, why string) {
	network, err := netip.ParsePrefix(cidr)
	if err != nil || network.Addr().Is4In6() {
		return network, "must be a network in CIDR form, such as 192.0.2.0/24 or 2001:db8::/32"
	}
	if masked := network.Masked(); masked != network {
		return network, fmt.Sprintf("has bits set behind the prefix; write %s", masked)
	}
	return network, ""
}
