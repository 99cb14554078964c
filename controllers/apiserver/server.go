// Package apiserver is the aggregated API server of cluster.karmada.io/v1alpha1: it
// stores Clusters in etcd and serves them, with their status, as the hub's API server
// serves its own kinds. Requests come through the hub's aggregation layer, which
// authenticates them; who may do what is asked of the hub.
//
// It is a library: the command that runs it, and the flags, are elsewhere. It decides
// nothing about clusters, and it does not reach them.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/utils/clock"

	"github.com/spf13/pflag"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/controllers/apiserver/openapi"
)

// DefaultEtcdPrefix is the key below which Clusters are stored, each as
// <prefix>/cluster.karmada.io/clusters/<name>.
const DefaultEtcdPrefix = "/registry"

// watchDrain is how long watches may take to end when the server stops.
const watchDrain = 2 * time.Second

// title heads the OpenAPI documents.
const title = "Seaway"

// Options configure the server. Get them from NewOptions.
type Options struct {
	recommended *options.RecommendedOptions
	clock       clock.PassiveClock
}

// NewOptions returns the defaults.
func NewOptions() *Options {
	o := options.NewRecommendedOptions(DefaultEtcdPrefix, Codecs.LegacyCodec(clusterv1alpha1.GroupVersion))
	o.Etcd.StorageConfig.EncodeVersioner = clusterv1alpha1.GroupVersion
	// Without certificate files the server makes a certificate in memory, and
	// leaves no files where it happens to run.
	o.SecureServing.ServerCert.CertDirectory = ""
	o.SecureServing.BindPort = 443
	// The hub has limited the requests by priority already.
	o.Features.EnablePriorityAndFairness = false
	o.Features.EnableProfiling = false
	return &Options{recommended: o, clock: clock.RealClock{}}
}

// AddFlags adds the flags, by the names every Kubernetes API server uses.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	o.recommended.Etcd.AddFlags(fs)
	o.recommended.SecureServing.AddFlags(fs)
	o.recommended.Authentication.AddFlags(fs)
	o.recommended.Authorization.AddFlags(fs)
	o.recommended.Audit.AddFlags(fs)
	o.recommended.CoreAPI.AddFlags(fs)
	o.recommended.Admission.AddFlags(fs)
}

// Run serves until the context ends, and then until the requests in flight are
// answered.
func (o *Options) Run(ctx context.Context) error {
	s, err := o.newServer()
	if err != nil {
		return err
	}
	return s.PrepareRun().RunWithContext(ctx)
}

// complete fills in what follows from other options.
func (o *Options) complete() error {
	r := o.recommended
	// One kubeconfig is enough for all three.
	if kubeconfig := r.CoreAPI.CoreAPIKubeconfigPath; kubeconfig != "" {
		if r.Authentication.RemoteKubeConfigFile == "" {
			r.Authentication.RemoteKubeConfigFile = kubeconfig
		}
		if r.Authorization.RemoteKubeConfigFile == "" {
			r.Authorization.RemoteKubeConfigFile = kubeconfig
		}
	}
	if errs := r.Validate(); len(errs) > 0 {
		return errors.Join(errs...)
	}
	err := r.SecureServing.MaybeDefaultWithSelfSignedCerts("localhost", []string{ServerName}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("cannot make a serving certificate: %w", err)
	}
	return nil
}

func (o *Options) newServer() (*server.GenericAPIServer, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	config := server.NewRecommendedConfig(Codecs)
	config.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	config.FeatureGate = utilfeature.DefaultFeatureGate
	// A stop ends the watches in order and takes seconds; else it would wait a minute
	// for watchers that have no reason to go.
	config.ShutdownSendRetryAfter = true
	config.ShutdownWatchTerminationGracePeriod = watchDrain
	describe(config)
	if err := o.recommended.ApplyTo(config); err != nil {
		return nil, err
	}
	s, err := config.Complete().New("seaway-apiserver", server.NewEmptyDelegate())
	if err != nil {
		return nil, err
	}
	served, err := resources(config.RESTOptionsGetter, o.clock)
	if err != nil {
		return nil, fmt.Errorf("cannot open the storage of clusters: %w", err)
	}
	group := server.NewDefaultAPIGroupInfo(clusterv1alpha1.GroupName, Scheme, metav1.ParameterCodec, Codecs)
	group.VersionedResourcesStorageMap[clusterv1alpha1.GroupVersion.Version] = served
	if err := s.InstallAPIGroup(&group); err != nil {
		return nil, err
	}
	return s, nil
}

// describe sets up the OpenAPI documents, which server-side apply works by, too.
func describe(config *server.RecommendedConfig) {
	namer := openapinamer.NewDefinitionNamer(external())
	name := func(goName string) (string, spec.Extensions) {
		return namer.GetDefinitionName(openapi.ModelName(goName))
	}
	v2 := server.DefaultOpenAPIConfig(openapi.Definitions, namer)
	v2.Info.Title, v2.Info.Version = title, clusterv1alpha1.GroupVersion.Version
	v2.GetDefinitionName = name
	v2.Definitions = nil // made anew, under these names
	v3 := server.DefaultOpenAPIV3Config(openapi.Definitions, namer)
	v3.Info.Title, v3.Info.Version = title, clusterv1alpha1.GroupVersion.Version
	v3.GetDefinitionName = name
	v3.Definitions = nil
	config.OpenAPIConfig, config.OpenAPIV3Config = v2, v3
}
