package pki

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// Cluster is what a cluster's certificates are made for.
type Cluster struct {
	// Name is a DNS label. The API server's certificate is valid for it.
	Name string
	// Address is where the API server listens, and APIService the address of the Service
	// "kubernetes" inside the cluster.
	Address, APIService netip.Addr
	// Server is the URL the kubeconfigs point at.
	Server string
}

// Files is a folder with the certificates, keys and kubeconfigs of one cluster, and the authorities
// to issue more.
type Files struct {
	Dir string
	// CA signs the API server's certificate and all client certificates.
	CA *Authority
	// FrontProxyCA signs the certificate by which the API server speaks to aggregated API servers.
	FrontProxyCA *Authority

	cluster Cluster
}

// Names of the files in a cluster's folder.
const (
	CACertificate           = "ca.crt"
	CAKey                   = "ca.key"
	ServingCertificate      = "apiserver.crt"
	ServingKey              = "apiserver.key"
	FrontProxyCACertificate = "front-proxy-ca.crt"
	FrontProxyCertificate   = "front-proxy-client.crt"
	FrontProxyKey           = "front-proxy-client.key"
	TokenPrivateKey         = "sa.key"
	TokenPublicKey          = "sa.pub"
	AdminKubeconfig         = "admin.kubeconfig"
	ManagerKubeconfig       = "controller-manager.kubeconfig"
	SchedulerKubeconfig     = "scheduler.kubeconfig"
)

// FrontProxyUser is the common name of the API server's certificate towards aggregated API servers.
const FrontProxyUser = "front-proxy-client"

// Write makes all a control plane needs and writes it to the folder, which is made if absent.
func Write(dir string, cluster Cluster) (*Files, error) {
	f := &Files{Dir: dir, cluster: cluster}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("certificates of %s: %w", cluster.Name, err)
	}
	for _, step := range []func() error{f.writeAuthorities, f.writeServing, f.writeTokenKey, f.writeKubeconfigs} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("certificates of %s: %w", cluster.Name, err)
		}
	}
	return f, nil
}

// Path returns the path of one of the files.
func (f *Files) Path(name string) string { return filepath.Join(f.Dir, name) }

// ServingFor issues a serving certificate by the cluster's authority, for a server of one's own such
// as an aggregated API server or a webhook, and writes NAME.crt and NAME.key. It returns their paths.
func (f *Files) ServingFor(name string, hosts ...string) (certificate, key string, err error) {
	pair, err := f.CA.Server(name, hosts...)
	if err != nil {
		return "", "", err
	}
	certificate, key = f.Path(name+".crt"), f.Path(name+".key")
	return certificate, key, f.writePair(name+".crt", name+".key", pair)
}

// KubeconfigFor issues a client certificate for a user and writes FILE with a kubeconfig that uses
// it. It returns the path.
func (f *Files) KubeconfigFor(file, user string, groups ...string) (string, error) {
	pair, err := f.CA.Client(user, groups...)
	if err != nil {
		return "", err
	}
	data, err := Kubeconfig{Name: f.cluster.Name, Server: f.cluster.Server, CA: f.CA.Pair().Certificate, Client: pair}.Marshal()
	if err != nil {
		return "", fmt.Errorf("kubeconfig of %s: %w", user, err)
	}
	return f.Path(file), os.WriteFile(f.Path(file), data, 0o600)
}

func (f *Files) writeAuthorities() (err error) {
	if f.CA, err = NewAuthority(f.cluster.Name + "-ca"); err != nil {
		return err
	}
	if f.FrontProxyCA, err = NewAuthority(f.cluster.Name + "-front-proxy-ca"); err != nil {
		return err
	}
	if err := f.writePair(CACertificate, CAKey, f.CA.Pair()); err != nil {
		return err
	}
	return os.WriteFile(f.Path(FrontProxyCACertificate), f.FrontProxyCA.Pair().Certificate, 0o644)
}

func (f *Files) writeServing() error {
	pair, err := f.CA.Server("kube-apiserver", f.cluster.Name, f.cluster.Address.String(), f.cluster.APIService.String(),
		"127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return err
	}
	if err := f.writePair(ServingCertificate, ServingKey, pair); err != nil {
		return err
	}
	if pair, err = f.FrontProxyCA.Client(FrontProxyUser); err != nil {
		return err
	}
	return f.writePair(FrontProxyCertificate, FrontProxyKey, pair)
}

func (f *Files) writeTokenKey() error {
	private, public, err := TokenKey()
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.Path(TokenPrivateKey), private, 0o600); err != nil {
		return err
	}
	return os.WriteFile(f.Path(TokenPublicKey), public, 0o644)
}

func (f *Files) writeKubeconfigs() error {
	for _, identity := range []struct {
		file, user string
		groups     []string
	}{
		{AdminKubeconfig, "admin", []string{"system:masters"}},
		{ManagerKubeconfig, "system:kube-controller-manager", nil},
		{SchedulerKubeconfig, "system:kube-scheduler", nil},
	} {
		if _, err := f.KubeconfigFor(identity.file, identity.user, identity.groups...); err != nil {
			return err
		}
	}
	return nil
}

func (f *Files) writePair(certificate, key string, pair Pair) error {
	if err := os.WriteFile(f.Path(certificate), pair.Certificate, 0o644); err != nil {
		return err
	}
	return os.WriteFile(f.Path(key), pair.Key, 0o600)
}
