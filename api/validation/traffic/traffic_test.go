package traffic

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func duration(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

// found returns "field: word of the message" for each error, so that a table can say what is wrong
// where, and that a fix is offered.
func found(errs field.ErrorList) []string {
	var out []string
	for _, e := range errs {
		out = append(out, string(e.Type)+" "+e.Field)
	}
	return out
}

func TestValidatePolicy(t *testing.T) {
	selector := func(op metav1.LabelSelectorOperator) policyv1alpha1.ClusterAffinity {
		return policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: op, Values: []string{"primary"}}},
		}}
	}
	for name, tc := range map[string]struct {
		edit func(*v1.TrafficPolicySpec)
		want []string
	}{
		"the defaults are valid": {func(*v1.TrafficPolicySpec) {}, nil},
		"host names": {func(s *v1.TrafficPolicySpec) {
			s.Hostnames = []string{"*.shop.example.com", "Shop.example.com", "shop.example.com.", "a.example.com", "a.example.com", "*", "a b", strings.Repeat("x", 64) + ".com"}
		}, []string{"FieldValueInvalid spec.hostnames[1]", "FieldValueInvalid spec.hostnames[2]", "FieldValueDuplicate spec.hostnames[4]",
			"FieldValueInvalid spec.hostnames[5]", "FieldValueInvalid spec.hostnames[6]", "FieldValueInvalid spec.hostnames[7]"}},
		"spillover": {func(s *v1.TrafficPolicySpec) {
			s.Capacity = &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse("0.5")}
			s.Steering.Spillover = &v1.Spillover{TargetUtilization: 80}
		}, nil},
		"even weights":        {func(s *v1.TrafficPolicySpec) { s.Steering.Weighing = v1.WeighingEven }, nil},
		"an unknown weighing": {func(s *v1.TrafficPolicySpec) { s.Steering.Weighing = "Heavy" }, []string{"FieldValueNotSupported spec.steering.weighing"}},
		"weighing where the strategy does": {func(s *v1.TrafficPolicySpec) {
			s.Steering = v1.Steering{Strategy: v1.StrategyEqual, Weighing: v1.WeighingEven}
		}, []string{"FieldValueForbidden spec.steering.weighing"}},
		"spillover without a capacity": {func(s *v1.TrafficPolicySpec) { s.Steering.Spillover = &v1.Spillover{TargetUtilization: 80} }, []string{"FieldValueRequired spec.capacity"}},
		"spillover without a next tier": {func(s *v1.TrafficPolicySpec) {
			s.Capacity = &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse("50")}
			s.Steering = v1.Steering{Strategy: v1.StrategyEqual, Spillover: &v1.Spillover{TargetUtilization: 101}}
		}, []string{"FieldValueForbidden spec.steering.spillover", "FieldValueInvalid spec.steering.spillover.targetUtilization"}},
		"a capacity of nothing": {func(s *v1.TrafficPolicySpec) { s.Capacity = &v1.Capacity{} }, []string{"FieldValueInvalid spec.capacity.requestsPerSecondPerReplica"}},
		"a capacity without end": {func(s *v1.TrafficPolicySpec) {
			s.Capacity = &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse("1e30")}
		}, []string{"FieldValueInvalid spec.capacity.requestsPerSecondPerReplica"}},
		"drains": {func(s *v1.TrafficPolicySpec) { s.Drain = []v1.Drain{{Cluster: "fra"}, {}, {Cluster: "fra"}} },
			[]string{"FieldValueRequired spec.drain[1].cluster", "FieldValueDuplicate spec.drain[2].cluster"}},
		"a hold without end": {func(s *v1.TrafficPolicySpec) { s.Hold = &v1.Hold{Reason: "sale"} }, []string{"FieldValueRequired spec.hold.until"}},
		"a residency that does not parse": {func(s *v1.TrafficPolicySpec) { s.Residency = &v1.Residency{ClusterAffinity: selector("Near")} },
			[]string{"FieldValueInvalid spec.residency.clusterAffinity.labelSelector.matchExpressions[0].operator"}},
		"no host name":          {func(s *v1.TrafficPolicySpec) { s.Hostnames = nil }, []string{"FieldValueRequired spec.hostnames"}},
		"no target":             {func(s *v1.TrafficPolicySpec) { s.TargetRefs = nil }, []string{"FieldValueInvalid spec.targetRefs"}},
		"a target without name": {func(s *v1.TrafficPolicySpec) { s.TargetRefs[0].Name = "" }, []string{"FieldValueRequired spec.targetRefs[0].name"}},
		"an unknown strategy":   {func(s *v1.TrafficPolicySpec) { s.Steering.Strategy = "Random" }, []string{"FieldValueNotSupported spec.steering.strategy"}},
		"ordered without tiers": {func(s *v1.TrafficPolicySpec) { s.Steering.Strategy = v1.StrategyOrdered },
			[]string{"FieldValueRequired spec.steering.tiers"}},
		"tiers with another strategy": {func(s *v1.TrafficPolicySpec) { s.Steering.Tiers = []v1.Tier{{ClusterAffinity: selector("In")}} },
			[]string{"FieldValueForbidden spec.steering.tiers"}},
		"a selector that does not parse": {func(s *v1.TrafficPolicySpec) {
			s.Steering = v1.Steering{Strategy: v1.StrategyWeighted, Weights: []v1.ClusterWeight{{ClusterAffinity: selector("Near"), Weight: 1}}}
		}, []string{"FieldValueInvalid spec.steering.weights[0].clusterAffinity.labelSelector.matchExpressions[0].operator"}},
		"only weights of 0": {func(s *v1.TrafficPolicySpec) {
			s.Steering = v1.Steering{Strategy: v1.StrategyWeighted, Weights: []v1.ClusterWeight{{Weight: 0}}}
		}, []string{"FieldValueInvalid spec.steering.weights"}},
		"a weight out of range": {func(s *v1.TrafficPolicySpec) {
			s.Steering = v1.Steering{Strategy: v1.StrategyWeighted, Weights: []v1.ClusterWeight{{Weight: 10001}, {Weight: -1}}}
		}, []string{"FieldValueInvalid spec.steering.weights[0].weight", "FieldValueInvalid spec.steering.weights[1].weight"}},
		"a timeout longer than the interval": {func(s *v1.TrafficPolicySpec) { s.Health.Interval = duration(500 * time.Millisecond) },
			[]string{"FieldValueInvalid spec.health.timeout"}},
		"no time at all": {func(s *v1.TrafficPolicySpec) {
			s.Health.Interval, s.Health.Timeout = duration(0), duration(-1)
			s.Failover.MoveWorkloadsAfter = duration(0)
			s.Failover.Failback.StableFor, s.Failover.Failback.StepEvery = duration(-time.Second), duration(0)
		}, []string{"FieldValueInvalid spec.health.interval", "FieldValueInvalid spec.health.timeout", "FieldValueInvalid spec.failover.moveWorkloadsAfter",
			"FieldValueInvalid spec.failover.failback.stableFor", "FieldValueInvalid spec.failover.failback.stepEvery"}},
		"numbers out of range": {func(s *v1.TrafficPolicySpec) {
			s.Health.UnhealthyAfter, s.Health.HealthyAfter = ptr.To[int32](0), ptr.To[int32](101)
			s.Failover.Failback.StepPercent = ptr.To[int32](0)
			s.DNS.MaxAnswers = ptr.To[int32](17)
		}, []string{"FieldValueInvalid spec.health.unhealthyAfter", "FieldValueInvalid spec.health.healthyAfter",
			"FieldValueInvalid spec.failover.failback.stepPercent", "FieldValueInvalid spec.dns.maxAnswers"}},
		"two kinds of probe": {func(s *v1.TrafficPolicySpec) {
			s.Health.Probe = &v1.Probe{HTTP: &v1.HTTPProbe{Path: "/"}, TCP: &v1.TCPProbe{}}
		}, []string{"FieldValueInvalid spec.health.probe"}},
		"an HTTP probe": {func(s *v1.TrafficPolicySpec) {
			s.Health.Probe = &v1.Probe{HTTP: &v1.HTTPProbe{Path: "healthz ", Host: "example.com:80", Port: ptr.To[int32](0)}}
		}, []string{"FieldValueInvalid spec.health.probe.http.path", "FieldValueInvalid spec.health.probe.http.host", "FieldValueInvalid spec.health.probe.http.port"}},
		"a gRPC probe": {func(s *v1.TrafficPolicySpec) {
			s.Health.Probe = &v1.Probe{GRPC: &v1.GRPCProbe{Service: "a b", Host: "example.com:80", Port: ptr.To[int32](0), InsecureSkipVerify: true}}
		}, []string{"FieldValueInvalid spec.health.probe.grpc.service", "FieldValueForbidden spec.health.probe.grpc.insecureSkipVerify",
			"FieldValueInvalid spec.health.probe.grpc.host", "FieldValueInvalid spec.health.probe.grpc.port"}},
		"a gRPC probe over TLS": {func(s *v1.TrafficPolicySpec) {
			s.Health.Probe = &v1.Probe{GRPC: &v1.GRPCProbe{Service: "shop.v1.Cart", TLS: true, InsecureSkipVerify: true}}
		}, nil},
		"a percentage above all": {func(s *v1.TrafficPolicySpec) { s.Failover.MaxUnavailableClusters = ptr.To(intstr.FromString("101%")) },
			[]string{"FieldValueInvalid spec.failover.maxUnavailableClusters"}},
		"a percentage that is none": {func(s *v1.TrafficPolicySpec) { s.Failover.MaxUnavailableClusters = ptr.To(intstr.FromString("many")) },
			[]string{"FieldValueInvalid spec.failover.maxUnavailableClusters"}},
		"a TTL of nothing":             {func(s *v1.TrafficPolicySpec) { s.DNS.TTL = duration(0) }, []string{"FieldValueInvalid spec.dns.ttl"}},
		"a TTL above an hour":          {func(s *v1.TrafficPolicySpec) { s.DNS.TTL = duration(2 * time.Hour) }, []string{"FieldValueInvalid spec.dns.ttl"}},
		"a TTL of a second and a half": {func(s *v1.TrafficPolicySpec) { s.DNS.TTL = duration(1500 * time.Millisecond) }, []string{"FieldValueInvalid spec.dns.ttl"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1.TrafficPolicy{Spec: v1.TrafficPolicySpec{Hostnames: []string{"shop.example.com"}, TargetRefs: []v1.TargetRef{{Name: "web"}}}}
			DefaultPolicy(p)
			tc.edit(&p.Spec)
			if diff := cmp.Diff(tc.want, found(ValidatePolicy(p, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDefaultPolicyChangesNothingThatIsSet(t *testing.T) {
	p := &v1.TrafficPolicy{}
	DefaultPolicy(p)
	again := p.DeepCopy()
	DefaultPolicy(again)
	if diff := cmp.Diff(p, again); diff != "" {
		t.Error(diff)
	}
	p.Spec.DNS.TTL = duration(time.Minute)
	DefaultPolicy(p)
	if p.Spec.DNS.TTL.Duration != time.Minute {
		t.Error("a value of the user was overwritten")
	}
}

func TestValidateZone(t *testing.T) {
	record := func(name, kind string, values ...string) []v1.Record {
		return []v1.Record{{Name: name, Type: kind, Values: values}}
	}
	for name, tc := range map[string]struct {
		edit func(*v1.ZoneSpec)
		want []string
	}{
		"a plain zone":   {func(*v1.ZoneSpec) {}, nil},
		"no name server": {func(s *v1.ZoneSpec) { s.NameServers = nil }, []string{"FieldValueRequired spec.nameServers"}},
		"a bad domain":   {func(s *v1.ZoneSpec) { s.Domain = "Apps..com"; s.NameServers[0].Name = "ns.example.net" }, []string{"FieldValueInvalid spec.domain"}},
		"no glue":        {func(s *v1.ZoneSpec) { s.NameServers[0].Addresses = nil }, []string{"FieldValueRequired spec.nameServers[0].addresses"}},
		"no glue needed": {func(s *v1.ZoneSpec) { s.NameServers = []v1.NameServer{{Name: "ns1.example.net"}} }, nil},
		"a server twice": {func(s *v1.ZoneSpec) { s.NameServers = append(s.NameServers, s.NameServers[0]) }, []string{"FieldValueDuplicate spec.nameServers[1].name"}},
		"a server by a name that is no host": {func(s *v1.ZoneSpec) {
			s.NameServers = []v1.NameServer{{Name: "ns1.example.net."}, {Name: "ns_2.example.net"}}
		},
			[]string{"FieldValueInvalid spec.nameServers[0].name", "FieldValueInvalid spec.nameServers[1].name"}},
		"addresses": {func(s *v1.ZoneSpec) {
			s.NameServers[0].Addresses = []string{"192.0.2.1", "192.0.2.256", "fe80::1%eth0", "0.0.0.0", "192.0.2.1", "::ffff:192.0.2.1"}
		}, []string{"FieldValueInvalid spec.nameServers[0].addresses[1]", "FieldValueInvalid spec.nameServers[0].addresses[2]",
			"FieldValueInvalid spec.nameServers[0].addresses[3]", "FieldValueDuplicate spec.nameServers[0].addresses[4]",
			"FieldValueInvalid spec.nameServers[0].addresses[5]"}},
		"a contact":               {func(s *v1.ZoneSpec) { s.SOA = &v1.SOA{Contact: "dns.team@example.com"} }, nil},
		"a contact without place": {func(s *v1.ZoneSpec) { s.SOA = &v1.SOA{Contact: "hostmaster"} }, []string{"FieldValueInvalid spec.soa.contact"}},
		"a contact with a space":  {func(s *v1.ZoneSpec) { s.SOA = &v1.SOA{Contact: "host master@example.com"} }, []string{"FieldValueInvalid spec.soa.contact"}},
		"timers": {func(s *v1.ZoneSpec) {
			s.SOA = &v1.SOA{Refresh: duration(0), Expire: duration(100 * 365 * 24 * time.Hour)}
			s.TTL = duration(-1)
		},
			[]string{"FieldValueInvalid spec.soa.refresh", "FieldValueInvalid spec.soa.expire", "FieldValueInvalid spec.ttl"}},
		"signed as it comes": {func(s *v1.ZoneSpec) { s.DNSSEC = &v1.ZoneDNSSEC{} }, nil},
		"signed by two keys": {func(s *v1.ZoneSpec) {
			s.DNSSEC = &v1.ZoneDNSSEC{Algorithm: "ED25519", Keys: "Split", KeyLifetime: &metav1.Duration{Duration: 8760 * time.Hour}, ZoneKeyLifetime: &metav1.Duration{Duration: 720 * time.Hour}, Propagation: &metav1.Duration{}}
		}, nil},
		"signed in unknown ways": {func(s *v1.ZoneSpec) { s.DNSSEC = &v1.ZoneDNSSEC{Algorithm: "RSASHA1", Keys: "Many"} }, []string{"FieldValueNotSupported spec.dnssec.algorithm", "FieldValueNotSupported spec.dnssec.keys"}},
		"keys that come and go too fast": {func(s *v1.ZoneSpec) {
			s.DNSSEC = &v1.ZoneDNSSEC{Keys: "Split", KeyLifetime: &metav1.Duration{Duration: time.Hour}, ZoneKeyLifetime: &metav1.Duration{Duration: time.Hour}, Propagation: &metav1.Duration{Duration: -time.Second}}
		}, []string{"FieldValueInvalid spec.dnssec.keyLifetime", "FieldValueInvalid spec.dnssec.zoneKeyLifetime", "FieldValueInvalid spec.dnssec.propagation"}},
		"a lifetime of a key that is not there": {func(s *v1.ZoneSpec) {
			s.DNSSEC = &v1.ZoneDNSSEC{ZoneKeyLifetime: &metav1.Duration{Duration: 720 * time.Hour}}
		}, []string{"FieldValueForbidden spec.dnssec.zoneKeyLifetime"}},
		"resolvers that are no networks": {func(s *v1.ZoneSpec) {
			s.ClientSubnet = &v1.ClientSubnet{Mode: "Maybe", TrustedResolvers: []string{"192.0.2.0/24", "192.0.2.1/24", "192.0.2.1"}}
		}, []string{"FieldValueNotSupported spec.clientSubnet.mode", "FieldValueInvalid spec.clientSubnet.trustedResolvers[1]", "FieldValueInvalid spec.clientSubnet.trustedResolvers[2]"}},
		"a selector that does not parse": {func(s *v1.ZoneSpec) {
			s.AllowedNamespaces = &v1.AllowedNamespaces{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c"}}}
		}, []string{"FieldValueInvalid spec.allowedNamespaces.selector.matchLabels"}},

		"A":    {func(s *v1.ZoneSpec) { s.Records = record("www", "A", "192.0.2.1", "2001:db8::1", "192.0.2.1") }, []string{"FieldValueInvalid spec.records[0].values[1]", "FieldValueDuplicate spec.records[0].values[2]"}},
		"AAAA": {func(s *v1.ZoneSpec) { s.Records = record("*.dev", "AAAA", "2001:db8::1", "192.0.2.1") }, []string{"FieldValueInvalid spec.records[0].values[1]"}},
		"MX": {func(s *v1.ZoneSpec) {
			s.Records = record("@", "MX", "10 mail.example.com.", "0 .", "mail", "70000 a.b")
		}, []string{"FieldValueInvalid spec.records[0].values[2]", "FieldValueInvalid spec.records[0].values[3]"}},
		"SRV": {func(s *v1.ZoneSpec) {
			s.Records = record("_https._tcp", "SRV", "1 2 443 a.example.com", "1 2 a.example.com")
		}, []string{"FieldValueInvalid spec.records[0].values[1]"}},
		"TXT": {func(s *v1.ZoneSpec) { s.Records = record("", "TXT", "v=spf1 -all", strings.Repeat("x", 5000)) }, []string{"FieldValueInvalid spec.records[0].values[1]"}},
		"CAA": {func(s *v1.ZoneSpec) {
			s.Records = record("", "CAA", `0 issue "letsencrypt.org"`, `0 issue ";"`, `issue a`, `0 is-sue a`, `0 issue "a`)
		}, []string{"FieldValueInvalid spec.records[0].values[2]", "FieldValueInvalid spec.records[0].values[3]", "FieldValueInvalid spec.records[0].values[4]"}},
		"an unknown type":      {func(s *v1.ZoneSpec) { s.Records = record("www", "SOA", "a.b") }, []string{"FieldValueInvalid spec.records[0].type"}},
		"no value":             {func(s *v1.ZoneSpec) { s.Records = record("www", "A") }, []string{"FieldValueRequired spec.records[0].values"}},
		"an alias":             {func(s *v1.ZoneSpec) { s.Records = record("www", "CNAME", "shop.apps.example.com.") }, nil},
		"two aliases":          {func(s *v1.ZoneSpec) { s.Records = record("www", "CNAME", "a.b", "c.d") }, []string{"FieldValueTooMany spec.records[0].values"}},
		"an alias at the apex": {func(s *v1.ZoneSpec) { s.Records = record("@", "CNAME", "a.b") }, []string{"FieldValueInvalid spec.records[0].type"}},
		"servers at the apex":  {func(s *v1.ZoneSpec) { s.Records = record("", "NS", "a.b") }, []string{"FieldValueInvalid spec.records[0].type"}},
		"an alias beside an address": {func(s *v1.ZoneSpec) {
			s.Records = append(record("www", "CNAME", "a.b"), record("WWW", "TXT", "x")...)
		}, []string{"FieldValueInvalid spec.records[0].type"}},
		"a set twice": {func(s *v1.ZoneSpec) {
			s.Records = append(record("www", "A", "192.0.2.1"), record("www", "A", "192.0.2.2")...)
		}, []string{"FieldValueDuplicate spec.records[1]"}},
		"absolute names":       {func(s *v1.ZoneSpec) { s.Records = record("www.apps.example.com", "A", "192.0.2.1") }, []string{"FieldValueInvalid spec.records[0].name"}},
		"a trailing dot":       {func(s *v1.ZoneSpec) { s.Records = record("www.", "A", "192.0.2.1") }, []string{"FieldValueInvalid spec.records[0].name"}},
		"a star in the middle": {func(s *v1.ZoneSpec) { s.Records = record("a.*.b", "A", "192.0.2.1") }, []string{"FieldValueInvalid spec.records[0].name"}},
		"a name too long":      {func(s *v1.ZoneSpec) { s.Records = record(strings.Repeat("a.", 120)+"a", "A", "192.0.2.1") }, []string{"FieldValueInvalid spec.records[0].name"}},
		"a star delegated":     {func(s *v1.ZoneSpec) { s.Records = record("*", "NS", "a.b") }, []string{"FieldValueInvalid spec.records[0].type"}},
	} {
		t.Run(name, func(t *testing.T) {
			z := &v1.Zone{Spec: v1.ZoneSpec{Domain: "apps.example.com", NameServers: []v1.NameServer{{Name: "ns1.apps.example.com", Addresses: []string{"192.0.2.53"}}}}}
			tc.edit(&z.Spec)
			if diff := cmp.Diff(tc.want, found(ValidateZone(z, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheDomainOfAZoneStays(t *testing.T) {
	old := &v1.Zone{Spec: v1.ZoneSpec{Domain: "a.com", NameServers: []v1.NameServer{{Name: "ns.net"}}}}
	changed := old.DeepCopy()
	changed.Spec.Domain = "b.com"
	if diff := cmp.Diff([]string{"FieldValueForbidden spec.domain"}, found(ValidateZone(changed, old))); diff != "" {
		t.Error(diff)
	}
	if errs := ValidateZone(old, old.DeepCopy()); len(errs) > 0 {
		t.Error(errs)
	}
}

func TestValidateRegionMap(t *testing.T) {
	region := func(name string, c v1.RegionClients) v1.Region { return v1.Region{Name: name, Clients: &c} }
	for name, tc := range map[string]struct {
		regions []v1.Region
		want    []string
	}{
		"none": {nil, []string{"FieldValueRequired spec.regions"}},
		"a plain one": {[]v1.Region{{Name: "berlin", Location: &v1.Coordinates{Latitude: "52.52", Longitude: "13.41"},
			Clients: &v1.RegionClients{Networks: []string{"192.0.2.0/24"}, ASNs: []int64{64496}, Subdivisions: []string{"DE-BE"}, Countries: []string{"DE"}}}}, nil},
		"a name twice": {[]v1.Region{{Name: "a"}, {Name: "a"}, {}}, []string{"FieldValueDuplicate spec.regions[1].name", "FieldValueRequired spec.regions[2].name"}},
		"off the globe": {[]v1.Region{{Name: "a", Location: &v1.Coordinates{Latitude: "90.1", Longitude: "181"}}, {Name: "b", Location: &v1.Coordinates{Latitude: "NaN", Longitude: "0x1"}}},
			[]string{"FieldValueInvalid spec.regions[0].location.latitude", "FieldValueInvalid spec.regions[0].location.longitude",
				"FieldValueInvalid spec.regions[1].location.latitude", "FieldValueInvalid spec.regions[1].location.longitude"}},
		"clients that are none": {[]v1.Region{region("a", v1.RegionClients{Networks: []string{"192.0.2.1/24", "x"}, ASNs: []int64{0}, Subdivisions: []string{"US", "us-ca"}, Countries: []string{"de", "DEU"}})},
			[]string{"FieldValueInvalid spec.regions[0].clients.networks[0]", "FieldValueInvalid spec.regions[0].clients.networks[1]", "FieldValueInvalid spec.regions[0].clients.asns[0]",
				"FieldValueInvalid spec.regions[0].clients.subdivisions[0]", "FieldValueInvalid spec.regions[0].clients.subdivisions[1]",
				"FieldValueInvalid spec.regions[0].clients.countries[0]", "FieldValueInvalid spec.regions[0].clients.countries[1]"}},
		"clients of two regions": {[]v1.Region{region("a", v1.RegionClients{Countries: []string{"DE"}}), region("b", v1.RegionClients{Countries: []string{"DE"}})},
			[]string{"FieldValueInvalid spec.regions[1].clients.countries[0]"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &v1.RegionMap{Spec: v1.RegionMapSpec{Regions: tc.regions}}
			if diff := cmp.Diff(tc.want, found(ValidateRegionMap(m, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// No text in a record can do more than give an error.
func FuzzRecord(f *testing.F) {
	f.Add("www", "A", "192.0.2.1")
	f.Add("@", "CAA", `0 issue "a"`)
	f.Add("*.a", "SRV", "1 2 3 a.b")
	f.Fuzz(func(t *testing.T, name, kind, value string) {
		z := &v1.Zone{Spec: v1.ZoneSpec{Domain: "a.com", NameServers: []v1.NameServer{{Name: "ns.net"}},
			Records: []v1.Record{{Name: name, Type: kind, Values: []string{value}}}}}
		for _, err := range ValidateZone(z, nil) {
			if !strings.HasPrefix(err.Field, "spec.records[0]") {
				t.Errorf("the error names another field: %v", err)
			}
		}
	})
}
