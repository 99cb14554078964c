package why

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/app"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// facts are those of testdata/shop.yaml.
func facts(t *testing.T, name string, edit func(*unstructured.Unstructured) bool) Facts {
	t.Helper()
	f, err := gather(t.Context(), goldentest.Hub(t, "testdata/shop.yaml", "shop", edit), name, noon)
	if err != nil {
		t.Fatal(err)
	}
	f.Places = zonetest.Places()
	return f
}

func part(f *Facts, kind string) *app.Part {
	i := slices.IndexFunc(f.App.Parts, func(p app.Part) bool { return p.Template.GetKind() == kind })
	return &f.App.Parts[i]
}

func condition(conditions *[]metav1.Condition, kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(noon.Add(-2 * time.Minute))})
}

func policyCondition(kind, reason, message string) func(*Facts) {
	return func(f *Facts) {
		condition(&f.App.Policies[0].Status.Conditions, kind, metav1.ConditionFalse, reason, message)
		f.App.Policies[0].Status.Conditions[0].ObservedGeneration = 3
	}
}

func endpoint(f *Facts, cluster string, state trafficv1alpha1.EndpointState, reason, message string) {
	for i := range f.View.Plans[0].Spec.Endpoints {
		if e := &f.View.Plans[0].Spec.Endpoints[i]; e.Cluster == cluster {
			e.State, e.Reason, e.Message, e.SharePercent, e.Since = state, reason, message, 0, metav1.NewTime(noon.Add(-2*time.Minute))
		}
	}
	f.View.Plans[0].Spec.Tiers[0].Clusters = slices.DeleteFunc(f.View.Plans[0].Spec.Tiers[0].Clusters, func(c trafficv1alpha1.WeightedCluster) bool { return c.Name == cluster })
}

func down(cluster string) func(*Facts) {
	return func(f *Facts) {
		endpoint(f, cluster, trafficv1alpha1.EndpointDown, trafficv1alpha1.EndpointReasonUnhealthy, "requests do not get through")
	}
}

func both(changes ...func(*Facts)) func(*Facts) {
	return func(f *Facts) {
		for _, c := range changes {
			c(f)
		}
	}
}

