package why

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/decision"
	"github.com/seaway-io/seaway/dns/core/verdict"
)

// plan is that of a policy; nil when there is none.
func (w *walker) plan(p *trafficv1alpha1.TrafficPolicy) *trafficv1alpha1.TrafficPlan {
	return w.View.Plan(p)
}

// endpoints: can requests be sent to what runs?
func (w *walker) endpoints() {
	votes := nameserver.Votes(w.View)
	for i := range w.App.Policies {
		p := &w.App.Policies[i]
		plan := w.plan(p)
		if plan == nil {
			continue // told of the plan
		}
		of := "TrafficPolicy " + p.Name
		if len(p.Spec.TargetRefs) > 0 {
			of = "Service " + p.Spec.TargetRefs[0].Name
		}
		var good []string
		present := map[string]bool{}
		for _, e := range plan.Spec.Endpoints {
			present[e.Cluster] = true
			if e.State == trafficv1alpha1.EndpointExcluded {
				continue
			}
			if e.State == trafficv1alpha1.EndpointDown {
				key := verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: e.Cluster}
				w.broken(LinkEndpoints, of, e.Cluster, w.beyond(p, &e), "%s for %s: %s%s", e.Reason, w.age(e.Since), e.Message, w.witnesses(votes, key))
				continue
			}
			good = append(good, fmt.Sprintf("%s %s (%d ready)", e.Cluster, address(&e), e.ReadyReplicas))
		}
		w.unseen(p, of, present)
		if len(good) > 0 {
			w.ok(LinkEndpoints, of, "%s", few(good))
		}
	}
}

// unseen are clusters that hold the target and that the plan does not know.
func (w *walker) unseen(p *trafficv1alpha1.TrafficPolicy, of string, present map[string]bool) {
	for i := range w.App.Parts {
		part := &w.App.Parts[i]
		if !part.IsService() || len(p.Spec.TargetRefs) == 0 || part.Template.GetName() != p.Spec.TargetRefs[0].Name {
			continue
		}
		for _, cluster := range sortedKeys(placed(part)) {
			if c := w.cluster(cluster); !present[cluster] && c != nil && isReady(c) {
				w.broken(LinkEndpoints, of, cluster, "kubectl --context "+cluster+" get service "+part.Template.GetName()+w.inNamespace(),
					"the plan has no endpoint there: the hub has not seen the Service in the cluster")
			}
		}
	}
}

// beyond is the command that looks behind an endpoint that is down.
func (w *walker) beyond(p *trafficv1alpha1.TrafficPolicy, e *trafficv1alpha1.PlanEndpoint) string {
	switch e.Reason {
	case trafficv1alpha1.EndpointReasonUnhealthy:
		return "kubectl seaway explain failover " + p.Name + w.inNamespace()
	case trafficv1alpha1.EndpointReasonNoReadyReplicas:
		return "kubectl --context " + e.Cluster + " get endpointslices -l kubernetes.io/service-name=" + p.Spec.TargetRefs[0].Name + w.inNamespace()
	}
	return "kubectl --context " + e.Cluster + " get service " + p.Spec.TargetRefs[0].Name + w.inNamespace()
}

// witnesses say who cannot reach an endpoint.
func (w *walker) witnesses(votes *verdict.Peers, key verdict.Key) string {
	var down []string
	n := 0
	for _, t := range votes.Testimonies(key, w.View.Now) {
		if !t.Counts {
			continue
		}
		n++
		if t.Verdict == trafficv1alpha1.VerdictUnhealthy {
			down = append(down, t.VantagePoint)
		}
	}
	if len(down) == 0 {
		return ""
	}
	return fmt.Sprintf("; not reached by %s of %d that count", few(down), n)
}

func address(e *trafficv1alpha1.PlanEndpoint) string {
	host := e.Hostname
	if len(e.Addresses) > 0 {
		host = e.Addresses[0]
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
	}
	return fmt.Sprintf("%s:%d", host, e.Port)
}

func (w *walker) age(since metav1.Time) string {
	return duration.HumanDuration(w.View.Now.Sub(since.Time))
}

