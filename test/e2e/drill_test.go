//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/test/fleet"
)

// drilling tells of requests that leave a cluster for a while.
func drilling(t *testing.T, h *hall) {
	h.clear(t)
	h.tell(t, map[string]func(*story){"requests leave and return, and no answer is empty": (*story).drilled})
}

const drilledHost = "drill.apps.example.com"

// nearFrankfurt are clients that fra is nearest to.
var nearFrankfurt = netip.MustParsePrefix("46.4.0.0/24")

func (s *story) drilled() {
	s.apply(policyFor("front", placedIn("fra", "iad"), "v1/Service/front"))
	s.apply(`
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: traffic.seaway.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: web}
spec:
  hostnames: [` + drilledHost + `]
  targetRefs: [{kind: Service, name: front}]
  failover: {failback: {stableFor: 5s, stepPercent: 50, stepEvery: 2s}}
`)
	s.everywhere([]string{"fra", "iad"}, s.object("v1", "Service", "front"), nil)
	s.apply(policyFor("web", placedIn("fra", "iad"), "apps/v1/Deployment/web"))
	s.apply(deploymentOf("web", 2, `
containers: [{name: app, image: "registry.example/app:1", ports: [{containerPort: 8080}]}]`))
	gateways := s.gateways("fra", "iad")
	s.eventually("both name servers answer with fra", func(ctx context.Context) error { return s.answered(ctx, gateways["fra"]) })

	out, err := s.kubectl("drill", "--cluster", "fra", "--dry-run")
	if err != nil || !strings.Contains(out, s.room+"/web") || !strings.Contains(out, "fra -> iad") || !strings.Contains(out, "nothing speaks against") {
		s.Fatalf("the prediction: %v\n%s", err, out)
	}

	clients := s.askAll()
	began := time.Now()
	out, err = s.kubectl("drill", "--cluster", "fra", "--for", "10s", "--name", "of-fra")
	s.Logf("%.1f s:\n%s", time.Since(began).Seconds(), out)
	if err != nil {
		s.Errorf("the drill: %v", err)
	}
	s.eventually("both name servers answer with fra again", func(ctx context.Context) error { return s.answered(ctx, gateways["fra"]) })
	seen, failed := clients.end()
	for _, server := range s.in.NameServers {
		if seen[server.Name][gateways["iad"]] == 0 {
			s.Errorf("%s never answered with iad: %v", server.Name, seen[server.Name])
		}
	}
	if len(failed) > 0 {
		s.Errorf("%d questions without an answer: %v", len(failed), failed[0])
	}
	s.restored("of-fra", "fra")
	s.eventually("both decisions about it are kept, with who asked", func(context.Context) error {
		out, err := s.kubectl("timeline", "-A", "--since", "10m")
		if err != nil {
			return err
		}
		for _, want := range []string{`Drill of-fra +Steered \(Drill\) +requests of 1 applications leave fra for 10s +drill for kubectl-seaway`, `Drill of-fra +Steered \(DrillEnded\) `} {
			if !regexp.MustCompile(want).MatchString(out) {
				return fmt.Errorf("%q is not in the timeline:\n%s", want, out)
			}
		}
		return nil
	})
}

// restored looks at what a drill leaves.
func (s *story) restored(drill, cluster string) {
	s.Helper()
	var c clusterv1alpha1.Cluster
	must(s.T, s.hub.Get(s.Context(), client.ObjectKey{Name: cluster}, &c))
	if why, drained := c.Annotations[names.DrainAnnotation]; drained {
		s.Errorf("%s is still drained: %s", cluster, why)
	}
	var d trafficv1alpha1.Drill
	must(s.T, s.hub.Get(s.Context(), client.ObjectKey{Name: drill}, &d))
	s.Cleanup(func() { _ = s.hub.Delete(context.Background(), &d) })
	run := d.Status.Run
	if d.Status.Phase != trafficv1alpha1.DrillSucceeded || run == nil || run.AnswersChangedAfter == nil || run.AnswersChangedAfter.Duration > 5*time.Second {
		s.Errorf("status of the drill: %+v", d.Status)
	}
	if len(d.Finalizers) > 0 {
		s.Errorf("the drill could not be deleted without a controller: %v", d.Finalizers)
	}
}

