package check

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
)

// answers is a resolver that knows "server name", and is silent on all else.
func answers(known map[string]*dns.Msg) Resolver {
	return func(_ context.Context, server, name string, _ uint16, _ bool) (*dns.Msg, error) {
		if m := known[server+" "+name]; m != nil {
			return m, nil
		}
		return nil, errors.New("i/o timeout")
	}
}

func message(t *testing.T, rcode int, authoritative bool, records ...string) *dns.Msg {
	t.Helper()
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: rcode, Authoritative: authoritative}}
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	return m
}

const soa = "apps.example.com. 300 IN SOA ns1.apps.example.com. hostmaster.apps.example.com. 41 3600 300 604800 30"

func TestPrint(t *testing.T) {
	v := goldentest.Federation(t)
	ask := answers(map[string]*dns.Msg{
		"192.0.2.53:53 apps.example.com":       message(t, dns.RcodeSuccess, true, soa),
		"[2001:db8::53]:53 apps.example.com":   message(t, dns.RcodeSuccess, true, soa),
		"198.51.100.53:53 eu.apps.example.com": message(t, dns.RcodeRefused, false),
		"9.9.9.9:53 apps.example.com":          message(t, dns.RcodeSuccess, false, "apps.example.com. 300 IN NS ns1.apps.example.com.", "apps.example.com. 300 IN NS NS.example.net."),
		"9.9.9.9:53 eu.apps.example.com":       message(t, dns.RcodeNameError, false),
	})
	var out bytes.Buffer
	err := Print(&out, slices.Concat(Objects(v), NameServers(context.Background(), v, ask), Delegation(context.Background(), v, "9.9.9.9", ask)))
	if !errors.Is(err, ErrBroken) {
		t.Errorf("error %v", err)
	}
	goldentest.Compare(t, "federation", out.Bytes())
}

func TestPrintIsContentWithWarnings(t *testing.T) {
	var out bytes.Buffer
	err := Print(&out, []Finding{{"a", OK, "fine", "not shown"}, {"b", Warning, "so so", "mend it"}})
	want := "[ok]   a                            fine\n[warn] b                            so so\n" + strings.Repeat(" ", 36) + "-> mend it\n"
	if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
}

// brief is a finding without its text.
func brief(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, string(f.Level)+" "+f.Subject+": "+f.Text)
	}
	return out
}

func condition(kind string, status metav1.ConditionStatus) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: "R", Message: "m"}
}

