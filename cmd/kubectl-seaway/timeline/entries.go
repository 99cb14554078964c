package timeline

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/decision"
	"github.com/seaway-io/seaway/controllers/core/some"
)

// Source is where an entry comes from.
type Source string

// The sources.
const (
	SourceDecision  Source = "Decision"
	SourceEvent     Source = "Event"
	SourceCondition Source = "Condition"
	SourceEviction  Source = "Eviction"
	SourceEndpoint  Source = "Endpoint"
	SourceEdit      Source = "Edit"
)

// Entry is one thing that happened.
type Entry struct {
	Time time.Time `json:"time"`
	// Subject as KIND NAMESPACE/NAME.
	Subject string `json:"subject"`
	What    string `json:"what"`
	Why     string `json:"why,omitempty"`
	// Who did it: a controller, or the field manager of an edit.
	Who    string `json:"who,omitempty"`
	Source Source `json:"source"`
	// Clusters that it is known to be about.
	Clusters []string `json:"clusters,omitempty"`
}

// Records are what the hub keeps of what happened.
type Records struct {
	Decisions []trafficv1alpha1.DecisionSpec
	Events    []corev1.Event
	Bindings  []workv1alpha2.Binding
	Policies  []trafficv1alpha1.TrafficPolicy
	Plans     []trafficv1alpha1.TrafficPlan
	Clusters  []clusterv1alpha1.Cluster
}

// Filter says which entries count.
type Filter struct {
	// Since is the earliest time.
	Since time.Time
	// Cluster that entries are about; empty for any.
	Cluster string
}

// Merge makes one line of time out of the records, the earliest first.
func Merge(r Records, f Filter) []Entry {
	var out []Entry
	add := func(e Entry) {
		if !e.Time.Before(f.Since) && f.concerns(&e) {
			out = append(out, e)
		}
	}
	for i := range r.Decisions {
		add(ofDecision(&r.Decisions[i]))
	}
	told := decided(r.Decisions)
	templates := templatesOf(r.Bindings)
	for i := range r.Events {
		if e, ok := ofEvent(&r.Events[i], templates); ok && !told.repeats(&e, r.Events[i].Reason) {
			add(e)
		}
	}
	for _, b := range r.Bindings {
		ofBinding(b, add)
	}
	for i := range r.Policies {
		ofPolicy(&r.Policies[i], add)
	}
	for i := range r.Plans {
		ofPlan(&r.Plans[i], told, add)
	}
	for i := range r.Clusters {
		ofCluster(&r.Clusters[i], add)
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Source, b.Source), cmp.Compare(a.What, b.What))
	})
	return slices.CompactFunc(out, func(a, b Entry) bool { // an event is told of the template and of its binding
		return a.Time.Equal(b.Time) && a.Subject == b.Subject && a.What == b.What && a.Why == b.Why
	})
}

// concerns says whether an entry is about the cluster that is asked for. Events name theirs in words.
func (f Filter) concerns(e *Entry) bool {
	if f.Cluster == "" || slices.Contains(e.Clusters, f.Cluster) {
		return true
	}
	word := regexp.MustCompile(`(^|[^-.\w])` + regexp.QuoteMeta(f.Cluster) + `($|[^-.\w]|\.($|\s))`)
	return word.MatchString(e.What) || word.MatchString(e.Why)
}

func subject(kind, namespace, name string) string {
	return kind + " " + strings.TrimPrefix(namespace+"/"+name, "/")
}

func ofDecision(d *trafficv1alpha1.DecisionSpec) Entry {
	e := Entry{
		Time: d.Time.Time, Subject: subject(d.Subject.Kind, d.Subject.Namespace, d.Subject.Name),
		What: string(d.Outcome), Why: d.Message, Who: d.Controller, Source: SourceDecision,
	}
	if d.Cause != "" {
		e.What += " (" + d.Cause + ")"
	}
	var moves []string
	for _, c := range d.Clusters {
		before, after := ptr.Deref(c.Before, 0), ptr.Deref(c.After, 0)
		if (c.Before == nil) == (c.After == nil) && before == after {
			continue
		}
		e.Clusters = append(e.Clusters, c.Cluster)
		moves = append(moves, move(c))
	}
	var why []string
	for i := range d.Changes {
		c := &d.Changes[i]
		e.Clusters = append(e.Clusters, c.Cluster)
		moves = append(moves, c.Cluster+" "+decision.Change(c))
		if c.Message != "" && !slices.Contains(why, c.Message) {
			why = append(why, c.Message)
		}
	}
	if len(why) > 0 {
		e.Why = few(why)
	}
	if len(moves) > 0 {
		e.What += ": " + few(moves)
	}
	if d.Actor != "" {
		e.Who += " for " + d.Actor
	}
	if seen := votes(d.Inputs); seen != "" {
		e.Why += " (" + seen + ")"
	}
	return e
}

