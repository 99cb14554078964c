package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var fra = Cluster{
	Name:       "fra",
	Address:    netip.MustParseAddr("10.77.1.1"),
	APIService: netip.MustParseAddr("10.151.0.1"),
	Server:     "https://10.77.1.1:6443",
}

func write(t *testing.T) *Files {
	t.Helper()
	files, err := Write(t.TempDir(), fra)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestServingCertificateIsValidForEveryNameOfTheServer(t *testing.T) {
	files := write(t)
	certificate := parse(t, files.Path(ServingCertificate))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(files.CA.Pair().Certificate)
	for _, host := range []string{"fra", "10.77.1.1", "10.151.0.1", "127.0.0.1", "localhost", "kubernetes.default.svc"} {
		if _, err := certificate.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := certificate.Verify(x509.VerifyOptions{DNSName: "10.77.2.1", Roots: roots}); err == nil {
		t.Error("the certificate is also valid for another cluster's address")
	}
}

func TestFrontProxyCertificateIsSignedByItsOwnAuthorityOnly(t *testing.T) {
	files := write(t)
	certificate := parse(t, files.Path(FrontProxyCertificate))
	if certificate.Subject.CommonName != FrontProxyUser {
		t.Errorf("common name %q", certificate.Subject.CommonName)
	}
	for name, test := range map[string]struct {
		authority *Authority
		valid     bool
	}{"front proxy": {files.FrontProxyCA, true}, "cluster": {files.CA, false}} {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(test.authority.Pair().Certificate)
		_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		if (err == nil) != test.valid {
			t.Errorf("by the %s authority: %v", name, err)
		}
	}
}

// TestKubeconfigOpensTLS speaks TLS both ways: the server proves itself by the serving certificate,
// the client by its kubeconfig.
func TestKubeconfigOpensTLS(t *testing.T) {
	files := write(t)
	var user string
	var groups []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		user, groups = subject.CommonName, subject.Organization
	}))
	pair, err := tls.LoadX509KeyPair(files.Path(ServingCertificate), files.Path(ServingKey))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(files.CA.Pair().Certificate)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.StartTLS()
	defer server.Close()

	path, err := files.KubeconfigFor("alice.kubeconfig", "alice", "shop", "ops")
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != fra.Server {
		t.Errorf("server %q", config.Host)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	slices.Sort(groups) // a certificate holds them as a set
	if diff := cmp.Diff([]string{"alice", "ops", "shop"}, append([]string{user}, groups...)); diff != "" {
		t.Error(diff)
	}
}

func TestKubeconfigThroughAForwardedPort(t *testing.T) {
	files := write(t)
	config := Kubeconfig{Name: "fra", Server: "https://127.0.0.1:40001", ServerName: "fra", CA: files.CA.Pair().Certificate}
	data, err := config.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"server: https://127.0.0.1:40001", "tls-server-name: fra", "current-context: fra"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %q in\n%s", want, data)
		}
	}
}

func TestPrivateKeysAreNotReadableByOthers(t *testing.T) {
	files := write(t)
	if _, _, err := files.ServingFor("webhook", "webhook.seaway.svc"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CAKey, ServingKey, FrontProxyKey, TokenPrivateKey, AdminKubeconfig, "webhook.key"} {
		info, err := os.Stat(files.Path(name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", name, info.Mode())
		}
	}
}

func parse(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
