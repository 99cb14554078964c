package join

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/scheme"
)

// memberTimeout bounds each request to a member: a person is waiting.
const memberTimeout = 5 * time.Second

// Member is a way into a member with an administrator's rights.
type Member struct {
	// Config is how to reach it.
	Config *rest.Config
	// ProxyURL is the proxy in front of it, if any.
	ProxyURL string
	// Source says where this comes from, for messages: a file and a context.
	Source string
}

// LoadMember reads a kubeconfig. An empty context is the file's current one.
func LoadMember(file, kubeContext string) (Member, error) {
	if file == "" {
		return Member{}, errors.New("no kubeconfig of the cluster is given; name it with --cluster-kubeconfig")
	}
	raw, err := clientcmd.LoadFromFile(file)
	if err != nil {
		if os.IsNotExist(err) {
			return Member{}, fmt.Errorf("the kubeconfig %s does not exist", file)
		}
		return Member{}, fmt.Errorf("%s is not a kubeconfig: %w", file, err)
	}
	if kubeContext == "" {
		kubeContext = raw.CurrentContext
	}
	chosen, ok := raw.Contexts[kubeContext]
	if !ok {
		return Member{}, fmt.Errorf("the kubeconfig %s has no context %q; choose one with --cluster-context", file, kubeContext)
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*raw, kubeContext, nil, nil).ClientConfig()
	if err != nil {
		return Member{}, fmt.Errorf("the kubeconfig %s cannot be used: %w", file, err)
	}
	m := Member{Config: config, Source: fmt.Sprintf("%s (context %s)", file, kubeContext)}
	if c := raw.Clusters[chosen.Cluster]; c != nil {
		m.ProxyURL = c.ProxyURL
	}
	return m, nil
}

// endpoint returns the URL of the API server.
func (m Member) endpoint() (string, error) {
	host, _, err := rest.DefaultServerUrlFor(m.Config)
	if err != nil {
		return "", fmt.Errorf("%s: the server address is not valid: %w", m.Source, err)
	}
	if m.Config.ServerName != "" {
		return "", fmt.Errorf("%s sets tls-server-name, which a Cluster cannot; use an address that the server's certificate is for", m.Source)
	}
	u := url.URL{Scheme: host.Scheme, Host: host.Host, Path: host.Path}
	return u.String(), nil
}

// connect returns a client after the member has answered once.
func (m Member) connect(ctx context.Context) (client.Client, error) {
	endpoint, err := m.endpoint()
	if err != nil {
		return nil, err
	}
	config := rest.CopyConfig(m.Config)
	config.Timeout = memberTimeout
	config.QPS, config.Burst = 50, 100
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", m.Source, err)
	}
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	if _, err := d.ServerVersionWithContext(ctx); err != nil {
		return nil, m.explain(endpoint, err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme.New()})
	if err != nil {
		return nil, m.explain(endpoint, err)
	}
	return c, nil
}

// explain names the endpoint, what is wrong with it, and what to do.
func (m Member) explain(endpoint string, err error) error {
	var (
		netErr  net.Error
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
	)
	check := fmt.Sprintf("is the cluster running, and is the address in %s right?", m.Source)
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("the host name of %s is not found: %s", endpoint, check)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("the API server at %s refuses connections: %s", endpoint, check)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return fmt.Errorf("the API server at %s does not answer within %s: %s", endpoint, memberTimeout, check)
	case errors.As(err, &unknown), errors.As(err, &name):
		return fmt.Errorf("the certificate of the API server at %s is not the one %s expects: %w", endpoint, m.Source, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the API server at %s does not accept the credentials in %s", endpoint, m.Source)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("the credentials in %s have too few rights: use those of a cluster-admin: %w", m.Source, err)
	}
	return fmt.Errorf("the API server at %s cannot be used: %w: %s", endpoint, err, check)
}

// proxyFunc makes every request go through a proxy.
func proxyFunc(proxy string) (func(*http.Request) (*url.URL, error), error) {
	u, err := url.Parse(proxy)
	if err != nil {
		return nil, errors.New("spec.proxyURL is not a URL")
	}
	return http.ProxyURL(u), nil
}
