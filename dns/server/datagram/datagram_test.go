package datagram

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// echo answers every datagram that does not begin with an exclamation mark with itself, every other one
// later and beside the rest.
func echo(s Socket) {
	for {
		n, err := s.Receive()
		if err != nil {
			return
		}
		for i := range n {
			msg, _ := s.Message(i)
			switch {
			case len(msg) == 0 || msg[0] == '!':
			case msg[len(msg)-1]%2 == 0:
				send, msg := s.Later(i), bytes.Clone(msg)
				go func() { _ = send(msg) }() // what does not arrive is missed
			default:
				s.Reply(i, append(s.Buffer(i), msg...))
			}
		}
		s.Send()
	}
}

func TestEveryOneIsAnsweredFromWhereItAsked(t *testing.T) {
	for name, single := range map[string]bool{"batched": false, "one at a time": true} {
		for _, at := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0"} {
			t.Run(name+" "+at, func(t *testing.T) {
				s, err := Listen(netip.MustParseAddrPort(at), Options{Batch: 8, Size: 100, Reply: 100, Buffer: 1 << 20, Single: single})
				if err != nil {
					t.Skip(err)
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					echo(s)
				}()
				defer func() {
					s.Close()
					<-done
				}()
				for _, host := range map[string][]string{"127.0.0.1:0": {"127.0.0.1"}, "0.0.0.0:0": {"127.0.0.1", "127.8.9.10"}, "[::]:0": {"::1"}}[at] {
					ask(t, netip.AddrPortFrom(netip.MustParseAddr(host), s.Address().Port()))
				}
			})
		}
	}
}

// ask sends more than one batch, with some among it that is not answered, and wants the rest back
// from the address that it was sent to.
func ask(t *testing.T, to netip.AddrPort) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const count = 50
	want := map[string]bool{}
	for i := range count {
		text := fmt.Sprintf("message %d", i)
		if i%3 == 0 {
			text = "!" + text
		} else {
			want[text] = true
		}
		if _, err := c.WriteToUDPAddrPort([]byte(text), to); err != nil {
			t.Fatal(err)
		}
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 200)
	for len(want) > 0 {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatalf("%v; %d are missing", err, len(want))
		}
		if from.Addr().Unmap() != to.Addr() || from.Port() != to.Port() {
			t.Fatalf("asked %v, answered by %v", to, from)
		}
		if !want[string(buf[:n])] {
			t.Fatalf("unexpected %q", buf[:n])
		}
		delete(want, string(buf[:n]))
	}
}

func TestWhatIsTooLongIsCut(t *testing.T) {
	for name, single := range map[string]bool{"batched": false, "one at a time": true} {
		t.Run(name, func(t *testing.T) {
			s, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), Options{Batch: 4, Size: 100, Reply: 100, Single: single})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			c, err := net.Dial("udp", s.Address().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Write(bytes.Repeat([]byte("x"), 1000))
			if _, err := s.Receive(); err != nil {
				t.Fatal(err)
			}
			if msg, from := s.Message(0); len(msg) != 100 || from != netip.MustParseAddr("127.0.0.1") {
				t.Errorf("%d octets from %v", len(msg), from)
			}
		})
	}
}

func TestDiscard(t *testing.T) {
	s, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), Options{Batch: 4, Size: 100, Reply: 100, Buffer: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := net.Dial("udp", s.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 50 {
		c.Write([]byte("old"))
	}
	waiting, thrown := s.Waiting(), s.Discard()
	if runtime.GOOS != "linux" {
		t.Skip("this system does not say what waits")
	}
	if waiting < 25 || waiting > 100 || thrown != 50 {
		t.Errorf("%d were waiting and %d were thrown away", waiting, thrown)
	}
	if n := s.Waiting(); n != 0 {
		t.Errorf("%d are still waiting", n)
	}
	c.Write([]byte("new"))
	n, err := s.Receive()
	if msg, from := s.Message(0); n != 1 || err != nil || string(msg) != "new" || from != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("%d, %v: %q from %v", n, err, msg, from)
	}
}

func TestCloseEndsReceive(t *testing.T) {
	for name, single := range map[string]bool{"batched": false, "one at a time": true} {
		t.Run(name, func(t *testing.T) {
			s, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), Options{Batch: 4, Size: 100, Reply: 100, Single: single})
			if err != nil {
				t.Fatal(err)
			}
			failed := make(chan error)
			go func() {
				_, err := s.Receive()
				failed <- err
			}()
			s.Close()
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v", err)
			}
		})
	}
}
