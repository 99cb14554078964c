package engine

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

const (
	healthy   = trafficv1alpha1.VerdictHealthy
	unhealthy = trafficv1alpha1.VerdictUnhealthy
)

func newEngine(t *testing.T) *Engine {
	t.Helper()
	e := New(Options{VantagePoint: "ns1", Places: zonetest.Places(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, nil)
	t.Cleanup(e.Close)
	e.SetObjects(demo(t))
	return e
}

func demo(t *testing.T) Objects {
	in := zonetest.Input(t, zonetest.Demo)
	return Objects{Zones: in.Zones, Plans: in.Plans, RegionMaps: in.RegionMaps}
}

// chosen is the cluster that a client in Germany is sent to.
func chosen(t *testing.T, e *Engine) string {
	t.Helper()
	x, err := answer.Explain(e.Snapshot(), answer.Question{
		Name: "shop.apps.example.com", Type: dns.TypeA, Client: netip.MustParseAddr("10.1.2.3")})
	if err != nil {
		t.Fatal(err)
	}
	return x.Chosen
}

func key(cluster string) verdict.Key {
	return verdict.Key{Namespace: "shop", Plan: "shop", Cluster: cluster}
}

func peer(name string, renewed time.Time, down ...string) *trafficv1alpha1.EndpointHealth {
	h := &trafficv1alpha1.EndpointHealth{}
	h.Name = name
	h.Spec = trafficv1alpha1.EndpointHealthSpec{VantagePoint: name, RenewTime: metav1.NewMicroTime(renewed), LeaseDurationSeconds: 30}
	plan := trafficv1alpha1.PlanHealth{Namespace: "shop", Name: "shop"}
	for _, c := range []string{"fra", "iad", "sin"} {
		v := healthy
		for _, d := range down {
			if c == d {
				v = unhealthy
			}
		}
		plan.Endpoints = append(plan.Endpoints, trafficv1alpha1.EndpointVerdict{Cluster: c, Verdict: v})
	}
	h.Spec.Plans = append(h.Spec.Plans, plan)
	return h
}

func TestAVerdictIsInForceAtOnce(t *testing.T) {
	e := newEngine(t)
	if got := chosen(t, e); got != "fra" {
		t.Fatalf("got %s", got)
	}
	before := e.Snapshot()
	e.SetVerdict(key("fra"), verdict.State{Verdict: unhealthy, Message: "refused"})
	if got := chosen(t, e); got != "iad" || e.Snapshot() != before {
		t.Errorf("got %s; a verdict needs no new snapshot", got)
	}
	e.SetVerdict(key("nobody"), verdict.State{Verdict: unhealthy})
	// New objects keep what is known.
	e.SetObjects(demo(t))
	if got := chosen(t, e); got != "iad" {
		t.Errorf("got %s after new objects", got)
	}
	// A plan that went and came back is a new one.
	e.SetObjects(Objects{Zones: demo(t).Zones})
	e.SetObjects(demo(t))
	if got := chosen(t, e); got != "fra" {
		t.Errorf("got %s", got)
	}
}

func TestPeersAreCountedWhileTheyAreFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		e.SetVerdict(key("fra"), verdict.State{Verdict: unhealthy})
		step := func(name, want string, do func()) {
			t.Helper()
			do()
			synctest.Wait()
			if got := chosen(t, e); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
		step("one of two is no majority", "fra", func() { e.ObservePeer(peer("ns2", time.Now())) })
		step("two of three are", "iad", func() { e.ObservePeer(peer("ns3", time.Now(), "fra")) })
		step("peers renew", "iad", func() {
			time.Sleep(20 * time.Second)
			e.ObservePeer(peer("ns2", time.Now()))
		})
		if diff := cmp.Diff([]verdict.Vote{{VantagePoint: "ns1", Verdict: unhealthy}, {VantagePoint: "ns2", Verdict: healthy}, {VantagePoint: "ns3", Verdict: unhealthy}}, e.Votes(key("fra"))); diff != "" {
			t.Error(diff)
		}
		step("the third falls silent", "fra", func() { time.Sleep(10*time.Second + time.Millisecond) })
		step("the link is gone: own verdicts", "iad", func() { e.SilencePeers(true) })
		step("and back", "fra", func() { e.SilencePeers(false) })
		step("the second falls silent", "iad", func() { time.Sleep(21 * time.Second) })
		step("it returns", "fra", func() { e.ObservePeer(peer("ns2", time.Now())) })
		step("it is deleted", "iad", func() { e.ForgetPeer("ns2") })
		step("an own report does not count twice", "iad", func() { e.ObservePeer(peer("ns1", time.Now())) })
	})
}

