package evict

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

// application asks for failover after five minutes of failure in one of two clusters.
func application(mode policyv1alpha1.PurgeMode) Input {
	in := input(on("fra", 2, "iad", 2), cluster("fra"), cluster("iad"), cluster("sin"))
	in.Binding.GetBindingSpec().Failover = &policyv1alpha1.FailoverBehavior{Application: &policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: mode}}
	return in.reports("fra", unhealthy, 2, 0).reports("iad", healthy, 2, 2)
}

func (in Input) failing(ago time.Duration) Input {
	in.UnhealthySince = map[string]time.Time{"fra": t0.Add(-ago)}
	return in
}

func (in Input) held(until time.Time) Input {
	in.Hold = &failover.Pause{Until: until, Why: "we look at it"}
	return in
}

func TestFailingApplicationsLeave(t *testing.T) {
	for name, tc := range map[string]struct {
		in     Input
		change func(*policyv1alpha1.ApplicationFailoverBehavior, *workv1alpha2.ResourceBinding)
		want   []string
	}{
		"after five minutes": {in: application("").failing(5 * time.Minute), want: []string{"evict fra Gracefully ApplicationFailure"}},
		"not before":         {in: application("").failing(time.Minute), want: []string{"again in 4m0s"}},
		"not when just seen": {in: application(""), want: []string{"again in 5m0s"}},
		"after what the policy says": {
			in: application("").failing(10 * time.Second), want: []string{"evict fra Gracefully ApplicationFailure"},
			change: func(a *policyv1alpha1.ApplicationFailoverBehavior, _ *workv1alpha2.ResourceBinding) {
				a.DecisionConditions.TolerationSeconds = ptr.To[int32](10)
			},
		},
		"not while nobody knows": {
			in: application("").failing(time.Hour),
			change: func(_ *policyv1alpha1.ApplicationFailoverBehavior, b *workv1alpha2.ResourceBinding) {
				b.Status.AggregatedStatus[0].Health = unknown
			},
		},
		"not where it is not placed": {
			in: application("").failing(time.Hour),
			change: func(_ *policyv1alpha1.ApplicationFailoverBehavior, b *workv1alpha2.ResourceBinding) {
				b.Spec.Clusters = on("iad", 4)
			},
		},
		"not while a person holds it": {
			in: application("").failing(time.Hour).held(t0.Add(time.Minute)), want: []string{"hold fra HeldByPerson", "again in 1m0s"},
		},
		"when the hold is over": {
			in: application("").failing(time.Hour).held(t0), want: []string{"evict fra Gracefully ApplicationFailure"},
		},
		"a hold is no reason to wait longer": {
			in: application("").failing(time.Minute).held(t0.Add(time.Minute)), want: []string{"again in 4m0s"},
		},
		"not without what they depend on": {
			in: application("").failing(time.Hour), want: []string{"hold fra DependenciesStay"},
			change: func(_ *policyv1alpha1.ApplicationFailoverBehavior, b *workv1alpha2.ResourceBinding) {
				b.Spec.PropagateDeps = false
			},
		},
		"not without a policy that says so": {
			in: application("").failing(time.Hour),
			change: func(_ *policyv1alpha1.ApplicationFailoverBehavior, b *workv1alpha2.ResourceBinding) {
				b.Spec.Failover = nil
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := tc.in.Binding.(*workv1alpha2.ResourceBinding)
			if tc.change != nil {
				tc.change(b.Spec.Failover.Application, b)
			}
			if diff := cmp.Diff(tc.want, brief(Decide(tc.in))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheTaskOfAFailingApplication(t *testing.T) {
	namespaced := application(policyv1alpha1.PurgeModeNever).failing(time.Hour)
	global := namespaced
	b := namespaced.Binding.(*workv1alpha2.ResourceBinding)
	global.Binding = &workv1alpha2.ClusterResourceBinding{ObjectMeta: b.ObjectMeta, Spec: b.Spec, Status: b.Status}
	for producer, in := range map[string]Input{
		"resource-binding-application-failover-controller": namespaced, "cluster-resource-binding-application-failover-controller": global,
	} {
		now := metav1.NewTime(t0)
		want := workv1alpha2.GracefulEvictionTask{
			FromCluster: "fra", PurgeMode: "Never", Replicas: ptr.To[int32](2), Reason: "ApplicationFailure", Producer: producer, SuppressDeletion: ptr.To(true),
			Message:           "the application is unhealthy in fra since 2026-05-01T11:00:00Z, longer than the 5m0s for which that is tolerated",
			CreationTimestamp: &now, ClustersBeforeFailover: []string{"fra", "iad"},
		}
		if diff := cmp.Diff([]workv1alpha2.GracefulEvictionTask{want}, Decide(in).Evict); diff != "" {
			t.Errorf("%s (-want +got):\n%s", producer, diff)
		}
	}
}

func TestStateGoesAlong(t *testing.T) {
	rules := []policyv1alpha1.StatePreservationRule{{AliasLabelName: "job", JSONPath: "{.id}"}}
	for name, tc := range map[string]struct {
		state  StateFunc
		silent bool
		want   map[string]string
		held   string
	}{
		"read from the status": {
			state: func(got []policyv1alpha1.StatePreservationRule, status []byte) (map[string]string, error) {
				if !cmp.Equal(got, rules) || !strings.Contains(string(status), `"replicas":2`) {
					return nil, errors.New("asked something else")
				}
				return map[string]string{"job": "17"}, nil
			},
			want: map[string]string{"job": "17"},
		},
		"not when that is switched off": {},
		"and nothing goes when it can not be read": {
			state: func([]policyv1alpha1.StatePreservationRule, []byte) (map[string]string, error) {
				return nil, errors.New("no id")
			},
			held: "but the state to take along can not be read: no id",
		},
		"and nothing goes when there is no status": {
			state: func([]policyv1alpha1.StatePreservationRule, []byte) (map[string]string, error) { return nil, nil }, silent: true,
			held: "but the state to take along can not be read: cluster fra has not reported a status",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := application(policyv1alpha1.PurgeModeDirectly).failing(time.Hour)
			in.State = tc.state
			in.Binding.GetBindingSpec().Failover.Application.StatePreservation = &policyv1alpha1.StatePreservation{Rules: rules}
			if tc.silent {
				in.Binding.GetBindingStatus().AggregatedStatus[0].Status = nil
			}
			d := Decide(in)
			if tc.held != "" {
				if len(d.Evict) > 0 || len(d.Held) != 1 || !strings.HasSuffix(d.Held[0].Message, tc.held) {
					t.Errorf("%+v", d)
				}
				return
			}
			if len(d.Evict) != 1 {
				t.Fatalf("%+v", d)
			}
			if diff := cmp.Diff(tc.want, d.Evict[0].PreservedLabelState); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