// plans: are the endpoints given requests?
func (w *walker) plans() {
	for i := range w.App.Policies {
		p := &w.App.Policies[i]
		of, get := "TrafficPlan "+p.Name, "kubectl get trafficplan "+p.Name+" -o yaml"+w.inNamespace()
		plan := w.plan(p)
		if plan == nil {
			w.broken(LinkPlan, of, "", "kubectl describe trafficpolicy "+p.Name+w.inNamespace(), "there is none: the policy has never been carried out")
			continue
		}
		if plan.Spec.Policy.Generation < p.Generation {
			w.broken(LinkPlan, of, "", "kubectl describe trafficpolicy "+p.Name+w.inNamespace(), "it was made of generation %d of the policy, which is at %d", plan.Spec.Policy.Generation, p.Generation)
		}
		if len(plan.Spec.Hostnames) == 0 {
			w.broken(LinkPlan, of, "", get, "no host name is in force")
			continue
		}
		var good []string
		for _, e := range plan.Spec.Endpoints {
			switch {
			case e.SharePercent > 0 && e.State == trafficv1alpha1.EndpointRecovering:
				good = append(good, fmt.Sprintf("%s %d%% of its share", e.Cluster, e.SharePercent))
			case e.SharePercent > 0:
				good = append(good, e.Cluster+" "+string(e.State))
			case e.State == trafficv1alpha1.EndpointDraining || e.State == trafficv1alpha1.EndpointRecovering:
				w.broken(LinkPlan, of, e.Cluster, "kubectl seaway timeline trafficpolicy/"+p.Name+w.inNamespace(), "%s (%s) for %s: %s", e.State, e.Reason, w.age(e.Since), e.Message)
			}
		}
		switch {
		case plan.Spec.FailOpen:
			w.broken(LinkPlan, of, "", "kubectl seaway timeline trafficpolicy/"+p.Name+w.inNamespace(), "nothing is left that should be served: what was healthy last is served all the same")
		case len(good) == 0:
			w.broken(LinkPlan, of, "", get, "no endpoint is given requests")
		default:
			w.ok(LinkPlan, of, "%s", few(good))
		}
	}
}

// served are the zones of the application's host names, by name.
func (w *walker) served() []trafficv1alpha1.Zone {
	var out []trafficv1alpha1.Zone
	for _, z := range w.View.Zones {
		if slices.ContainsFunc(w.hostnames(), func(h string) bool { return within(h, z.Spec.Domain) }) {
			out = append(out, z)
		}
	}
	return out
}

