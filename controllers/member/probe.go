package member

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Health is what one probe saw.
type Health struct {
	// Reachable is true when the API server answered at all.
	Reachable bool
	// Ready is true when it answered that it is ready.
	Ready bool
	// Message says why not. It is the same for the same trouble (no ports, no
	// times), so that writing it to a status does not change the status.
	Message string
}

// Probe asks the member's API server whether it is ready: GET /readyz, or /healthz
// where that does not exist. It takes no longer than the pool's ProbeTimeout and
// does not count against the rate limit. A change of Reachable notifies the pool's
// subscribers.
func (m *Member) Probe(ctx context.Context) Health {
	health, err := m.probe(ctx)
	if err != nil && ctx.Err() != nil {
		// The caller went away; that says nothing about the member.
		return Health{Message: "the probe was cancelled"}
	}
	if m.ctx.Err() != nil {
		return Health{Message: errClosed.Error()}
	}
	m.reach.set(health.Reachable)
	return health
}

// Reachable is false while the last probe did not reach the member: what its watches show may be old.
// A member that was never probed counts as reachable.
func (m *Member) Reachable() bool {
	m.reach.mu.Lock()
	defer m.reach.mu.Unlock()
	return !m.reach.lost
}

func (m *Member) probe(ctx context.Context) (Health, error) {
	ctx, cancel := context.WithTimeout(ctx, m.options.ProbeTimeout)
	defer cancel()
	for _, path := range []string{"/readyz", "/healthz"} {
		status, answer, err := m.get(ctx, path)
		switch {
		case err != nil:
			m.prober.close() // the next probe dials anew
			return Health{Message: m.trouble(err)}, err
		case status == http.StatusOK:
			return Health{Reachable: true, Ready: true}, nil
		case status != http.StatusNotFound:
			return Health{Reachable: true, Message: refusal(path, status, answer)}, nil
		}
	}
	return Health{Reachable: true, Message: "serves neither /readyz nor /healthz; is spec.apiEndpoint a Kubernetes API server?"}, nil
}

// get reads the beginning of a small response.
func (m *Member) get(ctx context.Context, path string) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.target.endpoint.JoinPath(path).String(), nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := m.prober.client().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	// What cannot be read of the answer is missing in a message, no more.
	start, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	return resp.StatusCode, string(start), nil
}

// refusal says what an API server that answers is not happy about.
func refusal(path string, status int, answer string) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Sprintf("%s answers %d: the credentials are not accepted; join the cluster again", path, status)
	}
	var failed []string
	for line := range strings.SplitSeq(answer, "\n") {
		if check, ok := strings.CutPrefix(line, "[-]"); ok {
			check, _, _ = strings.Cut(check, " ")
			failed = append(failed, check)
		}
	}
	if len(failed) > 0 {
		return fmt.Sprintf("%s answers %d: failing: %s", path, status, strings.Join(slices.Sorted(slices.Values(failed)), ", "))
	}
	return fmt.Sprintf("%s answers %d", path, status)
}

// trouble names what keeps the API server from answering, without the parts of the
// error that differ each time.
func (m *Member) trouble(err error) string {
	var (
		unknownHost *net.DNSError
		unknownCA   x509.UnknownAuthorityError
		wrongName   x509.HostnameError
		invalid     x509.CertificateInvalidError
		notTLS      tls.RecordHeaderError
	)
	at := m.target.endpoint.Host
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return fmt.Sprintf("%s does not answer within %s", at, m.options.ProbeTimeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return at + " refuses connections"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return at + " drops connections"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to " + at
	case errors.As(err, &unknownHost):
		return fmt.Sprintf("the host name of %s is not found", at)
	case errors.As(err, &unknownCA):
		return at + " presents a certificate of an unknown authority; check caBundle in the cluster's Secret"
	case errors.As(err, &wrongName):
		return at + " presents a certificate for another name"
	case errors.As(err, &invalid):
		return at + " presents a certificate that is expired or not for servers"
	case errors.As(err, &notTLS):
		return at + " does not speak TLS; check the scheme of spec.apiEndpoint"
	}
	return at + " cannot be reached"
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// reach remembers whether the last probe reached the member, and lets watches wait
// for its return instead of backing off for ever longer.
type reach struct {
	changed func()

	mu     sync.Mutex
	lost   bool
	regain chan struct{}
}

func newReach(changed func()) *reach {
	return &reach{changed: changed}
}

func (r *reach) set(reachable bool) {
	r.mu.Lock()
	if r.lost == !reachable {
		r.mu.Unlock()
		return
	}
	r.lost = !reachable
	if r.lost {
		r.regain = make(chan struct{})
	} else {
		close(r.regain)
	}
	r.mu.Unlock()
	r.changed()
}

// wait returns at once while the member is reachable or was never probed, else when
// it is regained, at the latest after limit: probes might have stopped.
func (r *reach) wait(ctx context.Context, limit time.Duration) error {
	r.mu.Lock()
	lost, regain := r.lost, r.regain
	r.mu.Unlock()
	if !lost {
		return nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-regain:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
