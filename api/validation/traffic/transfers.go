package traffic

import (
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// ParseServer reads the address of a name server, whose port is 53 if none is given.
func ParseServer(text string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return at, fmt.Errorf("must be an IP address, with a port if that is not 53, such as 192.0.2.1 or [2001:db8::1]:5353")
		}
		at = netip.AddrPortFrom(ip, 53)
	}
	if a := at.Addr(); a.IsUnspecified() || a.IsMulticast() || at.Port() == 0 {
		return at, fmt.Errorf("must be the address of one host")
	}
	return at, nil
}

func validateTransfers(t *trafficv1alpha1.Transfers, path *field.Path) (errs field.ErrorList) {
	for i := range t.Allow {
		a, at := &t.Allow[i], path.Child("allow").Index(i)
		if len(a.Networks) == 0 && a.Key == nil {
			errs = append(errs, field.Required(at, "name networks or a key: without either everybody could take the zone"))
		}
		for j, text := range a.Networks {
			if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() {
				errs = append(errs, field.Invalid(at.Child("networks").Index(j), text, "must be a network in CIDR form without host bits, such as 192.0.2.0/24 or 2001:db8::1/128"))
			}
		}
		errs = append(errs, validateTSIGKey(a.Key, at.Child("key"))...)
	}
	return append(errs, validateServers(t.Notify, path.Child("notify"))...)
}

func validateSecondary(s *trafficv1alpha1.ZoneSpec, spec *field.Path) (errs field.ErrorList) {
	for _, f := range []struct {
		name string
		set  bool
	}{{"records", len(s.Records) > 0}, {"updates", s.Updates != nil}, {"soa", s.SOA != nil}} {
		if f.set {
			errs = append(errs, field.Forbidden(spec.Child(f.name), "a copy of another server's zone holds what is there: leave it out"))
		}
	}
	path := spec.Child("secondary", "primaries")
	if len(s.Secondary.Primaries) == 0 {
		errs = append(errs, field.Required(path, "name a server that has the zone"))
	}
	return append(errs, validateServers(s.Secondary.Primaries, path)...)
}

func validateServers(servers []trafficv1alpha1.TransferServer, path *field.Path) (errs field.ErrorList) {
	seen := map[netip.AddrPort]bool{}
	for i := range servers {
		s, at := &servers[i], path.Index(i)
		address, err := ParseServer(s.Address)
		switch {
		case err != nil:
			errs = append(errs, field.Invalid(at.Child("address"), s.Address, err.Error()))
		case seen[address]:
			errs = append(errs, field.Duplicate(at.Child("address"), s.Address))
		}
		seen[address] = true
		errs = append(errs, validateTSIGKey(s.Key, at.Child("key"))...)
	}
	return errs
}

func validateTSIGKey(k *trafficv1alpha1.TSIGKey, path *field.Path) field.ErrorList {
	if k == nil {
		return nil
	}
	return validateKey(k.Name, k.Algorithm, k.SecretRef, path)
}
