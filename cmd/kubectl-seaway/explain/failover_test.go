package explain

import (
	"bytes"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func failoverOf(t *testing.T, app string, edit func(*unstructured.Unstructured) bool) failoverInput {
	t.Helper()
	in, err := failoverFacts(t.Context(), goldentest.Hub(t, "testdata/shop.yaml", "shop", edit), app, noon)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestExplainFailover(t *testing.T) {
	for name, tc := range map[string]struct {
		app, format string
	}{
		"failover":             {app: "web"},
		"failover-of-workload": {app: "deploy/web", format: output.YAML},
	} {
		t.Run(name, func(t *testing.T) {
			a := judgeFailover(failoverOf(t, tc.app, nil))
			var out bytes.Buffer
			if err := output.Show(&out, tc.format, a, a.text); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

// annotate edits the objects of a kind and name.
func annotate(kind, name, key, value string) func(*unstructured.Unstructured) bool {
	return func(u *unstructured.Unstructured) bool {
		if u.GetKind() == kind && u.GetName() == name {
			u.SetAnnotations(map[string]string{key: value})
		}
		return true
	}
}

func TestTheFirstReasonNotToMove(t *testing.T) {
	lost := func(in *failoverInput, names ...string) {
		for i := range in.view.Clusters {
			c := &in.view.Clusters[i]
			for _, name := range names {
				if c.Name == name {
					c.Status.Conditions = []metav1.Condition{
						{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionFalse, LastTransitionTime: metav1.NewTime(noon.Add(-2 * time.Minute))},
						{Type: "DataPathReachable", Status: metav1.ConditionFalse, LastTransitionTime: metav1.NewTime(noon.Add(-2 * time.Minute))},
					}
				}
			}
		}
	}
	for name, tc := range map[string]struct {
		edit    func(*unstructured.Unstructured) bool
		change  func(*failoverInput)
		cluster string
		want    string
	}{
		"lost, and nothing speaks against it": {cluster: "iad", want: "would move now"},
		"requests get through":                {cluster: "fra", want: `would not move, since "data path lost" does not hold: requests get through`},
		"held by an annotation": {
			edit:    annotate("TrafficPolicy", "web", names.HoldUntilAnnotation, "2026-05-01T13:00:00Z"),
			cluster: "iad", want: `would not move, since "no hold" does not hold: TrafficPolicy web holds all moves until 2026-05-01T13:00:00Z`,
		},
		"a hold that is over": {
			edit:    annotate("TrafficPolicy", "web", names.HoldUntilAnnotation, "2026-05-01T11:00:00Z"),
			cluster: "iad", want: "would move now",
		},
		"held by the spec": {
			edit: func(u *unstructured.Unstructured) bool {
				if u.GetKind() == "TrafficPolicy" {
					_ = unstructured.SetNestedMap(u.Object, map[string]any{"until": "2026-05-01T13:00:00Z", "reason": "the sale"}, "spec", "hold")
				}
				return true
			},
			cluster: "iad", want: `would not move, since "no hold" does not hold: TrafficPolicy web holds all moves until 2026-05-01T13:00:00Z: the sale`,
		},
		"the hub is cut off": {
			change:  func(in *failoverInput) { lost(in, "fra", "iad", "sin", "par") },
			cluster: "iad", want: `would not move, since "hub not cut off" does not hold: the hub reaches no cluster`,
		},
		"too many at once": {
			change:  func(in *failoverInput) { lost(in, "iad", "sin") },
			cluster: "iad", want: `would not move, since "brake not on" does not hold: 2 of 4 clusters`,
		},
		"too many at once, and a person wants it moved": {
			edit:    annotate("TrafficPolicy", "web", names.MoveNowAnnotation, "iad"),
			change:  func(in *failoverInput) { lost(in, "iad", "sin") },
			cluster: "iad", want: "would move now",
		},
		"too many at once, and the binding is to be moved": {
			edit:    annotate("ResourceBinding", "web-deployment", names.MoveNowAnnotation, "*"),
			change:  func(in *failoverInput) { lost(in, "iad", "sin") },
			cluster: "iad", want: "would move now",
		},
		"a singleton": {
			edit:    annotate("Deployment", "web", names.SingletonAnnotation, "true"),
			cluster: "iad", want: `would not move, since "only copy fenced" does not hold: it is a singleton, and its copy in iad may still run`,
		},
		"a singleton that is fenced": {
			edit: func(u *unstructured.Unstructured) bool {
				return annotate("Deployment", "web", names.SingletonAnnotation, "true")(u) && annotate("Cluster", "iad", names.FencedAnnotation, "powered off")(u)
			},
			cluster: "iad", want: "would move now",
		},
		"a singleton that was fenced in another outage": {
			edit: func(u *unstructured.Unstructured) bool {
				return annotate("Deployment", "web", names.SingletonAnnotation, "true")(u) && annotate("Cluster", "iad", names.FencedAnnotation, "2026-04-01T12:00:00Z")(u)
			},
			cluster: "iad", want: `would not move, since "only copy fenced" does not hold: it is a singleton, and its copy in iad may still run: the fence of 2026-04-01T12:00:00Z was about an earlier outage`,
		},
		"a wall that can not be read": {
			edit:    annotate("Namespace", "shop", names.ResidencyAnnotation, "geo in eu"),
			cluster: "iad", want: `would not move, since "residency allows it" does not hold: the wall around namespace shop can not be read, and lets it go nowhere`,
		},
		"a wall around nothing": {
			edit:    annotate("Namespace", "shop", names.ResidencyAnnotation, "geo=us"),
			cluster: "iad", want: `would not move, since "residency allows it" does not hold: the wall around namespace shop (geo=us) lets it go to none of fra, par, sin`,
		},
		"no room inside the wall": {
			edit:    annotate("Namespace", "shop", names.ResidencyAnnotation, "geo=eu"),
			change:  func(in *failoverInput) { *in.decisions["Deployment web"].Clusters[0].Available = 4 },
			cluster: "iad", want: `would not move, since "room on survivors" does not hold: for 0 of 2 more, in fra`,
		},
		"failover found no room": {
			change: func(in *failoverInput) {
				status := in.Workloads()[0].Binding.GetBindingStatus()
				status.Conditions = []metav1.Condition{{Type: workv1alpha2.ConditionFailoverHeld, Status: metav1.ConditionTrue, Reason: "NoClusterFits", Message: "0/3 fit"}}
			},
			cluster: "iad", want: `would not move, since "room on survivors" does not hold: the last attempt found none: 0/3 fit`,
		},
		"room is not known": {
			change:  func(in *failoverInput) { clear(in.decisions) },
			cluster: "iad", want: `would move now, if "room on survivors" holds: no decision is kept that knows`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := failoverOf(t, "web", tc.edit)
			if tc.change != nil {
				tc.change(&in)
			}
			for _, c := range judgeFailover(in).Workloads[0].Clusters {
				if c.Cluster == tc.cluster && (!strings.HasPrefix(c.Conclusion, tc.want) || c.WouldMove != strings.HasPrefix(tc.want, "would move")) {
					t.Errorf("%s", c.Conclusion)
				}
			}
		})
	}
}

// A policy's own wall keeps nothing away, and is told of.
func TestWhereRequestsMayFollow(t *testing.T) {
	in := failoverOf(t, "web", nil)
	in.Policies[0].Spec.Residency = &trafficv1alpha1.Residency{ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"fra"}}}
	for _, c := range judgeFailover(in).Workloads[0].Clusters {
		want := map[string]string{
			"fra": "there is no wall; par, sin could be gone to; TrafficPolicy web answers with none of them",
			"iad": "there is no wall; fra, par, sin could be gone to; TrafficPolicy web answers with fra",
		}[c.Cluster]
		for _, condition := range c.Conditions {
			if condition.Name == conditionResidency && (condition.Detail != want || !*condition.Met) {
				t.Errorf("%s: %s", c.Cluster, condition.Detail)
			}
		}
	}
}

func TestFailoverOfNothing(t *testing.T) {
	_, err := failoverFacts(t.Context(), goldentest.Hub(t, "testdata/shop.yaml", "shop", goldentest.Without("Deployment")), "web", noon)
	if err == nil || err.Error() != "TrafficPolicy shop/web has no workload on the hub; `kubectl seaway why web -n shop` says where the chain breaks" {
		t.Errorf("%v", err)
	}
}
