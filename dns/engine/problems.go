package engine

import (
	"slices"
	"strings"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
)

const (
	// mostProblems is how many problems are logged at once; the metrics have the number.
	mostProblems = 50
	// mostReported is how many are reported altogether, and mostOfMessage how many octets of each
	// message: the report has to stay well below what the hub can store in one object.
	mostReported  = 400
	mostOfMessage = 300
)

// logProblems logs the problems that were not there before, and says whether the list is another.
func (e *Engine) logProblems(all []zone.Problem) bool {
	if len(all) == len(e.logged) && (len(all) == 0 || &all[0] == &e.logged[0]) {
		return false
	}
	e.logged = all
	seen := make(map[zone.Problem]bool, len(all))
	logged := 0
	for _, p := range all {
		seen[p] = true
		if e.problems[p] || logged == mostProblems {
			continue
		}
		logged++
		e.options.Log.Warn("not served as it stands", "object", p.Object.String(), "field", p.Field, "problem", p.Message)
	}
	e.problems = seen
	return true
}

// report has the problems of a snapshot reported from now on. compiling is held.
func (e *Engine) report(s *zone.Snapshot) {
	faults := reportable(s, e.objects)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = faults
}

// reportable are the problems that are reported, by the domain of the zone they are in. Of many each
// object's first come first, so that no object hides another.
func reportable(s *zone.Snapshot, o Objects) map[string][]trafficv1alpha1.ZoneProblem {
	if len(s.Problems) == 0 {
		return nil
	}
	type entry struct {
		zone.Problem
		rank int // among those of the same object
	}
	all := make([]entry, len(s.Problems))
	for i, p := range s.Problems { // sorted by object
		all[i].Problem = p
		if i > 0 && all[i-1].Object == p.Object {
			all[i].rank = all[i-1].rank + 1
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.rank - b.rank })
	home := homes(s, o)
	out, n := map[string][]trafficv1alpha1.ZoneProblem{}, 0
	for _, p := range all {
		domain := home[p.Object]
		if domain == "" || len(out[domain]) == trafficv1alpha1.MostZoneProblems {
			continue
		}
		out[domain] = append(out[domain], trafficv1alpha1.ZoneProblem{
			Object: trafficv1alpha1.ZoneObject{Kind: p.Object.Kind, Namespace: p.Object.Namespace, Name: p.Object.Name},
			Field:  p.Field, Message: shorten(p.Message),
		})
		if n++; n == mostReported {
			break
		}
	}
	return out
}

// homes says in which of the zones that are served an object with problems lies, by its domain. Objects
// that lie in none are not in it: there is nothing to report them with.
func homes(s *zone.Snapshot, o Objects) map[zone.Ref]string {
	served := make(map[string]bool, len(s.Zones))
	for _, z := range s.Zones {
		served[z.Domain] = true
	}
	home := func(name string) string {
		for name = strings.ToLower(strings.TrimSuffix(name, ".")); name != "" && !served[name]; {
			_, name, _ = strings.Cut(name, ".")
		}
		return name
	}
	wanted := make(map[zone.Ref]bool, len(s.Problems))
	for _, p := range s.Problems {
		wanted[p.Object] = true
	}
	out := make(map[zone.Ref]string, len(wanted))
	byZone := make(map[string]string, len(o.Zones))
	for _, z := range o.Zones {
		byZone[z.Name] = home(z.Spec.Domain)
		out[zone.Ref{Kind: trafficv1alpha1.KindZone, Name: z.Name}] = byZone[z.Name]
	}
	for _, r := range o.Records {
		if ref := (zone.Ref{Kind: trafficv1alpha1.KindZoneRecords, Name: r.Name}); wanted[ref] {
			out[ref] = byZone[r.Spec.Zone]
		}
	}
	for _, p := range o.Plans {
		ref := zone.Ref{Kind: trafficv1alpha1.KindTrafficPlan, Namespace: p.Namespace, Name: p.Name}
		if !wanted[ref] {
			continue
		}
		for _, host := range p.Spec.Hostnames {
			if out[ref] = home(host); out[ref] != "" {
				break
			}
		}
	}
	return out
}

func shorten(text string) string {
	if len(text) <= mostOfMessage {
		return text
	}
	return strings.ToValidUTF8(text[:mostOfMessage], "") + "…"
}
