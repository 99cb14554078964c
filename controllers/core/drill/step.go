package drill

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	// lateBy is how late a run of a schedule may begin.
	lateBy = 5 * time.Minute
	// lookEvery is how often a drill that waits for others is looked at, watchEvery one that waits for
	// time to pass. Both are looked at also when something changes.
	lookEvery, watchEvery = time.Second, 5 * time.Second
	// mostOver is how many applications above their limit a run tells of, and mostSurvivors of how many
	// clusters: twenty runs of a large federation must fit into one object.
	mostOver, mostSurvivors = 20, 64
)

// Input is all that the next step of a Drill depends on. Nothing in it is changed.
type Input struct {
	// Drill with its defaults filled in.
	Drill *trafficv1alpha1.Drill
	// Invalid says what is wrong with it; empty when nothing is.
	Invalid string
	// Next says when it is due after a moment; nil without a schedule.
	Next  func(after time.Time) time.Time
	World *World
	// Behind says who does not do yet what the phase waits for: see Followers.
	Behind []string
}

// Output is what is to be done now, in this order.
type Output struct {
	// Status of the Drill, without the times and generations of conditions.
	Status trafficv1alpha1.DrillStatus
	// Conditions to be set in it.
	Conditions []metav1.Condition
	// Mark are clusters that are to be marked.
	Mark []string
	// Unmark says that all marks of the drill are to be taken away.
	Unmark bool
	// Events are what a person wants to know when it happens.
	Events []Event
	// RequeueAfter is when to look again at the latest; 0 when only an event counts.
	RequeueAfter time.Duration
}

// Event is something about a drill that a person wants to know when it happens.
type Event struct{ Type, Reason, Message string }

// Step leads a Drill on.
func Step(in Input) Output {
	s := &stepper{Input: in, w: in.World, now: in.World.Now}
	in.Drill.Status.DeepCopyInto(&s.out.Status)
	switch s.out.Status.Phase {
	case trafficv1alpha1.DrillDraining, trafficv1alpha1.DrillObserving:
		s.hold()
	case trafficv1alpha1.DrillRestoring:
		s.restore()
	default:
		s.wait()
	}
	s.next()
	s.conditions()
	return s.out
}

type stepper struct {
	Input
	w   *World
	now time.Time
	out Output
}

func (s *stepper) run() *trafficv1alpha1.DrillRun { return s.out.Status.Run }

// wait begins a run when it is due and nothing speaks against it. Marks without a run are left over.
func (s *stepper) wait() {
	if s.out.Status.Phase == "" {
		s.out.Status.Phase = trafficv1alpha1.DrillPending
	}
	if len(s.marks()) > 0 {
		s.out.Unmark = true
		s.again(lookEvery)
		return
	}
	if s.Invalid != "" || !s.due() {
		return
	}
	s.archive()
	p := Predict(s.w, s.Drill.Spec.Clusters, Drain)
	s.out.Status.Run = s.begin(&p)
	if o := Check(s.w, s.Drill, &p); o != nil {
		if o.Reason != trafficv1alpha1.DrillReasonOverCapacity {
			s.run().Over = nil
		}
		s.result(trafficv1alpha1.DrillFailed, o)
		s.end()
		return
	}
	s.out.Mark = s.Drill.Spec.Clusters
	s.again(lookEvery)
	s.enter(trafficv1alpha1.DrillDraining, fmt.Sprintf("requests of %d applications leave %s", len(p.Apps), strings.Join(p.Clusters, ", ")))
}

// due says whether a run begins now.
func (s *stepper) due() bool {
	last := s.lastRun()
	if s.Next == nil {
		return s.run() == nil
	}
	if s.Drill.Spec.Suspend {
		return false
	}
	at := s.Next(later(last, s.now.Add(-lateBy)))
	return !at.IsZero() && !at.After(s.now)
}

// lastRun is since when the schedule counts.
func (s *stepper) lastRun() time.Time {
	if s.run() != nil {
		return s.run().Started.Time
	}
	return s.Drill.CreationTimestamp.Time
}

func (s *stepper) archive() {
	if s.run() == nil {
		return
	}
	history := append([]trafficv1alpha1.DrillRun{*s.run()}, s.out.Status.History...)
	s.out.Status.History = history[:min(len(history), int(*s.Drill.Spec.HistoryLimit))]
}

// begin is a run with what is predicted of it.
func (s *stepper) begin(p *Prediction) *trafficv1alpha1.DrillRun {
	run := &trafficv1alpha1.DrillRun{Started: s.moment(), Applications: int32(len(p.Apps))}
	for _, v := range busiest(p.Survivors) {
		survivor := trafficv1alpha1.DrillSurvivor{Cluster: v.Cluster, Applications: int32(v.Applications)}
		if v.Capacity > 0 {
			survivor.Capacity, survivor.Before, survivor.Predicted = quantity(v.Capacity), quantity(v.Before), quantity(v.After)
		}
		run.Survivors = append(run.Survivors, survivor)
	}
	run.Over = told(p.Over(*s.Drill.Spec.Abort.UtilizationAbove), true)
	return run
}

