package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// maxHealthReply is the largest answer to a health check that is read, in octets.
const maxHealthReply = 4 << 10

// call asks a server for its health by the gRPC health checking protocol, over a connection.
func call(ctx context.Context, conn net.Conn, t *Target, host string, c credentials.TransportCredentials) error {
	conn.SetDeadline(time.Time{}) // the context has it, and tells one error from another
	shake := &handshake{TransportCredentials: c}
	given := make(chan net.Conn, 1)
	given <- conn
	client, err := grpc.NewClient("passthrough:///"+authority(t, host),
		grpc.WithTransportCredentials(shake),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case c := <-given:
				return c, nil
			default:
				return nil, errors.New("the connection was closed")
			}
		}),
		grpc.WithAuthority(authority(t, host)),
		grpc.WithUserAgent("seaway-dns-probe"),
		grpc.WithNoProxy(), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithDisableHealthCheck(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxHealthReply)),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	reply, err := health.NewHealthClient(client).Check(ctx, &health.HealthCheckRequest{Service: t.Check.Service})
	switch {
	case shake.error() != nil:
		return fmt.Errorf("TLS handshake: %s", plain(ctx, shake.error()))
	case err != nil:
		return errors.New(refusal(ctx, t, err))
	case reply.GetStatus() != health.HealthCheckResponse_SERVING:
		return fmt.Errorf("health status %s", reply.GetStatus())
	}
	return nil
}

// refusal is why a health check failed.
func refusal(ctx context.Context, t *Target, err error) string {
	s := status.Convert(err)
	switch {
	case ctx.Err() != nil, s.Code() == codes.DeadlineExceeded:
		return plain(ctx, context.DeadlineExceeded)
	case s.Code() == codes.Unimplemented:
		return "the server does not have the service grpc.health.v1.Health"
	case s.Code() == codes.NotFound:
		return fmt.Sprintf("the server does not know the service %q", t.Check.Service)
	}
	return fmt.Sprintf("gRPC status %s: %s", s.Code(), s.Message())
}

// handshake keeps the error of a TLS handshake, of which a call tells only that there was one.
type handshake struct {
	credentials.TransportCredentials
	mu     sync.Mutex
	failed error
}

func (h *handshake) error() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

// ClientHandshake is called once, at most; a call that has timed out does not wait for it.
func (h *handshake) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := h.TransportCredentials.ClientHandshake(ctx, authority, conn)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = err
	return secure, info, err
}
