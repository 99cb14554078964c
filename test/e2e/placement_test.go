//go:build linux

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/test/fleet/install"
)

const places = "places"

// placing shows what a policy can say about where things run, and that it is so in the members.
func placing(t *testing.T, in *install.Installation) {
	must(t, in.Hub.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: places}}))
	t.Cleanup(func() { cleanUp(t, in, places) })
	for name, test := range map[string]func(*placer){
		"by the room that nodes really have":               (*placer).byNodes,
		"never more than there is room for":                (*placer).noOvercommit,
		"spread by a label of clusters":                    (*placer).byLabel,
		"away from the others of a group":                  (*placer).apart,
		"by a scorer that somebody just applied":           (*placer).byPlugin,
		"taken over by a more important policy":            (*placer).preempted,
		"a kind that is defined after its policy":          (*placer).laterKind,
		"moved anew when a rebalancer asks":                (*placer).rebalanced,
		"back to the group it prefers, step by step":       (*placer).failback,
		"when nothing fits, what runs goes on":             (*placer).kept,
		"explained, before and after":                      (*placer).explained,
		"a scheduler that is not ours leaves alone":        (*placer).foreign,
		"a suspended binding waits and is placed later":    (*placer).suspended,
		"clusters that get a label are found by selectors": (*placer).labelled,
	} {
		t.Run(name, func(t *testing.T) { test(&placer{T: t, in: in, hub: in.Hub}) })
	}
}

// placer is one of the tests: every one has templates of its own.
type placer struct {
	*testing.T
	in  *install.Installation
	hub client.Client
}

// app is a Deployment and its policy, both of one name.
type app struct {
	name     string
	replicas int32
	labels   map[string]string
	requests corev1.ResourceList
	selector map[string]string
	policy   policyv1alpha1.PropagationSpec
}

func (a app) deployment() *appsv1.Deployment {
	labels := map[string]string{"app": a.name}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: places, Name: a.name, Labels: a.labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(a.replicas),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeSelector: a.selector,
					Containers:   []corev1.Container{{Name: "app", Image: "registry.example/app:1", Resources: corev1.ResourceRequirements{Requests: a.requests}}},
				},
			},
		},
	}
	return d
}

func (a app) propagation() *policyv1alpha1.PropagationPolicy {
	spec := a.policy
	spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment", Name: a.name}}
	return &policyv1alpha1.PropagationPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: places, Name: a.name}, Spec: spec}
}

// open applies an app.
func (p *placer) open(a app) {
	p.Helper()
	must(p.T, p.hub.Create(p.Context(), a.propagation()))
	must(p.T, p.hub.Create(p.Context(), a.deployment()))
	p.Cleanup(func() {
		_ = p.hub.Delete(context.Background(), a.deployment())
		_ = p.hub.Delete(context.Background(), a.propagation())
		// The next test finds the room that this one took.
		err := install.Await(context.Background(), 30*time.Second, func(ctx context.Context) error {
			for name := range p.in.Fleet.Members {
				var pods corev1.PodList
				if err := p.inside(name).List(ctx, &pods, client.InNamespace(places), client.MatchingLabels{"app": a.name}); err != nil {
					return err
				}
				if len(pods.Items) > 0 {
					return fmt.Errorf("%s has %d pods left", name, len(pods.Items))
				}
			}
			return nil
		})
		if err != nil {
			p.Errorf("%s is deleted: %v", a.name, err)
		}
	})
}

func (p *placer) binding(ctx context.Context, name string) (*workv1alpha2.ResourceBinding, error) {
	b := &workv1alpha2.ResourceBinding{}
	err := p.hub.Get(ctx, client.ObjectKey{Namespace: places, Name: name + "-deployment"}, b)
	return b, err
}

// placed waits until an app is placed so.
func (p *placer) placed(name, want string) {
	p.Helper()
	eventually(p.T, name, func(ctx context.Context) error {
		b, err := p.binding(ctx, name)
		if err != nil {
			return err
		}
		if got := placement.Targets(b.Spec.Clusters); got != want {
			return fmt.Errorf("placed %s, want %s: %+v", got, want, meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.Scheduled))
		}
		return nil
	})
}