// busiest are those that are to get most, by name.
func busiest(all []Survivor) []Survivor {
	if len(all) <= mostSurvivors {
		return all
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Survivor) int { return cmp.Compare(b.After, a.After) })
	all = all[:mostSurvivors]
	slices.SortFunc(all, func(a, b Survivor) int { return cmp.Compare(a.Cluster, b.Cluster) })
	return all
}

// hold keeps requests out for as long as nothing is wrong.
func (s *stepper) hold() {
	if s.Invalid != "" {
		s.abort(obstacle(trafficv1alpha1.ReasonInvalid, "the drill is not valid any more: %s", s.Invalid))
		return
	}
	missing, foreign := s.unmarked()
	switch run := s.run(); {
	case foreign != "":
		s.abort(obstacle(trafficv1alpha1.DrillReasonEndedByHand, "somebody else drains %s now, and goes on", foreign))
		return
	case len(missing) > 0 && run.Marked != nil:
		s.abort(obstacle(trafficv1alpha1.DrillReasonEndedByHand, "somebody took the mark off %s", some(missing)))
		return
	case len(missing) > 0:
		s.out.Mark = missing
		s.again(lookEvery)
		return
	case run.Marked == nil:
		at := s.moment()
		run.Marked = &at
	}
	s.see()
	if o := Watch(s.w, s.Drill); o != nil {
		if o.Reason == trafficv1alpha1.DrillReasonOverCapacity {
			s.run().Over = told(s.w.Over(s.Drill), false)
		}
		s.abort(o)
		return
	}
	if s.out.Status.Phase == trafficv1alpha1.DrillDraining {
		s.follow()
	} else {
		s.observe()
	}
}

// follow waits until all name servers answer without the clusters.
func (s *stepper) follow() {
	run := s.run()
	within := s.Drill.Spec.Abort.AnswersWithin.Duration
	switch took := s.now.Sub(run.Marked.Time); {
	case len(s.Behind) == 0:
		at := s.moment()
		run.AnswersChanged, run.AnswersChangedAfter = &at, &metav1.Duration{Duration: took.Round(time.Millisecond)}
		s.enter(trafficv1alpha1.DrillObserving, fmt.Sprintf("all name servers answer without %s after %s", strings.Join(s.Drill.Spec.Clusters, ", "), run.AnswersChangedAfter.Duration))
		s.observe()
	case took >= within:
		s.abort(obstacle(trafficv1alpha1.DrillReasonNotFollowed, "after %s still behind: %s", within, some(s.Behind)))
	default:
		s.again(min(lookEvery, within-took))
	}
}

// observe waits until the time is over.
func (s *stepper) observe() {
	passed := s.now.Sub(s.run().AnswersChanged.Time)
	if left := s.Drill.Spec.Duration.Duration - passed; left > 0 {
		s.again(min(watchEvery, left))
		return
	}
	s.result(trafficv1alpha1.DrillSucceeded, obstacle(trafficv1alpha1.DrillReasonCompleted, "requests were out for %s", passed.Round(time.Second)))
	s.giveBack()
}

func (s *stepper) abort(o *Obstacle) {
	s.result(trafficv1alpha1.DrillAborted, o)
	s.giveBack()
}

func (s *stepper) giveBack() {
	s.out.Unmark = true
	s.enter(trafficv1alpha1.DrillRestoring, s.run().Message+"; the marks are taken away")
	s.again(lookEvery)
}

// restore waits until requests are back.
func (s *stepper) restore() {
	if marks := s.marks(); len(marks) > 0 {
		s.out.Unmark = true
		s.again(lookEvery)
		return
	}
	run := s.run()
	if run.Unmarked == nil {
		at := s.moment()
		run.Unmarked = &at
	}
	within := s.w.returnWithin(s.Drill)
	switch took := s.now.Sub(run.Unmarked.Time); {
	case len(s.Behind) == 0:
		s.end()
	case took >= within:
		if run.Result == trafficv1alpha1.DrillSucceeded {
			run.Result, run.Reason = trafficv1alpha1.DrillFailed, trafficv1alpha1.DrillReasonNotRestored
		}
		run.Message += fmt.Sprintf("; not back after %s: %s", within, some(s.Behind))
		s.end()
	default:
		s.again(min(lookEvery, within-took))
	}
}

// marks are the clusters that the drill has marked.
func (s *stepper) marks() (out []string) {
	for _, c := range s.w.Clusters {
		if by, marked := Marker(c); marked && by == s.Drill.Name {
			out = append(out, c.Name)
		}
	}
	return out
}

// unmarked are the clusters of the drill that are there and have no mark, and the first that somebody else
// drains.
func (s *stepper) unmarked() (missing []string, foreign string) {
	for _, name := range s.Drill.Spec.Clusters {
		c := s.w.cluster(name)
		if c == nil {
			continue
		}
		why, drained := c.Annotations[names.DrainAnnotation]
		switch {
		case !drained:
			missing = append(missing, name)
		case why != Mark(s.Drill.Name):
			return nil, name
		}
	}
	return missing, ""
}

