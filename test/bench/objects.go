//go:build linux

package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/test/fleet"
)

// namespaces is over how many the templates are spread.
const namespaces = 10

func namespace(i int) string { return fmt.Sprintf("bench-%d", i%namespaces) }

// binding is the key of a template's binding.
func binding(i int) string { return fmt.Sprintf("%s/web-%05d-deployment", namespace(i), i) }

func template(i int) *appsv1.Deployment {
	labels := map[string]string{"app": "web"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace(i), Name: fmt.Sprintf("web-%05d", i), Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](6),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "web", Image: "registry.example/web:1",
					Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
						corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi"),
					}},
				}}},
			},
		},
	}
}

func policy(ns string) *policyv1alpha1.PropagationPolicy {
	return &policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "all"},
		Spec: policyv1alpha1.PropagationSpec{
			ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment"}},
			Placement: policyv1alpha1.Placement{
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
					ReplicaSchedulingType:     policyv1alpha1.ReplicaSchedulingTypeDivided,
					ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted,
					WeightPreference:          &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
				},
			},
		},
	}
}

// prepare makes clusters that say they are ready and large, namespaces, and a policy in each.
func (b *bench) prepare(ctx context.Context) error {
	for i := range b.clusters {
		c := &clusterv1alpha1.Cluster{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("m%02d", i)},
			Spec:       clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Pull, Region: fmt.Sprintf("region-%d", i%5), Provider: "bench"},
		}
		if err := b.hub.Create(ctx, c); err != nil {
			return fmt.Errorf("cluster %s: %w", c.Name, err)
		}
		c.Status = clusterv1alpha1.ClusterStatus{
			KubernetesVersion: "v1.37.2",
			Conditions: []metav1.Condition{{
				Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, Reason: "ClusterReady", LastTransitionTime: metav1.NewTime(time.Now()),
			}},
			APIEnablements: []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}}},
			ResourceSummary: &clusterv1alpha1.ResourceSummary{Allocatable: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("20000"), corev1.ResourceMemory: resource.MustParse("64Ti"), corev1.ResourcePods: resource.MustParse("500000"),
			}},
		}
		if err := b.hub.Status().Update(ctx, c); err != nil {
			return fmt.Errorf("status of cluster %s: %w", c.Name, err)
		}
	}
	for i := range namespaces {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace(i)}}
		if err := b.hub.Create(ctx, ns); err != nil {
			return err
		}
		if err := b.hub.Create(ctx, policy(ns.Name)); err != nil {
			return err
		}
	}
	return nil
}

// scrape reads the controllers' metrics.
func (b *bench) scrape(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	hub := b.in.Fleet.Hub
	client := &http.Client{Transport: hub.Transport()}
	defer client.CloseIdleConnections()
	return fleet.Scrape(ctx, client, "http://"+hub.Addr().String()+":8080/metrics")
}
