package hubtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/seaway-io/seaway/controllers/apiserver"
)

// writeCertificates makes what a control plane needs: one authority, certificates for
// the servers, the administrator and the aggregation layer, and the key that signs
// service account tokens.
func (c *ControlPlane) writeCertificates() error {
	authority := template("test-ca")
	authority.IsCA = true
	authority.KeyUsage |= x509.KeyUsageCertSign
	caKey, err := c.writePair("ca", authority, authority, nil)
	if err != nil {
		return err
	}
	server := template("server")
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.IPAddresses = []net.IP{net.ParseIP(c.address), net.IPv4(127, 0, 0, 1), net.IPv4(10, 130, 0, 1)}
	server.DNSNames = []string{"localhost", apiserver.ServerName}
	admin := template("admin")
	admin.Subject.Organization = []string{"system:masters"}
	for name, t := range map[string]*x509.Certificate{"server": server, "admin": admin, "front-proxy": template("front-proxy")} {
		if len(t.ExtKeyUsage) == 0 {
			t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}
		if _, err := c.writePair(name, t, authority, caKey); err != nil {
			return err
		}
	}
	_, err = c.writePair("account", template("account"), authority, caKey)
	return err
}

func template(commonName string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
}

// writePair writes name.crt and name.key; without a signer the certificate signs itself.
func (c *ControlPlane) writePair(name string, t, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if signer == nil {
		signer = key
	}
	cert, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: cert},
		name + ".key": {Type: "EC PRIVATE KEY", Bytes: raw},
	} {
		if err := os.WriteFile(c.path(file), pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	return key, nil
}

func kubeconfig(server string, ca, cert, key []byte) clientcmdapi.Config {
	const name = "test"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return *config
}
