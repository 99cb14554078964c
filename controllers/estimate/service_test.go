package estimate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/estimate/wire"
)

// authority issues certificates for 127.0.0.1.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.certificate, a.key = issue(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	return a
}

func issue(t *testing.T, template *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(1), pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// dir writes a certificate of this authority, and who is trusted, to a directory.
func (a *authority) dir(t *testing.T, trusted *authority) string {
	t.Helper()
	certificate, key := issue(t, &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		caFile:   {Type: "CERTIFICATE", Bytes: trusted.certificate.Raw},
		certFile: {Type: "CERTIFICATE", Bytes: certificate.Raw},
		keyFile:  {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// serving serves an estimator on loopback.
func serving(t *testing.T, e *Estimator, certs string) (address string) {
	t.Helper()
	s, err := newServer(e, Serve{Address: "127.0.0.1:0", CertDir: certs})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func asking(t *testing.T, remote Remote) *remotes {
	t.Helper()
	rs, err := newRemotes(remote)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for cluster := range rs.connections {
			rs.forget(cluster)
		}
	})
	return rs
}

func at(addresses map[string]string) func(string) string {
	return func(cluster string) string { return addresses[cluster] }
}

func TestService(t *testing.T) {
	ca := newAuthority(t)
	e := knowing(t, Options{}, map[string]string{"fra": "4", "iad": "8"})
	e.follower.ledger("iad").setPod(nil, reduced[*podRecord](t, reducePod, podObject(t, "w", "", "1")))
	e.follower.put("sin", &ledger{connection: newConnection()})
	address := serving(t, e, ca.dir(t, ca))
	rs := asking(t, Remote{CertDir: ca.dir(t, ca), Address: func(string) string { return address }})
	client, err := rs.client("fra")
	if err != nil {
		t.Fatal(err)
	}
	requirements, err := wire.Requirements(aSpec("1").ReplicaRequirements)
	if err != nil {
		t.Fatal(err)
	}
	components, err := wire.Components([]workv1alpha2.Component{{Name: "a", Replicas: 3, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: list("cpu", "1")}}})
	if err != nil {
		t.Fatal(err)
	}
	coming := []*wire.AssumedWorkload{{Namespace: "bank", Components: components}}
	replicas := func(in *wire.MaxAvailableReplicasRequest) (int32, error) {
		answer, err := client.MaxAvailableReplicas(t.Context(), in)
		return answer.GetMaxReplicas(), err
	}
	sets := func(in *wire.MaxAvailableComponentSetsRequest) (int32, error) {
		answer, err := client.MaxAvailableComponentSets(t.Context(), in)
		return answer.GetMaxSets(), err
	}
	waiting := func(in *wire.UnschedulableReplicasRequest) (int32, error) {
		answer, err := client.GetUnschedulableReplicas(t.Context(), in)
		return answer.GetUnschedulableReplicas(), err
	}
	web := &wire.ObjectReference{ApiVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	broken := &wire.ReplicaRequirements{ResourceRequestBytes: map[string][]byte{"cpu": {0xff}}}
	for name, tc := range map[string]struct {
		ask  func() (int32, error)
		want int32
		code codes.Code
	}{
		"replicas": {func() (int32, error) {
			return replicas(&wire.MaxAvailableReplicasRequest{Cluster: "iad", ReplicaRequirements: requirements})
		}, 8, codes.OK},
		"replicas beside what is coming": {func() (int32, error) {
			return replicas(&wire.MaxAvailableReplicasRequest{Cluster: "iad", ReplicaRequirements: requirements, AssumedWorkloads: coming})
		}, 5, codes.OK},
		"no requirements": {func() (int32, error) { return replicas(&wire.MaxAvailableReplicasRequest{Cluster: "iad"}) }, 10, codes.OK},
		"sets": {func() (int32, error) {
			return sets(&wire.MaxAvailableComponentSetsRequest{Cluster: "iad", Components: components})
		}, 2, codes.OK},
		"sets beside what is coming": {func() (int32, error) {
			return sets(&wire.MaxAvailableComponentSetsRequest{Cluster: "iad", Components: components, AssumedWorkloads: coming})
		}, 1, codes.OK},
		"unschedulable": {func() (int32, error) {
			return waiting(&wire.UnschedulableReplicasRequest{Cluster: "iad", Resource: web, UnschedulableThreshold: int64(time.Minute)})
		}, 1, codes.OK},
		"unschedulable for an age": {func() (int32, error) {
			return waiting(&wire.UnschedulableReplicasRequest{Cluster: "iad", Resource: web, UnschedulableThreshold: int64(200 * 365 * 24 * time.Hour)})
		}, 0, codes.OK},
		"unschedulable of nothing":    {func() (int32, error) { return waiting(&wire.UnschedulableReplicasRequest{Cluster: "iad"}) }, 0, codes.OK},
		"a cluster that is elsewhere": {func() (int32, error) { return replicas(&wire.MaxAvailableReplicasRequest{Cluster: "gru"}) }, 0, codes.NotFound},
		"a cluster that is not yet read": {func() (int32, error) {
			return sets(&wire.MaxAvailableComponentSetsRequest{Cluster: "sin", Components: components})
		}, 0, codes.Unavailable},
		"waiting in one not yet read": {func() (int32, error) {
			return waiting(&wire.UnschedulableReplicasRequest{Cluster: "sin", Resource: web})
		}, 0, codes.Unavailable},
		"sets of nothing": {func() (int32, error) { return sets(&wire.MaxAvailableComponentSetsRequest{Cluster: "iad"}) }, 0, codes.InvalidArgument},
		"garbage": {func() (int32, error) {
			return replicas(&wire.MaxAvailableReplicasRequest{Cluster: "iad", ReplicaRequirements: broken})
		}, 0, codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.ask()
			if got != tc.want || status.Code(err) != tc.code {
				t.Errorf("%d, %v; want %d, %v", got, err, tc.want, tc.code)
			}
		})
	}
}

func TestExternalEstimators(t *testing.T) {
	ca := newAuthority(t)
	certs := ca.dir(t, ca)
	elsewhere := serving(t, knowing(t, Options{}, map[string]string{"fra": "2", "sin": "6", "iad": "9"}), certs)
	nobody, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	e := knowing(t, Options{Timeout: 300 * time.Millisecond, Remote: &Remote{CertDir: certs, Address: at(map[string]string{
		"fra": elsewhere, "iad": elsewhere, "sin": elsewhere, "gru": elsewhere, "hkg": nobody.Addr().String(), "jnb": closed.Addr().String(),
	})}}, map[string]string{"fra": "4", "iad": "8", "hkg": "3"})
	defer func() {
		for _, cluster := range []string{"fra", "iad", "sin", "gru", "hkg", "jnb"} {
			e.follower.gone(cluster)
		}
	}()

	got := e.Estimates(t.Context(), []string{"fra", "iad", "sin", "gru", "hkg", "jnb", "arn"}, Request{Spec: aSpec("1"), Assumed: map[string]corev1.ResourceList{"iad": list("cpu", "2")}})
	// The smaller of two, the only one there is, and nothing of those who do not know.
	if diff := cmp.Diff(map[string]int32{"fra": 2, "iad": 6, "sin": 6, "hkg": 3}, got); diff != "" {
		t.Error(diff)
	}

	both := aSpec("1")
	both.Components = []workv1alpha2.Component{
		{Name: "a", Replicas: 1, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: list("cpu", "1")}},
		{Name: "b", Replicas: 1, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: list("cpu", "1")}},
	}
	if diff := cmp.Diff(map[string]int32{"sin": 3}, e.Estimates(t.Context(), []string{"sin"}, Request{Spec: both})); diff != "" {
		t.Error(diff)
	}
	if n, err := e.Unschedulable(t.Context(), "sin", aSpec("1").Resource, time.Minute); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := e.Unschedulable(t.Context(), "gru", aSpec("1").Resource, time.Minute); status.Code(err) != codes.NotFound {
		t.Errorf("%v", err)
	}
}