func TestTheFirstBrokenLink(t *testing.T) {
	for name, tc := range map[string]struct {
		app     string
		edit    func(*unstructured.Unstructured) bool
		change  func(*Facts)
		link    Link
		where   string
		says    string
		next    string
		partial bool // clients are answered all the same
	}{
		"nothing": {next: "kubectl seaway dns delegation apps", partial: true},
		"the policy claims a name of another": {
			change: policyCondition(trafficv1alpha1.ConditionAccepted, trafficv1alpha1.ReasonHostnameConflict, "shop/old has shop.apps.example.com"),
			link:   LinkPolicy, where: "TrafficPolicy web", says: "HostnameConflict: shop/old has", next: "kubectl get trafficpolicies --all-namespaces", partial: true,
		},
		"the policy is being deleted": {
			change: func(f *Facts) { f.App.Policies[0].DeletionTimestamp = ptr.To(metav1.NewTime(noon)) },
			link:   LinkPolicy, where: "TrafficPolicy web", says: "it is being deleted", next: "kubectl describe trafficpolicy web -n shop", partial: true,
		},
		"the target is not on the hub": {
			edit: goldentest.Without("Service"),
			link: LinkTarget, where: "Service web", says: "it is not on the hub", next: "kubectl get services -n shop", partial: true,
		},
		"the target has no such port": {
			change: policyCondition(trafficv1alpha1.ConditionResolvedRefs, trafficv1alpha1.ReasonPortNotFound, `Service web has no port "https"`),
			link:   LinkTarget, where: "Service web", says: "PortNotFound", next: "kubectl describe trafficpolicy web -n shop", partial: true,
		},
		"the target selects nothing": {
			edit: goldentest.Without("Deployment", "web"),
			link: LinkTarget, where: "Service web", says: "its selector app=web selects the pods of no workload", next: "kubectl get deployments,statefulsets,daemonsets --show-labels -n shop", partial: true,
		},
		"no policy claims the Service": {
			edit: func(u *unstructured.Unstructured) bool {
				if u.GetKind() == "Service" {
					u.SetLabels(nil)
					u.SetAnnotations(nil)
				}
				return u.GetName() != "web-service"
			},
			link: LinkBinding, where: "Service web", says: "no PropagationPolicy claims it", next: "kubectl seaway explain placement service/web -n shop", partial: true,
		},
		"claimed and not bound": {
			edit: goldentest.Without("ResourceBinding", "web-deployment"),
			link: LinkBinding, where: "Deployment web", says: "it is claimed by a policy and has no binding", next: "kubectl seaway explain placement deployment/web -n shop", partial: true,
		},
		"no cluster fits": {
			change: func(f *Facts) {
				b := part(f, "Deployment").Binding
				b.GetBindingSpec().Clusters = nil
				condition(&b.GetBindingStatus().Conditions, workv1alpha2.Scheduled, metav1.ConditionFalse, workv1alpha2.ReasonNoClusterFit, "0/2 clusters are available")
			},
			link: LinkBinding, where: "Deployment web", says: "NoClusterFit: 0/2", next: "kubectl seaway explain placement deployment/web -n shop", partial: true,
		},
		"scaled to nothing": {
			change: func(f *Facts) {
				_ = unstructured.SetNestedField(part(f, "Deployment").Template.Object, int64(0), "spec", "replicas")
			},
			link: LinkBinding, where: "Deployment web", says: "asks for 0 replicas", next: "kubectl get deployment/web -n shop", partial: true,
		},
		"a move is held": {
			change: func(f *Facts) {
				condition(&part(f, "Deployment").Binding.GetBindingStatus().Conditions, workv1alpha2.ConditionFailoverHeld, metav1.ConditionTrue, "TooManyClustersLost", "2 of 3 clusters")
			},
			link: LinkBinding, where: "Deployment web", says: "workloads stay where they are, TooManyClustersLost", next: "kubectl seaway explain failover deployment/web -n shop", partial: true,
		},
		"an eviction is held": {
			change: func(f *Facts) {
				condition(&part(f, "Deployment").Binding.GetBindingStatus().Conditions, workv1alpha2.ConditionEvictionHeld, metav1.ConditionTrue, "LastCopy", "the copy in fra may be the last")
			},
			link: LinkBinding, where: "Deployment web", says: "it stays in a cluster that it should leave, LastCopy: the copy in fra", next: "kubectl describe resourcebinding/web-deployment -n shop", partial: true,
		},
		"somebody more important took its room": {
			change: func(f *Facts) {
				condition(&part(f, "Deployment").Binding.GetBindingStatus().Conditions, names.ConditionPreempted, metav1.ConditionTrue, names.ReasonHigherPriority, "Deployment shop/till needs the room")
			},
			link: LinkBinding, where: "Deployment web", says: "it has fewer replicas than it wants, HigherPriority: Deployment shop/till", next: "kubectl seaway timeline deployment/web -n shop", partial: true,
		},
		"no Work in one cluster": {
			edit: func(u *unstructured.Unstructured) bool {
				return u.GetNamespace() != "karmada-es-iad" || u.GetName() != "web-2"
			},
			link: LinkWork, where: "Deployment web in iad", says: "there is no Work in karmada-es-iad", next: "kubectl describe resourcebinding/web-deployment -n shop", partial: true,
		},
		"dispatching is suspended everywhere": {
			change: func(f *Facts) {
				p := part(f, "Service")
				for cluster, w := range p.Works {
					w.Spec.SuspendDispatching = ptr.To(true)
					p.Works[cluster] = w
				}
			},
			link: LinkWork, where: "Service web in fra", says: "dispatching of Work web-1 is suspended", next: "kubectl describe work web-1 -n karmada-es-fra", partial: true,
		},
		"a Work is refused": {
			change: func(f *Facts) {
				p := part(f, "Deployment")
				w := p.Works["iad"]
				condition(&w.Status.Conditions, workv1alpha1.WorkApplied, metav1.ConditionFalse, workv1alpha1.ReasonAppliedFailed, "admission\x1b denied\n  the request")
				p.Works["iad"] = w
			},
			link: LinkWork, where: "Deployment web in iad", says: "AppliedFailed: admission denied the request", next: "kubectl describe work web-2 -n karmada-es-iad", partial: true,
		},
		"an object is not applied": {
			change: func(f *Facts) {
				item := &part(f, "Deployment").Binding.GetBindingStatus().AggregatedStatus[0]
				item.Applied, item.AppliedMessage = false, "no matches for kind"
			},
			link: LinkMember, where: "Deployment web in fra", says: "it is not applied: no matches for kind", next: "kubectl seaway diff deployment/web --cluster fra -n shop", partial: true,
		},
		"placed in what is no member": {
			edit: goldentest.Without("Cluster", "iad"),
			link: LinkMember, where: "Service web in iad", says: "a cluster that is no member", next: "kubectl get clusters", partial: true,
		},
		"no pod is ready": {
			change: func(f *Facts) {
				for i := range part(f, "Deployment").Binding.GetBindingStatus().AggregatedStatus {
					part(f, "Deployment").Binding.GetBindingStatus().AggregatedStatus[i].Status.Raw = []byte(`{"replicas": 4}`)
				}
			},
			link: LinkPods, where: "Deployment web in fra", says: "none of 4 is ready", next: "kubectl --context fra get pods -l app=web -n shop", partial: true,
		},
		"no endpoint is reached": {
			change: both(down("fra"), down("iad")),
			link:   LinkEndpoints, where: "Service web in fra", says: "Unhealthy for 2m", next: "kubectl seaway explain failover web -n shop",
		},
		"one endpoint is not reached": {
			change: down("iad"),
			link:   LinkEndpoints, where: "Service web in iad", says: "Unhealthy for 2m", next: "kubectl seaway explain failover web -n shop", partial: true,
		},
		"the hub has not seen the Service in a member": {
			change: func(f *Facts) { f.View.Plans[0].Spec.Endpoints = f.View.Plans[0].Spec.Endpoints[:1] },
			link:   LinkEndpoints, where: "Service web in iad", says: "the plan has no endpoint there", next: "kubectl --context iad get service web -n shop", partial: true,
		},
		"there is no plan": {
			edit: goldentest.Without("TrafficPlan"),
			link: LinkPlan, where: "TrafficPlan web", says: "there is none", next: "kubectl describe trafficpolicy web -n shop",
		},
		"the plan is old": {
			change: func(f *Facts) { f.View.Plans[0].Spec.Policy.Generation = 2 },
			link:   LinkPlan, where: "TrafficPlan web", says: "made of generation 2 of the policy, which is at 3", next: "kubectl describe trafficpolicy web -n shop", partial: true,
		},
		"everything is being drained": {
			change: func(f *Facts) {
				endpoint(f, "fra", trafficv1alpha1.EndpointDraining, "Drained", "upgrade")
				endpoint(f, "iad", trafficv1alpha1.EndpointDraining, "Drained", "upgrade")
			},
			link: LinkPlan, where: "TrafficPlan web in fra", says: "Draining (Drained) for 2m: upgrade", next: "kubectl seaway timeline trafficpolicy/web -n shop", partial: true,
		},
		"the zone overlaps another": {
			change: func(f *Facts) {
				condition(&f.View.Zones[0].Status.Conditions, trafficv1alpha1.ConditionAccepted, metav1.ConditionFalse, trafficv1alpha1.ReasonOverlap, "overlaps Zone old")
			},
			link: LinkZone, where: "Zone apps", says: "Overlap: overlaps Zone old", next: "kubectl describe zone apps", partial: true,
		},
		"every name server is silent": {
			change: func(f *Facts) { f.View.Now = noon.Add(time.Minute) },
			link:   LinkZone, where: "Zone apps", says: "no name server has reported", next: "kubectl seaway dns zone apps",
		},
		"one name server lacks the zone": {
			change: func(f *Facts) { f.View.Health[1].Spec.Zones = nil },
			link:   LinkZone, where: "Zone apps in ns2", says: "does not serve apps.example.com", next: "kubectl seaway dns zone apps", partial: true,
		},
		"the zone is gone": {
			edit: goldentest.Without("Zone"),
			link: LinkZone, where: "shop.apps.example.com", says: "it lies in no Zone", next: "kubectl get zones",
		},
		"one name server is behind": {
			change: func(f *Facts) { f.View.Health[0].Spec.Plans[0].Generation = 6 },
			link:   LinkAnswer, where: "shop.apps.example.com in ns1", says: "answers by generation 6 of the plan, which is at 7", next: "kubectl get endpointhealths", partial: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(t, "web", tc.edit)
			if tc.change != nil {
				tc.change(&f)
			}
			a := Walk(f)
			if tc.link == "" {
				if a.Broken != nil {
					t.Errorf("broken: %+v", a.Broken)
				}
			} else if b := a.Broken; b == nil || b.Link != tc.link || b.where() != tc.where || !strings.Contains(b.Evidence, tc.says) {
				t.Errorf("broken: %+v", b)
			}
			if a.Next != tc.next {
				t.Errorf("next: %s", a.Next)
			}
			if a.Answered != tc.partial {
				t.Errorf("answered: %v", a.Answered)
			}
			if t.Failed() {
				var out bytes.Buffer
				_ = output.Show(&out, output.Text, a, a.text)
				t.Log(out.String())
			}
		})
	}
}

