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
	if record := zone.taken(host); record != "" {
		return trafficv1alpha1.ReasonHostnameConflict, fmt.Sprintf(
			"has a record in Zone %s (%s); remove the record or the host name", zone.zone.Name, record)
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

// zoneNames are the names of a Zone that its own records occupy, found when first asked for.
type zoneNames struct {
	zone *trafficv1alpha1.Zone
	// addresses and delegations hold the index of the record by absolute name.
	addresses, delegations map[string]int
}

// taken names the record that keeps a policy from a host name: an address or alias of the same name,
// or a delegation of it or of a name above it.
func (z *zoneNames) taken(host string) string {
	z.compile()
	if i, is := z.addresses[host]; is {
		return fmt.Sprintf("spec.records[%d], type %s", i, z.zone.Spec.Records[i].Type)
	}
	for domain := range Domains(host) {
		if i, is := z.delegations[domain]; is {
			return fmt.Sprintf("spec.records[%d] delegates %s", i, domain)
		}
	}
	return ""
}

func (z *zoneNames) compile() {
	if z.addresses != nil {
		return
	}
	z.addresses, z.delegations = map[string]int{}, map[string]int{}
	for i, r := range z.zone.Spec.Records {
		name := z.zone.Spec.Domain
		if r.Name != "" && r.Name != "@" {
			name = strings.ToLower(r.Name) + "." + name
		}
		switch r.Type {
		case "A", "AAAA", "CNAME":
			z.addresses[name] = i
		case "NS":
			z.delegations[name] = i
		}
	}
}
