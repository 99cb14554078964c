package zone_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

const domain = "apps.example.com"

// What has not changed is not signed again, until its time has come.
func TestSignaturesAreTakenOver(t *testing.T) {
	in, _ := zonetest.Signed(t, zonetest.Demo, domain)
	signed := 0
	in.Each = func(n int, do func(int)) {
		signed = n // signatures are made last
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { do(i) })
		}
		wg.Wait()
	}
	first := zone.Compile(in)
	all := signed
	if len(first.Problems) > 0 || all < 60 || first.Zones[0].Signing == nil {
		t.Fatalf("%d signatures, problems %v", all, first.Problems)
	}
	in.Serials = map[string]zone.Serial{domain: first.Zones[0].Serial}
	again := func(change func(*zone.Input), want func(n int) bool, what string) {
		t.Helper()
		next := in
		next.Previous, next.Now = first, in.Now
		change(&next)
		signed = 0
		if zone.Compile(next); !want(signed) {
			t.Errorf("%s: %d of %d signatures are new", what, signed, all)
		}
	}
	again(func(*zone.Input) {}, func(n int) bool { return n == 0 }, "nothing changes")
	again(func(i *zone.Input) { i.Now = first.Renew().Add(-time.Second) }, func(n int) bool { return n == 0 }, "a second before the first is due")
	again(func(i *zone.Input) { i.Now = first.Renew() }, func(n int) bool { return n > 0 && n < all/4 }, "the first is due")
	again(func(i *zone.Input) { i.Now = in.Now.Add(dnssec.Renewal) }, func(n int) bool { return n == all }, "all are due")
	again(func(i *zone.Input) {
		// The set itself, and the SOA with its new serial, in two places.
		changed := zonetest.Input(t, strings.Replace(zonetest.Demo, "192.0.2.11", "192.0.2.12", 1))
		i.Zones, i.Plans = changed.Zones, changed.Plans
	}, func(n int) bool { return n == 3 }, "one set changes")
	again(func(i *zone.Input) {
		changed := zonetest.Input(t, strings.Replace(zonetest.Demo, "\"2001:db8:f::1\"", "\"2001:db8:f::4\"", 1))
		i.Zones, i.Plans = changed.Zones, changed.Plans
	}, func(n int) bool { return n == 3+2 }, "an endpoint of three hosts changes")
	again(func(i *zone.Input) {
		other, _ := zonetest.Signed(t, zonetest.Demo, domain)
		i.Keys = other.Keys
	}, func(n int) bool { return n == all }, "the key changes")
}

func TestKeysOfAZone(t *testing.T) {
	in, ring := zonetest.Signed(t, zonetest.Demo, domain)
	unsigned := zonetest.Input(t, zonetest.Demo)
	before := zone.Compile(unsigned).Zones[0]
	in.Serials = map[string]zone.Serial{domain: before.Serial}
	in.Now = in.Now.Add(time.Hour)
	after := zone.Compile(in).Zones[0]
	if after.Serial.Serial == before.Serial.Serial {
		t.Error("the keys came without a new serial")
	}
	if before.MaxTTL != 300 || after.MaxTTL != 300 {
		t.Errorf("longest TTL %d, %d", before.MaxTTL, after.MaxTTL)
	}
	if before.Signing != nil || after.Signing == nil || after.Signing.Ring != ring {
		t.Error("signed, or not")
	}

	// What is to be signed and has no keys is served all the same.
	in.Zones[0].Spec.DNSSEC = &trafficv1alpha1.ZoneDNSSEC{Propagation: &metav1.Duration{}}
	in.Keys = nil
	s := zone.Compile(in)
	if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].String(), "Zone apps: spec.dnssec: the zone is served without signatures") || s.Zones[0].Signing != nil {
		t.Errorf("%v", s.Problems)
	}
	// The keys of another zone are none.
	in.Keys = map[string]*dnssec.Ring{domain: {Domain: "example.org", Data: ring.Data}}
	if s := zone.Compile(in); s.Zones[0].Signing != nil {
		t.Error("signed with the keys of another zone")
	}
}

// All servers answer alike: what they sign does not depend on when each of them did, within a period.
func TestServersSignAlike(t *testing.T) {
	in, _ := zonetest.Signed(t, zonetest.Demo, domain)
	one := zone.Compile(in)
	in.Serials = map[string]zone.Serial{domain: one.Zones[0].Serial}
	in.Now = one.Renew().Add(-time.Second)
	two := zone.Compile(in)
	if string(one.Zones[0].NegativeSignature.Bytes()) != string(two.Zones[0].NegativeSignature.Bytes()) {
		t.Error("two signatures over one SOA")
	}
}
