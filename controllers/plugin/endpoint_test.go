package plugin

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/plugin"
)

const head = `{"apiVersion":"traffic.seaway.dev/v1alpha1","kind":"PlacementReviewResponse","clusters":`

func questionFor(t testing.TB) *question {
	t.Helper()
	var v views
	seen, err := v.of(clusters())
	if err != nil {
		t.Fatal(err)
	}
	q := &question{binding: web(), objects: clusters(), view: plugin.NewBinding(web()), clusters: seen}
	q.body = func() ([]byte, error) { return plugin.Question(q.view, q.clusters) }
	return q
}

// served is a server with TLS on loopback and the spec that trusts it.
func served(t testing.TB, handle http.HandlerFunc) (*httptest.Server, *v1.HTTPPlugin) {
	t.Helper()
	s := httptest.NewUnstartedServer(handle)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, &v1.HTTPPlugin{URL: s.URL + "/place", CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})}
}

func TestEndpoint(t *testing.T) {
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
	}
	for name, tc := range map[string]struct {
		handle http.HandlerFunc
		spec   func(*v1.HTTPPlugin)
		want   map[string]placement.Opinion
		err    string
	}{
		"opinions": {answer(head + `{"fra":{"score":40},"iad":{"excluded":true,"reason":"burns coal"}}}`), nil,
			map[string]placement.Opinion{"fra": {Score: 40}, "iad": {Excluded: true, Reason: "burns coal"}}, ""},
		"garbage": {answer("<html>"), nil, nil, "the answer is no PlacementReviewResponse"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		}, nil, nil,
			"it answered with status 302; redirects are not followed: write where it redirects to in spec.http.url"},
		"an error":   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }, nil, nil, "it answered with status 502; it must be 200"},
		"no content": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, nil, nil, "it answered with status 204; it must be 200"},
		"an answer without end": {func(w http.ResponseWriter, r *http.Request) {
			for chunk := make([]byte, 1<<16); r.Context().Err() == nil; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, nil, nil, "the answer is larger than 4 MiB"},
		"a header without end": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 2*maxHeader)) }, nil, nil, "header"},
		"an answer that breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, head)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, nil, nil, "the answer broke off"},
		"no answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, nil, "the connection was closed without an answer"},
		"an authority that is not trusted": {answer(head + `{}}`), func(h *v1.HTTPPlugin) { h.CABundle = nil }, nil,
			"tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		"another host's certificate": {answer(head + `{}}`), func(h *v1.HTTPPlugin) { h.URL = strings.Replace(h.URL, "127.0.0.1", "localhost", 1) }, nil,
			"certificate is valid for example.com, *.example.com, not localhost"},
		"nobody there": {answer(""), func(h *v1.HTTPPlugin) { h.URL = "https://127.0.0.1:1/" }, nil, "dial: connect: connection refused"},
		"no TLS":       {answer(""), func(h *v1.HTTPPlugin) { h.URL = strings.Replace(h.URL, "https", "http", 1) }, nil, "it answered with status 400"},
	} {
		t.Run(name, func(t *testing.T) {
			_, spec := served(t, tc.handle)
			if tc.spec != nil {
				tc.spec(spec)
			}
			e := newEndpoint(spec)
			defer e.close()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			got, err := e.ask(ctx, questionFor(t))
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("error %v; want %s", err, tc.err)
			}
			if err != nil && strings.Contains(err.Error(), "/place") {
				t.Errorf("the error holds the URL: %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatAnEndpointIsSent(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // nobody is there: it must not be used
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	var got atomic.Pointer[http.Request]
	var request v1.PlacementReviewRequest
	_, spec := served(t, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Error(err)
		}
		got.Store(r)
		io.WriteString(w, head+`{}}`)
	})
	e, token := newEndpoint(spec), "s3cret"
	e.token.Store(&token)
	if _, err := e.ask(context.Background(), questionFor(t)); err != nil {
		t.Fatal(err)
	}
	r := got.Load()
	sent := fmt.Sprint(r.Method, " ", r.URL.Path, " ", r.Header.Get("Content-Type"), " ", r.Header.Get("Authorization"))
	if sent != "POST /place application/json Bearer s3cret" {
		t.Error(sent)
	}
	if len(request.Clusters) != 2 || request.Clusters[0].Name != "fra" || !strings.Contains(string(request.Binding.Raw), `"replicas":3`) {
		t.Errorf("%+v", request)
	}
}

func TestAnEndpointThatIsSlow(t *testing.T) {
	_, spec := served(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	e := newEndpoint(spec)
	defer e.close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := e.ask(ctx, questionFor(t)); err != plugin.ErrSlow {
		t.Errorf("%v", err)
	}
}

func TestAnExpiredCertificateIsToldWithoutTheTime(t *testing.T) {
	s, spec := served(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, head+`{}}`) })
	e := newEndpoint(spec)
	e.client.Transport.(*http.Transport).TLSClientConfig.Time = func() time.Time { return s.Certificate().NotAfter.Add(time.Hour) }
	_, err := e.ask(context.Background(), questionFor(t))
	if err == nil || !strings.HasPrefix(err.Error(), "its certificate is valid from ") {
		t.Errorf("%v", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.StartTLS()
	defer s.Close()
	if _, err := newEndpoint(&v1.HTTPPlugin{URL: s.URL}).ask(context.Background(), questionFor(t)); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("%v", err)
	}
}