// ready waits until as many pods of an app are ready as it wants.
func (p *placer) ready(name string) {
	p.Helper()
	eventually(p.T, name, func(ctx context.Context) error {
		d := &appsv1.Deployment{}
		if err := p.hub.Get(ctx, client.ObjectKey{Namespace: places, Name: name}, d); err != nil {
			return err
		}
		if d.Status.ReadyReplicas != *d.Spec.Replicas {
			return fmt.Errorf("%d of %d are ready", d.Status.ReadyReplicas, *d.Spec.Replicas)
		}
		return nil
	})
}

// change updates an object until it is taken.
func change[T client.Object](p *placer, obj T, how func(T)) {
	p.Helper()
	eventually(p.T, "change "+obj.GetName(), func(ctx context.Context) error {
		if err := p.hub.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		how(obj)
		return p.hub.Update(ctx, obj)
	})
}

func (p *placer) labelCluster(name, key, value string) {
	p.Helper()
	set := func(value string) func(*clusterv1alpha1.Cluster) {
		return func(c *clusterv1alpha1.Cluster) {
			if c.Labels == nil {
				c.Labels = map[string]string{}
			}
			if c.Labels[key] = value; value == "" {
				delete(c.Labels, key)
			}
		}
	}
	cluster := func() *clusterv1alpha1.Cluster {
		return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	change(p, cluster(), set(value))
	p.Cleanup(func() {
		c := cluster()
		if p.hub.Get(context.Background(), client.ObjectKey{Name: name}, c) == nil {
			set("")(c)
			_ = p.hub.Update(context.Background(), c)
		}
	})
}

func cpu(amount string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(amount)}
}

// in names clusters.
func in(names ...string) *policyv1alpha1.ClusterAffinity {
	return &policyv1alpha1.ClusterAffinity{ClusterNames: names}
}

func aggregated() *policyv1alpha1.ReplicaSchedulingStrategy {
	return &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType:     policyv1alpha1.ReplicaSchedulingTypeDivided,
		ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceAggregated,
	}
}

func byRoom() *policyv1alpha1.ReplicaSchedulingStrategy {
	return &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType:     policyv1alpha1.ReplicaSchedulingTypeDivided,
		ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted,
		WeightPreference:          &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
	}
}

func placedBy(affinity *policyv1alpha1.ClusterAffinity, how *policyv1alpha1.ReplicaSchedulingStrategy) policyv1alpha1.PropagationSpec {
	return policyv1alpha1.PropagationSpec{Placement: policyv1alpha1.Placement{ClusterAffinity: affinity, ReplicaScheduling: how}}
}

// byNodes: no summary of a cluster knows that only sin has nodes in Singapore's zones.
func (p *placer) byNodes() {
	p.open(app{name: "nodes", replicas: 4, requests: cpu("10m"),
		selector: map[string]string{corev1.LabelTopologyZone: "ap-southeast-1a"}, policy: placedBy(nil, byRoom())})
	p.placed("nodes", "{sin:4}")
	p.ready("nodes")
}

// noOvercommit asks at once for four times what fits: a node has 8 cores, a cluster two nodes.
func (p *placer) noOvercommit() {
	const each = 5
	for i := range 4 {
		p.open(app{name: fmt.Sprintf("full-%d", i), replicas: each, requests: cpu("3"), policy: placedBy(nil, byRoom())})
	}
	eventually(p.T, "as many are placed as there is room for", func(ctx context.Context) error {
		used, placed, judged := map[string]int32{}, 0, 0
		for i := range 4 {
			b, err := p.binding(ctx, fmt.Sprintf("full-%d", i))
			if err != nil {
				return err
			}
			if meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.Scheduled) != nil {
				judged++
			}
			for _, target := range b.Spec.Clusters {
				used[target.Name] += target.Replicas
			}
			if len(b.Spec.Clusters) > 0 {
				placed++
			}
		}
		for name, replicas := range used {
			if replicas > 4 { // two on each of two nodes
				p.Fatalf("%s was given %d replicas, it has room for 4", name, replicas)
			}
		}
		if judged < 4 || placed != 2 {
			return fmt.Errorf("%d of 4 are judged, %d placed, want 2: 12 fit and each wants %d", judged, placed, each)
		}
		return nil
	})
}

