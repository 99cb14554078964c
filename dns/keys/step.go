package keys

import (
	"fmt"
	"slices"
	"strings"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
)

// defaults of a Zone's fields that were not set.
const (
	defaultPropagation = 5 * time.Minute
	defaultZoneKey     = 720 * time.Hour
)

// Policy is what a Zone wants of its keys; nil is a zone that is not to be signed.
func policyOf(d *trafficv1alpha1.ZoneDNSSEC) dnssec.Policy {
	p := dnssec.Policy{Propagation: defaultPropagation, Lifetime: map[dnssec.Role]time.Duration{}}
	if d == nil {
		return p
	}
	algorithm := dnssec.Algorithms[string(trafficv1alpha1.DNSSECAlgorithmECDSAP256SHA256)]
	if a, ok := dnssec.Algorithms[string(d.Algorithm)]; ok {
		algorithm = a
	}
	p.Keys = []dnssec.Kind{{Role: dnssec.CSK, Algorithm: algorithm}}
	if d.Keys == trafficv1alpha1.DNSSECKeysSplit {
		p.Keys = []dnssec.Kind{{Role: dnssec.KSK, Algorithm: algorithm}, {Role: dnssec.ZSK, Algorithm: algorithm}}
	}
	p.Lifetime[dnssec.ZSK] = defaultZoneKey
	if d.ZoneKeyLifetime != nil {
		p.Lifetime[dnssec.ZSK] = d.ZoneKeyLifetime.Duration
	}
	if d.KeyLifetime != nil {
		p.Lifetime[dnssec.KSK], p.Lifetime[dnssec.CSK] = d.KeyLifetime.Duration, d.KeyLifetime.Duration
	}
	if d.Propagation != nil {
		p.Propagation = d.Propagation.Duration
	}
	return p
}

// report is what a name server serves.
type report struct {
	object  string // the EndpointHealth
	version string
	maxTTL  time.Duration
	renewed time.Time
}

// outcome is what a step has come to.
type outcome struct {
	state  dnssec.State
	plan   dnssec.Plan
	waits  string
	parent bool // it waits for the parent
}

// step goes on with the life of keys as far as it can now. make makes a key of a kind and gives it an
// ID. The state that it is given is not changed.
func step(policy dnssec.Policy, state dnssec.State, reports []report, parent dnssec.Parent, now time.Time, make func(dnssec.Kind) (string, error)) (outcome, error) {
	state.Keys = slices.Clone(state.Keys)
	for _, r := range reports {
		state.Remember(r.maxTTL, now)
	}
	version := state.Version()
	behind := slices.DeleteFunc(slices.Clone(reports), func(r report) bool { return r.version == version })
	switch {
	case len(reports) == 0 && version != "":
		return outcome{state: state, waits: "a name server to serve the zone"}, nil
	case len(behind) > 0:
		if !state.Confirmed.IsZero() {
			state.Doubt()
		}
		return outcome{state: state, waits: awaited(behind)}, nil
	case !state.Decided.IsZero() && state.Confirmed.IsZero():
		state.Confirm(now)
	}
	policy.KeyTTL, policy.MaxTTL = state.MaxTTL, state.MaxTTL
	var plan dnssec.Plan
	for {
		plan = dnssec.Next(policy, state.Keys, parent, now)
		state.Keys, state.Delete = plan.Keys, plan.Delete
		if len(plan.Make) == 0 {
			break
		}
		for _, life := range plan.Make {
			id, err := make(life.Kind)
			if err != nil {
				return outcome{}, err
			}
			life.ID = id
			state.Keys = append(state.Keys, life)
		}
	}
	if state.Version() != version {
		state.Decide(now)
	}
	return outcome{state: state, plan: plan, waits: plan.Waits, parent: plan.Parent}, nil
}

// awaited names servers that are behind.
func awaited(behind []report) string {
	slices.SortFunc(behind, func(a, b report) int { return a.renewed.Compare(b.renewed) })
	var names []string
	for _, r := range behind {
		names = append(names, fmt.Sprintf("%s (last heard %s)", r.object, r.renewed.UTC().Format(time.RFC3339)))
	}
	return fmt.Sprintf("the newest keys to be served by %s; delete the EndpointHealth of a name server that is gone for good", strings.Join(names, ", "))
}
