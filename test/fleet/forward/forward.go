// Package forward carries connections from one network to another by way of this program: streams,
// packets, and HTTP requests of a client that was told to use a proxy. It is what makes a server
// inside a network namespace reachable from outside.
package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Dial connects inside the network that is the destination.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

const (
	// dialTimeout bounds the wait for a destination that does not answer.
	dialTimeout = 10 * time.Second
	// packetIdle is how long replies are awaited after the last packet of a client.
	packetIdle = 30 * time.Second
	// maxPacket is the largest UDP payload.
	maxPacket = 65535
)

// Streams connects every connection the listener accepts with the target, until the listener is
// closed.
func Streams(listener net.Listener, dial Dial, target string) {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of file descriptors: let some connections end
			continue
		}
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
			defer cancel()
			server, err := dial(ctx, "tcp", target)
			if err != nil {
				Reset(client)
				return
			}
			Join(client, server)
		}()
	}
}

// Reset closes a connection the way a port that nobody listens on would.
func Reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is gone already needs no reset
	}
	conn.Close()
}

// Join copies between two connections until both directions have ended, and closes both.
func Join(a, b net.Conn) {
	defer a.Close()
	defer b.Close()
	var both sync.WaitGroup
	both.Go(func() { pipe(a, b) })
	both.Go(func() { pipe(b, a) })
	both.Wait()
}

// pipe copies one direction and passes its end on. After an error it ends the other direction too.
func pipe(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the other side may have closed already
		return
	}
	to.Close()
}

// Packets passes packets to the target and its replies back to whom they are for, until the
// connection is closed.
func Packets(conn net.PacketConn, dial Dial, target string) {
	sessions := &sessions{byClient: map[string]net.Conn{}}
	defer sessions.close()
	buffer := make([]byte, maxPacket)
	for {
		n, client, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error about an earlier reply
		}
		server := sessions.get(client.String())
		if server == nil {
			ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
			server, err = dial(ctx, "udp", target)
			cancel()
			if err != nil {
				continue // lost, as packets may be
			}
			sessions.put(client.String(), server)
			go func() {
				defer sessions.drop(client.String())
				replies(conn, client, server)
			}()
		}
		_ = server.SetReadDeadline(time.Now().Add(packetIdle))
		_, _ = server.Write(buffer[:n]) // an error means that the packet is lost
	}
}

// replies passes packets back until the client has been silent for a time.
func replies(conn net.PacketConn, client net.Addr, server net.Conn) {
	buffer := make([]byte, maxPacket)
	for {
		n, err := server.Read(buffer)
		if err == nil {
			_, err = conn.WriteTo(buffer[:n], client)
		}
		if err != nil {
			return
		}
	}
}

// sessions remembers through which connection each client's packets go.
type sessions struct {
	mu       sync.Mutex
	byClient map[string]net.Conn
}

func (s *sessions) get(client string) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byClient[client]
}

func (s *sessions) put(client string, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byClient[client] = conn
}

func (s *sessions) drop(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if conn := s.byClient[client]; conn != nil {
		conn.Close()
		delete(s.byClient, client)
	}
}

func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.byClient {
		conn.Close()
	}
}
