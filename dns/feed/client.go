package feed

import (
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Resources of the hub that are used here.
const (
	zoneResource   = "zones"
	recordResource = "zonerecords"
	planResource   = "trafficplans"
	regionResource = "regionmaps"
	reportResource = "endpointhealths"
	secretResource = "secrets"
)

var (
	scheme = func() *runtime.Scheme {
		s := runtime.NewScheme()
		if err := trafficv1alpha1.AddToScheme(s); err != nil {
			panic(err) // the types of the program itself
		}
		if err := corev1.AddToScheme(s); err != nil {
			panic(err)
		}
		return s
	}()
	parameters = runtime.NewParameterCodec(scheme)
)

// newClient is a client of the traffic API.
func newClient(config *rest.Config) (rest.Interface, error) {
	return clientOf(config, trafficv1alpha1.GroupVersion, "/apis")
}

// newSecretClient is a client of the API that Secrets are in.
func newSecretClient(config *rest.Config) (rest.Interface, error) {
	return clientOf(config, corev1.SchemeGroupVersion, "/api")
}

func clientOf(config *rest.Config, version schema.GroupVersion, path string) (rest.Interface, error) {
	c := rest.CopyConfig(config)
	c.GroupVersion, c.APIPath = &version, path
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.ContentType, c.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	c.UserAgent = "seaway-dns"
	c.QPS, c.Timeout = -1, 0 // what is sent is bounded where it is sent
	// Each watch has a connection of its own, so that one that is dead is found out by the ping on
	// another, and dropped with its request.
	c.TLSClientConfig.NextProtos = []string{"http/1.1"}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 10 * time.Second}).DialContext
	}
	return rest.RESTClientFor(c)
}
