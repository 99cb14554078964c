package dataplane

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestReadsWaitForAnAPIServerThatIsAway(t *testing.T) {
	tests := map[string]struct {
		method   string
		failures int
		err      error
		want     int // attempts
		fails    bool
	}{
		"a read is repeated until it succeeds":  {http.MethodGet, 5, syscall.ECONNREFUSED, 6, false},
		"a write is not":                        {http.MethodPatch, 5, syscall.ECONNREFUSED, 1, true},
		"another error is the caller's concern": {http.MethodGet, 5, errors.New("no route to host"), 1, true},
		"patience ends with the request":        {http.MethodGet, 1000, syscall.ECONNREFUSED, 50, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 50*retryRefused-time.Millisecond)
				defer cancel()
				request, err := http.NewRequestWithContext(ctx, test.method, "https://10.77.1.1:6443/api", nil)
				if err != nil {
					t.Fatal(err)
				}
				attempts := 0
				_, err = patient{transport(func(*http.Request) (*http.Response, error) {
					if attempts++; attempts <= test.failures {
						return nil, test.err
					}
					return &http.Response{StatusCode: http.StatusOK}, nil
				})}.RoundTrip(request)
				if attempts != test.want || (err != nil) != test.fails {
					t.Errorf("%d attempts, %v", attempts, err)
				}
			})
		})
	}
}
