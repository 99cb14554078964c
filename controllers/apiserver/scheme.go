package apiserver

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// Scheme knows the kinds this server serves. There is one version of them, and its
// Go types serve as the internal version, too: nothing is converted.
var Scheme = newScheme()

// Codecs encode and decode them.
var Codecs = serializer.NewCodecFactory(Scheme)

func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(Install(s)) // the types are fixed at build time
	return s
}

// Install registers cluster.karmada.io in a scheme in the form an API server needs.
func Install(s *runtime.Scheme) error {
	internal := schema.GroupVersion{Group: clusterv1alpha1.GroupName, Version: runtime.APIVersionInternal}
	s.AddKnownTypes(internal, &clusterv1alpha1.Cluster{}, &clusterv1alpha1.ClusterList{})
	if err := clusterv1alpha1.AddToScheme(s); err != nil {
		return err
	}
	if err := s.SetVersionPriority(clusterv1alpha1.GroupVersion); err != nil {
		return err
	}
	installCore(s)
	return nil
}

// external returns a scheme with the versions clients see and no internal one: what
// the OpenAPI documents are about.
func external() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clusterv1alpha1.AddToScheme(s)) // as above
	installCore(s)
	return s
}

// installCore registers what every API server speaks without a group: options, and
// the kinds of discovery.
func installCore(s *runtime.Scheme) {
	core := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(s, core)
	s.AddUnversionedTypes(core,
		&metav1.Status{},
		&metav1.APIVersions{},
		&metav1.APIGroupList{},
		&metav1.APIGroup{},
		&metav1.APIResourceList{},
	)
}
