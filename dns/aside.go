package dns

import (
	"context"
	"net/netip"
	"time"

	"github.com/seaway-io/seaway/dns/core/accept"
)

// aside is what answers messages that no snapshot answers. The sockets are open before it is there, and
// serve after.
type aside struct{ *Server }

// Later implements server.Aside.
func (a aside) Later(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) bool {
	return a.aside.Later(ctx, msg, from, send)
}

// Stream implements server.Aside.
func (a aside) Stream(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) error {
	return a.aside.Stream(ctx, msg, from, send)
}

// answer answers a query whose sender is known by a signature: nothing is limited.
func (s *Server) answer(msg []byte, from netip.Addr) []byte {
	out, _ := accept.New(s.rules).Message(s.snapshot(), nil, msg, accept.Origin{Client: from, Stream: true, Now: time.Now()})
	return out
}
