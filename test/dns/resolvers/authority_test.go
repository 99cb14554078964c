//go:build linux

package resolvers

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/cookie"
	"github.com/seaway-io/seaway/dns/core/limit"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/server"
)

// authority is one of our name servers: the real engine behind the real sockets, with the limits on that
// it has by default. Objects and verdicts come from the test.
type authority struct {
	addr    string
	engine  *engine.Engine
	objects engine.Objects
	rules   *accept.Rules

	server *server.Server // nil while it is stopped
	cancel context.CancelFunc
	done   chan struct{}
}

func (n *internet) newAuthority(t *testing.T, addr, documents string) *authority {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	a := &authority{addr: addr}
	a.engine = engine.New(engine.Options{VantagePoint: "ns", Places: zonetest.Places(), Log: log}, nil)
	t.Cleanup(a.engine.Close)
	a.set(t, documents)
	if problems := a.engine.Snapshot().Problems; len(problems) > 0 {
		t.Fatal(problems)
	}
	id, err := answer.NewIdentity("Seaway", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	a.rules = &accept.Rules{Identity: id, Accounts: limit.NewTable(1<<10, [2]uint64{1, 2}), Same: limit.PerSecond(200),
		All: limit.PerSecond(5000), Slip: 2, Amplification: 10}
	secrets, err := cookie.NewSecrets(cookie.Secret{1})
	if err != nil {
		t.Fatal(err)
	}
	a.rules.SetSecrets(secrets)
	a.start(t, n)
	t.Cleanup(a.stop)
	return a
}

func (a *authority) start(t testing.TB, n *internet) {
	t.Helper()
	err := n.Do(func() (err error) {
		a.server, err = server.Listen(server.Options{Addresses: []string{a.addr + ":53", "[" + six(a.addr) + "]:53"}, Rules: a.rules,
			Snapshot: a.engine.Snapshot, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel, a.done = cancel, make(chan struct{})
	go func(s *server.Server, done chan struct{}) {
		defer close(done)
		s.Serve(ctx)
	}(a.server, a.done)
}

// stop closes the sockets: who asks is refused.
func (a *authority) stop() {
	if a.server == nil {
		return
	}
	a.cancel()
	<-a.done
	a.server = nil
}

// set serves other documents.
func (a *authority) set(t testing.TB, documents string) {
	t.Helper()
	in := zonetest.Input(t, documents)
	a.objects = engine.Objects{Zones: in.Zones, Plans: in.Plans, RegionMaps: in.RegionMaps}
	a.engine.SetObjects(a.objects)
}

// down says whether the shop in a cluster is down.
func (a *authority) down(cluster string, down bool) {
	v := trafficv1alpha1.VerdictHealthy
	if down {
		v = trafficv1alpha1.VerdictUnhealthy
	}
	a.engine.SetVerdict(verdict.Key{Namespace: "shop", Plan: "shop", Cluster: cluster}, verdict.State{Verdict: v})
}

// answered is how many queries the server has answered by a transport, by all of them if none is given,
// since it was started.
func (a *authority) answered(t testing.TB, transport ...string) int {
	t.Helper()
	r := prometheus.NewRegistry()
	if err := r.Register(a.server); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		if f.GetName() == "seaway_dns_answers_total" {
			for _, m := range f.Metric {
				if len(transport) == 0 || slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool { return slices.Contains(transport, l.GetValue()) }) {
					total += m.GetCounter().GetValue()
				}
			}
		}
	}
	return int(total)
}

// answered is how many queries both have answered.
func (n *internet) answered(t testing.TB, transport ...string) int {
	return n.ns1.answered(t, transport...) + n.ns2.answered(t, transport...)
}

// delegations are what the parent needs, as `kubectl seaway dns delegation` prints it.
func (a *authority) delegations() string {
	var b strings.Builder
	for _, z := range a.objects.Zones {
		for _, ns := range z.Spec.NameServers {
			fmt.Fprintf(&b, "%s. 86400 IN NS %s.\n", z.Spec.Domain, ns.Name)
			if !strings.HasSuffix(ns.Name, "."+z.Spec.Domain) {
				continue
			}
			for _, addr := range ns.Addresses {
				rrtype := "AAAA"
				if netip.MustParseAddr(addr).Is4() {
					rrtype = "A"
				}
				fmt.Fprintf(&b, "%s. 86400 IN %s %s\n", ns.Name, rrtype, addr)
			}
		}
	}
	return b.String()
}

// world is what is served.
const world = `
kind: Zone
metadata: {name: apps}
spec:
  domain: apps.test
  nameServers:
  - {name: ns1.apps.test, addresses: [203.0.113.1, "2001:db8:ff::203:0:113:1"]}
  - {name: ns2.apps.test, addresses: [203.0.113.2, "2001:db8:ff::203:0:113:2"]}
  ttl: 60s
  soa: {contact: dns.admin@apps.test, negativeTTL: $NEGATIVEs}
  records:
  - {name: "@", type: TXT, values: ["v=spf1 -all"]}
  - {name: "@", type: MX, values: ["10 www.apps.test"]}
  - {name: "@", type: CAA, values: ['0 issue "ca.example.net"']}
  - {name: www, type: A, values: [192.0.2.10, 192.0.2.11]}
  - {name: www, type: AAAA, values: ["2001:db8::10"]}
  - {name: alias, type: CNAME, values: [alias2.apps.test]}
  - {name: alias2, type: CNAME, values: [www.apps.test]}
  - {name: toshop, type: CNAME, values: [shop.apps.test]}
  - {name: away, type: CNAME, values: [www.elsewhere.test]}
  - {name: nowhere, type: CNAME, values: [missing.apps.test]}
  - {name: a.b.c.ent, type: A, values: [192.0.2.20]}
  - {name: "*.wild", type: A, values: [192.0.2.30]}
  - {name: "*.wild", type: TXT, values: [wild]}
  - {name: sibling.wild, type: A, values: [192.0.2.31]}
  - {name: _sip._tcp, type: SRV, values: ["10 5 5060 www.apps.test"]}
  - {name: medium, type: TXT, values: [$MEDIUM]}
  - {name: big, type: TXT, values: [$BIG]}
  - {name: child, type: NS, values: [ns.child.apps.test]}
  - {name: ns.child, type: A, values: [192.0.2.3]}
  - {name: ns.child, type: AAAA, values: ["2001:db8:ff::192:0:2:3"]}
---
kind: Zone
metadata: {name: private}
spec:
  domain: private.test
  nameServers:
  - {name: ns1.apps.test, addresses: [203.0.113.1, "2001:db8:ff::203:0:113:1"]}
  - {name: ns2.apps.test, addresses: [203.0.113.2, "2001:db8:ff::203:0:113:2"]}
  clientSubnet: {mode: Ignore}
---
kind: TrafficPlan
metadata: {name: shop, namespace: shop, generation: 7}
spec:
  policy: {uid: u, generation: 3}
  hostnames: [shop.apps.test, "*.tenants.apps.test", shop.private.test, apps.test]
  ttlSeconds: $TTL
  maxAnswers: 2
  check: {protocol: TCP, interval: 1s, timeout: 800ms, unhealthyAfter: 2, healthyAfter: 3}
  endpoints:
  - {cluster: fra, region: eu, addresses: [198.51.100.1, "2001:db8:f::1"], port: 80, readyReplicas: 3, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  - {cluster: iad, region: us, addresses: [198.51.100.2, "2001:db8:f::2"], port: 80, readyReplicas: 3, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  - {cluster: sin, region: ap, addresses: [198.51.100.3, "2001:db8:f::3"], port: 80, readyReplicas: 3, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  regions:
  - {name: eu, location: {latitude: "50.11", longitude: "8.68"}, tiers: [{clusters: [{name: fra, weight: 100}]}, {clusters: [{name: iad, weight: 100}]}, {clusters: [{name: sin, weight: 100}]}]}
  - {name: us, location: {latitude: "38.95", longitude: "-77.45"}, tiers: [{clusters: [{name: iad, weight: 100}]}, {clusters: [{name: fra, weight: 100}]}, {clusters: [{name: sin, weight: 100}]}]}
  - {name: ap, location: {latitude: "1.35", longitude: "103.82"}, tiers: [{clusters: [{name: sin, weight: 100}]}, {clusters: [{name: iad, weight: 100}]}, {clusters: [{name: fra, weight: 100}]}]}
  tiers:
  - {clusters: [{name: fra, weight: 1}, {name: iad, weight: 1}, {name: sin, weight: 1}]}
`

// mediumText is too much for an answer over UDP without a cookie, bigText for any.
var (
	mediumText = texts(4)
	bigText    = texts(16)
)

func texts(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%02d%s", i, strings.Repeat("x", 200)))
	}
	return out
}

// documents are the world with these TTLs, in seconds, of the shop and of what is not there.
func documents(ttl, negative int) string {
	return strings.NewReplacer("$NEGATIVE", fmt.Sprint(negative), "$TTL", fmt.Sprint(ttl),
		"$MEDIUM", strings.Join(mediumText, ", "), "$BIG", strings.Join(bigText, ", ")).Replace(world)
}
