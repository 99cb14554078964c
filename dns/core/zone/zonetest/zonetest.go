// Package zonetest reads API objects from YAML for the tests of the DNS server.
package zonetest

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Now is the time in tests.
var Now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// TB is what is needed of testing.TB, so that rapid's T serves too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Input reads documents that are divided by lines of three dashes. Objects that do not say when they
// were created are a second younger than the one before.
func Input(t TB, documents string) zone.Input {
	t.Helper()
	in := zone.Input{Now: Now, Places: Places()}
	for i, text := range strings.Split(documents, "\n---\n") {
		var head metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(text), &head); err != nil {
			t.Fatalf("document %d: %v", i, err)
		}
		age := metav1.NewTime(Now.Add(time.Duration(i-1000) * time.Second))
		switch head.Kind {
		case "Zone":
			in.Zones = append(in.Zones, read(t, text, age, &trafficv1alpha1.Zone{}))
		case "ZoneRecords":
			in.Records = append(in.Records, read(t, text, age, &trafficv1alpha1.ZoneRecords{}))
		case "TrafficPlan":
			in.Plans = append(in.Plans, read(t, text, age, &trafficv1alpha1.TrafficPlan{}))
		case "RegionMap":
			in.RegionMaps = append(in.RegionMaps, read(t, text, age, &trafficv1alpha1.RegionMap{}))
		default:
			t.Fatalf("document %d: kind %q", i, head.Kind)
		}
	}
	return in
}

func read[T metav1.Object](t TB, text string, age metav1.Time, into T) T {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if c := into.GetCreationTimestamp(); c.IsZero() {
		into.SetCreationTimestamp(age)
	}
	if into.GetGeneration() == 0 {
		into.SetGeneration(1)
	}
	return into
}

// Places is a small world: 10.1.0.0/16 is in Germany, 10.2.0.0/16 in Virginia, 10.3.0.0/16 in
// Singapore, and so are 2001:db8:1::/48, 2001:db8:2::/48 and 2001:db8:3::/48. The last /25 of the
// German network is in Virginia.
func Places() *geo.Places { return world }

var world = func() *geo.Places {
	de := geo.Location{Country: "DE", Latitude: 50.11, Longitude: 8.68, HasCoordinates: true}
	us := geo.Location{Country: "US", Latitude: 38.95, Longitude: -77.45, HasCoordinates: true}
	sg := geo.Location{Country: "SG", Latitude: 1.35, Longitude: 103.82, HasCoordinates: true}
	networks := []geo.Network{{Prefix: netip.MustParsePrefix("10.1.255.128/25"), Location: us}}
	for i, l := range []geo.Location{de, us, sg} {
		networks = append(networks,
			geo.Network{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i+1)), Location: l},
			geo.Network{Prefix: netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/48", i+1)), Location: l})
	}
	s, err := geo.NewSource(networks)
	if err != nil {
		panic(err)
	}
	return geo.Compile(s)
}()

// Demo is a zone with a bit of everything, and the plan of an application in three regions.
const Demo = `
kind: Zone
metadata: {name: apps}
spec:
  domain: apps.example.com
  nameServers:
  - {name: ns1.apps.example.com, addresses: [192.0.2.53, "2001:db8::53"]}
  - {name: ns2.example.net}
  ttl: 5m
  soa: {contact: dns.admin@example.com, negativeTTL: 30s}
  records:
  - {name: "@", type: TXT, values: ["v=spf1 -all"]}
  - {name: "@", type: MX, values: ["10 mail.example.net", "20 mail2.apps.example.com"]}
  - {name: www, type: A, ttl: 60s, values: [192.0.2.10, 192.0.2.11]}
  - {name: www, type: AAAA, values: ["2001:db8::10"]}
  - {name: alias, type: CNAME, values: [www.apps.example.com]}
  - {name: alias2, type: CNAME, values: [alias.apps.example.com.]}
  - {name: away, type: CNAME, values: [www.example.org]}
  - {name: nowhere, type: CNAME, values: [missing.deep.apps.example.com]}
  - {name: toshop, type: CNAME, values: [shop.apps.example.com]}
  - {name: a.b.c.ent, type: A, values: [192.0.2.20]}
  - {name: "*.wild", type: TXT, values: ["wild"]}
  - {name: sibling.wild, type: A, values: [192.0.2.30]}
  - {name: x.ent.wild, type: A, values: [192.0.2.31]}
  - {name: "*.aliases", type: CNAME, values: [www.apps.example.com]}
  - {name: _sip._tcp, type: SRV, values: ["10 5 5060 www.apps.example.com"]}
  - {name: "@", type: CAA, values: ['0 issue "ca.example.net"']}
  - {name: child, type: NS, values: [ns.child.apps.example.com, ns.example.net]}
  - {name: ns.child, type: A, values: [192.0.2.54]}
  - {name: ns.child, type: AAAA, values: ["2001:db8::54"]}
---
kind: TrafficPlan
metadata: {name: shop, namespace: shop, generation: 7}
spec:
  policy: {uid: u, generation: 3}
  hostnames: [shop.apps.example.com, "*.tenants.apps.example.com", apps.example.com]
  ttlSeconds: 10
  maxAnswers: 2
  check: {protocol: HTTP, interval: 1s, timeout: 800ms, unhealthyAfter: 2, healthyAfter: 3}
  endpoints:
  - {cluster: fra, region: eu-central-1, addresses: [198.51.100.1, "2001:db8:f::1"], port: 80, readyReplicas: 3, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  - {cluster: iad, region: us-east-1, addresses: [198.51.100.2, "2001:db8:f::2"], port: 80, readyReplicas: 3, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  - {cluster: sin, region: ap-southeast-1, addresses: [198.51.100.3, "2001:db8:f::3"], port: 80, readyReplicas: 3, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  regions:
  - name: eu-central-1
    location: {latitude: "50.11", longitude: "8.68"}
    tiers:
    - {clusters: [{name: fra, weight: 100}]}
    - {clusters: [{name: iad, weight: 100}]}
    - {clusters: [{name: sin, weight: 100}]}
  - name: us-east-1
    location: {latitude: "38.95", longitude: "-77.45"}
    tiers:
    - {clusters: [{name: iad, weight: 100}]}
    - {clusters: [{name: fra, weight: 100}]}
    - {clusters: [{name: sin, weight: 100}]}
  - name: ap-southeast-1
    location: {latitude: "1.35", longitude: "103.82"}
    tiers:
    - {clusters: [{name: sin, weight: 100}]}
    - {clusters: [{name: iad, weight: 100}]}
    - {clusters: [{name: fra, weight: 100}]}
  tiers:
  - {clusters: [{name: fra, weight: 1}, {name: iad, weight: 1}, {name: sin, weight: 1}]}
---
kind: TrafficPlan
metadata: {name: single, namespace: shop, generation: 1}
spec:
  policy: {uid: u2, generation: 1}
  hostnames: [single.apps.example.com]
  ttlSeconds: 30
  maxAnswers: 2
  check: {protocol: TCP, interval: 1s, timeout: 800ms, unhealthyAfter: 2, healthyAfter: 3}
  endpoints:
  - {cluster: fra, addresses: [198.51.100.9], port: 80, readyReplicas: 1, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  tiers:
  - {clusters: [{name: fra, weight: 100}]}
`
