package member

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

// target is where a member is and how to get in.
type target struct {
	endpoint *url.URL
	token    credential
	caBundle []byte
	insecure bool
	proxy    *url.URL
	headers  map[string]string
}

// credential returns a secret. It is a function because printing a structure that
// holds one, with whatever verb, then prints an address.
type credential func() string

// String is where the member is.
func (t target) String() string { return t.endpoint.Redacted() }

func (t target) equal(o target) bool {
	return t.endpoint.String() == o.endpoint.String() &&
		t.token() == o.token() &&
		bytes.Equal(t.caBundle, o.caBundle) &&
		t.insecure == o.insecure &&
		stringOf(t.proxy) == stringOf(o.proxy) &&
		maps.Equal(t.headers, o.headers)
}

func stringOf(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}

// targetOf reads a Cluster and its credentials. Admission has checked the same
// fields; they are checked again because a wrong one here would send a credential
// to a wrong place.
func targetOf(cluster *clusterv1alpha1.Cluster, secret *corev1.Secret) (target, error) {
	fail := func(field, format string, args ...any) (target, error) {
		return target{}, fmt.Errorf("cluster %q: %s: %s", cluster.Name, field, fmt.Sprintf(format, args...))
	}
	spec := &cluster.Spec
	endpoint, err := parseURL(spec.APIEndpoint, "https", "http")
	if err != nil {
		return fail("spec.apiEndpoint", "%v", err)
	}
	if endpoint.User != nil || endpoint.RawQuery != "" || endpoint.Fragment != "" {
		return fail("spec.apiEndpoint", "must hold neither user, query nor fragment")
	}
	if spec.SecretRef == nil || secret == nil {
		return fail("spec.secretRef", "names no Secret with credentials; join the cluster again or set it")
	}
	token := strings.TrimSpace(string(secret.Data[names.SecretKeyToken]))
	t := target{
		endpoint: endpoint,
		token:    func() string { return token },
		insecure: spec.InsecureSkipTLSVerification,
		headers:  spec.ProxyHeader,
	}
	from := "Secret " + secret.Namespace + "/" + secret.Name
	if token == "" {
		return fail("spec.secretRef", "%s has no key %q", from, names.SecretKeyToken)
	}
	if strings.ContainsAny(token, "\r\n\x00") {
		return fail("spec.secretRef", "%s: the value of %q is not a token", from, names.SecretKeyToken)
	}
	if !t.insecure {
		t.caBundle = secret.Data[names.SecretKeyCABundle]
		if len(t.caBundle) > 0 && !x509.NewCertPool().AppendCertsFromPEM(t.caBundle) {
			return fail("spec.secretRef", "%s: the value of %q holds no PEM certificate", from, names.SecretKeyCABundle)
		}
	}
	if spec.ProxyURL != "" {
		if t.proxy, err = parseURL(spec.ProxyURL, "http", "https", "socks5"); err != nil {
			return fail("spec.proxyURL", "%v", err)
		}
	}
	return t, nil
}

// parseURL parses an absolute URL. Its errors do not repeat the value, which might
// hold a password.
func parseURL(value string, schemes ...string) (*url.URL, error) {
	if value == "" {
		return nil, errors.New("is empty")
	}
	u, err := url.Parse(value)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme && u.Host != "" {
			return u, nil
		}
	}
	return nil, fmt.Errorf("must be a URL with a host and one of the schemes %s", strings.Join(schemes, ", "))
}
