package estimate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc/credentials"
)

// Files of a directory of certificates, as a Secret of type kubernetes.io/tls has them.
const (
	caFile   = "ca.crt"
	certFile = "tls.crt"
	keyFile  = "tls.key"
)

// mutual is TLS with certificates on both sides, checked against one authority. The files are read at
// every handshake, of which there are few: so a certificate that was renewed is used from then on.
type mutual struct{ dir string }

var _ credentials.TransportCredentials = (*mutual)(nil)

func (m *mutual) load() (tls.Certificate, *x509.CertPool, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(m.dir, certFile), filepath.Join(m.dir, keyFile))
	if err != nil {
		return pair, nil, fmt.Errorf("read %s and %s of %s: %w", certFile, keyFile, m.dir, err)
	}
	text, err := os.ReadFile(filepath.Join(m.dir, caFile))
	if err != nil {
		return pair, nil, err
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(text) {
		return pair, nil, fmt.Errorf("%s holds no certificate in PEM form", filepath.Join(m.dir, caFile))
	}
	return pair, authority, nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (m *mutual) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	pair, roots, err := m.load()
	if err != nil {
		return nil, nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, RootCAs: roots,
	}).ClientHandshake(ctx, authority, conn)
}

// ServerHandshake implements credentials.TransportCredentials.
func (m *mutual) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	pair, clients, err := m.load()
	if err != nil {
		return nil, nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
	}).ServerHandshake(conn)
}

// Info implements credentials.TransportCredentials.
func (m *mutual) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone implements credentials.TransportCredentials.
func (m *mutual) Clone() credentials.TransportCredentials { c := *m; return &c }

// OverrideServerName implements credentials.TransportCredentials. A server is expected to have the name
// of its address, and no other.
func (m *mutual) OverrideServerName(name string) error {
	return fmt.Errorf("the name %q can not be expected instead of that of the address", name)
}
