// Package check is `kubectl seaway check`: is the federation in order, and if not, what is to be
// done. It ends with exit code 1 when something is broken.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
)

// Level is how bad a finding is.
type Level string

// Levels, from good to bad.
const (
	OK      Level = "ok"
	Warning Level = "warn"
	Broken  Level = "!!"
)

// Finding is one line of the report.
type Finding struct {
	Subject string
	Level   Level
	Text    string
	// Fix is what to do about it.
	Fix string
}

// Resolver asks a DNS server; Authority of an answer is checked by the caller.
type Resolver func(ctx context.Context, server, name string, qtype uint16, recurse bool) (*dns.Msg, error)

// Command is `kubectl seaway check`.
func Command() *cobra.Command {
	var hub hubclient.Flags
	var resolver string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check that everything is in order, and say what to do where it is not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := hub.Client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 3*hub.Timeout)
			defer cancel()
			v, err := view.Read(ctx, c)
			if err != nil {
				return err
			}
			findings := slices.Concat(Objects(v), NameServers(ctx, v, Ask))
			if resolver != "" {
				findings = append(findings, Delegation(ctx, v, resolver, Ask)...)
			}
			return Print(cmd.OutOrStdout(), findings)
		},
	}
	hub.Add(cmd.Flags())
	cmd.Flags().StringVar(&resolver, "resolver", "", "also ask this recursive resolver (address, or address:port) whether the delegation works")
	return cmd
}

// ErrBroken is returned by Print when a finding is Broken.
var ErrBroken = errors.New("something is broken")

// Print writes the report.
func Print(w io.Writer, findings []Finding) error {
	broken := 0
	for _, f := range findings {
		line := fmt.Sprintf("%-6s %-28s %s", "["+string(f.Level)+"]", f.Subject, f.Text)
		if f.Fix != "" && f.Level != OK {
			line += "\n" + strings.Repeat(" ", 36) + "-> " + f.Fix
		}
		if f.Level == Broken {
			broken++
		}
		fmt.Fprintln(w, line)
	}
	if broken > 0 {
		return fmt.Errorf("%w: %d of %d checks failed", ErrBroken, broken, len(findings))
	}
	return nil
}

// Objects checks what the hub knows.
func Objects(v view.View) []Finding {
	return slices.Concat(clusters(v), policies(v), zones(v))
}

func clusters(v view.View) []Finding {
	if len(v.Clusters) == 0 {
		return []Finding{{"clusters", Broken, "no cluster has joined", "kubectl seaway join NAME --cluster-kubeconfig FILE"}}
	}
	var out []Finding
	for i := range v.Clusters {
		c := &v.Clusters[i]
		subject := "cluster " + c.Name
		ready := view.Condition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
		path := view.Condition(c.Status.Conditions, trafficv1alpha1.ClusterConditionDataPath)
		switch {
		case ready.Status != metav1.ConditionTrue && path.Status == metav1.ConditionFalse:
			out = append(out, Finding{subject, Broken, "lost: " + ready.Message, "bring the cluster back, or `kubectl seaway unjoin " + c.Name + " --force`"})
		case ready.Status != metav1.ConditionTrue:
			out = append(out, Finding{subject, Broken, "control plane: " + ready.Reason + ": " + ready.Message, "check that the hub reaches " + c.Spec.APIEndpoint})
		case path.Status == metav1.ConditionFalse:
			out = append(out, Finding{subject, Broken, "data path: " + path.Message, "check the load balancers in the cluster and what lies between them and the name servers"})
		case c.Spec.Region == "":
			out = append(out, Finding{subject, Warning, "ready, but its region is not known: it is nobody's nearest", "set spec.region"})
		default:
			out = append(out, Finding{subject, OK, "ready", ""})
		}
	}
	if len(v.Clusters) == 1 {
		out = append(out, Finding{"failover", Warning, "one cluster: there is nothing to fail over to", "join a second cluster"})
	}
	return out
}

func policies(v view.View) []Finding {
	var out []Finding
	for i := range v.Policies {
		p := &v.Policies[i]
		subject := "policy " + p.Namespace + "/" + p.Name
		bad := false
		for _, t := range []string{trafficv1alpha1.ConditionAccepted, trafficv1alpha1.ConditionResolvedRefs, trafficv1alpha1.ConditionProgrammed} {
			if c := view.Condition(p.Status.Conditions, t); c.Status != metav1.ConditionTrue {
				out = append(out, Finding{subject, Broken, t + ": " + c.Reason + ": " + c.Message, "kubectl -n " + p.Namespace + " describe trafficpolicy " + p.Name})
				bad = true
				break
			}
		}
		plan := v.Plan(p)
		if bad || plan == nil {
			continue
		}
		var serving []string
		for _, e := range plan.Spec.Endpoints {
			if e.SharePercent > 0 {
				serving = append(serving, e.Cluster)
			}
		}
		switch {
		case plan.Spec.FailOpen:
			out = append(out, Finding{subject, Broken, "every endpoint looks down; the last healthy ones are answered", "kubectl seaway explain dns " + p.Spec.Hostnames[0]})
		case len(serving) == 1:
			out = append(out, Finding{subject, Warning, "served by " + serving[0] + " alone", "place it in a second cluster"})
		default:
			out = append(out, Finding{subject, OK, "served by " + strings.Join(serving, ", "), ""})
		}
	}
	return out
}

