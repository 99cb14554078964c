// Package hubclient connects a command to the hub the way kubectl does.
package hubclient

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/scheme"
)

// Flags say which hub, as kubectl's flags of the same names do.
type Flags struct {
	Kubeconfig string
	Context    string
	Timeout    time.Duration
	// namespace is that of AddNamespace; empty when it was not given.
	namespace string
}

// Add adds the flags to a command.
func (f *Flags) Add(fs *pflag.FlagSet) {
	fs.StringVar(&f.Kubeconfig, "kubeconfig", "", "kubeconfig of the hub; $KUBECONFIG or ~/.kube/config when not given")
	fs.StringVar(&f.Context, "context", "", "context of the kubeconfig; its current context when not given")
	fs.DurationVar(&f.Timeout, "request-timeout", 10*time.Second, "how long to wait for the hub")
}

// AddNamespace adds the flag of commands that work in one namespace.
func (f *Flags) AddNamespace(fs *pflag.FlagSet) {
	fs.StringVarP(&f.namespace, "namespace", "n", "", "namespace; that of the kubeconfig's context when not given")
}

// Namespace is the one to work in.
func (f *Flags) Namespace() (string, error) {
	if f.namespace != "" {
		return f.namespace, nil
	}
	namespace, _, err := f.loader().Namespace()
	if err != nil {
		return "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	return namespace, nil
}

func (f *Flags) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.Kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.Context})
}

// Config is the way to the hub.
func (f *Flags) Config() (*rest.Config, error) {
	cfg, err := f.loader().ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no way to the hub: %w; name its kubeconfig with --kubeconfig", err)
	}
	cfg.Timeout = f.Timeout
	cfg.QPS, cfg.Burst = 50, 300 // as kubectl asks
	return cfg, nil
}

// Client reads and writes the hub's objects.
func (f *Flags) Client() (client.Client, error) {
	cfg, err := f.Config()
	if err != nil {
		return nil, err
	}
	return client.New(cfg, client.Options{Scheme: scheme.New()})
}

// Hub reads the hub's objects by the names that kubectl's users give them.
func (f *Flags) Hub() (Hub, error) {
	cfg, err := f.Config()
	if err != nil {
		return Hub{}, err
	}
	namespace, err := f.Namespace()
	if err != nil {
		return Hub{}, err
	}
	return Connect(cfg, namespace)
}