// votes say who saw clusters down.
func votes(inputs []trafficv1alpha1.DecisionInput) string {
	var down []string
	for _, in := range inputs {
		if in.Signal == trafficv1alpha1.SignalDataPath && in.Value == string(trafficv1alpha1.VerdictUnhealthy) {
			down = append(down, in.By)
		}
	}
	slices.Sort(down)
	if down = slices.Compact(down); len(down) == 0 {
		return ""
	}
	return "seen down by " + few(down)
}

// move says what a decision did to a cluster.
func move(c trafficv1alpha1.DecisionCluster) string {
	switch {
	case c.Before == nil && ptr.Deref(c.After, 0) > 0:
		return fmt.Sprintf("%s +%d", c.Cluster, *c.After)
	case c.Before == nil:
		return "into " + c.Cluster
	case c.After == nil:
		return "out of " + c.Cluster
	}
	return fmt.Sprintf("%s %d→%d", c.Cluster, *c.Before, *c.After)
}

// few names some and counts the others.
func few(all []string) string { return some.Of(all, 6) }

// decisions are when something was decided about each subject.
type decisions map[string][]time.Time

func decided(all []trafficv1alpha1.DecisionSpec) decisions {
	out := decisions{}
	for i := range all {
		s := subject(all[i].Subject.Kind, all[i].Subject.Namespace, all[i].Subject.Name)
		out[s] = append(out[s], all[i].Time.Time)
	}
	return out
}

// near is how far an event may be from the decision that it tells of.
const near = 3 * time.Second

func (d decisions) near(subject string, at time.Time) bool {
	return slices.ContainsFunc(d[subject], func(t time.Time) bool { return t.Sub(at).Abs() <= near })
}

// repeats says whether a decision tells the same as an event, and more.
func (d decisions) repeats(e *Entry, reason string) bool {
	switch reason {
	case names.EventReasonScheduleBindingSucceed, names.EventReasonScheduleBindingFailed, names.EventReasonEvictWorkloadSucceed,
		names.EventReasonPreempted, names.EventReasonPreempts,
		trafficv1alpha1.EventTrafficMoved, trafficv1alpha1.EventOverloaded, trafficv1alpha1.EventOverloadEnded:
	default:
		if !strings.HasPrefix(reason, "Endpoint") {
			return false
		}
	}
	return d.near(e.Subject, e.Time)
}

// moving are the events that say that something was moved or kept from moving, told of templates and
// bindings. Of policies and clusters every event is, overload among them.
var moving = []string{
	names.EventReasonScheduleBindingSucceed, names.EventReasonScheduleBindingFailed,
	names.EventReasonDescheduleBindingSucceed, names.EventReasonDescheduleBindingFailed,
	names.EventReasonEvictWorkloadSucceed, names.EventReasonEvictWorkloadFailed, names.EventReasonReturnWorkloadSucceed,
	names.EventReasonPreempted, names.EventReasonPreempts, names.EventReasonPreemptionEnded,
	names.EventReasonApplyPolicySucceed, names.EventReasonApplyPolicyFailed, names.EventReasonPreemptPolicySucceed,
	names.EventReasonSyncWorkFailed,
}

// ofEvent is false for what moves nothing. An event of a binding is told of its template.
func ofEvent(ev *corev1.Event, templates map[string]string) (Entry, bool) {
	ref := ev.InvolvedObject
	e := Entry{
		Time: lastSeen(ev), Subject: subject(ref.Kind, ref.Namespace, ref.Name), What: ev.Reason, Why: ev.Message,
		Who: cmp.Or(ev.ReportingController, ev.Source.Component), Source: SourceEvent,
	}
	switch ref.Kind {
	case "TrafficPolicy", "Zone":
	case "Cluster":
		e.Clusters = []string{ref.Name}
	default:
		if !slices.Contains(moving, ev.Reason) {
			return e, false
		}
		if template := templates[e.Subject]; template != "" {
			e.Subject = template
		}
	}
	if n := max(ev.Count, seriesCount(ev)); n > 1 {
		e.What += fmt.Sprintf(" (%d times)", n)
	}
	return e, true
}

