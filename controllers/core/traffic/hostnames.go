package traffic

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// HostnameResult is what became of a policy's host names.
type HostnameResult struct {
	// Hostnames that the policy won, in its own order.
	Hostnames []string
	// Refused are the others.
	Refused []Refusal
}

// Refusal is a host name that a policy does not get, and why.
type Refusal struct {
	// Index in spec.hostnames.
	Index int
	// Reason is one of HostnameConflict, NoZone and NamespaceNotAllowed.
	Reason  string
	Message string
}

// ResolveHostnames decides which policy serves which host name, given the Zones in force and the
// labels of the policies' namespaces. A host name must lie in a Zone that lets the policy's namespace
// claim it and has no record of its own for it; among the policies of which that is true the oldest
// gets it, and of two equally old ones the first by namespace and name.
//
// The policies may be all there are, or those that share a host name with the one in question.
func ResolveHostnames(policies []*trafficv1alpha1.TrafficPolicy, zones []*trafficv1alpha1.Zone, namespaces map[string]labels.Set) map[types.NamespacedName]HostnameResult {
	r := resolver{zones: map[string]*zoneNames{}, namespaces: namespaces, owners: map[string]types.NamespacedName{}}
	for _, z := range zones {
		r.zones[z.Spec.Domain] = &zoneNames{zone: z}
	}
	out := make(map[types.NamespacedName]HostnameResult, len(policies))
	for _, p := range byAge(policies) {
		if p.DeletionTimestamp == nil {
			out[key(p)] = r.resolve(p)
		}
	}
	return out
}

// byAge sorts objects: the oldest first, then by namespace and name.
func byAge[T metav1.Object](objects []T) []T {
	out := slices.Clone(objects)
	slices.SortFunc(out, func(a, b T) int {
		created, than := a.GetCreationTimestamp(), b.GetCreationTimestamp()
		return cmp.Or(created.Time.Compare(than.Time),
			cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	return out
}

func key(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

type resolver struct {
	zones      map[string]*zoneNames
	namespaces map[string]labels.Set
	owners     map[string]types.NamespacedName
}

func (r *resolver) resolve(p *trafficv1alpha1.TrafficPolicy) HostnameResult {
	var out HostnameResult
	for i, host := range p.Spec.Hostnames {
		if reason, message := r.claim(p, host); reason != "" {
			out.Refused = append(out.Refused, Refusal{i, reason, fmt.Sprintf("spec.hostnames[%d]: %q %s", i, host, message)})
			continue
		}
		r.owners[host] = key(p)
		out.Hostnames = append(out.Hostnames, host)
	}
	return out
}

func (r *resolver) claim(p *trafficv1alpha1.TrafficPolicy, host string) (reason, message string) {
	zone := r.zoneOf(host)
	if zone == nil {
		return trafficv1alpha1.ReasonNoZone, "lies in no accepted Zone; make a Zone for its domain or use a name inside one"
	}
	if !r.allows(zone.zone, p.Namespace) {
		return trafficv1alpha1.ReasonNamespaceNotAllowed, fmt.Sprintf(
			"lies in Zone %s, which does not let namespace %s claim names; see spec.allowedNamespaces of the Zone", zone.zone.Name, p.Namespace)
	}
	if what := zone.taken(host); what != "" {
		return trafficv1alpha1.ReasonHostnameConflict, fmt.Sprintf(
			"is used by Zone %s itself (%s); remove one of the two", zone.zone.Name, what)
	}
	if owner, taken := r.owners[host]; taken && owner != key(p) {
		return trafficv1alpha1.ReasonHostnameConflict, fmt.Sprintf(
			"belongs to TrafficPolicy %s, which is older; remove the host name from one of the two", owner)
	}
	return "", ""
}

// zoneOf finds the Zone with the longest domain that the host name is equal to or lies under.
func (r *resolver) zoneOf(host string) *zoneNames {
	for domain := range Domains(host) {
		if z := r.zones[domain]; z != nil {
			return z
		}
	}
	return nil
}

// Domains yields the names that a Zone can have which holds a host name: the host name itself,
// without a leading wildcard, and all the names above it, the longest first.
func Domains(hostname string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for domain := strings.TrimPrefix(hostname, "*."); domain != "" && yield(domain); {
			_, domain, _ = strings.Cut(domain, ".")
		}
	}
}

func (r *resolver) allows(z *trafficv1alpha1.Zone, namespace string) bool {
	allowed := z.Spec.AllowedNamespaces
	if allowed == nil || slices.Contains(allowed.Names, namespace) {
		return true
	}
	if allowed.Selector == nil {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(allowed.Selector)
	return err == nil && selector.Matches(r.namespaces[namespace])
}

// zoneNames are the names of a Zone that it needs itself, found when first asked for.
type zoneNames struct {
	zone *trafficv1alpha1.Zone
	// hosts and delegations say what occupies an absolute name.
	hosts, delegations map[string]string
}

// taken names what keeps a policy from a host name: an address, an alias or a name server of the same
// name, or a delegation of it or of a name above it.
func (z *zoneNames) taken(host string) string {
	z.compile()
	if what, is := z.hosts[host]; is {
		return what
	}
	for domain := range Domains(host) {
		if what, is := z.delegations[domain]; is {
			return what
		}
	}
	return ""
}

func (z *zoneNames) compile() {
	if z.hosts != nil {
		return
	}
	z.hosts, z.delegations = map[string]string{}, map[string]string{}
	for i, ns := range z.zone.Spec.NameServers {
		z.hosts[strings.ToLower(ns.Name)] = fmt.Sprintf("spec.nameServers[%d]", i)
	}
	for i, r := range z.zone.Spec.Records {
		name := z.zone.Spec.Domain
		if r.Name != "" && r.Name != "@" {
			name = strings.ToLower(r.Name) + "." + name
		}
		what := fmt.Sprintf("spec.records[%d] of type %s", i, r.Type)
		switch r.Type {
		case "A", "AAAA", "CNAME":
			z.hosts[name] = what
		case "NS":
			z.delegations[name] = what
		}
	}
}
