package member

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
)

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

func list(m *Member) error {
	_, err := m.Dynamic().Resource(configMaps).List(context.Background(), metav1.ListOptions{})
	return err
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestCallsEnd(t *testing.T) {
	isTimeout := func(err error) bool {
		var netErr net.Error
		return errors.As(err, &netErr) && netErr.Timeout()
	}
	cases := map[string]struct {
		options Options
		handler http.HandlerFunc
		check   func(error) bool
		says    string
	}{
		"in time": {handler: nil, check: func(err error) bool { return err == nil }},
		"when nothing comes": {
			options: short,
			handler: hang,
			check:   isTimeout,
			says:    `cluster "fra": no answer within 100ms`,
		},
		"when the response stops in its middle": {
			options: short,
			handler: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"items":[`))
				w.(http.Flusher).Flush()
				hang(w, r)
			},
			check: func(err error) bool { return err != nil },
			says:  `no answer within 100ms`,
		},
		"when the member asks for patience": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "3600")
				writeStatus(w, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests)
			},
			check: apierrors.IsTooManyRequests,
		},
		"when the credentials are refused": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				writeStatus(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized)
			},
			check: apierrors.IsUnauthorized,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStub(t)
			if tc.handler != nil {
				s.handle("/api/v1/configmaps", tc.handler)
			}
			_, m := connected(t, s, tc.options)
			err := list(m)
			if !tc.check(err) {
				t.Errorf("unexpected error: %v", err)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %q does not say %q", err, tc.says)
			}
			if strings.Contains(err.Error(), testToken) {
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func TestALongListMayBeSlowButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t.Context(), &transport{timeout: time.Second, closed: t.Context()})
		defer c.end()
		start := time.Now()
		for c.ctx.Err() == nil {
			time.Sleep(900 * time.Millisecond)
			c.progress()
		}
		if took := time.Since(start); took < (bodyTimeouts-1)*time.Second || took > (bodyTimeouts+1)*time.Second {
			t.Errorf("a response that keeps coming was ended after %s, want %d times the timeout", took, bodyTimeouts)
		}
	})
}

func TestAWatchMayBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t.Context(), &transport{timeout: time.Second, closed: t.Context()})
		defer c.end()
		c.stopTimers()
		time.Sleep(time.Hour)
		c.progress()
		time.Sleep(time.Hour)
		if err := c.ctx.Err(); err != nil {
			t.Errorf("a silent watch was ended: %v", err)
		}
	})
}

func TestRemovalEndsCallsInFlight(t *testing.T) {
	s := newStub(t)
	entered := make(chan struct{})
	s.handle("/api/v1/configmaps", func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		hang(w, r)
	})
	pool, m := connected(t, s, Options{})
	result := make(chan error, 1)
	go func() { result <- list(m) }()
	receive(t, entered, "the request")
	pool.Remove("fra")
	if err := receive(t, result, "the end of the call"); !errors.Is(err, ErrNotConnected) {
		t.Errorf("error %v, want ErrNotConnected", err)
	}
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	var stolen []string
	thief := newStub(t)
	thief.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen = append(stolen, r.Header.Get("Authorization"))
	})
	s := newStub(t)
	away := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}
	s.handle("/api/v1/configmaps", away)
	s.handle("/readyz", away)
	_, m := connected(t, s, Options{})
	if err := list(m); err == nil {
		t.Error("a redirect was taken for a list")
	}
	if health := m.Probe(t.Context()); health.Ready {
		t.Error("a redirect was taken for readiness")
	}
	req, _ := http.NewRequest(http.MethodGet, thief.URL, nil)
	if _, err := m.client.Do(req); err == nil || !strings.Contains(err.Error(), "not its endpoint") {
		t.Errorf("calling another host: error %v", err)
	}
	if len(stolen) != 0 {
		t.Errorf("the other host got %v", stolen)
	}
}

func TestMappings(t *testing.T) {
	s := newStub(t)
	c := clocktesting.NewFakeClock(time.Unix(1700000000, 0))
	_, m := connected(t, s, Options{Clock: c})
	mapping := func(kind string) *meta.RESTMapping {
		t.Helper()
		got, err := m.Mapping(schema.GroupVersionKind{Version: "v1", Kind: kind})
		if err != nil && !meta.IsNoMatchError(err) {
			t.Fatalf("%s: %v", kind, err)
		}
		return got
	}
	asked := func(want int, why string) {
		t.Helper()
		if got := s.count("/api/v1"); got != want {
			t.Errorf("%s: asked %d times, want %d", why, got, want)
		}
	}
	if got := mapping("ConfigMap"); got.Resource != configMaps || got.Scope.Name() != meta.RESTScopeNameNamespace {
		t.Errorf("ConfigMap is %+v", got)
	}
	if got := mapping("Namespace"); got.Resource.Resource != "namespaces" || got.Scope.Name() != meta.RESTScopeNameRoot {
		t.Errorf("Namespace is %+v", got)
	}
	asked(1, "two kinds of one version")
	for range 5 {
		if mapping("Widget") != nil {
			t.Error("a kind that is not there was mapped")
		}
	}
	asked(1, "a missing kind just after asking")
	c.Step(mappingRetry + time.Second)
	mapping("Widget")
	asked(2, "a missing kind some seconds later")
	c.Step(mappingAge + time.Second)
	mapping("ConfigMap")
	asked(3, "a known kind after a long time")

	if _, err := m.Mapping(schema.GroupVersionKind{Group: "none.example.com", Version: "v1", Kind: "X"}); !meta.IsNoMatchError(err) {
		t.Errorf("a group that is not served: error %v", err)
	}
	s.handle("/apis/sick.example.com/v1", func(w http.ResponseWriter, _ *http.Request) {
		writeStatus(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable)
	})
	if _, err := m.Mapping(schema.GroupVersionKind{Group: "sick.example.com", Version: "v1", Kind: "X"}); err == nil || meta.IsNoMatchError(err) {
		t.Errorf("a group that cannot be listed is not a group without the kind: error %v", err)
	}
}