func seriesCount(ev *corev1.Event) int32 {
	if ev.Series == nil {
		return 0
	}
	return ev.Series.Count
}

// lastSeen is when an event was last told.
func lastSeen(ev *corev1.Event) time.Time {
	switch {
	case ev.Series != nil && !ev.Series.LastObservedTime.IsZero():
		return ev.Series.LastObservedTime.Time
	case !ev.LastTimestamp.IsZero():
		return ev.LastTimestamp.Time
	case !ev.EventTime.IsZero():
		return ev.EventTime.Time
	}
	return ev.CreationTimestamp.Time
}

// templatesOf maps the subjects of bindings to those of their templates.
func templatesOf(bindings []workv1alpha2.Binding) map[string]string {
	out := map[string]string{}
	for _, b := range bindings {
		kind := "ResourceBinding"
		if b.GetNamespace() == "" {
			kind = "ClusterResourceBinding"
		}
		out[subject(kind, b.GetNamespace(), b.GetName())] = templateOf(b)
	}
	return out
}

func templateOf(b workv1alpha2.Binding) string {
	ref := b.GetBindingSpec().Resource
	return subject(ref.Kind, ref.Namespace, ref.Name)
}

// ofBinding tells when its conditions changed last, and what it is leaving.
func ofBinding(b workv1alpha2.Binding, add func(Entry)) {
	of := templateOf(b)
	conditions(of, b.GetBindingStatus().Conditions, add)
	for _, t := range b.GetBindingSpec().GracefulEvictionTasks {
		if t.CreationTimestamp != nil {
			add(Entry{Time: t.CreationTimestamp.Time, Subject: of, What: "leaves " + t.FromCluster, Why: t.Reason + ": " + t.Message,
				Who: t.Producer, Source: SourceEviction, Clusters: []string{t.FromCluster}})
		}
	}
}

func conditions(of string, all []metav1.Condition, add func(Entry)) {
	for _, c := range all {
		if c.LastTransitionTime.IsZero() {
			continue
		}
		why := c.Reason
		if c.Message != "" && c.Message != c.Reason {
			why += ": " + c.Message
		}
		add(Entry{Time: c.LastTransitionTime.Time, Subject: of, What: fmt.Sprintf("%s=%s", c.Type, c.Status), Why: why, Source: SourceCondition})
	}
}

// ofPolicy tells when its conditions changed last, and who edited it.
func ofPolicy(p *trafficv1alpha1.TrafficPolicy, add func(Entry)) {
	of := subject("TrafficPolicy", p.Namespace, p.Name)
	conditions(of, p.Status.Conditions, add)
	for _, m := range p.ManagedFields {
		if m.Time == nil || m.Subresource != "" || m.FieldsV1 == nil || !strings.Contains(m.FieldsV1.GetRawString(), `"f:spec"`) {
			continue
		}
		add(Entry{Time: m.Time.Time, Subject: of, What: "edited", Who: m.Manager, Source: SourceEdit})
	}
}

// ofPlan tells since when its endpoints are as they are, unless a decision tells it.
func ofPlan(p *trafficv1alpha1.TrafficPlan, told decisions, add func(Entry)) {
	of := subject("TrafficPolicy", p.Namespace, p.Name)
	for _, e := range p.Spec.Endpoints {
		if told.near(of, e.Since.Time) {
			continue
		}
		add(Entry{Time: e.Since.Time, Subject: of, What: fmt.Sprintf("%s %s", e.Cluster, e.State), Why: e.Reason + ": " + e.Message,
			Who: "traffic", Source: SourceEndpoint, Clusters: []string{e.Cluster}})
	}
}

func ofCluster(c *clusterv1alpha1.Cluster, add func(Entry)) {
	conditions(subject("Cluster", "", c.Name), c.Status.Conditions, func(e Entry) {
		e.Clusters = []string{c.Name}
		add(e)
	})
}
