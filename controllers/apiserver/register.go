package apiserver

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

const (
	// ServiceName names the Service through which the hub finds this server.
	ServiceName = "seaway-apiserver"
	// ServerName is the name the hub expects in this server's certificate.
	ServerName = ServiceName + "." + names.SystemNamespace + ".svc"
)

// Service returns the hub's Service for a server that runs outside the hub's pod
// network: an alias of its host, a DNS name or an IP address. It goes with APIService.
func Service(host string, port int32) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: objectMeta(ServiceName, names.SystemNamespace),
		Spec: corev1.ServiceSpec{
			Type:         corev1.ServiceTypeExternalName,
			ExternalName: host,
			Ports: []corev1.ServicePort{{
				Name:       "https",
				Protocol:   corev1.ProtocolTCP,
				Port:       port,
				TargetPort: intstr.FromInt32(port),
			}},
		},
	}
}

// APIService returns the object that makes the hub's API server send requests for
// cluster.karmada.io to the Service on that port. The CA bundle (PEM) signs this
// server's certificate, which must be for ServerName; without a bundle the
// certificate is not checked.
func APIService(port int32, caBundle []byte) *apiregistrationv1.APIService {
	gv := clusterv1alpha1.GroupVersion
	return &apiregistrationv1.APIService{
		TypeMeta:   metav1.TypeMeta{APIVersion: apiregistrationv1.SchemeGroupVersion.String(), Kind: "APIService"},
		ObjectMeta: objectMeta(gv.Version+"."+gv.Group, ""),
		Spec: apiregistrationv1.APIServiceSpec{
			Group:                 gv.Group,
			Version:               gv.Version,
			GroupPriorityMinimum:  2000,
			VersionPriority:       10,
			CABundle:              caBundle,
			InsecureSkipTLSVerify: len(caBundle) == 0,
			Service: &apiregistrationv1.ServiceReference{
				Namespace: names.SystemNamespace,
				Name:      ServiceName,
				Port:      ptr.To(port),
			},
		},
	}
}

func objectMeta(name, namespace string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:      name,
		Namespace: namespace,
		Labels:    map[string]string{names.SystemLabel: "true"},
	}
}