func TestReport(t *testing.T) {
	e := newEngine(t)
	e.SetVerdict(key("sin"), verdict.State{Verdict: unhealthy, Message: "refused", Since: zonetest.Now})
	r := e.Report()
	plans, zones := r.Plans, r.Zones
	var lines []string
	for _, p := range plans {
		for _, x := range p.Endpoints {
			lines = append(lines, strings.Join([]string{p.Namespace, p.Name, x.Cluster, string(x.Verdict), x.Message}, " "))
		}
	}
	want := []string{"shop shop fra Unknown ", "shop shop iad Unknown ", "shop shop sin Unhealthy refused", "shop single fra Unknown "}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if plans[0].Generation != 7 || len(zones) != 1 || zones[0].Domain != "apps.example.com" || zones[0].Generation != 1 || zones[0].Serial == 0 {
		t.Errorf("%v %v", plans, zones)
	}
}

func TestSerialsSurvive(t *testing.T) {
	e := newEngine(t)
	first := e.Serials()["apps.example.com"]
	e.SetObjects(Objects{})
	e.SetObjects(demo(t))
	if got := e.Serials()["apps.example.com"]; got != first {
		t.Errorf("the same zone came back with another serial: %v, %v", first, got)
	}
	other := New(e.options, map[string]zone.Serial{"apps.example.com": {Serial: first.Serial + 1000, Digest: "other"}})
	defer other.Close()
	other.SetObjects(demo(t))
	if got := other.Serials()["apps.example.com"].Serial; got != first.Serial+1001 {
		t.Errorf("got %d, want %d", got, first.Serial+1001)
	}
}

// No verdict is lost between two snapshots.
func TestVerdictsDuringCompilation(t *testing.T) {
	e := newEngine(t)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				e.SetObjects(demo(t))
			}
		}
	})
	for i := range 300 {
		v := healthy
		want := "fra"
		if i%2 == 0 {
			v, want = unhealthy, "iad"
		}
		e.SetVerdict(key("fra"), verdict.State{Verdict: v})
		if got := chosen(t, e); got != want {
			t.Errorf("round %d: got %s, want %s", i, got, want)
		}
	}
	close(stop)
	wg.Wait()
}

func TestVerdictsSurviveARestart(t *testing.T) {
	first := newEngine(t)
	first.SetVerdict(key("fra"), verdict.State{Verdict: unhealthy, Message: "refused", Since: zonetest.Now})
	e := newEngine(t)
	e.Restore(append(first.Verdicts(), Known{Key: key("nobody"), Verdict: unhealthy}))
	if got := chosen(t, e); got != "iad" {
		t.Errorf("got %s", got)
	}
	e.SetVerdict(key("fra"), verdict.State{Verdict: healthy})
	e.Restore(first.Verdicts())
	if got := chosen(t, e); got != "fra" {
		t.Errorf("got %s: what is known better must stay", got)
	}
}