func TestClusters(t *testing.T) {
	cluster := func(region string, conditions ...metav1.Condition) clusterv1alpha1.Cluster {
		c := clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}}
		c.Spec.Region, c.Spec.APIEndpoint, c.Status.Conditions = region, "https://fra", conditions
		return c
	}
	ready := func(s metav1.ConditionStatus) metav1.Condition {
		return condition(clusterv1alpha1.ClusterConditionReady, s)
	}
	path := func(s metav1.ConditionStatus) metav1.Condition {
		return condition(trafficv1alpha1.ClusterConditionDataPath, s)
	}
	for name, tc := range map[string]struct {
		cluster clusterv1alpha1.Cluster
		want    Finding
	}{
		"ready":                  {cluster("eu", ready("True"), path("True")), Finding{"cluster fra", OK, "ready", ""}},
		"ready, nothing probed":  {cluster("eu", ready("True")), Finding{"cluster fra", OK, "ready", ""}},
		"ready, region unknown":  {cluster("", ready("True")), Finding{"cluster fra", Warning, "ready, but its region is not known: it is nobody's nearest", "set spec.region"}},
		"lost":                   {cluster("eu", ready("False"), path("False")), Finding{"cluster fra", Broken, "lost: m", "bring the cluster back, or `kubectl seaway unjoin fra --force`"}},
		"control plane alone":    {cluster("eu", ready("Unknown"), path("True")), Finding{"cluster fra", Broken, "control plane: R: m", "check that the hub reaches https://fra"}},
		"never judged":           {cluster("eu"), Finding{"cluster fra", Broken, "control plane: Missing: no controller has judged it yet", "check that the hub reaches https://fra"}},
		"data path alone":        {cluster("eu", ready("True"), path("False")), Finding{"cluster fra", Broken, "data path: m", "check the load balancers in the cluster and what lies between them and the name servers"}},
		"broken and no region":   {cluster("", ready("True"), path("False")), Finding{"cluster fra", Broken, "data path: m", "check the load balancers in the cluster and what lies between them and the name servers"}},
		"data path is undecided": {cluster("eu", ready("True"), path("Unknown")), Finding{"cluster fra", OK, "ready", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			got := clusters(view.View{Clusters: []clusterv1alpha1.Cluster{tc.cluster, cluster("eu", ready("True"))}})
			if diff := cmp.Diff(tc.want, got[0]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("one is nothing to fail over to", func(t *testing.T) {
		got := brief(clusters(view.View{Clusters: []clusterv1alpha1.Cluster{cluster("eu", ready("True"))}}))
		if diff := cmp.Diff([]string{"ok cluster fra: ready", "warn failover: one cluster: there is nothing to fail over to"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("none has joined", func(t *testing.T) {
		if diff := cmp.Diff([]string{"!! clusters: no cluster has joined"}, brief(clusters(view.View{}))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestPolicies(t *testing.T) {
	all := []metav1.Condition{condition(trafficv1alpha1.ConditionAccepted, "True"), condition(trafficv1alpha1.ConditionResolvedRefs, "True"), condition(trafficv1alpha1.ConditionProgrammed, "True")}
	but := func(i int) []metav1.Condition {
		out := slices.Clone(all)
		out[i].Status = metav1.ConditionFalse
		return out
	}
	shares := func(shares ...int32) *trafficv1alpha1.TrafficPlanSpec {
		p := &trafficv1alpha1.TrafficPlanSpec{}
		for i, s := range shares {
			p.Endpoints = append(p.Endpoints, trafficv1alpha1.PlanEndpoint{Cluster: string(rune('a' + i)), SharePercent: s})
		}
		return p
	}
	open := shares(0, 0)
	open.FailOpen = true
	for name, tc := range map[string]struct {
		conditions []metav1.Condition
		plan       *trafficv1alpha1.TrafficPlanSpec
		want       []string
	}{
		"refused":                       {but(0), shares(100, 100), []string{"!! policy shop/web: Accepted: R: m"}},
		"its target is missing":         {but(1), nil, []string{"!! policy shop/web: ResolvedRefs: R: m"}},
		"not yet with all name servers": {but(2), shares(100, 100), []string{"!! policy shop/web: Programmed: R: m"}},
		"never judged":                  {nil, nil, []string{"!! policy shop/web: Accepted: Missing: no controller has judged it yet"}},
		"no plan":                       {all, nil, nil},
		"fails open":                    {all, open, []string{"!! policy shop/web: every endpoint looks down; the last healthy ones are answered"}},
		"one cluster left":              {all, shares(0, 100), []string{"warn policy shop/web: served by b alone"}},
		"served by two":                 {all, shares(100, 25, 0), []string{"ok policy shop/web: served by a, b"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := view.View{Policies: make([]trafficv1alpha1.TrafficPolicy, 1)}
			p := &v.Policies[0]
			p.Namespace, p.Name, p.Status.Conditions, p.Spec.Hostnames = "shop", "web", tc.conditions, []string{"shop.example.com"}
			if tc.plan != nil {
				v.Plans = []trafficv1alpha1.TrafficPlan{{ObjectMeta: p.ObjectMeta, Spec: *tc.plan}}
			}
			if diff := cmp.Diff(tc.want, brief(policies(v))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestZones(t *testing.T) {
	for name, tc := range map[string]struct {
		accepted metav1.ConditionStatus
		servers  int
		want     []string
	}{
		"two name servers": {"True", 2, []string{"ok zone apps.example.com: 3 hosts"}},
		"one name server":  {"True", 1, []string{"ok zone apps.example.com: 3 hosts", "warn zone apps.example.com: one name server: when it is away nothing resolves (RFC 2182 asks for two)"}},
		"not accepted":     {"False", 1, []string{"!! zone apps.example.com: R: m"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := view.View{Zones: make([]trafficv1alpha1.Zone, 1)}
			z := &v.Zones[0]
			z.Spec.Domain, z.Spec.NameServers, z.Status.Hosts = "apps.example.com", make([]trafficv1alpha1.NameServer, tc.servers), 3
			z.Status.Conditions = []metav1.Condition{condition(trafficv1alpha1.ConditionAccepted, tc.accepted)}
			if diff := cmp.Diff(tc.want, brief(zones(v))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReportsOfNameServers(t *testing.T) {
	v := goldentest.Federation(t)
	v.Zones = nil
	v.Health[1].Spec.RenewTime = v.Health[0].Spec.RenewTime
	want := []string{"ok name server ns1: fresh, every plan in force", "warn name server ns2: 0 of 1 plans in force"}
	if diff := cmp.Diff(want, brief(NameServers(context.Background(), v, nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"!! name servers: none has reported to the hub"}, brief(NameServers(context.Background(), view.View{}, nil))); diff != "" {
		t.Errorf("none (-want +got):\n%s", diff)
	}
}

func TestAuthority(t *testing.T) {
	for name, tc := range map[string]struct {
		answer *dns.Msg
		want   string
	}{
		"authoritative":     {message(t, dns.RcodeSuccess, true, soa), "ok apps.example.com at ns1: authoritative, serial 41"},
		"silent":            {nil, "!! apps.example.com at ns1: no answer from 192.0.2.53: i/o timeout"},
		"a resolver":        {message(t, dns.RcodeSuccess, false, soa), "!! apps.example.com at ns1: 192.0.2.53 is not authoritative for it (NOERROR)"},
		"refuses":           {message(t, dns.RcodeRefused, false), "!! apps.example.com at ns1: 192.0.2.53 is not authoritative for it (REFUSED)"},
		"knows no SOA":      {message(t, dns.RcodeSuccess, true), "!! apps.example.com at ns1: 192.0.2.53 is not authoritative for it (NOERROR)"},
		"answers otherwise": {message(t, dns.RcodeSuccess, true, "apps.example.com. 300 IN A 192.0.2.1"), "!! apps.example.com at ns1: 192.0.2.53 answers no SOA"},
	} {
		t.Run(name, func(t *testing.T) {
			ask := answers(map[string]*dns.Msg{"192.0.2.53:53 apps.example.com": tc.answer})
			got := brief([]Finding{authority(context.Background(), "apps.example.com", "ns1", "192.0.2.53", ask)})
			if diff := cmp.Diff([]string{tc.want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDelegation(t *testing.T) {
	v := goldentest.Federation(t)
	v.Zones = v.Zones[:1]
	for name, tc := range map[string]struct {
		resolver string
		answer   *dns.Msg
		want     string
	}{
		"leads to us":               {"9.9.9.9:5353", message(t, 0, false, "apps.example.com. 1 IN NS NS1.apps.example.com.", "apps.example.com. 1 IN NS ns.example.net."), "ok delegation apps.example.com: leads to ns.example.net, ns1.apps.example.com"},
		"half of it":                {"9.9.9.9:5353", message(t, 0, false, "apps.example.com. 1 IN NS ns.example.net."), "!! delegation apps.example.com: resolves to [ns.example.net], want [ns.example.net ns1.apps.example.com] (NOERROR)"},
		"there is none":             {"9.9.9.9:5353", message(t, dns.RcodeNameError, false), "!! delegation apps.example.com: resolves to [], want [ns.example.net ns1.apps.example.com] (NXDOMAIN)"},
		"a resolver that is silent": {"9.9.9.9:1", message(t, 0, false), "!! delegation apps.example.com: the resolver did not answer: i/o timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			ask := answers(map[string]*dns.Msg{"9.9.9.9:5353 apps.example.com": tc.answer})
			if diff := cmp.Diff([]string{tc.want}, brief(Delegation(context.Background(), v, tc.resolver, ask))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
