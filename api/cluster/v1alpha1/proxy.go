package v1alpha1

import (
	"net/url"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
)

// ClusterProxyOptions are the query of a request to clusters/{name}/proxy.
//
// +kubebuilder:object:root=true
type ClusterProxyOptions struct {
	metav1.TypeMeta `json:",inline"`

	// Path is the URL path inside the member, taken from the sub-path of the request.
	// +optional
	Path string `json:"path,omitempty"`
}

// addConversionFuncs lets an API server decode the query of a proxy request.
func addConversionFuncs(scheme *runtime.Scheme) error {
	return scheme.AddConversionFunc((*url.Values)(nil), (*ClusterProxyOptions)(nil),
		func(in, out any, _ conversion.Scope) error {
			out.(*ClusterProxyOptions).Path = in.(*url.Values).Get("path")
			return nil
		})
}
