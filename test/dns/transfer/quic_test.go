package transfer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	miekg "github.com/miekg/dns"
	quicgo "github.com/quic-go/quic-go"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// stream is a stream as a connection for one query: it ends with the first that is written.
type stream struct {
	*quicgo.Stream
	conn *quicgo.Conn
}

func (s stream) LocalAddr() net.Addr  { return s.conn.LocalAddr() }
func (s stream) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }
func (s stream) Write(b []byte) (int, error) {
	n, err := s.Stream.Write(b)
	if err == nil {
		err = s.Stream.Close()
	}
	return n, err
}

// overQUIC opens a connection and a stream.
func overQUIC(t *testing.T, p *primary) *miekg.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := quicgo.DialAddr(ctx, p.sockets.QUICAddresses()[0].String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseWithError(0, "") })
	s, err := c.OpenStreamSync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &miekg.Conn{Conn: stream{s, c}}
}

// A zone of many messages comes over one stream, which ends behind the last.
func TestTransferOverQUIC(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	var records []v1.Record
	for i := range 4000 {
		records = append(records, v1.Record{Name: fmt.Sprintf("host-%d.rack", i), Type: "A", Values: []string{fmt.Sprintf("10.0.%d.%d", i/256, i%256)}})
	}
	p.put(records...)
	// The serial may move between two transfers.
	eventually(t, "the zone is the same by TCP and by QUIC", func() error {
		want, err := tryAXFR(p.address(), apex)
		if err != nil {
			return err
		}
		q := question(miekg.TypeAXFR)
		q.Id = 0
		q.SetTsig("xfr.", miekg.HmacSHA256, 300, time.Now().Unix())
		all, err := take(&miekg.Transfer{Conn: overQUIC(t, p), TsigSecret: map[string]string{"xfr.": key1}}, q, "")
		if err != nil {
			return err
		}
		got, err := content(all)
		if diff := cmp.Diff(want, got); err == nil && (diff != "" || len(got) < 4000) {
			err = fmt.Errorf("%d records: %s", len(got), diff)
		}
		return err
	})
}