func TestAHoldBreaksNothing(t *testing.T) {
	f := facts(t, "web", nil)
	condition(&f.App.Policies[0].Status.Conditions, trafficv1alpha1.ConditionHeld, metav1.ConditionTrue, trafficv1alpha1.ReasonHeld, "until 13:00 nothing but health changes")
	a := Walk(f)
	if a.Broken != nil || !strings.HasSuffix(a.Checks[0].Evidence, "; automation is held, until 13:00 nothing but health changes") {
		t.Errorf("%+v, %s", a.Broken, a.Checks[0].Evidence)
	}
}

func TestWhatIsNotKnownIsNotBroken(t *testing.T) {
	f := facts(t, "web", nil)
	condition(&f.View.Clusters[1].Status.Conditions, "Ready", metav1.ConditionFalse, "ClusterNotReachable", "connection refused")
	part(&f, "Deployment").WorksUnread = "you may not list Works on the hub"
	a := Walk(f)
	if a.Broken != nil || !a.Answered || !strings.Contains(a.Conclusion, "of the work of Deployment web nothing is known: you may not list Works") {
		t.Errorf("%s %+v", a.Conclusion, a.Broken)
	}
}

func TestText(t *testing.T) {
	for name, tc := range map[string]struct {
		app    string
		edit   func(*unstructured.Unstructured) bool
		change func(*Facts)
		format string
	}{
		"good":             {app: "web"},
		"good-of-workload": {app: "deploy/web", change: func(f *Facts) { f.Client = netip.MustParseAddr("203.0.113.9") }},
		"cluster-lost": {app: "web", change: both(down("iad"), func(f *Facts) {
			condition(&f.View.Clusters[1].Status.Conditions, "Ready", metav1.ConditionFalse, "ClusterNotReachable", "cluster is not reachable: connection refused")
			for i := range f.View.Health {
				e := &f.View.Health[i].Spec.Plans[0].Endpoints[1]
				e.Verdict, e.Message = trafficv1alpha1.VerdictUnhealthy, "no route to host"
			}
		})},
		"not-claimed": {app: "web", edit: func(u *unstructured.Unstructured) bool {
			u.SetAnnotations(nil)
			return u.GetKind() != "ResourceBinding"
		}},
		"no-traffic":   {app: "deploy/batch", edit: nil},
		"refused-json": {app: "web", format: output.JSON, change: policyCondition(trafficv1alpha1.ConditionAccepted, trafficv1alpha1.ReasonNoZone, "shop.apps.example.com lies in no accepted Zone")},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(t, tc.app, tc.edit)
			if tc.change != nil {
				tc.change(&f)
			}
			a := Walk(f)
			var out bytes.Buffer
			if err := output.Show(&out, tc.format, a, a.text); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

func TestWhatIsNoApplication(t *testing.T) {
	for arg, want := range map[string]string{
		"wep":       `there is no TrafficPolicy "wep" in namespace shop; a workload is named as KIND/NAME, such as deploy/wep`,
		"deploy/no": `there is no deployments.apps "no" in namespace shop`,
		"tp/no":     `there is no TrafficPolicy "no" in namespace shop; a workload is named as KIND/NAME, such as deploy/no`,
		"widget/x":  `the hub serves no kind "widget"; ` + "`kubectl api-resources` lists what it serves",
	} {
		_, err := gather(t.Context(), goldentest.Hub(t, "testdata/shop.yaml", "shop", nil), arg, noon)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", arg, err)
		}
	}
}