// A decision holds the evidence of all who report, with and without a vote.
func TestDecisionsHaveTheirEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		e.SetVerdict(key("fra"), verdict.State{Verdict: unhealthy, Message: "refused", Since: time.Now()})
		late := peer("ns3", time.Now())
		e.ObservePeer(late)
		time.Sleep(31 * time.Second)
		down := peer("ns2", time.Now(), "fra")
		down.Spec.Plans[0].Endpoints[0].Message = "timeout"
		e.ObservePeer(down)
		d, err := e.Decide(answer.Question{Name: "shop.apps.example.com", Type: dns.TypeA, Client: netip.MustParseAddr("10.1.2.3")})
		if err != nil {
			t.Fatal(err)
		}
		if d.Server != "ns1" || d.Steering.Chosen != "iad" || d.Steering.Generation != 7 || d.Steering.PolicyGeneration != 3 || d.Answer.TTL != 10 || d.Zone.Generation != 1 {
			t.Errorf("%+v %+v", d, d.Steering)
		}
		var lines []string
		for _, x := range d.Steering.Endpoints {
			if x.Cluster != "fra" {
				continue
			}
			for _, v := range x.Evidence {
				lines = append(lines, fmt.Sprint(v.VantagePoint, " ", v.Verdict, " ", v.Message, " ", v.Own, " ", v.Counts, " ", v.FreshSeconds))
			}
		}
		want := []string{"ns1 Unhealthy refused true true 0", "ns2 Unhealthy timeout false true 30", "ns3 Healthy  false false -1"}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Error(diff)
		}
	})
}

// A server that is cut off has no vote. Others decide, and where there are none what was known
// before stands: what was dead already is not tried again.
func TestAServerThatIsCutOffHasNoVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		expect := func(name, want string) {
			t.Helper()
			if got := chosen(t, e); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
		for _, c := range []string{"iad", "sin"} {
			e.SetVerdict(key(c), verdict.State{Verdict: healthy})
		}
		e.SetVerdict(key("fra"), verdict.State{Verdict: unhealthy, Message: "refused"})
		expect("fra is dead", "iad")
		since := time.Now()
		e.SetCutOff(since)
		expect("nobody else has an opinion", "iad")
		r := e.Report()
		if !r.CutOff.Equal(since) {
			t.Errorf("cut off since %v", r.CutOff)
		}
		for _, p := range r.Plans {
			for _, x := range p.Endpoints {
				if x.Verdict != trafficv1alpha1.VerdictUnknown || x.Message != cutOffMessage || !x.Since.Time.Equal(since) {
					t.Errorf("reported: %+v", x)
				}
			}
		}
		if got := e.Votes(key("fra"))[0]; got.Verdict != trafficv1alpha1.VerdictUnknown {
			t.Errorf("it votes %v", got)
		}
		if got := len(e.Verdicts()); got != 3 {
			t.Errorf("%d verdicts are kept on disk, want what was known before", got)
		}
		e.ObservePeer(peer("ns2", time.Now(), "iad"))
		expect("another server sees fra alive and iad dead", "fra")
		time.Sleep(31 * time.Second)
		synctest.Wait()
		expect("the other has fallen silent", "iad")
		e.SetCutOff(time.Time{})
		if r := e.Report(); !r.CutOff.IsZero() || r.Plans[0].Endpoints[0].Verdict != unhealthy {
			t.Errorf("afterwards: %+v", r)
		}
	})
}