func (p *placer) byLabel() {
	p.labelCluster("fra", "rack", "a")
	p.labelCluster("iad", "rack", "a")
	p.labelCluster("sin", "rack", "b")
	spec := placedBy(nil, nil)
	spec.Placement.SpreadConstraints = []policyv1alpha1.SpreadConstraint{
		{SpreadByLabel: "rack", MinGroups: 2, MaxGroups: 2},
		{SpreadByField: policyv1alpha1.SpreadByFieldCluster, MinGroups: 2, MaxGroups: 2},
	}
	p.open(app{name: "racks", replicas: 1, requests: cpu("10m"), policy: spec})
	eventually(p.T, "racks", func(ctx context.Context) error {
		b, err := p.binding(ctx, "racks")
		if err != nil {
			return err
		}
		var names []string
		for _, target := range b.Spec.Clusters {
			names = append(names, target.Name)
		}
		if len(names) != 2 || !slices.Contains(names, "sin") {
			return fmt.Errorf("placed in %v, want one of rack a and sin of rack b: %+v", names, b.Status.Conditions)
		}
		return nil
	})
}

func (p *placer) apart() {
	spec := placedBy(nil, aggregated())
	spec.Placement.WorkloadAffinity = &policyv1alpha1.WorkloadAffinity{AntiAffinity: &policyv1alpha1.WorkloadAntiAffinityTerm{GroupByLabelKey: "tier"}}
	labels := map[string]string{"tier": "db"}
	seen := map[string]string{}
	for _, name := range []string{"apart-a", "apart-b", "apart-c"} {
		p.open(app{name: name, replicas: 1, labels: labels, requests: cpu("10m"), policy: spec})
		eventually(p.T, name, func(ctx context.Context) error {
			b, err := p.binding(ctx, name)
			if err != nil {
				return err
			}
			if len(b.Spec.Clusters) != 1 {
				return fmt.Errorf("placed %s", placement.Targets(b.Spec.Clusters))
			}
			if other, taken := seen[b.Spec.Clusters[0].Name]; taken {
				p.Fatalf("%s and %s share %s", name, other, b.Spec.Clusters[0].Name)
			}
			seen[b.Spec.Clusters[0].Name] = name
			return nil
		})
	}
}

