package querylog

import (
	"net"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"
	"google.golang.org/protobuf/proto"
)

// tap sends entries to a dnstap collector. It is connected while there is one, and tries again from
// time to time; what comes meanwhile is lost.
type tap struct {
	options          Options
	network, address string
	conn             net.Conn
	frames           *framestream.Writer
	retry            time.Time
	told             bool
}

const (
	// tapTimeout bounds the wait for a collector that does not take what it is sent: it is short,
	// because the rings fill meanwhile.
	tapTimeout = 2 * time.Second
	tapRetry   = 5 * time.Second
)

func newTap(o Options) (*tap, error) {
	network, address, err := parseAddress(o.Dnstap)
	if err != nil {
		return nil, err
	}
	return &tap{options: o, network: network, address: address}, nil
}

func (t *tap) connect() bool {
	if t.frames != nil {
		return true
	}
	now := time.Now()
	if now.Before(t.retry) {
		return false
	}
	t.retry = now.Add(tapRetry)
	conn, err := net.DialTimeout(t.network, t.address, tapTimeout)
	if err == nil {
		t.conn = conn
		t.frames, err = framestream.NewWriter(conn, &framestream.WriterOptions{
			ContentTypes: [][]byte{dnstap.FSContentType}, Bidirectional: true, Timeout: tapTimeout,
		})
	}
	if err != nil {
		t.fail(err)
		return false
	}
	if t.told {
		t.options.Log.Info("the dnstap collector is there again", "address", t.options.Dnstap)
		t.told = false
	}
	return true
}

// fail gives a connection up.
func (t *tap) fail(err error) {
	if !t.told {
		t.options.Log.Error("the dnstap collector does not listen: queries are answered all the same", "address", t.options.Dnstap, "error", err)
		t.told = true
	}
	if t.conn != nil {
		t.conn.Close()
	}
	t.conn, t.frames = nil, nil
}

// doq is DNS over QUIC in dnstap.proto, which the library's copy is too old for.
const doq dnstap.SocketProtocol = 7

var protocols = [...]dnstap.SocketProtocol{
	UDP: dnstap.SocketProtocol_UDP, TCP: dnstap.SocketProtocol_TCP, TLS: dnstap.SocketProtocol_DOT, HTTPS: dnstap.SocketProtocol_DOH, QUIC: doq,
}

func (t *tap) write(e *entry) bool {
	if !t.connect() {
		return false
	}
	frame, err := proto.Marshal(t.message(e))
	if err != nil {
		return false
	}
	if _, err := t.frames.WriteFrame(frame); err != nil {
		t.fail(err)
		return false
	}
	return true
}

// message is an entry as an authoritative server's response, with its query.
func (t *tap) message(e *entry) *dnstap.Dnstap {
	query, reply := e.messages()
	family := dnstap.SocketFamily_INET6
	if e.client.Is4() {
		family = dnstap.SocketFamily_INET
	}
	return &dnstap.Dnstap{
		Type: dnstap.Dnstap_MESSAGE.Enum(), Identity: []byte(t.options.Identity), Version: []byte(t.options.Version),
		Message: &dnstap.Message{
			Type: dnstap.Message_AUTH_RESPONSE.Enum(), SocketFamily: family.Enum(), SocketProtocol: protocols[e.transport].Enum(),
			QueryAddress: e.client.AsSlice(), QueryMessage: query, ResponseMessage: reply,
			QueryTimeSec: proto.Uint64(uint64(e.at.Unix())), QueryTimeNsec: proto.Uint32(uint32(e.at.Nanosecond())),
		},
	}
}

func (t *tap) flush() {
	if t.frames == nil {
		return
	}
	if err := t.frames.Flush(); err != nil {
		t.fail(err)
	}
}

func (t *tap) close() {
	if t.frames != nil {
		_ = t.frames.Close() // a collector that does not say goodbye has all there is
		t.conn.Close()
	}
}