func TestOnlyTheTrustedTalk(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	address := serving(t, knowing(t, Options{}, map[string]string{"fra": "4"}), ours.dir(t, ours))
	for name, certs := range map[string]string{
		"a client of another authority": theirs.dir(t, ours),
		"a server of another authority": ours.dir(t, theirs),
		"nobody trusts anybody":         theirs.dir(t, theirs),
	} {
		t.Run(name, func(t *testing.T) {
			client, err := asking(t, Remote{CertDir: certs, Address: at(map[string]string{"fra": address})}).client("fra")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.MaxAvailableReplicas(t.Context(), &wire.MaxAvailableReplicasRequest{Cluster: "fra"}); status.Code(err) != codes.Unavailable {
				t.Errorf("%v", err)
			}
		})
	}

	t.Run("a certificate that was renewed", func(t *testing.T) {
		certs := theirs.dir(t, theirs)
		rs := asking(t, Remote{CertDir: certs, Address: at(map[string]string{"fra": address, "again": address})})
		renewed := ours.dir(t, ours)
		for _, name := range []string{caFile, certFile, keyFile} {
			if err := os.Rename(filepath.Join(renewed, name), filepath.Join(certs, name)); err != nil {
				t.Fatal(err)
			}
		}
		client, err := rs.client("fra")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.MaxAvailableReplicas(t.Context(), &wire.MaxAvailableReplicasRequest{Cluster: "fra"}); err != nil {
			t.Error(err)
		}
	})
}

func TestOptionsThatCanNotWork(t *testing.T) {
	ca := newAuthority(t)
	certs := ca.dir(t, ca)
	empty, notPEM := t.TempDir(), ca.dir(t, ca)
	if err := os.WriteFile(filepath.Join(notPEM, caFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := knowing(t, Options{}, nil)
	for name, err := range map[string]error{
		"no certificates to serve with": second(newServer(e, Serve{Address: ":0", CertDir: empty})),
		"no port":                       second(newServer(e, Serve{Address: "localhost", CertDir: certs})),
		"an authority that is not one":  second(newServer(e, Serve{Address: ":0", CertDir: notPEM})),
		"no certificates to ask with":   second(newEstimator(Options{Remote: &Remote{CertDir: empty}}, nil, nil)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestWhereKarmadaPutsThem(t *testing.T) {
	for want, remote := range map[string]Remote{
		"karmada-scheduler-estimator-fra:10352":                    {},
		"karmada-scheduler-estimator-fra.karmada-system.svc:10352": {Namespace: "karmada-system"},
		"estimator-fra:1234":                                       {ServicePrefix: "estimator", Port: 1234},
	} {
		if got := remote.withDefaults().Address("fra"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