func (p *placer) byPlugin() {
	plugin := func(name string, spec trafficv1alpha1.PlacementPluginSpec) *trafficv1alpha1.PlacementPlugin {
		spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment", Namespace: places, Name: "scored"}}
		obj := &trafficv1alpha1.PlacementPlugin{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
		must(p.T, p.hub.Create(p.Context(), obj))
		p.Cleanup(func() { _ = p.hub.Delete(context.Background(), obj) })
		return obj
	}
	virginia := plugin("virginia", trafficv1alpha1.PlacementPluginSpec{CEL: &trafficv1alpha1.CELPlugin{Score: `cluster.spec.region == "us-east-1" ? 100 : 0`}})
	deaf := plugin("deaf", trafficv1alpha1.PlacementPluginSpec{HTTP: &trafficv1alpha1.HTTPPlugin{URL: "https://127.0.0.1:9/judge"}})
	eventually(p.T, "the plugin is accepted", func(ctx context.Context) error {
		if err := p.hub.Get(ctx, client.ObjectKeyFromObject(virginia), virginia); err != nil {
			return err
		}
		if !meta.IsStatusConditionTrue(virginia.Status.Conditions, "Accepted") {
			return fmt.Errorf("%+v", virginia.Status.Conditions)
		}
		return nil
	})
	p.open(app{name: "scored", replicas: 2, requests: cpu("10m"), policy: placedBy(nil, aggregated())})
	p.placed("scored", "{iad:2}")
	eventually(p.T, "the endpoint that does not answer is reported", func(ctx context.Context) error {
		if err := p.hub.Get(ctx, client.ObjectKeyFromObject(deaf), deaf); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(deaf.Status.Conditions, "Ready"); c == nil || c.Status != metav1.ConditionFalse {
			return fmt.Errorf("%+v", deaf.Status.Conditions)
		}
		return nil
	})
	p.shown([]string{"explain", "placement", "deployment/scored", "-n", places}, "plugin/virginia", "deaf")
	must(p.T, p.hub.Delete(p.Context(), deaf))
}

func (p *placer) preempted() {
	p.open(app{name: "taken", replicas: 1, requests: cpu("10m"), policy: placedBy(in("fra"), nil)})
	p.placed("taken", "{fra:1}")
	strong := app{name: "taken", policy: placedBy(in("sin"), nil)}.propagation()
	strong.Name = "strong"
	strong.Spec.Priority, strong.Spec.Preemption = ptr.To[int32](7), policyv1alpha1.PreemptAlways
	must(p.T, p.hub.Create(p.Context(), strong))
	p.Cleanup(func() { _ = p.hub.Delete(context.Background(), strong) })
	p.placed("taken", "{sin:1}")
}

func (p *placer) laterKind() {
	gvk := schema.GroupVersionKind{Group: "example.org", Version: "v1", Kind: "Widget"}
	policy := &policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: places, Name: "widgets"},
		Spec: policyv1alpha1.PropagationSpec{
			ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind}},
			Placement:         policyv1alpha1.Placement{ClusterAffinity: in("fra", "sin")},
		},
	}
	must(p.T, p.hub.Create(p.Context(), policy))
	definition := func() *apiextensionsv1.CustomResourceDefinition {
		return &apiextensionsv1.CustomResourceDefinition{
			ObjectMeta: metav1.ObjectMeta{Name: "widgets.example.org"},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{
				Group: gvk.Group, Scope: apiextensionsv1.NamespaceScoped,
				Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Singular: "widget", Kind: gvk.Kind, ListKind: "WidgetList"},
				Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
					Name: gvk.Version, Served: true, Storage: true,
					Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
						Type: "object", XPreserveUnknownFields: ptr.To(true),
					}},
				}},
			},
		}
	}
	for _, c := range []string{"hub", "fra", "sin"} {
		must(p.T, p.inside(c).Create(p.Context(), definition()))
		p.Cleanup(func() { _ = p.inside(c).Delete(context.Background(), definition()) })
	}
	widget := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"size": int64(3)}}}
	widget.SetGroupVersionKind(gvk)
	widget.SetNamespace(places)
	widget.SetName("first")
	eventually(p.T, "the hub takes a widget", func(ctx context.Context) error { return p.hub.Create(ctx, widget.DeepCopy()) })
	p.Cleanup(func() { _ = p.hub.Delete(context.Background(), widget); _ = p.hub.Delete(context.Background(), policy) })
	for _, c := range []string{"fra", "sin"} {
		if err := install.Await(p.Context(), 90*time.Second, func(ctx context.Context) error {
			return p.inside(c).Get(ctx, client.ObjectKeyFromObject(widget), widget.DeepCopy())
		}); err != nil {
			p.Errorf("the widget in %s: %v", c, err)
		}
	}
}

func (p *placer) inside(name string) client.Client {
	p.Helper()
	cluster, err := p.in.Fleet.Cluster(name)
	must(p.T, err)
	scheme := runtime.NewScheme()
	must(p.T, apiextensionsv1.AddToScheme(scheme))
	must(p.T, corev1.AddToScheme(scheme))
	c, err := client.New(cluster.InsideConfig(), client.Options{Scheme: scheme})
	must(p.T, err)
	return c
}

