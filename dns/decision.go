package dns

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"

	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/decision"
)

// DecisionPath is where a running server is asked for its decisions, with the parameters name, type,
// from and resolver. What it tells (addresses of clusters, their health, what policies want) is
// nobody's business but the operators': the metrics server answers this path to its own host only,
// and the diagnostics server, which speaks TLS, to whoever has the token.
const DecisionPath = "/decision"

// leastToken is the least length of a token that is no joke.
const leastToken = 16

// mostOperators bounds the connections of the diagnostics server, so that strangers who connect and say
// nothing take no file descriptors from queries.
const mostOperators = 64

// openDiagnostics opens the server that answers from afar, if there is to be one.
func (s *Server) openDiagnostics() error {
	o := &s.options
	switch {
	case o.DiagnosticsAddress == "" && o.DiagnosticsTokenFile == "":
		return nil
	case o.DiagnosticsAddress == "":
		return errors.New("--diagnostics-token-file: give an address with --diagnostics-address")
	case o.DiagnosticsTokenFile == "":
		return errors.New("--diagnostics-address: give a token with --diagnostics-token-file")
	case o.CertificateFile == "":
		return errors.New("--diagnostics-address: give a certificate with --tls-cert-file and --tls-key-file")
	}
	if _, err := readToken(o.DiagnosticsTokenFile); err != nil {
		return fmt.Errorf("--diagnostics-token-file: %w", err)
	}
	l, err := net.Listen("tcp", o.DiagnosticsAddress)
	if err != nil {
		return fmt.Errorf("--diagnostics-address: %w", err)
	}
	s.diagnostics = tls.NewListener(netutil.LimitListener(l, mostOperators), &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.files.get(), NextProtos: []string{"http/1.1"}})
	return nil
}

// DiagnosticsAddress is where decisions are told to those with the token; nil if nowhere.
func (s *Server) DiagnosticsAddress() net.Addr {
	if s.diagnostics == nil {
		return nil
	}
	return s.diagnostics.Addr()
}

func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if len(token) < leastToken {
		return "", fmt.Errorf("%s holds a token of %d characters: use %d or more, such as those of `openssl rand -hex 32`", path, len(token), leastToken)
	}
	return token, nil
}

// forToken answers the holders of the token. The file is read for each request, so that a new token
// counts at once.
func (s *Server) forToken() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+DecisionPath, func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		token, err := readToken(s.options.DiagnosticsTokenFile)
		if err != nil {
			s.options.Log.Error("the token of the diagnostics server cannot be read: nobody is let in", "error", err)
		}
		a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
		if !ok || err != nil || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a token is needed, and this is not it", http.StatusUnauthorized)
			return
		}
		s.decide(w, r)
	})
	return mux
}

// forHost answers whoever is on the same host, port-forwarding included, and neither a browser that
// was led here by a name, nor a proxy on this host that lets others in.
func (s *Server) forHost(w http.ResponseWriter, r *http.Request) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	to, _ := netip.ParseAddr(strings.Trim(host, "[]"))
	forwarded := r.Header.Get("Forwarded") + r.Header.Get("X-Forwarded-For") + r.Header.Get("Via") + r.Header.Get("X-Real-Ip")
	if err != nil || !own(from.Addr().Unmap()) || !to.IsLoopback() && host != "localhost" || forwarded != "" {
		http.Error(w, "decisions are told here to this host itself only; from afar, ask the server of --diagnostics-address", http.StatusForbidden)
		return
	}
	s.decide(w, r)
}

// own are the addresses that this host and port-forwards come from. Others of 127.0.0.0/8 are those of
// proxies beside the server, which bring strangers.
func own(a netip.Addr) bool {
	return a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || a == netip.IPv6Loopback()
}

// decide answers one question.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	q, err := questionOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d, err := s.engine.Decide(q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status := s.feed.Status()
	d.Source = string(status.Source)
	if !status.Live {
		d.Source += "; the hub is out of reach"
	}
	s.describe(&d)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(d) // who does not wait for it gets none
}

// describe names the databases by which a client was located.
func (s *Server) describe(d *decision.Decision) {
	if d.Steering == nil || !d.Steering.Client.Located {
		return
	}
	for _, i := range s.geo.described() {
		d.Steering.Client.Databases = append(d.Steering.Client.Databases, i.Short())
	}
}

func questionOf(r *http.Request) (answer.Question, error) {
	v := r.URL.Query()
	q := answer.Question{Name: v.Get("name"), Type: dns.StringToType[strings.ToUpper(v.Get("type"))]}
	if q.Name == "" || q.Type == 0 {
		return q, errors.New("name, type: give a name and a type of record")
	}
	var err error
	if q.Client, err = netip.ParseAddr(v.Get("from")); err != nil {
		return q, fmt.Errorf("from: %q is no IP address", v.Get("from"))
	}
	if text := v.Get("resolver"); text != "" {
		if q.Resolver, err = netip.ParseAddr(text); err != nil {
			return q, fmt.Errorf("resolver: %q is no IP address", text)
		}
	}
	return q, nil
}

// httpServer is one for a few operators and machines, with limits.
func httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
}
