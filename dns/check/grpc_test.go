package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// healthServer answers health checks by the name of the service.
type healthServer struct {
	health.UnimplementedHealthServer
	authority atomic.Value
}

func (s *healthServer) Check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		s.authority.Store(strings.Join(md.Get(":authority"), ""))
	}
	switch r.Service {
	case "", "shop.v1.Cart":
		return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
	case "sick":
		return &health.HealthCheckResponse{Status: health.HealthCheckResponse_NOT_SERVING}, nil
	case "hang":
		<-ctx.Done()
		return nil, ctx.Err()
	case "broken":
		return nil, status.Error(codes.Internal, "no database")
	}
	return nil, status.Error(codes.NotFound, "unknown service")
}

// serveGRPC serves until the test ends.
func serveGRPC(t *testing.T, s *grpc.Server) int32 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return int32(l.Addr().(*net.TCPAddr).Port)
}

func TestGRPCProbe(t *testing.T) {
	// Its certificate is for example.com.
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	secureWith := grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: web.TLS.Certificates}))

	h := &healthServer{}
	plainServer, secure, without := grpc.NewServer(), grpc.NewServer(secureWith), grpc.NewServer()
	health.RegisterHealthServer(plainServer, h)
	health.RegisterHealthServer(secure, h)
	plainPort, securePort, withoutPort := serveGRPC(t, plainServer), serveGRPC(t, secure), serveGRPC(t, without)
	http := httptest.NewServer(nil)
	defer http.Close()
	httpPort := int32(http.Listener.Addr().(*net.TCPAddr).Port)

	const g, s = trafficv1alpha1.CheckGRPC, trafficv1alpha1.CheckGRPCS
	for name, c := range map[string]struct {
		port     int32
		check    trafficv1alpha1.Check
		want     string // "" is well
		anyRoots bool
	}{
		"the server as a whole":    {plainPort, trafficv1alpha1.Check{Protocol: g, Host: "example.com"}, "", false},
		"a service":                {plainPort, trafficv1alpha1.Check{Protocol: g, Host: "example.com", Service: "shop.v1.Cart"}, "", false},
		"a sick service":           {plainPort, trafficv1alpha1.Check{Protocol: g, Service: "sick"}, "health status NOT_SERVING", false},
		"an unknown service":       {plainPort, trafficv1alpha1.Check{Protocol: g, Service: "nobody"}, `does not know the service "nobody"`, false},
		"an error":                 {plainPort, trafficv1alpha1.Check{Protocol: g, Service: "broken"}, "gRPC status Internal: no database", false},
		"a service that hangs":     {plainPort, trafficv1alpha1.Check{Protocol: g, Service: "hang"}, "timed out", false},
		"no health checking":       {withoutPort, trafficv1alpha1.Check{Protocol: g}, "does not have the service grpc.health.v1.Health", false},
		"no gRPC":                  {httpPort, trafficv1alpha1.Check{Protocol: g}, "127.0.0.1", false},
		"TLS":                      {securePort, trafficv1alpha1.Check{Protocol: s, Host: "example.com"}, "", false},
		"TLS for another name":     {securePort, trafficv1alpha1.Check{Protocol: s, Host: "example.org"}, "TLS handshake", false},
		"TLS that nobody trusts":   {securePort, trafficv1alpha1.Check{Protocol: s, Host: "example.com"}, "TLS handshake", true},
		"TLS, not verified":        {securePort, trafficv1alpha1.Check{Protocol: s, Host: "example.org", InsecureSkipVerify: true}, "", true},
		"TLS to a port without":    {plainPort, trafficv1alpha1.Check{Protocol: s, Host: "example.com"}, "127.0.0.1", false},
		"plain text to a TLS port": {securePort, trafficv1alpha1.Check{Protocol: g, Host: "example.com"}, "127.0.0.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			trusted := roots
			if c.anyRoots {
				trusted = nil
			}
			h.authority.Store("")
			got := probeWith(ctx, &Target{Port: c.port, Check: c.check}, "127.0.0.1", trusted)
			if (got == nil) != (c.want == "") || got != nil && !strings.Contains(got.Error(), c.want) {
				t.Errorf("got %v, want %q", got, c.want)
			}
			if got == nil && h.authority.Load() != c.check.Host {
				t.Errorf("the call was for %v", h.authority.Load())
			}
		})
	}
}
