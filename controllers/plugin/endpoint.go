package plugin

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/plugin"
	"github.com/seaway-io/seaway/controllers/hub"
)

const (
	// maxAnswer bounds the body of an answer: enough for several thousand clusters.
	maxAnswer = 4 << 20
	// maxHeader bounds its header.
	maxHeader = 64 << 10
	// dialTimeout bounds a connection attempt, which goes on when the question has been given up: the
	// next one then finds it.
	dialTimeout = 2 * time.Second
)

// endpoint asks over HTTP.
type endpoint struct {
	url    string
	client *http.Client
	// token is sent as bearer token; nil for none. It is never part of an error or a log.
	token atomic.Pointer[string]
}

// newEndpoint makes the client of a plugin that was validated. It has connections of its own, uses no
// proxy and follows no redirect, so that nobody but the object says where the question goes.
func newEndpoint(spec *trafficv1alpha1.HTTPPlugin) *endpoint {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(spec.CABundle) > 0 {
		trust.RootCAs = x509.NewCertPool()
		trust.RootCAs.AppendCertsFromPEM(spec.CABundle)
	}
	return &endpoint{url: spec.URL, client: &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:        trust,
			TLSHandshakeTimeout:    dialTimeout,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxConnsPerHost:        maxOpen,
			MaxIdleConnsPerHost:    maxOpen,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (e *endpoint) ask(ctx context.Context, q *question) (map[string]placement.Opinion, error) {
	question, err := q.body()
	if err != nil {
		return nil, err
	}
	answer, err := e.post(ctx, question)
	if err != nil {
		if ctx.Err() != nil {
			return nil, plugin.ErrSlow
		}
		return nil, hub.Cause(err)
	}
	return plugin.Answer(answer, q.clusters)
}

func (e *endpoint) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "seaway")
	if token := e.token.Load(); token != nil {
		req.Header.Set("Authorization", "Bearer "+*token)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, fmt.Errorf("it answered with status %d; redirects are not followed: write where it redirects to in spec.http.url", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answered with status %d; it must be 200", resp.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the answer broke off: %w", err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)
	}
	return answer, nil
}

// close lets go of the connections.
func (e *endpoint) close() { e.client.CloseIdleConnections() }