// What is signed is reported, and signed anew in time.
func TestSignaturesAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, ring := zonetest.Signed(t, zonetest.Demo, "apps.example.com")
		e := newEngine(t)
		defer e.Close()
		e.signer.tick = time.Hour // the days are long
		if zones := e.Report().Zones; zones[0].KeysVersion != "" || zones[0].MaxTTLSeconds != 300 {
			t.Errorf("not signed: %+v", zones)
		}
		o := demo(t)
		o.Keys = in.Keys
		e.SetObjects(o)
		if zones := e.Report().Zones; zones[0].KeysVersion != ring.Version {
			t.Errorf("signed: %+v", zones)
		}
		ends := func() time.Time {
			m, q := new(dns.Msg), new(dns.Msg)
			q.SetQuestion("www.apps.example.com.", dns.TypeA).SetEdns0(1232, true)
			b, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			i, err := answer.NewIdentity("", "", 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Unpack(answer.NewWorker(i).Answer(e.Snapshot(), nil, b, netip.MustParseAddr("192.0.2.1"), false)); err != nil {
				t.Fatal(err)
			}
			for _, rr := range m.Answer {
				if sig, ok := rr.(*dns.RRSIG); ok {
					return time.Unix(int64(sig.Expiration), 0)
				}
			}
			t.Fatalf("no signature: %v", m)
			return time.Time{}
		}
		first := ends()
		for range 14 {
			time.Sleep(24 * time.Hour / 2)
			if left := time.Until(ends()); left < dnssec.Lifetime-dnssec.Renewal-time.Minute {
				t.Fatalf("%v: the signature is good for %v only", time.Now(), left)
			}
		}
		if !ends().After(first) {
			t.Error("the signature was never renewed")
		}
	})
}

// What is left out is told to the hub with the zone it is in, the first problem of each object before
// the second of any.
func TestProblemsAreReported(t *testing.T) {
	e := newEngine(t)
	if p := e.Report().Zones[0].Problems; p != nil {
		t.Errorf("nothing is wrong: %v", p)
	}
	in := zonetest.Input(t, zonetest.Demo+`
---
kind: ZoneRecords
metadata: {name: mail}
spec:
  zone: apps
  records:
  - {name: shop, type: A, values: [192.0.2.1]}
  - {name: alias, type: TXT, values: [text]}
  - {name: fine, type: A, values: [192.0.2.1]}
---
kind: ZoneRecords
metadata: {name: nowhere}
spec: {zone: missing}
---
kind: Zone
metadata: {name: inner}
spec: {domain: eu.apps.example.com, nameServers: [{name: ns1.example.net}]}
---
kind: ZoneRecords
metadata: {name: inner}
spec: {zone: inner}
---
kind: TrafficPlan
metadata: {name: later, namespace: other}
spec:
  hostnames: [elsewhere.example.org, shop.apps.example.com]
  ttlSeconds: 10
  maxAnswers: 2
  check: {protocol: TCP, interval: 1s, timeout: 800ms, unhealthyAfter: 2, healthyAfter: 3}
`)
	many := in.Records[0].DeepCopy()
	many.Name = "many"
	many.CreationTimestamp.Time = zonetest.Now
	for range 2 * trafficv1alpha1.MostZoneProblems {
		many.Spec.Records = append(many.Spec.Records, trafficv1alpha1.Record{Name: "a..b", Type: "A", Values: []string{"192.0.2.1"}})
	}
	e.SetObjects(Objects{Zones: in.Zones, Records: append(in.Records, many), Plans: in.Plans, RegionMaps: in.RegionMaps})
	zones := e.Report().Zones
	if len(zones) != 1 || len(zones[0].Problems) != trafficv1alpha1.MostZoneProblems {
		t.Fatalf("%+v", zones)
	}
	var got []string
	for _, p := range zones[0].Problems[:7] {
		got = append(got, strings.Trim(p.Object.Kind+" "+p.Object.Namespace+"/"+p.Object.Name, "/")+" "+p.Field)
		if p.Message == "" {
			t.Errorf("%+v", p)
		}
	}
	want := []string{"TrafficPlan other/later spec.hostnames[0]", "Zone /inner spec.domain", "ZoneRecords /inner spec.zone", "ZoneRecords /mail spec.records[0]",
		"ZoneRecords /many spec.records[0]", "TrafficPlan other/later spec.hostnames[1]", "ZoneRecords /mail spec.records[1]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	e.SetObjects(demo(t))
	if p := e.Report().Zones[0].Problems; p != nil {
		t.Errorf("it was put right: %v", p)
	}
	if got := shorten(strings.Repeat("ü", 200)); len(got) > mostOfMessage+len("…") || !strings.HasSuffix(got, "ü…") {
		t.Errorf("%d octets: %s", len(got), got)
	}
}
