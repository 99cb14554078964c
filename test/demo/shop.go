package demo

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// The shop.
const (
	Namespace = "shop"
	App       = "web"
	Host      = "shop." + install.Domain
	Replicas  = 6
)

// registries are where each cluster is to pull its image from.
var registries = map[string]string{"fra": "eu.registry.example", "iad": "us.registry.example", "sin": "ap.registry.example"}

// shop is everything a user applies, in order.
func shop(failback trafficv1alpha1.Failback) []client.Object {
	labels := map[string]string{"app": App}
	var rules []policyv1alpha1.RuleWithCluster
	var weights []policyv1alpha1.StaticClusterWeight
	for _, name := range []string{"fra", "iad", "sin"} {
		rules = append(rules, policyv1alpha1.RuleWithCluster{
			TargetCluster: &policyv1alpha1.ClusterAffinity{ClusterNames: []string{name}},
			Overriders: policyv1alpha1.Overriders{
				ImageOverrider: []policyv1alpha1.ImageOverrider{{Component: policyv1alpha1.ImageRegistry, Operator: policyv1alpha1.OverriderOpReplace, Value: registries[name]}},
			},
		})
		weights = append(weights, policyv1alpha1.StaticClusterWeight{TargetCluster: policyv1alpha1.ClusterAffinity{ClusterNames: []string{name}}, Weight: 1})
	}
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: Namespace, Name: name, Labels: labels}
	}
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}},
		&policyv1alpha1.PropagationPolicy{
			ObjectMeta: meta(App),
			Spec: policyv1alpha1.PropagationSpec{
				ResourceSelectors: []policyv1alpha1.ResourceSelector{
					{APIVersion: "apps/v1", Kind: "Deployment", LabelSelector: &metav1.LabelSelector{MatchLabels: labels}},
					{APIVersion: "v1", Kind: "Service", Name: App},
				},
				Placement: policyv1alpha1.Placement{
					ClusterAffinity: &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"fra", "iad", "sin"}},
					ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
						ReplicaSchedulingType:     policyv1alpha1.ReplicaSchedulingTypeDivided,
						ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted,
						WeightPreference:          &policyv1alpha1.ClusterPreferences{StaticWeightList: weights},
					},
				},
			},
		},
		&policyv1alpha1.OverridePolicy{
			ObjectMeta: meta(App),
			Spec: policyv1alpha1.OverrideSpec{
				ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment", Name: App}},
				OverrideRules:     rules,
			},
		},
		&appsv1.Deployment{
			ObjectMeta: meta(App),
			Spec: appsv1.DeploymentSpec{
				Replicas: ptr.To[int32](Replicas),
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec: corev1.PodSpec{Containers: []corev1.Container{{
						Name: "shop", Image: "registry.example/shop:1.0",
						Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
							corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("64Mi"),
						}},
					}}},
				},
			},
		},
		&corev1.Service{
			ObjectMeta: meta(App),
			Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeLoadBalancer, Selector: labels,
				Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}},
			},
		},
		&trafficv1alpha1.TrafficPolicy{
			ObjectMeta: meta("shop"),
			Spec: trafficv1alpha1.TrafficPolicySpec{
				Hostnames:  []string{Host},
				TargetRefs: []trafficv1alpha1.TargetRef{{Kind: "Service", Name: App, SectionName: "http"}},
				Steering:   trafficv1alpha1.Steering{Strategy: trafficv1alpha1.StrategyGeo},
				Health:     trafficv1alpha1.Health{Probe: &trafficv1alpha1.Probe{HTTP: &trafficv1alpha1.HTTPProbe{Path: "/healthz"}}},
				Failover:   trafficv1alpha1.Failover{Failback: failback},
			},
		},
	}
}

// quickFailback is a ramp that a person can watch; five minutes of stability are the default.
func quickFailback() trafficv1alpha1.Failback {
	return trafficv1alpha1.Failback{
		StableFor:   &metav1.Duration{Duration: 5 * time.Second},
		StepPercent: ptr.To[int32](50),
		StepEvery:   &metav1.Duration{Duration: 2 * time.Second},
	}
}
