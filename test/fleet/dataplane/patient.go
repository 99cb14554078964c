package dataplane

import (
	"errors"
	"net/http"
	"syscall"
	"time"
)

// retryRefused is the pause between two attempts to reach an API server that is not there.
const retryRefused = 200 * time.Millisecond

// patient repeats reads that are refused until the API server is back. Informers left to themselves
// wait longer from failure to failure, up to half a minute, and a test would have to wait with them.
type patient struct{ next http.RoundTripper }

func (p patient) RoundTrip(request *http.Request) (*http.Response, error) {
	for {
		response, err := p.next.RoundTrip(request)
		if request.Method != http.MethodGet || !errors.Is(err, syscall.ECONNREFUSED) {
			return response, err
		}
		select {
		case <-request.Context().Done():
			return nil, err
		case <-time.After(retryRefused):
		}
	}
}
