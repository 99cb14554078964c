// Package nameserver does with the hub's objects what a name server does, for commands that say what
// one would answer. It has no probes of its own: it counts the votes of the servers that report.
package nameserver

import (
	"strings"

	"github.com/spf13/pflag"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/dns/core/decision"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/geodb"
)

// Geo are the flags that say which databases the name servers use.
type Geo struct {
	Databases []string
	Fields    geodb.Fields
}

// Add adds the flags to a command.
func (g *Geo) Add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&g.Databases, "geo-database", nil, "the database that the name servers use; the built-in table when not given")
	fs.Func("geo-field", "where the database keeps a field, as FIELD=PATH", g.Fields.Set)
}

// Open reads the databases.
func (g *Geo) Open() (*geo.Source, []geodb.Info, error) {
	if len(g.Databases) == 0 {
		source, info := geodb.BuiltIn()
		return source, []geodb.Info{info}, nil
	}
	return geodb.OpenAll(g.Databases, g.Fields)
}

// Snapshot is what a name server has that sees what the hub sees, with the verdicts of those that
// report.
func Snapshot(v view.View, places *geo.Places) *zone.Snapshot {
	s := zone.Compile(zone.Input{
		Zones: pointers(v.Zones), Plans: pointers(v.Plans), RegionMaps: pointers(v.RegionMaps), Places: places, Now: v.Now,
	})
	votes := Votes(v)
	for _, p := range s.Plans {
		p.Update(func(cluster string) trafficv1alpha1.Verdict {
			return votes.Decide(trafficv1alpha1.VerdictUnknown, verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: cluster}, v.Now)
		})
	}
	return s
}

// Steering is how each host name of a plan is steered in a snapshot.
func Steering(s *zone.Snapshot, plan *trafficv1alpha1.TrafficPlan) map[string]*steer.Plan {
	out := map[string]*steer.Plan{}
	for _, p := range s.Plans {
		if p.Namespace != plan.Namespace || p.Name != plan.Name {
			continue
		}
		for _, h := range p.Hosts {
			out[strings.TrimSuffix(h.Name.String(), ".")] = h.Steer
		}
	}
	return out
}

// Votes are the reports of the name servers.
func Votes(v view.View) *verdict.Peers {
	votes := verdict.NewPeers("")
	for i := range v.Health {
		votes.Observe(&v.Health[i], v.Now)
	}
	return votes
}

// Witnesses give the evidence of all servers that report.
func Witnesses(v view.View) decision.Witnesses {
	votes := Votes(v)
	return func(key verdict.Key) []decision.Evidence {
		var out []decision.Evidence
		for _, t := range votes.Testimonies(key, v.Now) {
			out = append(out, decision.EvidenceOf(t))
		}
		return out
	}
}

func pointers[T any](in []T) []*T {
	out := make([]*T, len(in))
	for i := range in {
		out[i] = &in[i]
	}
	return out
}
