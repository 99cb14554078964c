package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	miekg "github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/engine"
)

// world is what is served: names with one address each, spread over zones, and as many host names
// that are answered by where the client is.
type world struct{ names, zones int }

func (w world) zone(i int) string    { return fmt.Sprintf("z%d.bench.example", i%w.zones) }
func (w world) geoZone(i int) string { return fmt.Sprintf("g%d.bench.example", i%w.zones) }
func label(i int) string             { return fmt.Sprintf("host%d", i) }
func address(i int) string {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
}

// zoneFiles writes the static names as zone files and returns the folder.
func (w world) zoneFiles(dir string) error {
	files := make([]strings.Builder, w.zones)
	for i := range files {
		fmt.Fprintf(&files[i], "$ORIGIN %s.\n$TTL 300\n@ IN SOA ns1.example.net. admin.example.net. 1 3600 600 86400 60\n@ IN NS ns1.example.net.\n", w.zone(i))
	}
	for i := range w.names {
		fmt.Fprintf(&files[i%w.zones], "%s IN A %s\n", label(i), address(i))
	}
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, w.zone(i)+".zone"), []byte(files[i].String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// objects are both kinds of names as the server's own objects; geo only where that is asked for.
func (w world) objects(geo bool) engine.Objects {
	var out engine.Objects
	now := metav1.NewTime(time.Now())
	zone := func(domain string) *trafficv1alpha1.Zone {
		z := &trafficv1alpha1.Zone{ObjectMeta: metav1.ObjectMeta{Name: domain, Generation: 1, CreationTimestamp: now}}
		z.Spec.Domain = domain
		z.Spec.NameServers = []trafficv1alpha1.NameServer{{Name: "ns1.example.net"}}
		out.Zones = append(out.Zones, z)
		return z
	}
	for i := range w.zones {
		z := zone(w.zone(i))
		for n := i; n < w.names; n += w.zones {
			z.Spec.Records = append(z.Spec.Records, trafficv1alpha1.Record{Name: label(n), Type: "A", Values: []string{address(n)}})
		}
		if geo {
			zone(w.geoZone(i))
			out.Plans = append(out.Plans, w.plan(i))
		}
	}
	return out
}

// plan answers the host names of one zone from three places.
func (w world) plan(i int) *trafficv1alpha1.TrafficPlan {
	p := &trafficv1alpha1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{Namespace: "bench", Name: w.geoZone(i), Generation: 1}}
	for n := i; n < w.names; n += w.zones {
		p.Spec.Hostnames = append(p.Spec.Hostnames, label(n)+"."+w.geoZone(i))
	}
	p.Spec.TTLSeconds, p.Spec.MaxAnswers = 10, 2
	p.Spec.Check = trafficv1alpha1.Check{Protocol: "TCP", Interval: metav1.Duration{Duration: time.Second},
		Timeout: metav1.Duration{Duration: 800 * time.Millisecond}, UnhealthyAfter: 2, HealthyAfter: 3}
	tier := func(name string) trafficv1alpha1.PlanTier {
		return trafficv1alpha1.PlanTier{Clusters: []trafficv1alpha1.WeightedCluster{{Name: name, Weight: 100}}}
	}
	regions := []string{"eu-central-1", "us-east-1", "ap-southeast-1"}
	for k, region := range regions {
		p.Spec.Endpoints = append(p.Spec.Endpoints, trafficv1alpha1.PlanEndpoint{
			Cluster: region, Region: region, Addresses: []string{fmt.Sprintf("198.51.100.%d", k+1)}, Port: 80, ReadyReplicas: 3,
			State: "Serving", Reason: "Healthy", SharePercent: 100,
		})
		p.Spec.Regions = append(p.Spec.Regions, trafficv1alpha1.PlanRegion{Name: region,
			Tiers: []trafficv1alpha1.PlanTier{tier(region), tier(regions[(k+1)%3]), tier(regions[(k+2)%3])}})
		p.Spec.Tiers = append(p.Spec.Tiers, tier(region))
	}
	return p
}

// set is a set of queries, and what comes back.
type set struct {
	name    string
	queries [][]byte
	// ecs is how far from the end of each query the three octets of a client's network are; 0 for none.
	ecs   int
	rcode byte
}

// mostQueries is how many different queries there are at most, a million names being too many for
// the load's own cache.
const mostQueries = 100_000

func (w world) set(name string) set {
	s := set{name: name}
	random := rand.New(rand.NewPCG(1, 2))
	for range min(w.names, mostQueries) {
		i := random.IntN(w.names)
		m := new(miekg.Msg)
		switch name {
		case "plain":
			m.SetQuestion(label(i)+"."+w.zone(i)+".", miekg.TypeA)
		case "signed":
			m.SetQuestion(label(i)+"."+w.zone(i)+".", miekg.TypeA)
			m.SetEdns0(1232, true)
		case "nxdomain":
			m.SetQuestion(fmt.Sprintf("no%d.%s.", i, w.zone(i)), miekg.TypeA)
			s.rcode = miekg.RcodeNameError
		case "cookie":
			m.SetQuestion(label(i)+"."+w.zone(i)+".", miekg.TypeA)
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []miekg.EDNS0{&miekg.EDNS0_COOKIE{Code: miekg.EDNS0COOKIE, Cookie: "0102030405060708"}}
		case "geo":
			m.SetQuestion(label(i)+"."+w.geoZone(i)+".", miekg.TypeA)
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []miekg.EDNS0{&miekg.EDNS0_SUBNET{Code: miekg.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: []byte{1, 2, 3, 0}}}
			s.ecs = 3
		}
		m.RecursionDesired = false
		b, err := m.Pack()
		if err != nil {
			panic(err) // the names above are well formed
		}
		binary.BigEndian.PutUint16(b, 0)
		s.queries = append(s.queries, b)
	}
	return s
}