// rebalanced: a division that was made when there were two clusters stays when a third may be used, until
// somebody asks.
func (p *placer) rebalanced() {
	a := app{name: "balance", replicas: 6, requests: cpu("10m"), policy: placedBy(in("fra", "iad"), byRoom())}
	p.open(a)
	p.placed("balance", "{fra:3, iad:3}")
	change(p, a.propagation(), func(policy *policyv1alpha1.PropagationPolicy) {
		policy.Spec.Placement.ClusterAffinity = in("fra", "iad", "sin")
	})
	eventually(p.T, "the new policy is applied, a second ago as times have whole seconds", func(ctx context.Context) error {
		b, err := p.binding(ctx, "balance")
		if err != nil {
			return err
		}
		if !strings.Contains(b.Annotations[names.AppliedPlacementAnnotation], "sin") || b.Status.SchedulerObservedGeneration != b.Generation ||
			!time.Now().Truncate(time.Second).After(b.Status.LastScheduledTime.Time) {
			return fmt.Errorf("not yet: %+v", b.Status)
		}
		return nil
	})
	p.placed("balance", "{fra:3, iad:3}") // it holds
	rebalancer := &appsv1alpha1.WorkloadRebalancer{
		ObjectMeta: metav1.ObjectMeta{Name: "balance"},
		Spec:       appsv1alpha1.WorkloadRebalancerSpec{Workloads: []appsv1alpha1.ObjectReference{{APIVersion: "apps/v1", Kind: "Deployment", Namespace: places, Name: "balance"}}},
	}
	must(p.T, p.hub.Create(p.Context(), rebalancer))
	p.Cleanup(func() { _ = p.hub.Delete(context.Background(), rebalancer) })
	p.placed("balance", "{fra:2, iad:2, sin:2}")
	eventually(p.T, "the rebalancer", func(ctx context.Context) error {
		if err := p.hub.Get(ctx, client.ObjectKeyFromObject(rebalancer), rebalancer); err != nil {
			return err
		}
		if len(rebalancer.Status.ObservedWorkloads) != 1 || rebalancer.Status.FinishTime == nil {
			return fmt.Errorf("%+v", rebalancer.Status)
		}
		return nil
	})
}

// failback: Singapore first, Virginia when it can not be used.
func (p *placer) failback() {
	closed := corev1.Taint{Key: "example.org/closed", Effect: corev1.TaintEffectNoSchedule}
	taint := func(taints ...corev1.Taint) {
		change(p, &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "sin"}}, func(c *clusterv1alpha1.Cluster) {
			c.Spec.Taints = slices.DeleteFunc(c.Spec.Taints, func(t corev1.Taint) bool { return t.Key == closed.Key })
			c.Spec.Taints = append(c.Spec.Taints, taints...)
		})
	}
	taint(closed)
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: places, Name: "homesick"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "homesick"}, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	must(p.T, p.hub.Create(p.Context(), service))
	quick := traffic("homesick", "homesick."+install.Domain)
	quick.Namespace, quick.Spec.TargetRefs[0].Name = places, service.Name
	quick.Spec.Failover.Failback = trafficv1alpha1.Failback{
		StableFor: &metav1.Duration{Duration: time.Second}, StepPercent: ptr.To[int32](50), StepEvery: &metav1.Duration{Duration: time.Second},
	}
	must(p.T, p.hub.Create(p.Context(), quick))
	p.Cleanup(func() { _ = p.hub.Delete(context.Background(), quick) })
	spec := placedBy(nil, aggregated())
	spec.Placement.ClusterAffinities = []policyv1alpha1.ClusterAffinityTerm{
		{AffinityName: "home", ClusterAffinity: *in("sin")}, {AffinityName: "away", ClusterAffinity: *in("iad")},
	}
	p.open(app{name: "homesick", replicas: 4, requests: cpu("10m"), policy: spec})
	p.placed("homesick", "{iad:4}")
	p.ready("homesick")
	var least int32 = 4
	taint()
	eventually(p.T, "it is home again", func(ctx context.Context) error {
		b, err := p.binding(ctx, "homesick")
		if err != nil {
			return err
		}
		d := &appsv1.Deployment{}
		if err := p.hub.Get(ctx, client.ObjectKey{Namespace: places, Name: "homesick"}, d); err != nil {
			return err
		}
		least = min(least, d.Status.ReadyReplicas)
		if got := placement.Targets(b.Spec.Clusters); got != "{sin:4}" || b.Status.SchedulerObservedAffinityName != "home" {
			return fmt.Errorf("placed %s by %q", got, b.Status.SchedulerObservedAffinityName)
		}
		return nil
	})
	if least < 4 {
		p.Errorf("on the way there were %d ready replicas of 4", least)
	}
}

func (p *placer) kept() {
	a := app{name: "stays", replicas: 1, requests: cpu("10m"), policy: placedBy(in("fra"), nil)}
	p.open(a)
	p.placed("stays", "{fra:1}")
	change(p, a.propagation(), func(policy *policyv1alpha1.PropagationPolicy) {
		policy.Spec.Placement.ClusterAffinity = in("atlantis")
	})
	eventually(p.T, "the condition says that nothing fits", func(ctx context.Context) error {
		b, err := p.binding(ctx, "stays")
		if err != nil {
			return err
		}
		c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.Scheduled)
		if c == nil || c.Status != metav1.ConditionFalse || c.Reason != workv1alpha2.ReasonNoClusterFit {
			return fmt.Errorf("%+v", c)
		}
		if got := placement.Targets(b.Spec.Clusters); got != "{fra:1}" {
			return fmt.Errorf("placed %s", got)
		}
		return nil
	})
}