// gateways are the addresses of the application in some clusters, as the plan has them.
func (s *story) gateways(clusters ...string) map[string]netip.Addr {
	s.Helper()
	out := map[string]netip.Addr{}
	s.eventually("the plan has an address in each cluster", func(ctx context.Context) error {
		var plan trafficv1alpha1.TrafficPlan
		if err := s.hub.Get(ctx, client.ObjectKey{Namespace: s.room, Name: "web"}, &plan); err != nil {
			return err
		}
		for _, e := range plan.Spec.Endpoints {
			if e.State == trafficv1alpha1.EndpointServing && len(e.Addresses) > 0 {
				out[e.Cluster] = netip.MustParseAddr(e.Addresses[0])
			}
		}
		for _, name := range clusters {
			if !out[name].IsValid() {
				return fmt.Errorf("nothing serves in %s: %+v", name, plan.Spec.Endpoints)
			}
		}
		return nil
	})
	return out
}

// answered says whether all name servers answer clients near Frankfurt with an address.
func (s *story) answered(ctx context.Context, want netip.Addr) error {
	for _, server := range s.in.NameServers {
		got, err := askFrom(ctx, s.in.Client, server)
		if err != nil {
			return err
		}
		if !slices.Contains(got, want) {
			return fmt.Errorf("%s answers with %v, want %s", server.Name, got, want)
		}
	}
	return nil
}

// askFrom asks a name server as a resolver of clients near Frankfurt does. No address is an error.
func askFrom(ctx context.Context, from, server *fleet.Host) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := from.DialContext(ctx, "udp", netip.AddrPortFrom(server.Addr(), 53).String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(drilledHost), dns.TypeA)
	q.SetEdns0(1232, false)
	q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(nearFrankfurt.Bits()), Address: nearFrankfurt.Addr().AsSlice(),
	})
	c := dns.Client{Timeout: time.Second}
	answer, _, err := c.ExchangeWithConnContext(ctx, q, &dns.Conn{Conn: conn, UDPSize: 1232})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", server.Name, err)
	}
	var out []netip.Addr
	for _, rr := range answer.Answer {
		if a, ok := rr.(*dns.A); ok {
			if addr, ok := netip.AddrFromSlice(a.A.To4()); ok {
				out = append(out, addr)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s answers nothing (%s)", server.Name, dns.RcodeToString[answer.Rcode])
	}
	return out, nil
}

// asking asks all name servers again and again.
type asking struct {
	stop context.CancelFunc
	all  sync.WaitGroup

	mu     sync.Mutex
	seen   map[string]map[netip.Addr]int // by name server
	failed []error
}

func (s *story) askAll() *asking {
	ctx, stop := context.WithCancel(s.Context())
	a := &asking{stop: stop, seen: map[string]map[netip.Addr]int{}}
	s.Cleanup(stop)
	for _, server := range s.in.NameServers {
		a.seen[server.Name] = map[netip.Addr]int{}
		a.all.Go(func() { a.ask(ctx, s.in.Client, server) })
	}
	return a
}

func (a *asking) ask(ctx context.Context, from, server *fleet.Host) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		got, err := askFrom(ctx, from, server)
		if ctx.Err() != nil {
			return
		}
		a.mu.Lock()
		if err != nil {
			a.failed = append(a.failed, err)
		}
		for _, addr := range got {
			a.seen[server.Name][addr]++
		}
		a.mu.Unlock()
	}
}

// end returns how often each name server answered with each address, and what went wrong.
func (a *asking) end() (seen map[string]map[netip.Addr]int, failed []error) {
	a.stop()
	a.all.Wait()
	return a.seen, a.failed
}
