// Package scheme is the only list of the API groups Seaway speaks: its own, the
// karmada.io groups, multicluster.x-k8s.io, and the groups of Kubernetes that its
// code reads or writes as Go types. It registers types; it holds no client.
package scheme

import (
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	mcsv1alpha1 "sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
	autoscalingv1alpha1 "github.com/seaway-io/seaway/api/autoscaling/v1alpha1"
	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	networkingv1alpha1 "github.com/seaway-io/seaway/api/networking/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
	searchv1alpha1 "github.com/seaway-io/seaway/api/search/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var groups = runtime.SchemeBuilder{
	corev1.AddToScheme,
	admissionregistrationv1.AddToScheme,
	appsv1.AddToScheme,
	authenticationv1.AddToScheme,
	authorizationv1.AddToScheme,
	autoscalingv1.AddToScheme,
	autoscalingv2.AddToScheme,
	batchv1.AddToScheme,
	certificatesv1.AddToScheme,
	coordinationv1.AddToScheme,
	discoveryv1.AddToScheme,
	eventsv1.AddToScheme,
	networkingv1.AddToScheme,
	policyv1.AddToScheme,
	rbacv1.AddToScheme,
	schedulingv1.AddToScheme,

	appsv1alpha1.AddToScheme,
	autoscalingv1alpha1.AddToScheme,
	clusterv1alpha1.AddToScheme,
	configv1alpha1.AddToScheme,
	networkingv1alpha1.AddToScheme,
	policyv1alpha1.AddToScheme,
	remedyv1alpha1.AddToScheme,
	searchv1alpha1.AddToScheme,
	workv1alpha1.AddToScheme,
	workv1alpha2.AddToScheme,

	mcsv1alpha1.Install,

	trafficv1alpha1.AddToScheme,
}

// AddToScheme registers every group in a scheme.
func AddToScheme(s *runtime.Scheme) error {
	if err := groups.AddToScheme(s); err != nil {
		return fmt.Errorf("register API groups: %w", err)
	}
	return nil
}

// New returns a scheme with every group.
func New() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(AddToScheme(s)) // the types are fixed at build time
	return s
}
