// Package health makes one opinion out of the reports of all vantage points: whose report still
// counts, what a quorum thinks of an endpoint, and whether requests reach a cluster at all.
//
// It keeps what was reported but no clock: the caller says what time it is. Whether an opinion has
// consequences is somebody else's decision.
package health

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seaway-io/seaway/api/traffic/quorum"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// clockSkew is how far the clocks of a vantage point and of the reader may differ. A report that is
// seen for the first time and is older than its lease by more than that is not believed: its author
// went away long ago.
const clockSkew = time.Minute

// Reports holds the newest report of each EndpointHealth object. It is not safe for concurrent use.
type Reports struct {
	byName map[string]*report
	// list is the same, sorted by name, so that the same reports give the same words.
	list []*report
}

// NewReports returns an empty set of reports.
func NewReports() *Reports { return &Reports{byName: map[string]*report{}} }

// report is one EndpointHealth object.
type report struct {
	name, vantagePoint string
	renewed            time.Time // by its author's clock
	until              time.Time // by the reader's clock
	fresh              bool
	plans              map[types.NamespacedName]*trafficv1alpha1.PlanHealth
	zones              map[string]*trafficv1alpha1.ZoneServed
	problems           map[trafficv1alpha1.ZoneObject][]trafficv1alpha1.ZoneProblem
}

// Changes is what a report, or the end of one, has changed.
type Changes struct {
	// VantagePoints says that one came or went, which concerns every plan and zone, known here or not.
	VantagePoints bool
	// Plans whose verdicts or generations changed, and those with problems in zones whose problems did.
	Plans sets.Set[types.NamespacedName]
	// Zones whose generation or problems changed, by domain.
	Zones sets.Set[string]
	// Records are the ZoneRecords with problems in zones whose problems changed, by name.
	Records sets.Set[string]
	// Clusters of the endpoints whose verdicts changed.
	Clusters sets.Set[string]
}

// Any says whether there is a change at all.
func (c Changes) Any() bool {
	return c.VantagePoints || len(c.Plans)+len(c.Zones)+len(c.Records)+len(c.Clusters) > 0
}

func newChanges() Changes {
	return Changes{Plans: sets.New[types.NamespacedName](), Zones: sets.New[string](), Records: sets.New[string](), Clusters: sets.New[string]()}
}

// Observe takes over an object as it was read. A report is fresh for its lease's duration, measured
// by the reader's clock, from the moment a new renewTime was seen.
func (r *Reports) Observe(obj *trafficv1alpha1.EndpointHealth, now time.Time) Changes {
	old := r.byName[obj.Name]
	next := newReport(obj, old, now)
	return r.replace(obj.Name, old, next)
}

// Remove forgets an object that was deleted.
func (r *Reports) Remove(name string) Changes {
	return r.replace(name, r.byName[name], nil)
}

// Expire ends the freshness of reports that were not renewed in time.
func (r *Reports) Expire(now time.Time) Changes {
	all := newChanges()
	for _, old := range r.list {
		if !old.fresh || now.Before(old.until) {
			continue
		}
		stale := *old
		stale.fresh = false
		all.add(r.replace(old.name, old, &stale))
	}
	return all
}

// NextExpiry is when Expire has something to do; zero when never.
func (r *Reports) NextExpiry() (next time.Time) {
	for _, rep := range r.list {
		if rep.fresh && (next.IsZero() || rep.until.Before(next)) {
			next = rep.until
		}
	}
	return next
}