// see keeps the most that was measured. It is told in tenths, so that it does not change all the time.
func (s *stepper) see() {
	for cluster, load := range s.w.Seen(s.Drill) {
		run := s.run()
		i := slices.IndexFunc(run.Survivors, func(v trafficv1alpha1.DrillSurvivor) bool { return v.Cluster == cluster })
		if i < 0 {
			continue
		}
		if v := &run.Survivors[i]; v.Seen == nil || quantity(load).Cmp(*v.Seen) > 0 {
			v.Seen = quantity(load)
		}
	}
}

func (s *stepper) result(phase trafficv1alpha1.DrillPhase, o *Obstacle) {
	run := s.run()
	run.Result, run.Reason, run.Message = phase, o.Reason, o.Message
}

func (s *stepper) end() {
	at := s.moment()
	s.run().Ended = &at
	s.enter(s.run().Result, s.run().Message)
}

func (s *stepper) enter(phase trafficv1alpha1.DrillPhase, message string) {
	s.out.Status.Phase = phase
	kind := corev1.EventTypeNormal
	if run := s.run(); run.Result == trafficv1alpha1.DrillFailed || run.Result == trafficv1alpha1.DrillAborted {
		kind = corev1.EventTypeWarning
		message = run.Reason + ": " + message
	}
	s.out.Events = append(s.out.Events, Event{kind, string(phase), message})
}

// next says when the schedule wants another run.
func (s *stepper) next() {
	s.out.Status.NextRun = nil
	if s.Next == nil || s.Drill.Spec.Suspend || s.Invalid != "" {
		return
	}
	at := s.Next(later(s.lastRun(), s.now.Add(-lateBy)))
	if at.IsZero() {
		return
	}
	s.out.Status.NextRun = &metav1.Time{Time: at.UTC()}
	if !s.out.Status.Phase.InProgress() {
		s.again(max(at.Sub(s.now), time.Millisecond))
	}
}

func (s *stepper) again(after time.Duration) {
	if s.out.RequeueAfter == 0 || after < s.out.RequeueAfter {
		s.out.RequeueAfter = after
	}
}

func (s *stepper) conditions() {
	set := func(kind string, is bool, reason, message string) {
		c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}
		if is {
			c.Status = metav1.ConditionTrue
		}
		s.out.Conditions = append(s.out.Conditions, c)
	}
	if s.Invalid != "" {
		set(trafficv1alpha1.ConditionAccepted, false, trafficv1alpha1.ReasonInvalid, s.Invalid)
	} else {
		set(trafficv1alpha1.ConditionAccepted, true, trafficv1alpha1.ReasonAccepted, "the drill is in force")
	}
	status := &s.out.Status
	switch {
	case status.Phase.InProgress():
		set(trafficv1alpha1.ConditionDrillRunning, true, string(status.Phase), cmp.Or(status.Run.Message, "requests are kept out of "+strings.Join(s.Drill.Spec.Clusters, ", ")))
	case s.Invalid != "":
		set(trafficv1alpha1.ConditionDrillRunning, false, trafficv1alpha1.ReasonInvalid, "it does not run while it is not valid")
	case s.Drill.Spec.Suspend:
		set(trafficv1alpha1.ConditionDrillRunning, false, trafficv1alpha1.DrillReasonSuspended, "spec.suspend keeps it from starting")
	case status.NextRun != nil:
		set(trafficv1alpha1.ConditionDrillRunning, false, trafficv1alpha1.DrillReasonWaiting, "the schedule wants the next run at "+status.NextRun.UTC().Format(time.RFC3339))
	default:
		set(trafficv1alpha1.ConditionDrillRunning, false, trafficv1alpha1.DrillReasonFinished, "it runs no more; make another Drill for another run")
	}
	if run := status.Run; run != nil && run.Ended != nil {
		set(trafficv1alpha1.ConditionDrillSucceeded, run.Result == trafficv1alpha1.DrillSucceeded, run.Reason, run.Message)
	} else {
		meta.RemoveStatusCondition(&status.Conditions, trafficv1alpha1.ConditionDrillSucceeded)
	}
}

// moment is now as the API keeps it.
func (s *stepper) moment() metav1.MicroTime {
	return metav1.NewMicroTime(s.now.UTC().Truncate(time.Microsecond))
}

func told(over []Over, predicted bool) (out []trafficv1alpha1.DrillOver) {
	for _, o := range over[:min(len(over), mostOver)] {
		out = append(out, trafficv1alpha1.DrillOver{
			Application: o.Application, Cluster: o.Cluster, RequestsPerSecond: *quantity(o.Load), Capacity: *quantity(o.Capacity), Predicted: predicted,
		})
	}
	return out
}

// quantity is a number of requests per second, to a tenth.
func quantity(n float64) *resource.Quantity {
	return resource.NewMilliQuantity(int64(math.Round(n*10))*100, resource.DecimalSI)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
