package forward

import (
	"io"
	"maps"
	"net/http"
	"strings"
)

// HTTPProxy returns a handler that serves clients which use it as their proxy, as `curl -x` does:
// CONNECT for HTTPS, absolute URLs for HTTP. Names are resolved by dial.
func HTTPProxy(dial Dial) http.Handler {
	// Every request gets a connection and a lookup of its own: who tries failover wants to see it.
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			connect(w, r, dial)
		case r.URL.IsAbs():
			roundTrip(w, r, transport)
		default:
			http.Error(w, "this is a proxy: use it with curl -x", http.StatusBadRequest)
		}
	})
}

func connect(w http.ResponseWriter, r *http.Request, dial Dial) {
	server, err := dial(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		server.Close()
		return
	}
	// What the client sent ahead of our answer is in the buffer.
	if ahead, _ := buffered.Reader.Peek(buffered.Reader.Buffered()); len(ahead) > 0 {
		if _, err := server.Write(ahead); err != nil {
			server.Close()
		}
	}
	Join(client, server)
}

func roundTrip(w http.ResponseWriter, r *http.Request, transport http.RoundTripper) {
	request := r.Clone(r.Context())
	request.RequestURI = ""
	for name := range request.Header {
		if name == "Connection" || strings.HasPrefix(name, "Proxy-") {
			request.Header.Del(name)
		}
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body) // a client that has gone away needs no more
}