func newReport(obj *trafficv1alpha1.EndpointHealth, old *report, now time.Time) *report {
	lease := time.Duration(obj.Spec.LeaseDurationSeconds) * time.Second
	next := &report{
		name:         obj.Name,
		vantagePoint: obj.Spec.VantagePoint,
		renewed:      obj.Spec.RenewTime.Time,
		plans:        make(map[types.NamespacedName]*trafficv1alpha1.PlanHealth, len(obj.Spec.Plans)),
		zones:        make(map[string]*trafficv1alpha1.ZoneServed, len(obj.Spec.Zones)),
		problems:     map[trafficv1alpha1.ZoneObject][]trafficv1alpha1.ZoneProblem{},
	}
	switch {
	case old == nil:
		next.fresh = now.Sub(next.renewed) <= lease+clockSkew
		next.until = now.Add(lease)
	case !old.renewed.Equal(next.renewed):
		next.fresh, next.until = true, now.Add(lease)
	default:
		next.fresh, next.until = old.fresh, old.until
	}
	for i := range obj.Spec.Plans {
		p := byCluster(&obj.Spec.Plans[i])
		next.plans[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = p
	}
	for i := range obj.Spec.Zones {
		z := &obj.Spec.Zones[i]
		next.zones[z.Domain] = z
		for _, p := range z.Problems {
			next.problems[p.Object] = append(next.problems[p.Object], p)
		}
	}
	return next
}

// replace swaps a report and says what that changed. A report that is not fresh counts for nothing.
func (r *Reports) replace(name string, old, next *report) Changes {
	before := r.Live()
	if next == nil {
		delete(r.byName, name)
	} else {
		r.byName[name] = next
	}
	r.list = slices.SortedFunc(maps.Values(r.byName), func(a, b *report) int { return cmp.Compare(a.name, b.name) })
	changes := newChanges()
	changes.VantagePoints = !slices.Equal(before, r.Live())
	was, is := old.counted(), next.counted()
	for key := range maps.Keys(union(was.plans, is.plans)) {
		changes.comparePlans(key, was.plans[key], is.plans[key])
	}
	for domain := range maps.Keys(union(was.zones, is.zones)) {
		changes.compareZones(domain, was.zones[domain], is.zones[domain])
	}
	return changes
}

// counted is the report as far as it counts.
func (r *report) counted() report {
	if r == nil || !r.fresh {
		return report{}
	}
	return *r
}

func union[K comparable, V any](a, b map[K]V) map[K]struct{} {
	out := make(map[K]struct{}, max(len(a), len(b)))
	for k := range a {
		out[k] = struct{}{}
	}
	for k := range b {
		out[k] = struct{}{}
	}
	return out
}

func (c Changes) comparePlans(key types.NamespacedName, was, is *trafficv1alpha1.PlanHealth) {
	empty := &trafficv1alpha1.PlanHealth{}
	if was == nil {
		was = empty
	}
	if is == nil {
		is = empty
	}
	if was.Generation != is.Generation {
		c.Plans.Insert(key)
	}
	differ := func(a, b *trafficv1alpha1.PlanHealth) {
		for i := range a.Endpoints {
			if e := &a.Endpoints[i]; verdictOn(b, e.Cluster).Verdict != e.Verdict {
				c.Plans.Insert(key)
				c.Clusters.Insert(e.Cluster)
			}
		}
	}
	differ(was, is)
	differ(is, was)
}

func (c Changes) compareZones(domain string, was, is *trafficv1alpha1.ZoneServed) {
	empty := &trafficv1alpha1.ZoneServed{}
	if was == nil {
		was = empty
	}
	if is == nil {
		is = empty
	}
	if was.Generation != is.Generation {
		c.Zones.Insert(domain)
	}
	if slices.Equal(was.Problems, is.Problems) {
		return
	}
	c.Zones.Insert(domain)
	for _, p := range slices.Concat(was.Problems, is.Problems) {
		switch p.Object.Kind {
		case trafficv1alpha1.KindZoneRecords:
			c.Records.Insert(p.Object.Name)
		case trafficv1alpha1.KindTrafficPlan:
			c.Plans.Insert(types.NamespacedName{Namespace: p.Object.Namespace, Name: p.Object.Name})
		}
	}
}

func (c *Changes) add(more Changes) {
	c.VantagePoints = c.VantagePoints || more.VantagePoints
	c.Plans = c.Plans.Union(more.Plans)
	c.Zones = c.Zones.Union(more.Zones)
	c.Records = c.Records.Union(more.Records)
	c.Clusters = c.Clusters.Union(more.Clusters)
}

// byCluster is a plan as it was reported when its endpoints are sorted, as they should be, else a copy
// of which that is true.
func byCluster(p *trafficv1alpha1.PlanHealth) *trafficv1alpha1.PlanHealth {
	order := func(a, b trafficv1alpha1.EndpointVerdict) int { return cmp.Compare(a.Cluster, b.Cluster) }
	if slices.IsSortedFunc(p.Endpoints, order) {
		return p
	}
	out := *p
	out.Endpoints = slices.Clone(p.Endpoints)
	slices.SortStableFunc(out.Endpoints, order)
	return &out
}

// verdictOn finds the verdict on a cluster; the zero value when there is none.
func verdictOn(p *trafficv1alpha1.PlanHealth, cluster string) (none trafficv1alpha1.EndpointVerdict) {
	if i, found := sort.Find(len(p.Endpoints), func(i int) int { return cmp.Compare(cluster, p.Endpoints[i].Cluster) }); found {
		return p.Endpoints[i]
	}
	return none
}

// Live are the vantage points that have a fresh report, sorted.
func (r *Reports) Live() []string {
	var out []string
	for _, rep := range r.list {
		if rep.fresh {
			out = append(out, rep.vantagePoint)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Opinion is what the quorum thinks of an endpoint.
type Opinion struct {
	Verdict trafficv1alpha1.Verdict
	// Message is the error of the first vantage point that can not reach the endpoint.
	Message string
}

// Opinion returns what the quorum thinks of the endpoint of a plan in a cluster.
func (r *Reports) Opinion(plan types.NamespacedName, cluster string) Opinion {
	return opinion(r.list, plan, cluster)
}

func opinion(reports []*report, plan types.NamespacedName, cluster string) Opinion {
	byVantage := map[string]trafficv1alpha1.Verdict{}
	var message string
	for _, rep := range reports {
		if !rep.fresh {
			continue
		}
		p := rep.plans[plan]
		if p == nil {
			continue
		}
		v := verdictOn(p, cluster)
		if v.Verdict == "" {
			continue
		}
		byVantage[rep.vantagePoint] = v.Verdict
		if v.Verdict == trafficv1alpha1.VerdictUnhealthy && message == "" {
			message = v.Message
		}
	}
	verdicts := make([]trafficv1alpha1.Verdict, 0, len(byVantage))
	for _, v := range byVantage {
		verdicts = append(verdicts, v)
	}
	return Opinion{quorum.Decide(verdicts), message}
}

// PlanGenerations are the generations of a plan in force at each live vantage point; 0 at those that
// do not know it.
func (r *Reports) PlanGenerations(plan types.NamespacedName) map[string]int64 {
	return r.generations(func(rep *report) int64 {
		if p := rep.plans[plan]; p != nil {
			return p.Generation
		}
		return 0
	})
}

// ZoneGenerations are the generations of a zone in force at each live vantage point; 0 at those that
// do not answer for it.
func (r *Reports) ZoneGenerations(domain string) map[string]int64 {
	return r.generations(func(rep *report) int64 {
		if z := rep.zones[domain]; z != nil {
			return z.Generation
		}
		return 0
	})
}

// Problems are what live vantage points do not serve as it stands in an object, each once.
func (r *Reports) Problems(object trafficv1alpha1.ZoneObject) (out []trafficv1alpha1.ZoneProblem) {
	for _, rep := range r.list {
		if !rep.fresh {
			continue
		}
		for _, p := range rep.problems[object] {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

func (r *Reports) generations(of func(*report) int64) map[string]int64 {
	out := map[string]int64{}
	for _, rep := range r.list {
		if rep.fresh {
			out[rep.vantagePoint] = max(out[rep.vantagePoint], of(rep))
		}
	}
	return out
}