// hostnames are those in force, or, without a plan, those that are wished for.
func (w *walker) hostnames() []string {
	var out []string
	for i := range w.App.Policies {
		p := &w.App.Policies[i]
		if plan := w.plan(p); plan != nil {
			out = append(out, plan.Spec.Hostnames...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func within(host, domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }

// zones: are the zones served?
func (w *walker) zones() {
	servers := slices.DeleteFunc(w.View.Servers(), func(s view.Server) bool { return !s.Fresh })
	for _, host := range w.hostnames() {
		if !slices.ContainsFunc(w.View.Zones, func(z trafficv1alpha1.Zone) bool { return within(host, z.Spec.Domain) }) {
			w.broken(LinkZone, host, "", "kubectl get zones", "it lies in no Zone")
		}
	}
	for _, z := range w.served() {
		of, next := "Zone "+z.Name, "kubectl seaway dns zone "+z.Name
		accepted := view.Condition(z.Status.Conditions, trafficv1alpha1.ConditionAccepted)
		if accepted.Status != metav1.ConditionTrue {
			w.broken(LinkZone, of, "", "kubectl describe zone "+z.Name, "%s: %s", accepted.Reason, accepted.Message)
			if accepted.Reason == trafficv1alpha1.ReasonOverlap {
				continue
			}
		}
		if len(servers) == 0 {
			w.broken(LinkZone, of, "", next, "no name server has reported within its lease")
			continue
		}
		var good []string
		for _, s := range servers {
			i := slices.IndexFunc(s.Zones, func(o trafficv1alpha1.ZoneServed) bool { return o.Domain == z.Spec.Domain })
			switch {
			case i < 0:
				w.broken(LinkZone, of, s.Name, next, "the name server does not serve %s", z.Spec.Domain)
			case s.Zones[i].Generation < z.Generation:
				w.broken(LinkZone, of, s.Name, next, "the name server serves generation %d of %d", s.Zones[i].Generation, z.Generation)
			default:
				good = append(good, fmt.Sprintf("%s serial %d", s.Name, s.Zones[i].Serial))
			}
		}
		if len(good) > 0 {
			w.ok(LinkZone, of, "served by %s", few(good))
		}
	}
}

// answers: what is a client told?
func (w *walker) answers() {
	names := w.hostnames()
	if len(names) == 0 {
		return // told of the plan, or of the policy
	}
	snapshot := nameserver.Snapshot(w.View, w.Places)
	for _, name := range names {
		w.answer(name, func(rrtype uint16) (decision.Decision, error) {
			return decision.Make(snapshot, answer.Question{Name: asked(name), Type: rrtype, Client: w.client()}, nameserver.Witnesses(w.View))
		})
	}
	for i := range w.App.Policies {
		w.behind(&w.App.Policies[i])
	}
}

// asked is a name that a host name covers.
func asked(host string) string {
	if rest, wildcard := strings.CutPrefix(host, "*."); wildcard {
		return "seaway-why." + rest
	}
	return host
}

// client is the one asked for, or one from a network of documentation, which is nowhere.
func (w *walker) client() netip.Addr {
	if w.Client.IsValid() {
		return w.Client
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, 1})
}

func (w *walker) answer(name string, ask func(rrtype uint16) (decision.Decision, error)) {
	next := "kubectl seaway dns answer " + asked(name) + " --from " + w.client().String()
	for _, rrtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		d, err := ask(rrtype)
		if err != nil {
			w.unknown(LinkAnswer, name, "", next, "%v", err)
			return
		}
		if len(d.Answer.Records) == 0 {
			continue
		}
		text := strings.Join(addresses(d.Answer.Records), ", ")
		if s := d.Steering; s != nil && s.Chosen != "" {
			text += " of " + s.Chosen
			i := slices.IndexFunc(s.Endpoints, func(e decision.Endpoint) bool { return e.Chosen })
			if i >= 0 && s.Endpoints[i].State == trafficv1alpha1.EndpointDown {
				w.broken(LinkAnswer, name, "", next, "%s, which is Down: nothing better is left", text)
				return
			}
		}
		whom := "for a client of unknown whereabouts"
		if w.Client.IsValid() {
			whom = "for " + w.Client.String()
		}
		if !slices.ContainsFunc(w.View.Servers(), func(s view.Server) bool { return s.Fresh }) {
			w.unknown(LinkAnswer, name, "", next, "no name server reports; by the hub's objects it would be %s", text)
			return
		}
		w.ok(LinkAnswer, name, "%s, for %d s, %s", text, d.Answer.TTL, whom)
		return
	}
	d, err := ask(dns.TypeA)
	if err != nil {
		w.unknown(LinkAnswer, name, "", next, "%v", err)
		return
	}
	why := map[answer.Kind]string{
		answer.KindNoZone: "the name lies in no zone that is served", answer.KindNoName: "the zone has no such name",
		answer.KindDelegated: "the zone delegates the name to other servers", answer.KindRecords: "the zone has other records of that name",
	}[d.Kind]
	w.broken(LinkAnswer, name, "", next, "%s without an address: %s", d.Answer.Rcode, orElse(why, "no endpoint that may be answered has one"))
}

// addresses are the data of records.
func addresses(records []string) []string {
	var out []string
	for _, r := range records {
		if fields := strings.Fields(r); len(fields) > 0 {
			out = append(out, fields[len(fields)-1])
		}
	}
	return out
}

// behind tells of servers that answer by an older plan.
func (w *walker) behind(p *trafficv1alpha1.TrafficPolicy) {
	plan := w.plan(p)
	if plan == nil || len(plan.Spec.Hostnames) == 0 {
		return
	}
	for _, s := range w.View.Servers() {
		if !s.Fresh {
			continue
		}
		i := slices.IndexFunc(s.Plans, func(h trafficv1alpha1.PlanHealth) bool { return h.Namespace == p.Namespace && h.Name == p.Name })
		next := "kubectl get endpointhealths"
		switch {
		case i < 0:
			w.broken(LinkAnswer, plan.Spec.Hostnames[0], s.Name, next, "the name server does not have the plan")
		case s.Plans[i].Generation < plan.Generation:
			w.broken(LinkAnswer, plan.Spec.Hostnames[0], s.Name, next, "the name server answers by generation %d of the plan, which is at %d", s.Plans[i].Generation, plan.Generation)
		}
	}
}