func (p *placer) explained() {
	a := app{name: "told", replicas: 2, requests: cpu("10m"), policy: placedBy(in("fra", "iad"), aggregated())}
	p.open(a)
	eventually(p.T, "a Decision", func(ctx context.Context) error {
		var decisions trafficv1alpha1.DecisionList
		if err := p.hub.List(ctx, &decisions, client.InNamespace(places)); err != nil {
			return err
		}
		for _, d := range decisions.Items {
			if d.Spec.Subject.Name == "told" && d.Spec.Outcome == trafficv1alpha1.DecisionPlaced && len(d.Spec.Steps) > 0 {
				return nil
			}
		}
		return fmt.Errorf("none of %d", len(decisions.Items))
	})
	p.shown([]string{"explain", "placement", "deploy/told", "-n", places}, "told", "sin", "ClusterAffinity")
}

// shown runs the plugin and looks for texts.
func (p *placer) shown(args []string, texts ...string) {
	p.Helper()
	out, err := p.in.Kubectl(p.Context(), args...)
	if err != nil {
		p.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			p.Errorf("%s: no %q in\n%s", strings.Join(args, " "), text, out)
		}
	}
}

func (p *placer) foreign() {
	spec := placedBy(in("fra"), nil)
	spec.SchedulerName = "somebody-else"
	p.open(app{name: "foreign", replicas: 1, requests: cpu("10m"), policy: spec})
	p.open(app{name: "native", replicas: 1, requests: cpu("10m"), policy: placedBy(in("fra"), nil)})
	p.placed("native", "{fra:1}") // it came later and was placed
	b, err := p.binding(p.Context(), "foreign")
	must(p.T, err)
	if len(b.Spec.Clusters) > 0 || len(b.Status.Conditions) > 0 {
		p.Errorf("placed %s, %+v", placement.Targets(b.Spec.Clusters), b.Status.Conditions)
	}
}

func (p *placer) suspended() {
	spec := placedBy(in("fra"), nil)
	spec.Suspension = &policyv1alpha1.Suspension{Dispatching: ptr.To(true)}
	a := app{name: "waits", replicas: 1, requests: cpu("10m"), policy: spec}
	p.open(a)
	p.placed("waits", "{fra:1}")
	eventually(p.T, "its Work is suspended", func(ctx context.Context) error {
		d := &unstructured.UnstructuredList{}
		d.SetGroupVersionKind(schema.GroupVersionKind{Group: "work.karmada.io", Version: "v1alpha1", Kind: "WorkList"})
		if err := p.hub.List(ctx, d, client.InNamespace("karmada-es-fra")); err != nil {
			return err
		}
		for _, w := range d.Items {
			if strings.HasPrefix(w.GetName(), "waits-") {
				if suspended, _, _ := unstructured.NestedBool(w.Object, "spec", "suspendDispatching"); suspended {
					return nil
				}
				return fmt.Errorf("%v", w.Object["spec"])
			}
		}
		return fmt.Errorf("no Work of %d", len(d.Items))
	})
	change(p, a.propagation(), func(policy *policyv1alpha1.PropagationPolicy) { policy.Spec.Suspension = nil })
	p.ready("waits")
}

func (p *placer) labelled() {
	spec := placedBy(&policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"gpu": "yes"}}}, nil)
	p.open(app{name: "gpu", replicas: 1, requests: cpu("10m"), policy: spec})
	eventually(p.T, "nothing fits yet", func(ctx context.Context) error {
		b, err := p.binding(ctx, "gpu")
		if err != nil {
			return err
		}
		if c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.Scheduled); c == nil || c.Reason != workv1alpha2.ReasonNoClusterFit {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	p.labelCluster("iad", "gpu", "yes")
	p.placed("gpu", "{iad:1}")
}
