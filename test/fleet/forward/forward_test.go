package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func dialer(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

func TestAStreamIsCarriedBothWaysUntilBothEndsHaveSpoken(t *testing.T) {
	server, front := listen(t), listen(t)
	go func() { // answers only when the client has said all it has to say
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		question, _ := io.ReadAll(conn)
		conn.Write([]byte(strings.ToUpper(string(question))))
	}()
	go Streams(front, dialer, server.Addr().String())

	conn, err := net.Dial("tcp", front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(conn, "hello")
	conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err != nil || string(answer) != "HELLO" {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestAnUnreachableTargetIsARefusedConnection(t *testing.T) {
	front, gone := listen(t), listen(t)
	gone.Close()
	go Streams(front, dialer, gone.Addr().String())
	conn, err := net.Dial("tcp", front.Addr().String())
	if err == nil { // the reset comes while connecting or just after
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v", err)
	}
}

func TestRepliesGoToWhoAsked(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			server.WriteTo([]byte("re: "+string(buffer[:n])), from)
		}
	}()
	front, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); Packets(front, dialer, server.LocalAddr().String()) }()

	var clients []net.Conn
	for range 2 {
		conn, err := net.Dial("udp", front.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		clients = append(clients, conn)
	}
	for _, question := range []string{"one", "two"} {
		for i, conn := range clients {
			asked := question + string(rune('a'+i))
			io.WriteString(conn, asked)
			buffer := make([]byte, 100)
			n, err := conn.Read(buffer)
			if err != nil || string(buffer[:n]) != "re: "+asked {
				t.Errorf("asked %q: %q, %v", asked, buffer[:n], err)
			}
		}
	}
	front.Close()
	<-done
}

func TestHTTPProxy(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Pod", "web-1")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, r.Host+" "+r.Header.Get("Proxy-Authorization"))
	})
	plain, secure := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	defer plain.Close()
	defer secure.Close()
	proxy := httptest.NewServer(HTTPProxy(func(ctx context.Context, network, address string) (net.Conn, error) {
		// The name exists behind the proxy only.
		address = strings.Replace(address, "shop.example.org:80", plain.Listener.Addr().String(), 1)
		return dialer(ctx, network, address)
	}))
	defer proxy.Close()
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := secure.Client().Transport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyURL(through)
	client := http.Client{Transport: transport}
	for name, test := range map[string]struct{ url, host string }{
		"a name behind the proxy": {"http://shop.example.org/", "shop.example.org"},
		"TLS":                     {secure.URL, secure.Listener.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := client.Get(test.url)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != http.StatusTeapot || response.Header.Get("X-Pod") != "web-1" || string(body) != test.host+" " {
				t.Errorf("%d %v %q", response.StatusCode, response.Header, body)
			}
		})
	}
	t.Run("a target that is gone is the gateway's failure", func(t *testing.T) {
		plain.Close()
		response, err := client.Get("http://shop.example.org/")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusBadGateway {
			t.Errorf("%d", response.StatusCode)
		}
	})
	t.Run("a client that does not know it is a proxy is told", func(t *testing.T) {
		response, err := http.Get(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%d", response.StatusCode)
		}
	})
}
