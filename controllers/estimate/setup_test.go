package estimate

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/seaway-io/seaway/controllers/member"
)

// TestSetup runs the whole in a manager: a member over a socket, the service, and an estimator that
// knows nothing itself and asks the service.
func TestSetup(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	ca := newAuthority(t)
	certs := ca.dir(t, ca)
	mgr, err := ctrl.NewManager(&rest.Config{Host: "https://127.0.0.1:1"}, ctrl.Options{
		Metrics: metricsserver.Options{BindAddress: "0"}, Logger: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	pool := member.NewPool(member.Options{})
	t.Cleanup(pool.Close)
	newAPI(t, nodeObject(t, "a", "4")).join(t, pool, "fra")
	if _, err := Setup(mgr, Options{Members: pool, Serve: &Serve{Address: address, CertDir: certs}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- mgr.Start(ctx) }()

	asker := knowing(t, Options{Timeout: time.Second, Remote: &Remote{CertDir: certs, Address: at(map[string]string{"fra": address})}}, nil)
	eventually(t, "the service answers for the member", func() bool {
		return asker.Estimates(t.Context(), []string{"fra"}, Request{Spec: aSpec("1")})["fra"] == 4
	})
	asker.follower.gone("fra")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	if _, err := Setup(mgr, Options{}); err == nil {
		t.Error("set up without members")
	}
	if _, err := Setup(mgr, Options{Members: pool, Serve: &Serve{Address: address, CertDir: t.TempDir()}}); err == nil {
		t.Error("set up to serve without certificates")
	}
}
