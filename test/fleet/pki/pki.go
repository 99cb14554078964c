// Package pki makes the certificates and kubeconfigs of a test cluster: certificate authorities,
// server and client certificates, the key that signs service account tokens. All keys are ECDSA
// P-256, so that a cluster's whole set takes milliseconds. It is for clusters that live for a test:
// there is no rotation and no revocation.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const validity = 10 * 365 * 24 * time.Hour

// Authority is a self-signed certificate authority.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pair        Pair
}

// Pair is a certificate and its private key, both in PEM form.
type Pair struct{ Certificate, Key []byte }

// NewAuthority makes an authority whose subject is the common name.
func NewAuthority(commonName string) (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(pkix.Name{CommonName: commonName})
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate authority %q: %w", commonName, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate authority %q: %w", commonName, err)
	}
	pair, err := newPair(der, key)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate: certificate, key: key, pair: pair}, nil
}

// Pair returns the authority's own certificate and key.
func (a *Authority) Pair() Pair { return a.pair }

// Server issues a serving certificate for the hosts, each an IP address or a DNS name.
func (a *Authority) Server(commonName string, hosts ...string) (Pair, error) {
	return a.issue(pkix.Name{CommonName: commonName}, x509.ExtKeyUsageServerAuth, hosts)
}

// Client issues a client certificate. Kubernetes reads the user from the common name and the groups
// from the organizations.
func (a *Authority) Client(user string, groups ...string) (Pair, error) {
	return a.issue(pkix.Name{CommonName: user, Organization: groups}, x509.ExtKeyUsageClientAuth, nil)
}

func (a *Authority) issue(subject pkix.Name, usage x509.ExtKeyUsage, hosts []string) (Pair, error) {
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	template, err := newTemplate(subject)
	if err != nil {
		return Pair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate for %q: %w", subject.CommonName, err)
	}
	return newPair(der, key)
}

// TokenKey makes the key that signs service account tokens. It returns the private and the public
// half in PEM form.
func TokenKey() (private, public []byte, err error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	if private, err = keyPEM(key); err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("service account key: %w", err)
	}
	return private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// Kubeconfig describes a kubeconfig with one cluster, one user and one context, all of one name.
type Kubeconfig struct {
	Name string
	// Server is the URL of the API server.
	Server string
	// ServerName is the name the server's certificate is checked against, when that is not the host
	// of the URL.
	ServerName string
	// CA is the authority's certificate in PEM form.
	CA     []byte
	Client Pair
}

// Config returns the kubeconfig as an API object.
func (k Kubeconfig) Config() *clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	config.Clusters[k.Name] = &clientcmdapi.Cluster{Server: k.Server, TLSServerName: k.ServerName, CertificateAuthorityData: k.CA}
	config.AuthInfos[k.Name] = &clientcmdapi.AuthInfo{ClientCertificateData: k.Client.Certificate, ClientKeyData: k.Client.Key}
	config.Contexts[k.Name] = &clientcmdapi.Context{Cluster: k.Name, AuthInfo: k.Name}
	config.CurrentContext = k.Name
	return config
}

// Marshal returns the kubeconfig as YAML.
func (k Kubeconfig) Marshal() ([]byte, error) { return clientcmd.Write(*k.Config()) }

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	return key, nil
}

func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("certificate serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-time.Hour), // clocks of machines that share a folder differ a little
		NotAfter:     now.Add(validity),
	}, nil
}

func newPair(der []byte, key *ecdsa.PrivateKey) (Pair, error) {
	private, err := keyPEM(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), Key: private}, nil
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