func zones(v view.View) []Finding {
	var out []Finding
	for i := range v.Zones {
		z := &v.Zones[i]
		subject := "zone " + z.Spec.Domain
		accepted := view.Condition(z.Status.Conditions, trafficv1alpha1.ConditionAccepted)
		if accepted.Status != metav1.ConditionTrue {
			out = append(out, Finding{subject, Broken, accepted.Reason + ": " + accepted.Message, "kubectl describe zone " + z.Name})
			continue
		}
		out = append(out, Finding{subject, OK, fmt.Sprintf("%d hosts", z.Status.Hosts), ""})
		if len(z.Spec.NameServers) == 1 {
			out = append(out, Finding{subject, Warning, "one name server: when it is away nothing resolves (RFC 2182 asks for two)", "add a second to spec.nameServers"})
		}
	}
	return out
}

// NameServers asks every name server of every zone for the zone's SOA, and looks at their reports.
func NameServers(ctx context.Context, v view.View, ask Resolver) []Finding {
	var out []Finding
	servers := v.Servers()
	if len(servers) == 0 {
		out = append(out, Finding{"name servers", Broken, "none has reported to the hub", "start `seaway dns` with a kubeconfig of the hub"})
	}
	for _, s := range servers {
		subject := "name server " + s.Name
		switch inForce := s.InForce(v.Plans); {
		case !s.Fresh:
			out = append(out, Finding{subject, Broken, fmt.Sprintf("silent for %s", s.Age.Round(time.Second)), "look at its log; it goes on answering from its own state, but its view of health does not count"})
		case inForce < len(v.Plans):
			out = append(out, Finding{subject, Warning, fmt.Sprintf("%d of %d plans in force", inForce, len(v.Plans)), "look again in a moment"})
		default:
			out = append(out, Finding{subject, OK, "fresh, every plan in force", ""})
		}
	}
	for i := range v.Zones {
		for _, ns := range v.Zones[i].Spec.NameServers {
			for _, address := range ns.Addresses {
				out = append(out, authority(ctx, v.Zones[i].Spec.Domain, ns.Name, address, ask))
			}
		}
	}
	return out
}

func authority(ctx context.Context, domain, name, address string, ask Resolver) Finding {
	subject := domain + " at " + name
	fix := "check that `seaway dns` listens on " + address + " port 53 and that UDP and TCP reach it"
	answer, err := ask(ctx, net.JoinHostPort(address, "53"), domain, dns.TypeSOA, false)
	switch {
	case err != nil:
		return Finding{subject, Broken, "no answer from " + address + ": " + err.Error(), fix}
	case answer.Rcode != dns.RcodeSuccess || !answer.Authoritative || len(answer.Answer) == 0:
		return Finding{subject, Broken, fmt.Sprintf("%s is not authoritative for it (%s)", address, dns.RcodeToString[answer.Rcode]), "wait for it to load the zone, or check its log"}
	}
	soa, ok := answer.Answer[0].(*dns.SOA)
	if !ok {
		return Finding{subject, Broken, address + " answers no SOA", fix}
	}
	return Finding{subject, OK, fmt.Sprintf("authoritative, serial %d", soa.Serial), ""}
}

// Delegation asks a recursive resolver for the NS records of every zone: do they lead to us?
func Delegation(ctx context.Context, v view.View, resolver string, ask Resolver) []Finding {
	if _, _, err := net.SplitHostPort(resolver); err != nil {
		resolver = net.JoinHostPort(resolver, "53")
	}
	var out []Finding
	for i := range v.Zones {
		z := &v.Zones[i]
		subject := "delegation " + z.Spec.Domain
		fix := "give the parent the lines of: kubectl seaway dns delegation " + z.Spec.Domain
		answer, err := ask(ctx, resolver, z.Spec.Domain, dns.TypeNS, true)
		if err != nil {
			out = append(out, Finding{subject, Broken, "the resolver did not answer: " + err.Error(), "check --resolver"})
			continue
		}
		var have, want []string
		for _, rr := range answer.Answer {
			if ns, ok := rr.(*dns.NS); ok {
				have = append(have, strings.ToLower(strings.TrimSuffix(ns.Ns, ".")))
			}
		}
		for _, ns := range z.Spec.NameServers {
			want = append(want, ns.Name)
		}
		slices.Sort(have)
		slices.Sort(want)
		if !slices.Equal(have, want) {
			out = append(out, Finding{subject, Broken, fmt.Sprintf("resolves to [%s], want [%s] (%s)", strings.Join(have, " "), strings.Join(want, " "), dns.RcodeToString[answer.Rcode]), fix})
			continue
		}
		out = append(out, Finding{subject, OK, "leads to " + strings.Join(want, ", "), ""})
	}
	return out
}

// Ask sends one question over UDP, and over TCP when the answer was cut.
func Ask(ctx context.Context, server, name string, qtype uint16, recurse bool) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	q.RecursionDesired = recurse
	answer, _, err := (&dns.Client{Timeout: 2 * time.Second}).ExchangeContext(ctx, q, server)
	if err == nil && answer.Truncated {
		answer, _, err = (&dns.Client{Net: "tcp", Timeout: 2 * time.Second}).ExchangeContext(ctx, q, server)
	}
	return answer, err
}
